import { describe, expect, it } from 'vitest';
import { MINIMUM_GAIN } from '../manager/limits.ts';
import { loadHighsSolver } from '../mechanisms/optimal/highs-solver.ts';
import { optimalMechanism, type OptimalOutcome } from '../mechanisms/optimal/optimal.ts';
import { marketInstance } from '../scenario/market-instance.ts';
import { MarketSimulation } from '../testing/market-simulation.ts';
import { generateAccessPoints } from '../scenario/generate.ts';
import { relaxedBound } from './yardstick.ts';

const optimal = optimalMechanism(await loadHighsSolver());
const optimumOf = (market: Parameters<typeof optimal.clear>[0]): bigint =>
	(optimal.clear(market) as OptimalOutcome).welfare;

describe('the relaxed bound', () => {
	it('is never below the optimum, and is it where everybody may buy from everybody', () => {
		for (let seed = 0; seed < 20; seed++) {
			const market = marketInstance({ seed, size: 6, conflicts: seed % 2 === 0 });
			expect(relaxedBound(market)).toBeGreaterThanOrEqual(optimumOf(market));
			if (seed % 2 === 1) expect(relaxedBound(market)).toBe(optimumOf(market));
		}
	});
});

describe('what trades gain', () => {
	it('falls short of the optimum before them by little, and leaves next to nothing', () => {
		const accessPoints = generateAccessPoints({ seed: 6, count: 40 });
		const simulation = new MarketSimulation({ databases: [accessPoints] });
		simulation.until(() => simulation.view.metrics().aps === 40, 20);
		const before = optimumOf(simulation.view.market());
		const since = simulation.chain.timeMs;
		const soFar = simulation.view.gainedSince(0);
		for (let step = 0; step < 40; step++) simulation.step();
		const gained = simulation.view.gainedSince(0);
		const left = optimumOf(simulation.view.market());
		expect(before).toBeGreaterThan(MINIMUM_GAIN);
		expect(Number(gained - soFar)).toBeGreaterThan(0.9 * Number(before));
		expect(Number(left)).toBeLessThan(0.05 * Number(before));
		expect(simulation.view.gainedSince(since + 1) <= gained).toBe(true);
		expect(simulation.view.gainedSince(Number.MAX_SAFE_INTEGER)).toBe(0n);
	});
});
