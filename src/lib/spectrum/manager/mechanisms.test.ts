/** Every mechanism on the chain: managers of several nodes that know no more than the final blocks. */
import { expect, it } from 'vitest';
import { OptimalPlanner } from '../mechanisms/optimal/optimal-planner.ts';
import { loadHighsSolver } from '../mechanisms/optimal/highs-solver.ts';
import { optimalMechanism, type OptimalOutcome } from '../mechanisms/optimal/optimal.ts';
import { mechanismNamed, mechanismNames } from '../mechanisms/registry.ts';
import { generateAccessPoints } from '../scenario/generate.ts';
import { MarketSimulation } from '../testing/market-simulation.ts';

const NODES = 3;
const accessPoints = generateAccessPoints({ seed: 6, count: 60 });
const databases = Array.from({ length: NODES }, (_, node) =>
	accessPoints.filter((_ap, i) => i % NODES === node)
);

it.each(mechanismNames())('%s trades, records its name, and breaks no rule', (mechanism) => {
	const simulation = new MarketSimulation({ databases, mechanism });
	expect(simulation.until(() => simulation.view.metrics().trades >= 6, 120)).toBe(true);
	expect(simulation.faults()).toEqual([]);
	expect(new Set(simulation.view.trades().map((trade) => trade.mechanism))).toEqual(new Set([mechanism]));
});

it('optimal trades by a planner, while its solver is elsewhere', async () => {
	const optimal = optimalMechanism(await loadHighsSolver());
	const simulation = new MarketSimulation({
		databases,
		mechanism: 'optimal',
		mechanismNamed: (name) =>
			name === 'optimal'
				? new OptimalPlanner({ clear: (market) => Promise.resolve(optimal.clear(market) as OptimalOutcome) })
				: mechanismNamed(name)
	});
	for (let step = 0; step < 120 && simulation.view.metrics().trades < 6; step++) {
		simulation.step();
		// The answers of this step's solver.
		await Promise.resolve();
	}
	expect(simulation.view.metrics().trades).toBeGreaterThanOrEqual(6);
	expect(simulation.faults()).toEqual([]);
	expect(new Set(simulation.view.trades().map((trade) => trade.mechanism))).toEqual(new Set(['optimal']));
});
