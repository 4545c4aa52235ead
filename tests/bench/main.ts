/**
 * npm run bench [-- --quick] [-- --json FILE] [-- --heap-minutes N]: real tabs, real WebRTC, the built site, the real relay.
 * Ratios stand before absolutes: the machine's own limit is measured in the same run.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { launchOptions } from '../browser/harness/chromium.ts';
import { startRelayProcess, type RelayProcess } from '../browser/harness/relay-process.ts';
import { boundTps, calibrate, type Calibration } from './calibrate.ts';
import { cpuSeconds } from './cpu.ts';
import { measureLoad, quantile, startLoad, stopLoad } from './load.ts';

const { values } = parseArgs({
	options: {
		quick: { type: 'boolean', default: false },
		json: { type: 'string' },
		'heap-minutes': { type: 'string', default: '0' }
	}
});
const MEASURE_MS = values.quick ? 8000 : 15_000;
const WARM_UP_MS = 5000;
/** Enough to fill a block in every tab, and not so much that waiting in the pool is what is measured. */
const OUTSTANDING = Number(process.env.TABWAVE_BENCH_OUTSTANDING ?? 400);
const SINGLE_TRANSFERS = values.quick ? 15 : 40;
const JOINS = values.quick ? 5 : 20;

const rows: Record<string, string | number>[] = [];
const results: Record<string, unknown> = { loadAverageAtStart: loadavg()[0] };

const calibration = await withNetwork(1, 0, async ({ context, relay, pids }) => {
	const measured = await calibrate(context, relay.url, pids);
	results.calibration = measured;
	report('checks a second, four tabs at once (WebCrypto)', measured.verifiesPerSecond);
	report(
		'CPU µs: one check / one KB on a data channel / one block stored',
		[measured.verifyCpuS * 1e6, measured.channelCpuSPerByte * 1024e6, measured.storeCpuS * 1e6]
			.map((value) => value.toFixed(0))
			.join(' / ')
	);
	return measured;
});
await quietNetwork();
await loaded(4, 1, calibration);
await loaded(8, 2, calibration);
if (!values.quick) await loaded(8, 1, calibration);
await joins();
console.table(rows);
console.log(`load average at the end: ${loadavg()[0]!.toFixed(2)}`);
if (values.json) writeFileSync(values.json, JSON.stringify(results, null, '\t'));
process.exit(0);

interface Network {
	context: BrowserContext;
	pages: Page[];
	relay: RelayProcess;
	/** Of browser and relay. */
	pids: number[];
}

async function withNetwork<T>(
	partitions: number,
	tabs: number,
	run: (network: Network) => Promise<T>
): Promise<T> {
	const relay = await startRelayProcess({ ini: `[partitions]\ncount = ${partitions}\n` });
	const server = await chromium.launchServer(launchOptions('possible'));
	const browser = await chromium.connect(server.wsEndpoint());
	try {
		const context = await browser.newContext();
		const pages: Page[] = [];
		for (let i = 0; i < tabs; i++) pages.push(await joinedPage(context, relay, 1 + (i % partitions)));
		await Promise.all(
			pages.map((page) =>
				page.waitForFunction(async () => (await tabwave.node.status()).activity === 'voting')
			)
		);
		return await run({ context, pages, relay, pids: [server.process().pid!, relay.pid!] });
	} finally {
		await browser.close();
		await server.close();
		await relay.dispose();
	}
}

async function joinedPage(context: BrowserContext, relay: RelayProcess, partition: number): Promise<Page> {
	const page = await context.newPage();
	await page.goto(`${relay.url}/node`);
	await page.waitForFunction(() => 'tabwave' in globalThis);
	await page.evaluate((wish) => tabwave.node.join({ partition: wish }), partition);
	return page;
}

/** One transfer at a time: latency to finality, and what a block with next to nothing in it costs. */
function quietNetwork(): Promise<void> {
	return withNetwork(1, 4, async ({ pages, pids }) => {
		const transfers = (page: Page, count: number): Promise<number[]> =>
			page.evaluate(async (times) => {
				const latencies: number[] = [];
				for (let i = 0; i < times; i++) {
					const startMs = performance.now();
					await tabwave.account.transfer('22'.repeat(32), 1);
					latencies.push(performance.now() - startMs);
				}
				return latencies;
			}, count);
		await transfers(pages[0]!, 5);
		const before = cpuSeconds(pids);
		const latencies = (await transfers(pages[0]!, SINGLE_TRANSFERS)).sort((a, b) => a - b);
		const cpuPerBlockS = (cpuSeconds(pids) - before) / SINGLE_TRANSFERS;
		const status = await pages[0]!.evaluate(() => tabwave.node.status());
		const rtts = status.links.flatMap(({ rttMs }) => rttMs ?? []).sort((a, b) => a - b);
		results.single = { latencies, rtts, cpuPerBlockS };
		report(
			'one transfer, n = 4: p50 to finality ÷ link RTT',
			quantile(latencies, 0.5) / quantile(rtts, 0.5),
			`${quantile(latencies, 0.5).toFixed(0)} ms, p95 ${quantile(latencies, 0.95).toFixed(0)} ms`
		);
		report('CPU ms of a block of one transfer, everything', cpuPerBlockS * 1000);
	});
}

function loaded(tabs: number, partitions: number, machine: Calibration): Promise<void> {
	return withNetwork(partitions, tabs, async ({ context, pages, relay, pids }) => {
		const name = `${tabs} tabs, ${partitions} partition${partitions > 1 ? 's' : ''}`;
		await startLoad(pages, OUTSTANDING);
		await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
		const used = async (): Promise<number> =>
			pages[0]!.evaluate(async () => (await navigator.storage.estimate()).usage ?? NaN);
		const [cpuBefore, storedBefore] = [cpuSeconds(pids), await used()];
		const load = await measureLoad(pages, MEASURE_MS);
		const cpuMs = ((cpuSeconds(pids) - cpuBefore) * 1000) / load.transactions;
		const storedPerTab = ((await used()) - storedBefore) / load.transactions / tabs;
		// Members of one partition check a transaction; the others rely on its certificate (b = 0).
		const bound = boundTps(machine, tabs / partitions);
		results[name] = {
			...load,
			bound,
			cpuMsPerTransaction: cpuMs,
			storedBytesPerTransactionAndTab: storedPerTab,
			loadAverage: loadavg()[0]
		};
		report(
			`${name}: final TPS ÷ bound`,
			load.finalTps / bound,
			`${load.finalTps.toFixed(0)} of ${bound.toFixed(0)} a second; load ${loadavg()[0]!.toFixed(1)}`
		);
		report(
			`${name}: p50 / p95 / p99 ms to final`,
			[load.p50Ms, load.p95Ms, load.p99Ms].map((ms) => ms.toFixed(0)).join(' / '),
			`${load.blocksPerSecond.toFixed(1)} blocks/s, ${load.failed} failed`
		);
		report(`${name}: CPU ms per final transaction`, cpuMs);
		report(`${name}: stored bytes per transaction and tab`, storedPerTab);
		const minutes = Number(values['heap-minutes']);
		if (minutes > 0 && tabs === 4) {
			await new Promise((resolve) => setTimeout(resolve, minutes * 60_000));
			report(`heap MB of a tab after ${minutes} min (page + worker)`, await heapMb(pages[0]!));
		}
		await stopLoad(pages);
		report(`heap MB of a tab after the load (page + worker)`, await heapMb(pages[0]!));
		if (tabs === 4) await catchUp(context, relay, pages[0]!);
	});
}

/** Page and worker together, after a collection. */
async function heapMb(page: Page): Promise<number> {
	const session = await page.context().newCDPSession(page);
	const usedBytes: number[] = [];
	await session.send('HeapProfiler.collectGarbage');
	usedBytes.push((await session.send('Runtime.getHeapUsage')).usedSize);
	// A dedicated worker is a target below its page, reached by messages through it.
	const worker = new Promise<string>((resolve) =>
		session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
			if (targetInfo.type === 'worker') resolve(sessionId);
		})
	);
	const answers = new Map<number, (result: { usedSize?: number }) => void>();
	session.on('Target.receivedMessageFromTarget', ({ message }) => {
		const { id, result } = JSON.parse(message) as { id: number; result: { usedSize?: number } };
		answers.get(id)?.(result);
	});
	await session.send('Target.setAutoAttach', {
		autoAttach: true,
		waitForDebuggerOnStart: false,
		flatten: false
	});
	const sessionId = await worker;
	const ask = (id: number, method: string): Promise<{ usedSize?: number }> =>
		new Promise((resolve) => {
			answers.set(id, resolve);
			void session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) });
		});
	await ask(1, 'HeapProfiler.collectGarbage');
	usedBytes.push((await ask(2, 'Runtime.getHeapUsage')).usedSize ?? NaN);
	await session.detach();
	results.heapBytes = usedBytes;
	return usedBytes.reduce((sum, bytes) => sum + bytes, 0) / 1e6;
}

/** A new tab fetches the chain that the load made. */
async function catchUp(context: BrowserContext, relay: RelayProcess, member: Page): Promise<void> {
	const { height } = await member.evaluate(() => tabwave.chain.head());
	const page = await context.newPage();
	await page.goto(`${relay.url}/node`);
	await page.waitForFunction(() => 'tabwave' in globalThis);
	await page.waitForFunction(async () => (await tabwave.chain.head()).height > 0);
	const startMs = performance.now();
	await page.waitForFunction(async (target) => (await tabwave.chain.head()).height >= target, height);
	const seconds = (performance.now() - startMs) / 1000;
	results.catchUp = { blocks: height, seconds };
	report(
		'catch-up, blocks a second',
		height / seconds,
		`${height} blocks of up to 500 transactions in ${seconds.toFixed(1)} s`
	);
	await page.close();
}

/** From opening the address to the first vote, in a partition of four under light traffic. */
function joins(): Promise<void> {
	return withNetwork(1, 4, async ({ context, pages, relay }) => {
		await startLoad(pages.slice(0, 1), 2);
		const timesMs: number[] = [];
		for (let i = 0; i < JOINS; i++) {
			const page = await context.newPage();
			const startMs = performance.now();
			await page.goto(`${relay.url}/join`);
			await page.waitForFunction(() => 'tabwave' in globalThis);
			await page.evaluate(() => tabwave.node.join());
			await page.waitForFunction(async () => (await tabwave.node.status()).votes > 0, null, { polling: 20 });
			timesMs.push(performance.now() - startMs);
			await page.evaluate(() => tabwave.node.leave());
			await page.close();
		}
		await stopLoad(pages.slice(0, 1));
		timesMs.sort((a, b) => a - b);
		results.openToFirstVoteMs = timesMs;
		report(
			'open the address → first vote, p50 / p95 ms',
			`${quantile(timesMs, 0.5).toFixed(0)} / ${quantile(timesMs, 0.95).toFixed(0)}`,
			`${JOINS} joins`
		);
	});
}

function report(what: string, value: number | string, detail = ''): void {
	const shown = typeof value === 'number' ? Number(value.toPrecision(3)) : value;
	console.log(`${what}: ${shown}${detail ? ` (${detail})` : ''}`);
	rows.push({ what, value: shown, detail });
}
