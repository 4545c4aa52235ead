/**
 * The leader goes in the middle of trades: how long until the next final block, which is another leader's. Once its tab is closed,
 * and says so; once its node falls silent while its links stay open, as a tab does that is frozen.
 */
import type { Page } from 'playwright-core';
import type { NodeStatus } from '#lib/node/api.ts';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { openTabSession } from '../../browser/harness/devtools.ts';
import { apiReady, status, waitForValue } from '../../browser/harness/tabs.ts';
import { withNetwork, type BenchNetwork } from '../bench-network.ts';
import { finalAfter, watchBlocks } from '../final-blocks.ts';
import { startLoad, stopLoad } from '../load.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

const TABS = 4;
/** Of each tab. A little load: the question is when there is another leader, not how fast it is on a machine that is busy. */
const OUTSTANDING = 1;
/** A loaded machine may replace a leader that only seems dead, just then; so often in all, and it is the machine that is measured. */
const MAX_REPEATS = 20;

/** Takes the leader away. @returns when, milliseconds since the epoch, and what brings it back */
type Fault = (network: BenchNetwork, leader: Page) => Promise<{ goneMs: number; back: () => Promise<void> }>;

const FAULTS: Record<string, Fault> = { 'the leader’s tab goes': go, 'the leader falls silent': fallSilent };

export function viewChange(report: Report, times: number): Promise<void> {
	// Nobody is evicted for going.
	const ini = '[timeouts]\nevictionGraceMs = 600000\n';
	return withNetwork({ tabs: TABS, ini }, async (network) => {
		for (const [what, fault] of Object.entries(FAULTS)) {
			const name = `${TABS} tabs, ${what} ${times} times`;
			const latencies: number[] = [];
			let repeats = 0;
			while (latencies.length < times) {
				const latency = await oneChange(network, fault);
				if (latency !== null) latencies.push(latency);
				else if (++repeats > MAX_REPEATS)
					throw new Error('Leaders are replaced without a fault all the time.');
			}
			report.details[name] = { latencies, repeats };
			const sorted = ascending(latencies);
			const [p50, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)];
			const { heartbeatMs } = DEFAULT_TIMING;
			report.add(
				name,
				'p50 / p95 to the next final block ÷ heartbeat interval',
				several([p50 / heartbeatMs, p95 / heartbeatMs], 1),
				'',
				'≤ 3'
			);
			report.add(name, 'p50 / p95 to the next final block', several([p50, p95]), 'ms');
		}
		const { heartbeatMs, viewTimeoutMs } = DEFAULT_TIMING;
		report.add(
			'view change',
			'heartbeat interval / view timeout',
			several([heartbeatMs, viewTimeoutMs]),
			'ms'
		);
	});
}

/** @returns milliseconds from the fault to the next final block; null where another leader had come before it */
async function oneChange(network: BenchNetwork, fault: Fault): Promise<number | null> {
	const { pages } = network;
	await agreement(pages);
	// Whoever leads: one page looks on, and every page may turn out to be the leader's.
	for (const page of pages) await watchBlocks(page);
	await startLoad(pages, OUTSTANDING);
	await waitForValue(
		() => pages[0]!.evaluate(() => globalThis.benchLoad.done),
		(done) => done > OUTSTANDING,
		{ what: 'trades before the leader goes' }
	);
	const { view, leader } = await agreement(pages);
	const others = pages.filter((page) => page !== leader);
	const { goneMs, back } = await fault(network, leader);
	const finalMs = await finalAfter(others[0]!, 'view', view);
	await back();
	// Its page has gone on asking, where it was its node that fell silent.
	await stopLoad(pages);
	return finalMs > goneMs ? finalMs - goneMs : null;
}

/** Waits until all of them vote in one view. Who comes back takes itself for the leader that it was until it has heard. */
async function agreement(pages: Page[]): Promise<{ view: number; leader: Page }> {
	const isOne = (statuses: NodeStatus[]): boolean =>
		new Set(statuses.map(({ view }) => view)).size === 1 &&
		statuses.every(({ activity }) => activity === 'voting') &&
		statuses.filter(({ role }) => role === 'leader').length === 1;
	const statuses = await waitForValue(() => Promise.all(pages.map(status)), isOne, {
		what: 'members that vote in one view'
	});
	const at = statuses.findIndex(({ role }) => role === 'leader');
	return { view: statuses[at]!.view, leader: pages[at]! };
}

/** As a tab that is closed, and it can come back as who it was. */
async function go(_network: BenchNetwork, leader: Page): ReturnType<Fault> {
	const url = leader.url();
	await leader.evaluate(() =>
		addEventListener('pagehide', () => localStorage.setItem('bench-gone', String(Date.now())))
	);
	await leader.goto('about:blank');
	return {
		goneMs: await goneMs(
			leader
				.context()
				.pages()
				.find((page) => page !== leader)!
		),
		back: async () => {
			await leader.goto(url);
			await apiReady(leader);
		}
	};
}

/** When the tab that went was hidden, as it wrote into the storage that it shares with this one. */
function goneMs(other: Page): Promise<number> {
	return other.evaluate(() => Number(localStorage.getItem('bench-gone')));
}

/** Its worker stops where it is. The page, which holds the links, goes on. */
async function fallSilent({ context }: BenchNetwork, leader: Page): ReturnType<Fault> {
	const session = await openTabSession(context, leader);
	await Promise.all(session.workers.map((send) => send('Debugger.enable')));
	await Promise.all(session.workers.map((send) => send('Debugger.pause')));
	return {
		goneMs: Date.now(),
		back: async () => {
			await Promise.all(session.workers.map((send) => send('Debugger.resume')));
			await session.detach();
		}
	};
}
