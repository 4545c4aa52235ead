/** What a network of tabs holds at one moment, after a collection of garbage everywhere: memory, storage, and what is open. */
import { readFileSync, readdirSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import type { Health } from '../../relay/http/server.ts';
import type { BenchNetwork } from '../bench/bench-network.ts';
import { tabMemory } from '../bench/tab-probes.ts';
import { openInspector, type Send } from '../browser/harness/devtools.ts';
import type { RelayProcess } from '../browser/harness/relay-process.ts';

const MB = 1e6;

export interface TabSample {
	pageMb: number;
	workerMb: number;
	nodes: number;
	listeners: number;
	peerConnections: number;
	channels: number;
}

export interface RelaySample {
	/** NaN where there is no /proc, as `descriptors`. */
	residentMb: number;
	heapMb: number;
	/** Open files and sockets. */
	descriptors: number;
	connections: number;
	reservations: number;
	circuits: number;
}

export interface Sample {
	/** Since the start. */
	minute: number;
	height: number;
	/** Final transfers of all tabs. */
	transactions: number;
	/** What this origin holds in IndexedDB: of all tabs together. */
	storedBytes: number;
	tabs: TabSample[];
	relay: RelaySample;
}

export class Sampler {
	readonly #network: BenchNetwork;
	readonly #inspector: { send: Send; close(): void };
	readonly #startMs = performance.now();

	private constructor(network: BenchNetwork, inspector: { send: Send; close(): void }) {
		this.#network = network;
		this.#inspector = inspector;
	}

	/** @param network - its relay was started with `inspectRelay` */
	static async start(network: BenchNetwork): Promise<Sampler> {
		return new Sampler(network, await openInspector(/ws:\/\/\S+/.exec(network.relay.output())![0]));
	}

	async take(): Promise<Sample> {
		const { context, pages, relay } = this.#network;
		const minute = (performance.now() - this.#startMs) / 60_000;
		// One after the other: a collection of garbage stops a tab, and not all are to stop at once.
		const tabs: TabSample[] = [];
		for (const page of pages) tabs.push(await tabSample(context, page));
		const done = await Promise.all(pages.map((page) => page.evaluate(() => globalThis.steadyLoad.final)));
		const { height } = await pages[0]!.evaluate(() => tabwave.chain.head());
		return {
			minute,
			height,
			transactions: done.reduce((sum, count) => sum + count, 0),
			storedBytes: await storedBytes(pages[0]!),
			tabs,
			relay: await this.#relaySample(relay)
		};
	}

	close(): void {
		this.#inspector.close();
	}

	async #relaySample(relay: RelayProcess): Promise<RelaySample> {
		const { send } = this.#inspector;
		await send('HeapProfiler.collectGarbage');
		const { usedSize } = (await send('Runtime.getHeapUsage')) as { usedSize: number };
		const { connections, reservations, circuits } = (
			(await (await fetch(`${relay.url}/healthz`)).json()) as Health
		).tabs!;
		const process = processOf(relay.pid!);
		return { ...process, heapMb: usedSize / MB, connections, reservations, circuits };
	}
}

async function tabSample(context: BrowserContext, page: Page): Promise<TabSample> {
	const { pageBytes, workerBytes } = await tabMemory(context, page);
	const session = await context.newCDPSession(page);
	try {
		await session.send('Performance.enable');
		const { metrics } = await session.send('Performance.getMetrics');
		const metric = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? NaN;
		return {
			pageMb: pageBytes / MB,
			workerMb: workerBytes / MB,
			nodes: metric('Nodes'),
			listeners: metric('JSEventListeners'),
			...(await page.evaluate(openHandles))
		};
	} finally {
		await session.detach();
	}
}

/** In the page. Connections that ended are forgotten here as well: the probe is to keep nothing alive. */
async function openHandles(): Promise<{ peerConnections: number; channels: number }> {
	const open = globalThis.benchConnections.filter(({ connectionState }) => connectionState !== 'closed');
	globalThis.benchConnections = open;
	let channels = 0;
	for (const connection of open)
		for (const stats of (await connection.getStats()).values())
			if (stats.type === 'peer-connection')
				channels += (stats.dataChannelsOpened as number) - (stats.dataChannelsClosed as number);
	return { peerConnections: open.length, channels };
}

function storedBytes(page: Page): Promise<number> {
	return page.evaluate(async () => {
		// usageDetails is Chromium's own.
		const { usage, usageDetails } = (await navigator.storage.estimate()) as StorageEstimate & {
			usageDetails?: { indexedDB?: number };
		};
		return usageDetails?.indexedDB ?? usage ?? NaN;
	});
}

function processOf(pid: number): { residentMb: number; descriptors: number } {
	try {
		const kib = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
		return { residentMb: (kib * 1024) / MB, descriptors: readdirSync(`/proc/${pid}/fd`).length };
	} catch {
		return { residentMb: NaN, descriptors: NaN };
	}
}
