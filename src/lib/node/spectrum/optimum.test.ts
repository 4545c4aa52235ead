import { afterEach, describe, expect, it } from 'vitest';
import { marketInstance } from '../../spectrum/scenario/market-instance.ts';
import { loadHighsSolver } from '../../spectrum/mechanisms/optimal/highs-solver.ts';
import { optimalMechanism, type OptimalOutcome } from '../../spectrum/mechanisms/optimal/optimal.ts';
import type {
	SolveReply,
	SolveRequest,
	SolverWorker
} from '../../spectrum/mechanisms/optimal/optimum-service.ts';
import type { Market } from '../../spectrum/mechanisms/mechanism.ts';
import type { Clock } from '../clock.ts';
import {
	COMPLAINT_INTERVAL_MS,
	GAIN_WINDOW_MS,
	MAX_OPTIMUM_PAIRS,
	MEASURE_INTERVAL_MS,
	Optimum,
	SOLVER_PAUSE_MS
} from './optimum.ts';

const market = marketInstance({ seed: 3, size: 8, conflicts: true });
const solve = await loadHighsSolver();
const best = optimalMechanism(solve).clear(market) as OptimalOutcome;

/** The solver, here and now, on a clock that the test turns. */
class World implements Clock {
	nowMs = 1_000_000;
	starts = 0;
	solved = 0;
	answers: (request: SolveRequest) => SolveReply = ({ program }) => ({ answer: solve(program, 10_000) });
	readonly lines: string[] = [];
	readonly optimum: Optimum;

	constructor(withSolver = true) {
		this.optimum = new Optimum({
			startSolver: withSolver ? () => this.#start() : undefined,
			clock: this,
			log: (_level, message) => this.lines.push(message)
		});
	}

	#start(): SolverWorker {
		this.starts++;
		let reply: (reply: SolveReply) => void = () => {};
		return {
			post: (request) => {
				this.solved++;
				queueMicrotask(() => reply(this.answers(request)));
			},
			listen: (onReply) => (reply = onReply),
			terminate: () => {}
		};
	}

	now(): number {
		return this.nowMs;
	}
	every(): () => void {
		return () => {};
	}
	after(): () => void {
		return () => {};
	}

	async measure(height: number, about: Market = market, gained = 0n) {
		const measured = { height, market: () => about, gainedSince: () => gained };
		this.optimum.measure(measured);
		await settled();
		return this.optimum.last(measured);
	}
}

/** All that an answer of this test's solver sets off. */
async function settled(): Promise<void> {
	for (let i = 0; i < 20; i++) await Promise.resolve();
}

let world: World;
afterEach(() => world.optimum.stop());

describe('the yardstick', () => {
	it('says what is left beside what was gained, and 1 where nothing is left', async () => {
		world = new World();
		expect(await world.measure(7, market, best.welfare)).toEqual({
			height: 7,
			label: 'optimal',
			left: best.welfare.toString(),
			gained: best.welfare.toString(),
			welfareRatio: 0.5
		});
		world.nowMs += MEASURE_INTERVAL_MS;
		expect(await world.measure(8, { ...market, buyers: [] })).toMatchObject({ left: '0', welfareRatio: 1 });
	});

	it('starts nothing before it is asked, and measures no more often than its interval and the market allow', async () => {
		world = new World();
		expect(world.optimum.last({ gainedSince: () => 0n })).toBeNull();
		expect([world.starts, world.optimum.state]).toEqual([0, 'idle']);
		await world.measure(1);
		await world.measure(2);
		expect(world.solved).toBe(1);
		world.nowMs += MEASURE_INTERVAL_MS;
		await world.measure(1);
		expect(world.solved).toBe(1);
		await world.measure(2);
		expect([world.starts, world.solved]).toEqual([1, 2]);
	});

	it('counts what was gained in the window that ends now', async () => {
		world = new World();
		await world.measure(1);
		const asked: number[] = [];
		world.nowMs += 500;
		world.optimum.last({ gainedSince: (timeMs) => (asked.push(timeMs), -5n) });
		expect(asked).toEqual([world.nowMs - GAIN_WINDOW_MS]);
		// Trades at a loss are none that count.
		expect(world.optimum.last({ gainedSince: () => -5n })).toMatchObject({ gained: '0', welfareRatio: 0 });
	});

	it('is a bound that no allocation passes where the market is too big to be solved', async () => {
		world = new World();
		const copies = Math.ceil(MAX_OPTIMUM_PAIRS / (market.buyers.length * 8)) + 1;
		const many = { ...market, buyers: Array.from({ length: copies }, () => market.buyers).flat() };
		const found = await world.measure(1, many);
		expect(found).toMatchObject({ label: 'bound' });
		expect(BigInt(found!.left)).toBeGreaterThanOrEqual(best.welfare);
		expect(world.starts).toBe(0);
	});

	it('says that the solver failed, once, leaves it alone for a while, and gets well', async () => {
		world = new World();
		const { answers } = world;
		world.answers = () => ({ error: 'out of memory' });
		expect(await world.measure(1)).toBeNull();
		expect(world.optimum.state).toBe('failed');
		for (let i = 0; i < 3; i++) {
			world.nowMs += MEASURE_INTERVAL_MS;
			await world.measure(2);
		}
		expect(world.solved).toBe(1);
		expect(world.lines).toEqual(['Solver: the optimum is not known: out of memory']);
		world.answers = answers;
		world.nowMs += SOLVER_PAUSE_MS;
		expect(await world.measure(2)).toMatchObject({ label: 'optimal' });
		expect(world.optimum.state).toBe('idle');
	});

	it('is none where the node has no solver', async () => {
		world = new World(false);
		expect(await world.measure(1)).toBeNull();
		expect(world.optimum.state).toBe('none');
	});
});

describe('the planner', () => {
	it('offers the optimum', async () => {
		world = new World();
		const planner = world.optimum.planner();
		planner.offers(market);
		await settled();
		expect(new Set(planner.offers(market))).toEqual(new Set(optimalMechanism(solve).offers(market)));
		expect([planner.name, world.lines]).toEqual(['optimal', []]);
	});

	it('goes on by greedy where the solver fails, with one line for each reason and minute', async () => {
		world = new World();
		world.answers = () => ({ error: 'out of memory' });
		const planner = world.optimum.planner();
		for (let i = 0; i < 5; i++) {
			planner.offers(market);
			await settled();
		}
		expect(planner.name).toBe('greedy');
		expect(world.solved).toBe(1);
		expect(world.lines).toEqual(['Solver: out of memory; the market goes on by greedy']);
		world.nowMs += COMPLAINT_INTERVAL_MS;
		planner.offers(market);
		await settled();
		expect([world.solved, world.lines.length]).toEqual([2, 2]);
	});
});
