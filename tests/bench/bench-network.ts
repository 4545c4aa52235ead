/** A network for one scenario: the real relay, a browser of its own, and tabs that vote. */
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import type { TabwaveApi } from '#lib/node/api.ts';
import { launchOptions } from '../browser/harness/chromium.ts';
import {
	openPlainTabs,
	startPlainChromium,
	type PlainChromium,
	type PlainTab
} from '../browser/harness/plain-chromium.ts';
import { startRelayCluster } from '../browser/harness/relay-cluster.ts';
import { startRelayProcess, type RelayProcess } from '../browser/harness/relay-process.ts';
import { waitFor } from '../browser/harness/tabs.ts';
import { keepConnections } from './tab-probes.ts';

declare global {
	// On every page of the site, see src/lib/node/api.ts.
	var tabwave: TabwaveApi;
}

export interface BenchNetwork {
	context: BrowserContext;
	pages: Page[];
	/** The one that the pages come from. */
	relay: RelayProcess;
	/** Of the Booter, `relay` among them. */
	replicas: readonly RelayProcess[];
	/** Of browser and relay: all that the network costs is below them. */
	pids: number[];
}

export interface BenchNetworkInit {
	partitions?: number;
	/** Spread over the partitions. */
	tabs?: number;
	/** What the tabs show, or several pages in turn: what people look at costs, too. */
	path?: string | readonly string[];
	/** Lets openInspector() in. */
	inspectRelay?: boolean;
	/** Of the Booter. */
	replicas?: 1 | 3 | 5;
	/** More of network.ini, in whole sections. */
	ini?: string;
}

/** What is running, for a run that is ended early. */
const running = new Set<() => Promise<void>>();

/** Ends browsers and relays: nothing may stay behind when this program is told to end. */
export async function endNetworks(): Promise<void> {
	await Promise.allSettled([...running].map((end) => end()));
}

export async function withNetwork<T>(
	{ partitions = 1, tabs = 0, path, inspectRelay = false, replicas: count = 1, ini = '' }: BenchNetworkInit,
	run: (network: BenchNetwork) => Promise<T>
): Promise<T> {
	const network = `[partitions]\ncount = ${partitions}\n${ini}`;
	const booter =
		count > 1
			? await startRelayCluster({ replicas: count, ini: network })
			: await startRelay(network, inspectRelay);
	const replicas = 'replicas' in booter ? booter.replicas : [booter];
	const relay = replicas[0]!;
	const endRelay = (): Promise<void> => booter.dispose();
	running.add(endRelay);
	try {
		// A server has a process id, which a browser that Playwright launches by itself does not show.
		const server = await chromium.launchServer({
			...launchOptions('possible'),
			// main.ts does it.
			handleSIGINT: false,
			handleSIGTERM: false,
			handleSIGHUP: false
		});
		const endServer = (): Promise<void> => server.close();
		running.add(endServer);
		const browser = await chromium.connect(server.wsEndpoint());
		try {
			const context = await browser.newContext();
			await context.addInitScript(keepConnections);
			const pages: Page[] = [];
			for (let i = 0; i < tabs; i++) {
				const shown = typeof path === 'object' ? path[i % path.length] : path;
				pages.push(await joinedTab(context, relay, 1 + (i % partitions), shown));
			}
			await Promise.all(pages.map(voting));
			return await run({
				context,
				pages,
				relay,
				replicas,
				pids: [server.process().pid!, ...replicas.map(({ pid }) => pid!)]
			});
		} finally {
			running.delete(endServer);
			await browser.close();
			await server.close();
		}
	} finally {
		running.delete(endRelay);
		await booter.dispose();
	}
}

export interface PlainNetwork {
	chromium: PlainChromium;
	relay: RelayProcess;
	/** At /node, and no members. */
	tabs: PlainTab[];
}

/** The same of one partition and without Playwright, for what it keeps a tab from: to crash, and to be there again. */
export async function withPlainTabs<T>(
	{ tabs, ini = '' }: { tabs: number; ini?: string },
	run: (network: PlainNetwork) => Promise<T>
): Promise<T> {
	const relay = await startRelayProcess({ ini: `[partitions]\ncount = 1\n${ini}` });
	const endRelay = (): Promise<void> => relay.dispose();
	running.add(endRelay);
	try {
		const chromium = await startPlainChromium();
		const endChromium = (): Promise<void> => chromium.dispose();
		running.add(endChromium);
		try {
			return await run({ chromium, relay, tabs: await openPlainTabs(chromium, tabs, `${relay.url}/node`) });
		} finally {
			running.delete(endChromium);
			await chromium.dispose();
		}
	} finally {
		running.delete(endRelay);
		await relay.dispose();
	}
}

/** A tab that has the client API and is no member. */
export async function openTab(context: BrowserContext, relay: RelayProcess, path = '/node'): Promise<Page> {
	const page = await context.newPage();
	await page.goto(relay.url + path);
	await page.waitForFunction(() => 'tabwave' in globalThis);
	return page;
}

async function joinedTab(
	context: BrowserContext,
	relay: RelayProcess,
	partition: number,
	path?: string
): Promise<Page> {
	const page = await openTab(context, relay, path);
	await page.evaluate((wish) => tabwave.node.join({ partition: wish }), partition);
	return page;
}

async function voting(page: Page): Promise<void> {
	await waitFor(page, ({ activity }) => activity === 'voting');
}

async function startRelay(ini: string, inspect: boolean): Promise<RelayProcess> {
	const before = process.env.NODE_OPTIONS;
	if (inspect) process.env.NODE_OPTIONS = `${before ?? ''} --inspect=127.0.0.1:0`;
	try {
		return await startRelayProcess({ ini });
	} finally {
		if (before === undefined) delete process.env.NODE_OPTIONS;
		else process.env.NODE_OPTIONS = before;
	}
}
