/** Tabs of one browser as nodes, driven through the client API that the developer console has. */
import type { BrowserContext, Page } from '@playwright/test';
import type { JoinOptions, NodeStatus, TabwaveApi } from '#lib/node/api.ts';

declare global {
	// On every page of the site, see src/lib/node/api.ts.
	var tabwave: TabwaveApi;
}

export interface WaitOptions {
	/** Default 30 s. */
	timeoutMs?: number;
	/** For the error: what is waited for. */
	what?: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const POLL_MS = 100;
/** 12 tabs that dial everybody at once do not all get through; a person opens them one after the other, too. */
const TABS_AT_ONCE = 4;

/** Opens `count` tabs of one context at `path`; resolves when each has the client API. */
export async function openTabs(context: BrowserContext, count: number, path = '/node'): Promise<Page[]> {
	const pages: Page[] = [];
	while (pages.length < count) {
		const some = Math.min(TABS_AT_ONCE, count - pages.length);
		pages.push(...(await Promise.all(Array.from({ length: some }, () => openTab(context, path)))));
	}
	return pages;
}

export async function openTab(context: BrowserContext, path = '/node'): Promise<Page> {
	const page = await context.newPage();
	await page.goto(path);
	await apiReady(page);
	return page;
}

export async function apiReady(page: Page, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<void> {
	await page.waitForFunction(() => typeof globalThis.tabwave !== 'undefined', undefined, {
		timeout: timeoutMs
	});
}

/** Within the page, as people do: the node lives on. @param route path of the site */
export async function goWithin(page: Page, route: string): Promise<void> {
	await page.evaluate((to) => {
		const link = document.createElement('a');
		link.href = to;
		document.body.append(link);
		link.click();
		link.remove();
	}, route);
	await page.waitForURL((url) => url.pathname === route);
}

/** Where the client API runs: a page of Playwright's, or a tab without Playwright (plain-chromium.ts). */
export type Tab = Pick<Page, 'evaluate'>;

/** Joins by the API; resolves when the tab is a voting member. */
export function joinTab(page: Tab, options: JoinOptions = {}): Promise<NodeStatus> {
	return page.evaluate((join) => globalThis.tabwave.node.join(join), options);
}

export function status(page: Tab): Promise<NodeStatus> {
	return page.evaluate(() => globalThis.tabwave.node.status());
}

/** Waits until the tab's status fulfils the predicate, which runs here and not in the page. @returns that status */
export function waitFor(
	page: Tab,
	predicate: (status: NodeStatus) => boolean,
	options: WaitOptions = {}
): Promise<NodeStatus> {
	return waitForValue(() => status(page), predicate, options);
}

/** The same for any call, for example `() => page.evaluate(() => tabwave.chain.head())`. */
export async function waitForValue<T>(
	read: () => Promise<T>,
	predicate: (value: T) => boolean,
	options: WaitOptions = {}
): Promise<T> {
	const { timeoutMs = DEFAULT_TIMEOUT_MS, what = String(predicate) } = options;
	const deadline = performance.now() + timeoutMs;
	for (;;) {
		const value = await read();
		if (predicate(value)) return value;
		if (performance.now() > deadline)
			throw new Error(
				`Not within ${timeoutMs} ms: ${what}. The last value was ${JSON.stringify(value, null, '\t')}`
			);
		await new Promise((resolve) => setTimeout(resolve, POLL_MS));
	}
}

/** Calls the client API in the page: `call(page, (api) => api.chain.head())`. The function may name nothing outside it. */
export function call<T, A>(
	page: Tab,
	fn: (api: TabwaveApi, argument: A) => Promise<T>,
	argument?: A
): Promise<T> {
	return page.evaluate(
		([source, value]) => new Function(`return (${source})`)()(globalThis.tabwave, value) as Promise<T>,
		[fn.toString(), argument as A] as const
	);
}
