/** A leader's tab goes in the middle of trades: how long until the next final block, which is another leader's. */
import { waitFor, waitForValue } from '../../browser/harness/tabs.ts';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { withNetwork, type BenchNetwork } from '../bench-network.ts';
import { watchBlocks } from '../final-blocks.ts';
import { startLoad, stopLoad } from '../load.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

const TABS = 4;
/** A little load: the question is when there is another leader, not how fast it is. */
const OUTSTANDING = 3;

export function viewChange(report: Report, times: number): Promise<void> {
	const name = `${TABS} tabs, the leader’s tab goes ${times} times`;
	// Nobody is evicted for going.
	const ini = '[timeouts]\nevictionGraceMs = 600000\n';
	return withNetwork({ tabs: TABS, ini }, async (network) => {
		const latencies: number[] = [];
		for (let i = 0; i < times; i++) latencies.push(await oneChange(network));
		report.details[name] = { latencies };
		const sorted = ascending(latencies);
		const { heartbeatMs, viewTimeoutMs } = DEFAULT_TIMING;
		report.add(
			name,
			'p50 to the next final block ÷ heartbeat interval',
			quantile(sorted, 0.5) / heartbeatMs,
			'',
			'≤ 3'
		);
		report.add(
			name,
			'p50 / p95 to the next final block',
			several([quantile(sorted, 0.5), quantile(sorted, 0.95)]),
			'ms'
		);
		report.add(name, 'heartbeat interval / view timeout', several([heartbeatMs, viewTimeoutMs]), 'ms');
	});
}

/** @returns milliseconds from the leader's going to the next final block */
async function oneChange({ pages }: BenchNetwork): Promise<number> {
	const statuses = await Promise.all(
		pages.map((page) => waitFor(page, ({ activity }) => activity === 'voting'))
	);
	const at = statuses.findIndex(({ role }) => role === 'leader');
	const leader = pages[at]!;
	const others = pages.filter((page) => page !== leader);
	await watchBlocks(others[0]!);
	await startLoad(others, OUTSTANDING);
	await waitForValue(
		() => others[0]!.evaluate(() => globalThis.benchLoad.done),
		(done) => done > OUTSTANDING,
		{ what: 'trades before the leader goes' }
	);
	const url = leader.url();
	const { view } = await waitFor(others[0]!, () => true);
	const goneMs = Date.now();
	// As a closed tab, and it can come back as who it was.
	await leader.goto('about:blank');
	const finalMs = await waitForValue(
		() =>
			others[0]!.evaluate(async (before) => {
				// What the old leader had certified may still become final.
				for (const [height, ms] of globalThis.benchFinal)
					if (((await tabwave.chain.block(height)).view ?? 0) > before) return ms;
				return null;
			}, view),
		(ms) => ms !== null,
		{ what: 'a final block of a later view' }
	);
	await stopLoad(others);
	await leader.goto(url);
	await waitForValue(
		() => leader.evaluate(() => 'tabwave' in globalThis),
		(isReady) => isReady
	);
	return finalMs! - goneMs;
}
