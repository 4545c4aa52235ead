/**
 * A soak: eight tabs in two partitions trade steadily for an hour, and nothing that they or the relay hold may grow. Once a minute
 * memory, storage and what is open are sampled; at the end each of them has a line through its samples, whose slope has a bound.
 *
 *     npm run soak                           an hour
 *     npm run soak -- --minutes 15           a quarter of it
 *     npm run soak -- --pace-ms 4000         each tab sends a transfer every four seconds (2000)
 *     npm run soak -- --json soak.json       every sample
 *
 * Ends with 1 where something grew, a transfer failed, or a chain does not hold.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { endNetworks, withNetwork } from '../bench/bench-network.ts';
import { waitForValue } from '../browser/harness/tabs.ts';
import { isFlat, leastSquares } from './flatness.ts';
import { Sampler, type Sample, type TabSample } from './samples.ts';
import { startSteadyLoad, stopSteadyLoad } from '../bench/steady-load.ts';

const TABS = 8;
const PARTITIONS = 2;
/** What the tabs show, in turn: a page that people look at may grow, too. */
const PATHS = ['/node', '/explorer', '/spectrum', '/'];
/** Of each tab: trades of the market in its first minutes, so that the state is not of accounts alone. */
const ACCESS_POINTS = 5;
const SAMPLE_MS = 60_000;
/**
 * Caches fill up to their bounds first: the ids of 300 heights, 200 lines of blocks, and twice 8192 votes that were checked, of which a
 * block of one transfer brings some sixteen.
 */
const WARM_UP_HEIGHTS = 1100;
const WARM_UP_MINUTES = 5;
/** Fewer say nothing of a slope. */
const LEAST_SAMPLES = 5;
/** What a heap wavers by in some minutes is within the bound of half an hour: in a shorter run no less is growth. */
const LEAST_HOURS = 0.5;
const QUIET_TIMEOUT_MS = 120_000;

interface Measure {
	name: string;
	unit: string;
	/** What it may grow in an hour: below what would be felt in a tab that is left open for a day, above what the samples waver by. */
	perHour: number;
	/** One series, or one for each tab, of which the one that grows most counts. */
	series(samples: Sample[]): [number, number][][];
}

const MEASURES: Measure[] = [
	ofTabs('heap of a page', 'MB', 2, ({ pageMb }) => pageMb),
	ofTabs('heap of a worker', 'MB', 2, ({ workerMb }) => workerMb),
	ofTabs('DOM nodes of a page', '', 300, ({ nodes }) => nodes),
	ofTabs('event listeners of a page', '', 60, ({ listeners }) => listeners),
	ofTabs('peer connections of a page', '', 0.5, ({ peerConnections }) => peerConnections),
	ofTabs('data channels of a page', '', 1, ({ channels }) => channels),
	{
		name: 'stored for a transaction, in a tab',
		unit: 'B',
		// A twentieth of what a block of one transfer takes with its certificates.
		perHour: 200,
		// From the first sample on: before it there is the empty ledger, which no transaction explains.
		series: ([first, ...rest]) => [
			rest.map((now) => [
				now.minute / 60,
				(now.storedBytes - first!.storedBytes) / (now.transactions - first!.transactions) / TABS
			])
		]
	},
	ofRelay('resident memory of the relay', 'MB', 20, ({ relay }) => relay.residentMb),
	ofRelay('heap of the relay', 'MB', 3, ({ relay }) => relay.heapMb),
	ofRelay('files and sockets of the relay', '', 3, ({ relay }) => relay.descriptors),
	ofRelay('connections, reservations and circuits at the relay', '', 1, ({ relay }) => {
		const { connections, reservations, circuits } = relay;
		return connections + reservations + circuits;
	})
];

const HEADER =
	'minute  height  final  heap of pages / workers, MB  nodes  listeners  connections  channels  B a transaction  relay: MB resident / heap  open';

const { values } = parseArgs({
	options: {
		minutes: { type: 'string', default: '60' },
		'pace-ms': { type: 'string', default: '2000' },
		json: { type: 'string' }
	}
});
const minutes = positive('minutes');
const paceMs = positive('pace-ms');

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
	process.once(signal, () => void endNetworks().finally(() => process.exit(1)));
process.exitCode = (await soak()) ? 0 : 1;

/** @returns whether all was flat and sound */
function soak(): Promise<boolean> {
	const init = { tabs: TABS, partitions: PARTITIONS, path: PATHS, inspectRelay: true };
	return withNetwork(init, async (network) => {
		const { pages } = network;
		for (const [i, page] of pages.entries())
			await page.evaluate(([seed, count]) => tabwave.spectrum.generateAps({ seed, count }), [
				i + 1,
				ACCESS_POINTS
			] as const);
		const sampler = await Sampler.start(network);
		await startSteadyLoad(pages, paceMs);
		const samples: Sample[] = [];
		say(HEADER);
		const endMs = performance.now() + minutes * 60_000;
		for (let nextMs = performance.now(); ; nextMs += SAMPLE_MS) {
			samples.push(await sampler.take());
			say(lineOf(samples.at(-1)!, samples[0]!));
			if (nextMs + SAMPLE_MS > endMs) break;
			await new Promise((resolve) =>
				setTimeout(resolve, Math.max(0, nextMs + SAMPLE_MS - performance.now()))
			);
		}
		sampler.close();
		const failures = await stopSteadyLoad(pages);
		if (values.json) writeFileSync(values.json, JSON.stringify({ samples, failures }, null, '\t'));
		const [flat, sound] = [verdict(samples), await soundness(pages)];
		const lost = Object.entries(failures);
		say(`transfers that failed: ${lost.map(([name, count]) => `${count} ${name}`).join(', ') || 'none'}`);
		return flat && sound && lost.length === 0;
	});
}

/** Of the tabs what most of any of them is. */
function lineOf({ minute, height, transactions, storedBytes, tabs, relay }: Sample, first: Sample): string {
	const most = (of: (tab: TabSample) => number, digits = 0): string =>
		Math.max(...tabs.map(of)).toFixed(digits);
	const each = (storedBytes - first.storedBytes) / (transactions - first.transactions) / TABS;
	return [
		minute.toFixed(1).padStart(6),
		String(height).padStart(6),
		String(transactions).padStart(5),
		`${most(({ pageMb }) => pageMb, 1)} / ${most(({ workerMb }) => workerMb, 1)}`.padStart(27),
		most(({ nodes }) => nodes).padStart(5),
		most(({ listeners }) => listeners).padStart(9),
		most(({ peerConnections }) => peerConnections).padStart(11),
		most(({ channels }) => channels).padStart(8),
		each.toFixed(0).padStart(15),
		`${relay.residentMb.toFixed(0)} / ${relay.heapMb.toFixed(1)}`.padStart(25),
		String(relay.descriptors).padStart(4)
	].join('  ');
}

function verdict(samples: Sample[]): boolean {
	const warm = samples.filter(({ minute, height }) => minute >= WARM_UP_MINUTES && height >= WARM_UP_HEIGHTS);
	say(`\nslopes of the last ${warm.length} samples, after the warm-up; of the tabs the steepest`);
	if (warm.length < LEAST_SAMPLES) {
		say(`  too short for a verdict: ${LEAST_SAMPLES} samples at least`);
		return false;
	}
	const hours = (warm.at(-1)!.minute - warm[0]!.minute) / 60;
	let all = true;
	for (const { name, unit, perHour, series } of MEASURES) {
		const lines = series(warm).map(leastSquares);
		const steepest = lines.reduce((worst, line) => (line.slope > worst.slope ? line : worst));
		const bound = perHour * Math.max(1, LEAST_HOURS / hours);
		const bad = lines.some((line) => !isFlat(line, bound));
		all &&= !bad;
		const slope = `${steepest.slope.toFixed(1)} ± ${steepest.slopeError.toFixed(1)} ${unit} an hour`;
		say(`  ${bad ? 'GROWS' : 'flat '}  ${name.padEnd(52)} ${slope.padEnd(28)} bound ${bound.toFixed(1)}`);
	}
	return all;
}

async function soundness(pages: Page[]): Promise<boolean> {
	const heads = await waitForValue(
		() => Promise.all(pages.map((page) => page.evaluate(() => tabwave.chain.head()))),
		(all) => new Set(all.map(({ hash }) => hash)).size === 1,
		{ what: 'all heads equal', timeoutMs: QUIET_TIMEOUT_MS }
	);
	let holds = true;
	for (const [i, page] of pages.entries()) {
		const { checked, firstBad } = await page.evaluate(() => tabwave.chain.verify());
		const evidence = await page.evaluate(() => tabwave.chain.evidence());
		if (firstBad === null && checked >= heads[0]!.height && evidence.length === 0) continue;
		holds = false;
		say(
			`tab ${i + 1}: ${checked} blocks checked, first bad ${JSON.stringify(firstBad)}, evidence ${evidence.length}`
		);
	}
	say(
		`\nall heads equal at ${heads[0]!.height}; chains and votes ${holds ? 'hold in all tabs' : 'DO NOT HOLD'}`
	);
	return holds;
}

function ofTabs(name: string, unit: string, perHour: number, of: (tab: TabSample) => number): Measure {
	const series = (samples: Sample[]): [number, number][][] =>
		Array.from({ length: TABS }, (_, i) => samples.map(({ minute, tabs }) => [minute / 60, of(tabs[i]!)]));
	return { name, unit, perHour, series };
}

function ofRelay(name: string, unit: string, perHour: number, of: (sample: Sample) => number): Measure {
	return { name, unit, perHour, series: (samples) => [samples.map((one) => [one.minute / 60, of(one)])] };
}

function positive(option: 'minutes' | 'pace-ms'): number {
	const value = Number(values[option]);
	if (!(value > 0)) throw new Error(`--${option} is a number above 0, and not "${values[option]}".`);
	return value;
}

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}
