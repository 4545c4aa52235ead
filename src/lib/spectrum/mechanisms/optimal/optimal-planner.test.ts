import { describe, expect, it } from 'vitest';
import { marketInstance } from '../../scenario/market-instance.ts';
import { greedyMechanism } from '../greedy.ts';
import type { Market } from '../mechanism.ts';
import { loadHighsSolver } from './highs-solver.ts';
import { optimalMechanism, type OptimalOutcome } from './optimal.ts';
import { OptimalPlanner } from './optimal-planner.ts';
import { SolverError } from './solver.ts';

const market = marketInstance({ seed: 3, size: 8, conflicts: true });
const optimal = optimalMechanism(await loadHighsSolver());

/** A solver that answers when the test says so. */
function held(): {
	planner: OptimalPlanner;
	asked: Market[];
	answer: (label?: 'bound' | 'nothing') => Promise<void>;
	errors: Error[];
} {
	const asked: Market[] = [];
	const errors: Error[] = [];
	let settle: ((label?: 'bound' | 'nothing') => void) | undefined;
	const planner = new OptimalPlanner({
		clear: (about) => {
			asked.push(about);
			return new Promise((resolve, reject) => {
				settle = (label) => {
					const outcome = optimal.clear(about) as OptimalOutcome;
					if (about.seed === 13) reject(new Error('out of memory'));
					else if (label === 'nothing') resolve({ ...outcome, label: 'bound', trades: [], welfare: 0n });
					else resolve({ ...outcome, label: label ?? outcome.label });
				};
			});
		},
		onError: (error) => errors.push(error)
	});
	return {
		planner,
		asked,
		errors,
		answer: async (label) => {
			settle!(label);
			await Promise.resolve();
			await Promise.resolve();
		}
	};
}

describe('planner', () => {
	it('offers nothing until the answer is there, then the optimum, and asks once about one market', async () => {
		const { planner, asked, answer } = held();
		expect(planner.offers(market)).toEqual([]);
		expect(planner.offers(market)).toEqual([]);
		await answer();
		expect(planner.offers(market)).toEqual(optimal.offers(market));
		expect(planner.name).toBe('optimal');
		expect(asked).toHaveLength(1);
	});

	it('offers what of the last plan still holds while the market moves on', async () => {
		const { planner, asked, answer } = held();
		planner.offers(market);
		await answer();
		const [first, ...rest] = planner.offers(market);
		const without = { ...market, buyers: market.buyers.filter(({ site }) => site.id !== first!.buyer) };
		expect(planner.offers(without)).toEqual(rest);
		expect(asked).toHaveLength(2);
		const reserved = new Set([`${first!.seller}/${first!.channel}`]);
		expect(planner.offers({ ...market, reserved })).toEqual(rest);
		const poorer = { ...market, buyers: market.buyers.map((buyer) => ({ ...buyer, value: 0n })) };
		expect(planner.offers(poorer)).toEqual([]);
	});

	it('says on the chain where time was up', async () => {
		const { planner, answer } = held();
		planner.offers(market);
		await answer('bound');
		expect(planner.name).toBe('optimal-bound');
	});

	it('goes by greedy while a solver falls over, says so, and asks again', async () => {
		const { planner, asked, answer, errors } = held();
		planner.offers({ ...market, seed: 13 });
		await answer();
		expect(errors[0]).toBeInstanceOf(SolverError);
		expect(planner.offers(market)).toEqual(greedyMechanism.offers(market));
		expect(planner.name).toBe('greedy');
		expect(asked).toHaveLength(2);
		await answer();
		expect(planner.offers(market)).toEqual(optimal.offers(market));
		expect(planner.name).toBe('optimal');
	});

	it('goes by greedy where time was up before anything as good was found, and does not ask about that market again', async () => {
		const { planner, asked, answer, errors } = held();
		planner.offers(market);
		await answer('nothing');
		expect(planner.offers(market)).toEqual(greedyMechanism.offers(market));
		expect(planner.name).toBe('greedy');
		expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('in time')]);
		expect(asked).toHaveLength(1);
	});
});
