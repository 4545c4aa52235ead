/**
 * Many markets under many mechanisms: one row for each mechanism in each group of markets, and a hash over every single trade by
 * which anybody who runs the same sweep elsewhere sees that the result is the same. The hash leaves out what a solver found,
 * because that depends on how fast a machine is where time was up.
 */
import { sha256 } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import type { Market, Mechanism, Offer } from '../mechanisms/mechanism.ts';
import type { OptimalOutcome } from '../mechanisms/optimal/optimal.ts';
import { jainIndex } from '../view/metrics.ts';
import { conflictsAfter, runRounds } from './rounds.ts';

export interface SweepCase {
	/** Cases of one group make one row. */
	group: string;
	market: Market;
}

export interface SweepContender {
	mechanism: Mechanism;
	/** Rounds one after another over the same market; 1 by default. */
	rounds?: number;
	/** A channel may be shared (`Market.reuse`). */
	reuse?: boolean;
}

export interface SweepOptions {
	cases: Iterable<SweepCase>;
	contenders: readonly SweepContender[];
	/** What the others are measured by; without it there are no ratios. */
	optimum?: (market: Market) => Promise<OptimalOutcome> | OptimalOutcome;
	/** Aborts between two markets. */
	signal?: AbortSignal;
}

export interface SweepRow {
	group: string;
	mechanism: string;
	rounds: number;
	reuse: boolean;
	markets: number;
	/** Welfare over that of the optimum: the mean of the markets, and the least. null where nothing could be gained, or without optimum. */
	ratio: number | null;
	leastRatio: number | null;
	/** Means over markets. */
	trades: number;
	welfare: number;
	revenue: number;
	/** Jain's index over what each buyer gains by the price that it pays. */
	fairness: number;
	/** Over all markets; must be 0. */
	conflictingPairs: number;
}

export interface SweepResult {
	rows: SweepRow[];
	/** Markets whose optimum was not proven in time: their ratios are to a bound, and too low if anything. */
	bounds: number;
	/** SHA-256, lower-case hex. */
	hash: string;
}

export async function runSweep(options: SweepOptions): Promise<SweepResult> {
	const tallies = new Map<string, Tally>();
	const lines: string[] = [];
	let bounds = 0;
	for (const { group, market } of options.cases) {
		options.signal?.throwIfAborted();
		const best = await options.optimum?.(market);
		if (best?.label === 'bound') bounds++;
		for (const { mechanism, rounds = 1, reuse = false } of options.contenders) {
			const given = reuse ? { ...market, reuse } : market;
			const { trades, welfare, revenue } = runRounds(mechanism, given, rounds);
			const tally = tallyOf(tallies, { group, mechanism: mechanism.name, rounds, reuse });
			tally.markets++;
			tally.trades += trades.length;
			tally.welfare += Number(welfare);
			tally.revenue += Number(revenue);
			tally.fairness += jainIndex(gainsOf(market, trades));
			tally.conflictingPairs += conflictsAfter(market, trades).length;
			if (best && best.upperBound > 0n) tally.ratios.push(Number(welfare) / Number(best.upperBound));
			lines.push(JSON.stringify([group, market.seed, mechanism.name, rounds, reuse, allocationOf(trades)]));
		}
	}
	return {
		rows: [...tallies.values()].map(rowOf),
		bounds,
		hash: toHex(sha256(new TextEncoder().encode(lines.join('\n'))))
	};
}

/** Who got what from whom at what price: integers and ids alone, in the order of the ids. */
export function allocationOf(trades: readonly Offer[]): (string | number)[][] {
	return trades
		.map(({ buyer, seller, channel, price }) => [buyer, seller, channel, String(price)])
		.sort(([a], [b]) => (a! < b! ? -1 : 1));
}

/** SHA-256 over an allocation: two engines that made the same have the same. */
export function allocationHash(trades: readonly Offer[]): string {
	return toHex(sha256(new TextEncoder().encode(JSON.stringify(allocationOf(trades)))));
}

type TallyKey = Pick<SweepRow, 'group' | 'mechanism' | 'rounds' | 'reuse'>;

interface Tally extends TallyKey {
	markets: number;
	trades: number;
	welfare: number;
	revenue: number;
	fairness: number;
	conflictingPairs: number;
	ratios: number[];
}

function tallyOf(tallies: Map<string, Tally>, key: TallyKey): Tally {
	const name = `${key.group}/${key.mechanism}/${key.rounds}/${key.reuse}`;
	let tally = tallies.get(name);
	if (!tally) {
		const nothing = { markets: 0, trades: 0, welfare: 0, revenue: 0, fairness: 0, conflictingPairs: 0 };
		tallies.set(name, (tally = { ...key, ...nothing, ratios: [] }));
	}
	return tally;
}

function rowOf({ ratios, markets, ...sums }: Tally): SweepRow {
	const ratio = ratios.length === 0 ? null : ratios.reduce((sum, one) => sum + one, 0) / ratios.length;
	return {
		...sums,
		markets,
		ratio,
		leastRatio: ratios.length === 0 ? null : ratios.reduce((least, one) => Math.min(least, one), Infinity),
		trades: sums.trades / markets,
		welfare: sums.welfare / markets,
		revenue: sums.revenue / markets,
		fairness: sums.fairness / markets
	};
}

function gainsOf(market: Market, trades: readonly Offer[]): number[] {
	const gain = new Map(market.buyers.map(({ site }) => [site.id, 0]));
	const values = new Map(market.buyers.map(({ site, value }) => [site.id, value]));
	for (const { buyer, price } of trades) gain.set(buyer, Number(values.get(buyer)! - price));
	return [...gain.values()];
}
