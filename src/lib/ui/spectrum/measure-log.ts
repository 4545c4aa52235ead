/**
 * Measures over time, kept for as long as the page lives and bounded: what trades tell is known back to the oldest trade that is
 * kept, the rest from the moment at which this page first looked.
 */
import { welfareOfTrade } from '#lib/node/study/study.ts';
import type { SpectrumMetrics } from '#lib/node/api.ts';
import type { ApInfo, TradeInfo } from '../types.ts';

/** null where it was not measured. */
export interface MeasureSample {
	timeMs: number;
	height: number;
	/** Final trades. */
	trades: number | null;
	/** Prices paid in all. */
	revenue: number | null;
	/** what the trades that are kept gained in all, as mechanisms count it. */
	welfare: number | null;
	/** What the trades of the last minute gained, and what the best ones would have. */
	gained: number | null;
	best: number | null;
	jain: number | null;
	conflicts: number | null;
	/** 5th percentile of what users of an access point get, Mb/s. */
	capacityMbps: number | null;
	p50Ms: number | null;
	p95Ms: number | null;
}

/** A chart of a projector's width has fewer pixels. */
export const MAX_SAMPLES = 600;

/** Old samples make room by halves: the newest quarter stays as it is. */
export function thinned(samples: readonly MeasureSample[]): MeasureSample[] {
	if (samples.length <= MAX_SAMPLES) return [...samples];
	const old = Math.floor(samples.length * 0.75);
	return samples.filter((_, index) => index >= old || index % 2 === 0);
}

/** Oldest first, one for each trade that is kept. @param trades - newest first */
export function samplesOfTrades(
	aps: readonly Pick<ApInfo, 'id' | 'channels' | 'registeredHeight'>[],
	trades: readonly TradeInfo[],
	metrics: Pick<SpectrumMetrics, 'trades' | 'revenue'>
): MeasureSample[] {
	const held = new Map(aps.map((ap) => [ap.id, ap.channels.length]));
	const byAge = aps.toSorted((a, b) => b.registeredHeight - a.registeredHeight);
	let sum = 0;
	let squares = 0;
	for (const count of held.values()) {
		sum += count;
		squares += count * count;
	}
	const change = (id: string, by: number): void => {
		const count = held.get(id);
		if (count === undefined) return;
		sum += by;
		squares += (count + by) ** 2 - count ** 2;
		held.set(id, count + by);
	};
	let count = metrics.trades;
	let revenue = Number(metrics.revenue);
	let welfare = trades.reduce((total, trade) => total + Number(welfareOfTrade(trade)), 0);
	let youngest = 0;
	const samples: MeasureSample[] = [];
	for (const trade of trades) {
		// Who registered later was not there yet.
		while ((byAge[youngest]?.registeredHeight ?? 0) > trade.height) {
			const { id } = byAge[youngest++]!;
			const had = held.get(id) ?? 0;
			sum -= had;
			squares -= had * had;
			held.delete(id);
		}
		samples.push({
			...NOTHING,
			timeMs: trade.time,
			height: trade.height,
			trades: count,
			revenue,
			welfare,
			jain: squares === 0 ? null : (sum * sum) / (held.size * squares)
		});
		count--;
		revenue -= Number(trade.price);
		welfare -= Number(welfareOfTrade(trade));
		change(trade.buyerAp, -1);
		change(trade.sellerAp, 1);
	}
	return samples.reverse();
}

/** As it is now. */
export function sampleNow(
	metrics: SpectrumMetrics,
	trades: readonly TradeInfo[],
	now: { timeMs: number; height: number; capacityBitsPerSecond: number | null }
): MeasureSample {
	const { optimum } = metrics;
	return {
		timeMs: now.timeMs,
		height: now.height,
		trades: metrics.trades,
		revenue: Number(metrics.revenue),
		welfare: trades.reduce((total, trade) => total + Number(welfareOfTrade(trade)), 0),
		gained: optimum ? Number(optimum.gained) : null,
		best: optimum ? Number(optimum.gained) + Number(optimum.left) : null,
		jain: metrics.jainIndex,
		conflicts: metrics.conflictingPairs,
		capacityMbps: now.capacityBitsPerSecond === null ? null : now.capacityBitsPerSecond / 1e6,
		p50Ms: metrics.bidToFinalMs?.p50 ?? null,
		p95Ms: metrics.bidToFinalMs?.p95 ?? null
	};
}

const NOTHING = {
	gained: null,
	best: null,
	conflicts: null,
	capacityMbps: null,
	p50Ms: null,
	p95Ms: null
};
