/** The samples of one node, for as long as the page lives: going to another page and back loses none. */
import type { SpectrumMetrics, TabwaveApi } from '#lib/node/api.ts';
import type { ApInfo, TradeInfo } from '../types.ts';
import { sampleNow, samplesOfTrades, thinned, type MeasureSample } from './measure-log.ts';

/** A market at rest is looked at this often. */
const LEAST_EVERY_MS = 5000;

export class MeasureHistory {
	/** Oldest first. */
	samples = $state.raw<readonly MeasureSample[]>([]);

	take(
		metrics: SpectrumMetrics,
		aps: readonly ApInfo[],
		trades: readonly TradeInfo[],
		now: { timeMs: number; height: number; capacityBitsPerSecond: number | null }
	): void {
		const last = this.samples.at(-1);
		if (last && last.trades === metrics.trades && now.timeMs - last.timeMs < LEAST_EVERY_MS) return;
		// Where trades became final while nobody looked, they tell of themselves.
		const between = samplesOfTrades(aps, trades, metrics).filter(
			(sample) => sample.timeMs > (last?.timeMs ?? -Infinity) && sample.timeMs < now.timeMs
		);
		this.samples = thinned([...this.samples, ...between, sampleNow(metrics, trades, now)]);
	}
}

const histories = new WeakMap<TabwaveApi, MeasureHistory>();

export function measureHistory(api: TabwaveApi): MeasureHistory {
	let history = histories.get(api);
	if (!history) histories.set(api, (history = new MeasureHistory()));
	return history;
}
