import { describe, expect, it } from 'vitest';
import type { SpectrumMetrics } from '#lib/node/api.ts';
import { MAX_SAMPLES, sampleNow, samplesOfTrades, thinned, type MeasureSample } from './measure-log.ts';
import { accessPoint, testTrade } from './test-aps.ts';

const metrics: SpectrumMetrics = {
	aps: 3,
	bids: 4,
	trades: 7,
	revenue: '900',
	conflictingPairs: 0,
	jainIndex: 0.9,
	bidToFinalMs: { p50: 800, p95: 1500 },
	meanOccupancyPpm: 500_000,
	mechanism: 'greedy',
	optimum: { height: 9, label: 'optimal', left: '250', gained: '750', welfareRatio: 0.75 },
	solver: 'idle',
	conflictDistancePercent: 100
};

/** The buyer had one channel and 900,000 ppm, the seller two and 50,000: 450 less 50, less the least gain of 50. */
const WELFARE = 350;

describe('samplesOfTrades', () => {
	const aps = [
		accessPoint({ id: 'b', channels: [36, 40], registeredHeight: 1 }),
		accessPoint({ id: 's', channels: [44], registeredHeight: 1 }),
		accessPoint({ id: 'late', channels: [48], registeredHeight: 6 })
	];

	it('goes back from now: what each trade found and left', () => {
		const trades = [
			testTrade({ id: 'second', height: 7, time: 7000, channel: 40, price: '200' }),
			testTrade({ id: 'first', height: 5, time: 5000, channel: 40, buyerAp: 's', sellerAp: 'b' })
		];
		const samples = samplesOfTrades(aps, trades, metrics);
		expect(samples.map(({ timeMs, trades: count, revenue }) => [timeMs, count, revenue])).toEqual([
			[5000, 6, 700],
			[7000, 7, 900]
		]);
		expect(samples.map(({ welfare }) => welfare)).toEqual([WELFARE, 2 * WELFARE]);
		// After the second: 2, 1 and 1 channels. After the first, before the third came: 1 and 2.
		expect(samples[1]!.jain).toBeCloseTo(16 / (3 * 6), 9);
		expect(samples[0]!.jain).toBeCloseTo(9 / (2 * 5), 9);
		expect(samples[0]!.conflicts).toBeNull();
	});

	it('has nothing without trades', () => {
		expect(samplesOfTrades(aps, [], metrics)).toEqual([]);
	});
});

describe('sampleNow', () => {
	it('has the optimum where it is known', () => {
		const now = { timeMs: 1, height: 2, capacityBitsPerSecond: 5e6 };
		expect(sampleNow(metrics, [testTrade({})], now)).toMatchObject({
			gained: 750,
			best: 1000,
			welfare: WELFARE,
			capacityMbps: 5,
			p50Ms: 800,
			p95Ms: 1500
		});
		expect(
			sampleNow({ ...metrics, optimum: null, bidToFinalMs: null }, [], {
				...now,
				capacityBitsPerSecond: null
			})
		).toMatchObject({ gained: null, best: null, capacityMbps: null, p50Ms: null });
	});
});

describe('thinned', () => {
	it('keeps the newest as they are, and the bound', () => {
		const samples = Array.from({ length: MAX_SAMPLES + 1 }, (_, timeMs) => ({ timeMs }) as MeasureSample);
		const kept = thinned(samples);
		expect(kept.length).toBeLessThanOrEqual(MAX_SAMPLES);
		expect(kept.slice(-100)).toEqual(samples.slice(-100));
		expect(kept[0]).toBe(samples[0]);
		expect(thinned(samples.slice(1))).toHaveLength(MAX_SAMPLES);
	});
});
