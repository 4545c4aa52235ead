/** Final transactions a second under as much load as the network takes, and what each of them costs. */
import type { Page } from 'playwright-core';
import { withNetwork, type BenchNetwork } from '../bench-network.ts';
import { BODY_BYTES, leastCost } from '../bound.ts';
import { calibrateChecks, type Calibration } from '../calibrate.ts';
import { cpuMs, cpuMsByThread } from '../cpu.ts';
import { measureLoad, startLoad, stopLoad, type LoadResult } from '../load.ts';
import { several, type Report } from '../report.ts';
import { bytesSent, checksMade, countChecks } from '../tab-probes.ts';

export interface TradingInit {
	tabs: number;
	partitions: number;
	path: string;
	/** Transfers outstanding in each partition: enough to fill blocks of 500 while others are under way. */
	outstanding: number;
	measureMs: number;
	/** For example '≥ 0.4'. */
	mark?: string;
}

const WARM_UP_MS = 5000;

export function trading(report: Report, machine: Calibration, init: TradingInit): Promise<void> {
	const { tabs, partitions, path, measureMs } = init;
	const name = `${tabs} tabs, ${partitions} partition${partitions > 1 ? 's' : ''}`;
	return withNetwork({ partitions, tabs, path }, async (network) => {
		const { pages } = network;
		// As many as calibrate() has, before and after the load: the machine may do other things by now.
		const checkers = await Promise.all(Array.from({ length: 4 }, () => blankTab(network)));
		const checksBefore = await calibrateChecks(checkers, network.pids);
		await countChecks(pages);
		await startLoad(pages, Math.round((init.outstanding * partitions) / tabs));
		await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
		const before = await counters(network);
		const load = await measureLoad(pages, measureMs);
		const after = await counters(network);
		await stopLoad(pages);
		const checksAfter = await calibrateChecks(checkers, network.pids);
		const { transactions } = load;
		const per = (
			key: 'cpuMs' | 'checks' | 'votes' | 'channels' | 'transports' | 'socket' | 'stored'
		): number => (after[key] - before[key]) / transactions;

		const members = tabs / partitions;
		// Of the two the one that was disturbed less: what the tabs still do after the load would flatter the ratio.
		const lower = (key: 'checkS' | 'checkByClockS'): number => Math.min(checksBefore[key], checksAfter[key]);
		const least = leastCost({ ...machine, checkS: lower('checkS') }, members);
		// The same with what others on this machine take.
		const byClock = leastCost({ ...machine, checkS: lower('checkByClockS') }, members);
		const threads = perThread(before.threads, after.threads, transactions);
		const transferBytes = await bytesOfTransfer(pages[0]!);
		report.details[name] = {
			...load,
			before,
			after,
			checksBefore,
			checksAfter,
			least,
			byClock,
			threads,
			transferBytes
		};

		report.add(name, 'final TPS ÷ bound', load.finalTps / byClock.boundTps, '', init.mark);
		report.add(
			name,
			'least CPU of a transaction ÷ CPU it took',
			(1000 * least.totalS) / per('cpuMs'),
			'',
			init.mark
		);
		report.add(name, 'checks of transactions ÷ (n × final transactions)', per('checks') / members, '', '≤ 1');
		report.add(
			name,
			'bytes on data channels ÷ bytes of bodies to the others, once',
			per('channels') / ((members - 1) * BODY_BYTES),
			'',
			'≤ 1.3'
		);
		report.add(name, 'final TPS', load.finalTps, 'a second');
		report.add(name, 'bound', byClock.boundTps, 'a second');
		report.add(
			name,
			'signature checks of 4 tabs at once, before and after',
			several([checksBefore.checksPerSecond, checksAfter.checksPerSecond]),
			'a second'
		);
		report.add(name, 'p50 / p95 / p99 to final', several([load.p50Ms, load.p95Ms, load.p99Ms]), 'ms');
		report.add(name, 'blocks', load.blocksPerSecond, 'a second');
		report.add(name, 'transactions a block', load.finalTps / load.blocksPerSecond, 'transactions');
		report.add(name, 'failed calls', failuresOf(load), 'calls');
		report.add(name, 'CPU of a final transaction, all processes', per('cpuMs'), 'ms');
		report.add(name, 'checks of votes per final transaction', per('votes'), 'checks');
		report.add(
			name,
			'sent to tabs, and as DTLS carries it',
			several([per('channels'), per('transports')]),
			'B/tx'
		);
		report.add(name, 'sent to the relay', per('socket'), 'B/tx');
		report.add(name, 'stored, of each tab', per('stored') / tabs, 'B/tx');
		report.add(name, 'a transfer with its receipt in a block', transferBytes, 'B');
	});
}

/** A page of the same origin that starts no node. */
async function blankTab({ context, relay }: BenchNetwork): Promise<Page> {
	const page = await context.newPage();
	await page.goto(`${relay.url}/healthz`);
	return page;
}

async function counters({ pages, pids }: BenchNetwork) {
	const checks = await checksMade(pages);
	return {
		cpuMs: cpuMs(pids),
		threads: cpuMsByThread(pids),
		checks: checks.transactions,
		votes: checks.votes,
		...(await bytesSent(pages)),
		// All tabs of a browser share one origin: this is the sum over them.
		stored: await pages[0]!.evaluate(async () => (await navigator.storage.estimate()).usage ?? NaN)
	};
}

/** Where CPU goes, µs per final transaction. */
function perThread(
	before: Map<string, number>,
	after: Map<string, number>,
	transactions: number
): Record<string, number> {
	const entries = [...after].map(
		([thread, ms]) => [thread, ((ms - (before.get(thread) ?? 0)) * 1000) / transactions] as const
	);
	return Object.fromEntries(entries.filter(([, us]) => us >= 1).sort(([, a], [, b]) => b - a));
}

/** Of the fullest of the last blocks, so that headers and certificates weigh little. */
function bytesOfTransfer(page: Page): Promise<number> {
	return page.evaluate(async () => {
		const blocks = await tabwave.chain.blocks({ limit: 20 });
		const sizes = blocks.map(({ sizeBytes, transactions }) => ({ sizeBytes, count: transactions.length }));
		const fullest = sizes.reduce((best, one) => (one.count > best.count ? one : best));
		return fullest.sizeBytes / fullest.count;
	});
}

function failuresOf({ failures }: LoadResult): string {
	const named = Object.entries(failures).map(([name, count]) => `${count} ${name}`);
	return named.join(', ') || '0';
}
