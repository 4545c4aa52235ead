/**
 * Chromium without Playwright, for what Playwright keeps a page from: it makes every page believe that it is visible and focused, and
 * a page that is visible cannot freeze. Each tab has a window of its own, which can be hidden.
 *
 *     const chromium = await startPlainChromium();
 *     const tab = await chromium.open(`${relay.url}/node`);
 *     await tab.freeze();
 *     await tab.thaw();
 *     await chromium.dispose();
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchOptions } from './chromium.ts';
import type { WebRtc } from './chromium.ts';
import { openDevTools } from './devtools.ts';
import type { DevTools, Send } from './devtools.ts';
import { waitForValue } from './tabs.ts';
import type { Tab } from './tabs.ts';

/** `evaluate` is Playwright's, so that what drives a page there drives this tab as well. */
export interface PlainTab extends Tab {
	/** As another window in front of it does: the page is hidden, and runs on. */
	hide(): Promise<void>;
	show(): Promise<void>;
	/** As an energy saver does: the page is hidden, and neither it nor its worker runs. */
	freeze(): Promise<void>;
	/** It runs and is visible again. */
	thaw(): Promise<void>;
	/** The renderer dies, as by a bug of the browser or for want of memory: nothing in the page runs any more. */
	crash(): Promise<void>;
	/** Also of a page that crashed; resolves when the client API is there again. */
	reload(): Promise<void>;
	/** Goes to another page of another site and comes back by the back button. @returns whether the page was kept in the back-forward cache */
	leaveAndComeBack(): Promise<boolean>;
	/** What “Duplicate tab” does: the new tab has a copy of this one's session storage. */
	duplicate(): Promise<PlainTab>;
	/** Cuts the page's network, or gives it back. Needs `canBeCut`. */
	setOffline(isOffline: boolean): Promise<void>;
	/** Clicks the first element that fits, once it is there. */
	click(selector: string): Promise<void>;
	/** Of the protocol: what this harness has no word for. */
	send: Send;
	close(): Promise<void>;
}

export interface OpenOptions {
	before?: () => void;
	canBeCut?: boolean;
}

export interface PlainChromium {
	/**
	 * Opens an address in a window of its own; resolves when the page has the client API.
	 * @param options.before runs in the page before its own scripts, and may name nothing outside it
	 * @param options.canBeCut needed for `setOffline`
	 */
	open(url: string, options?: OpenOptions): Promise<PlainTab>;
	dispose(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;
/** A page that is alive answers sooner, on a loaded machine as well. */
const CRASH_ANSWER_MS = 500;
const READY = /DevTools listening on (ws:\S+)/;

interface EvaluateAnswer {
	result: { value?: unknown };
	exceptionDetails?: { exception?: { description?: string }; text: string };
}

export async function startPlainChromium(webRtc: WebRtc = 'possible'): Promise<PlainChromium> {
	const { executablePath, args } = launchOptions(webRtc);
	const profile = mkdtempSync(join(tmpdir(), 'tabwave-chromium-'));
	const child = spawn(
		executablePath!,
		[...args!, '--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
		{ stdio: ['ignore', 'ignore', 'pipe'] }
	);
	const dispose = async (): Promise<void> => {
		if (child.exitCode === null && child.signalCode === null) {
			const exited = new Promise((resolve) => child.once('exit', resolve));
			child.kill('SIGKILL');
			await exited;
		}
		// Its helpers end a moment after it, and write until then.
		rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
	};
	try {
		const devTools = await openDevTools(await debuggingUrl(child));
		return { open: (url, options) => openTab(devTools, url, options), dispose };
	} catch (error) {
		await dispose();
		throw error;
	}
}

function debuggingUrl(child: ChildProcess): Promise<string> {
	return new Promise((resolve, reject) => {
		let said = '';
		const fail = (why: string): void => reject(new Error(`Chromium ${why}. It said:\n${said}`));
		const timer = setTimeout(() => fail(`did not start in ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
		child.once('error', (error) => fail(error.message));
		child.once('exit', (code) => fail(`ended with code ${code}`));
		child.stderr!.on('data', (chunk: Buffer) => {
			said = (said + chunk.toString('utf8')).slice(-10_000);
			const url = READY.exec(said)?.[1];
			if (url === undefined) return;
			clearTimeout(timer);
			resolve(url);
		});
	});
}

/** Opens `count` tabs, one after the other. */
export async function openPlainTabs(
	chromium: PlainChromium,
	count: number,
	url: string,
	options?: OpenOptions
): Promise<PlainTab[]> {
	const tabs: PlainTab[] = [];
	while (tabs.length < count) tabs.push(await chromium.open(url, options));
	return tabs;
}

async function openTab(
	devTools: DevTools,
	url: string,
	{ before, canBeCut }: OpenOptions = {}
): Promise<PlainTab> {
	const { send } = devTools;
	const { targetId } = (await send('Target.createTarget', { url: 'about:blank', newWindow: true })) as {
		targetId: string;
	};
	const tab = await attachTab(devTools, targetId);
	if (before) await tab.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${before.toString()})()` });
	if (canBeCut)
		await tab.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${holdable.toString()})()` });
	await tab.send('Page.navigate', { url });
	await ready(tab);
	return tab;
}

async function attachTab(devTools: DevTools, targetId: string): Promise<PlainTab> {
	const { send, session } = devTools;
	const attached = await send('Target.attachToTarget', { targetId, flatten: true });
	const page = session((attached as { sessionId: string }).sessionId);
	// Without it no script runs before the page's own.
	await page('Page.enable');
	const setWindow = async (windowState: 'minimized' | 'normal'): Promise<void> => {
		const { windowId } = (await send('Browser.getWindowForTarget', { targetId })) as { windowId: number };
		await send('Browser.setWindowBounds', { windowId, bounds: { windowState } });
	};
	const evaluate = (fn: unknown, argument?: unknown): Promise<unknown> => evaluateIn(page, fn, argument);
	const tab: PlainTab = {
		send: page,
		evaluate: evaluate as PlainTab['evaluate'],
		hide: async () => {
			await setWindow('minimized');
			await waitForValue(
				() => tab.evaluate(() => document.visibilityState),
				(visibility) => visibility === 'hidden',
				{ what: 'a hidden page' }
			);
		},
		show: () => setWindow('normal'),
		freeze: async () => {
			await setWindow('minimized');
			await page('Page.setWebLifecycleState', { state: 'frozen' });
		},
		thaw: async () => {
			await page('Page.setWebLifecycleState', { state: 'active' });
			await setWindow('normal');
		},
		crash: async () => {
			// A renderer that dies answers nothing, or that it is gone.
			await Promise.race([page('Page.crash').catch(() => {}), gone(page)]);
		},
		reload: async () => {
			await page('Page.reload');
			await ready(tab);
		},
		leaveAndComeBack: async () => {
			await tab.evaluate(() => {
				(globalThis as { isKept?: boolean }).isKept = true;
			});
			await page('Page.navigate', { url: 'about:blank' });
			await waitForValue(
				() => tab.evaluate(() => location.href).catch(() => ''),
				(href) => href === 'about:blank',
				{ what: 'the other page' }
			);
			const { currentIndex, entries } = (await page('Page.getNavigationHistory')) as {
				currentIndex: number;
				entries: { id: number }[];
			};
			await page('Page.navigateToHistoryEntry', { entryId: entries[currentIndex - 1]!.id });
			await ready(tab);
			return tab.evaluate(() => (globalThis as { isKept?: boolean }).isKept === true);
		},
		duplicate: async () => {
			const targets = async (): Promise<string[]> => {
				const { targetInfos } = (await send('Target.getTargets')) as {
					targetInfos: { targetId: string; type: string }[];
				};
				return targetInfos.filter(({ type }) => type === 'page').map((target) => target.targetId);
			};
			const before = await targets();
			const expression = 'void window.open(location.href)';
			await page('Runtime.evaluate', { expression, userGesture: true });
			const [opened] = await waitForValue(
				async () => (await targets()).filter((id) => !before.includes(id)),
				(fresh) => fresh.length > 0,
				{ what: 'the duplicate' }
			);
			const copy = await attachTab(devTools, opened!);
			await ready(copy);
			return copy;
		},
		setOffline: async (isOffline) => {
			await tab.evaluate((areHeld) => (globalThis as unknown as Hold).holdMessages(areHeld), isOffline);
			// What is begun from now on fails. Not enabled before: it reports every frame of a WebSocket.
			if (isOffline) await page('Network.enable');
			await page('Network.emulateNetworkConditions', {
				offline: isOffline,
				latency: 0,
				downloadThroughput: -1,
				uploadThroughput: -1
			});
			if (!isOffline) await page('Network.disable');
		},
		click: async (selector) => {
			await waitForValue(
				() =>
					tab.evaluate((wanted) => {
						const element = document.querySelector<HTMLElement>(wanted);
						element?.click();
						return element !== null;
					}, selector),
				(clicked) => clicked,
				{ what: `${selector} to click` }
			);
		},
		close: async () => {
			await send('Target.closeTarget', { targetId });
		}
	};
	return tab;
}

interface Hold {
	holdMessages(areHeld: boolean): void;
}

/**
 * Init script. The protocol's offline does not reach WebRTC, and closes a WebSocket at once. Where a network is lost nobody hears of it:
 * nothing leaves and nothing arrives any more; and when it is back all of it does, in order, since what was lost is sent again.
 */
function holdable(): void {
	let areHeld = false;
	const waiting: (() => void)[] = [];
	const pass = (run: () => void): void => void (areHeld ? waiting.push(run) : run());
	(globalThis as unknown as Hold).holdMessages = (held) => {
		areHeld = held;
		if (!held) for (const run of waiting.splice(0)) run();
	};
	for (const { prototype } of [RTCDataChannel, WebSocket]) {
		const end = prototype as EventTarget & { send(data: unknown): void; readyState: string | number };
		const { send, addEventListener } = end;
		end.send = function (data) {
			// One that closed meanwhile has lost it.
			pass(() => (this.readyState === 'open' || this.readyState === WebSocket.OPEN) && send.call(this, data));
		};
		end.addEventListener = function (
			this: EventTarget,
			type: string,
			listener: (event: Event) => void,
			...rest
		) {
			const isHeld = type === 'message' || type === 'close';
			const held = isHeld ? (event: Event): void => pass(() => listener.call(this, event)) : listener;
			addEventListener.call(this, type, held, ...rest);
		} as typeof addEventListener;
		for (const name of ['onmessage', 'onclose']) {
			const property = Object.getOwnPropertyDescriptor(prototype, name)!;
			Object.defineProperty(prototype, name, {
				...property,
				set(this: EventTarget, listener: ((event: Event) => void) | null) {
					property.set!.call(this, listener && ((event: Event) => pass(() => listener.call(this, event))));
				}
			});
		}
	}
}

async function ready(tab: PlainTab): Promise<void> {
	await waitForValue(
		// While the page changes there may be none to ask.
		() => tab.evaluate(() => 'tabwave' in globalThis).catch(() => false),
		(isReady) => isReady,
		{ what: 'the client API' }
	);
}

/** Resolves when the page answers no more. */
async function gone(page: Send): Promise<void> {
	for (;;) {
		const answer = page('Runtime.evaluate', { expression: '1' }).then(
			() => true,
			() => false
		);
		const isThere = await Promise.race([
			answer,
			new Promise<boolean>((resolve) => setTimeout(() => resolve(false), CRASH_ANSWER_MS))
		]);
		if (!isThere) return;
	}
}

async function evaluateIn(page: Send, fn: unknown, argument: unknown): Promise<unknown> {
	const expression = typeof fn === 'string' ? fn : `(${String(fn)})(${JSON.stringify(argument) ?? ''})`;
	const answer = await page('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
	const { result, exceptionDetails } = answer as EvaluateAnswer;
	if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
	return result.value;
}
