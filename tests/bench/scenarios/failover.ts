/** The active replica of the Booter is killed in the middle of trades: how long until the next final block, in a later term. */
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import type { Health } from '../../../relay/http/server.ts';
import type { RelayProcess } from '../../browser/harness/relay-process.ts';
import { waitFor, waitForValue } from '../../browser/harness/tabs.ts';
import { withNetwork, type BenchNetwork } from '../bench-network.ts';
import { finalAfter, watchBlocks } from '../final-blocks.ts';
import { startLoad, stopLoad } from '../load.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

const TABS = 4;
const REPLICAS = 3;
/** A little load: the question is when the next one orders, not how fast it does. */
const OUTSTANDING = 3;

export function failover(report: Report, times: number): Promise<void> {
	const name = `${TABS} tabs, the active one of ${REPLICAS} replicas killed ${times} times`;
	return withNetwork({ tabs: TABS, replicas: REPLICAS }, async (network) => {
		const latencies: number[] = [];
		for (let i = 0; i < times; i++) latencies.push(await oneKill(network));
		report.details[name] = { latencies };
		const sorted = ascending(latencies);
		const { booterElectionMs, booterHeartbeatMs } = DEFAULT_TIMING;
		const [p50, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)];
		// Each replica draws its own, between once and twice the least (R19).
		const longestMs = 2 * booterElectionMs;
		report.add(
			name,
			'p50 / p95 to the next final block ÷ longest election timeout',
			several([p50 / longestMs, p95 / longestMs], 2),
			'',
			'≤ 2'
		);
		report.add(name, 'p50 / p95 to the next final block', several([p50, p95]), 'ms');
		report.add(name, 'election timeout, least / longest', several([booterElectionMs, longestMs]), 'ms');
		report.add(name, 'heartbeat interval of the active replica', booterHeartbeatMs, 'ms');
	});
}

/** @returns milliseconds from the kill to the first final block of a later term */
async function oneKill({ pages, replicas }: BenchNetwork): Promise<number> {
	const statuses = await Promise.all(
		pages.map((page) =>
			waitFor(
				page,
				({ activity, relays, booter }) =>
					activity === 'voting' && booter.active !== null && relays.every(({ path }) => path === 'direct'),
				{ what: 'a link to every replica' }
			)
		)
	);
	await Promise.all(replicas.map(linkedToAll));
	const { active, term } = statuses[0]!.booter;
	const victim = replicas.find(({ id }) => id === active)!;
	await watchBlocks(pages[0]!);
	await startLoad(pages, OUTSTANDING);
	await waitForValue(
		() => pages[0]!.evaluate(() => globalThis.benchLoad.done),
		(done) => done > OUTSTANDING,
		{ what: 'trades before the kill' }
	);
	const killedMs = Date.now();
	await victim.kill();
	const finalMs = await finalAfter(pages[0]!, 'term', term);
	await stopLoad(pages);
	await victim.start();
	return finalMs - killedMs;
}

/** Waits until a replica has a link to each other one: without it, the one that was killed last would be missing as well. */
async function linkedToAll({ url }: RelayProcess): Promise<void> {
	await waitForValue(
		async () => ((await (await fetch(`${url}/healthz`)).json()) as Health).replicas,
		(replicas) => replicas.every(({ state }) => state === 'self' || state === 'linked'),
		{ what: 'a replica that is linked to all others' }
	);
}
