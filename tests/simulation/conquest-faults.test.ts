/** Partitions wholly under the adversary, up to b of them: the others agree and go on (R1, R9, R11, R14). */
import { describe, expect, it } from 'vitest';
import { later, replaceNexts } from './booter-lies.ts';
import { Rival } from './booter-rival.ts';
import { CONQUEST_FAULTS } from './conquest-faults.ts';
import { seededRandom } from './random.ts';
import { runScenario, type FaultName } from './scenario.ts';
import { rerunLine, runSeed } from './seeds.ts';
import { QUIET, World } from './world.ts';

/** Longer searches have a command of their own: npm run simulate -- --kind conquest. */
const SEEDS = 8;

it(
	`seeds 1…${SEEDS}: no fork, and the ledger goes on without whom the adversary holds`,
	{ timeout: 120_000 },
	async () => {
		for (let seed = 1; seed <= SEEDS; seed++) {
			const outcome = await runSeed(seed, 'conquest', 5000);
			expect(outcome.failure, rerunLine(outcome, 'conquest')).toBeNull();
		}
	}
);

describe('each row of it', () => {
	const run = (name: FaultName, partitions: number[]) =>
		runScenario({
			seed: 5,
			partitions,
			booters: 1,
			faults: { ...QUIET },
			transfersPerSecond: 10,
			maxClockSkewMs: 0,
			durationMs: 5000,
			events: [{ atMs: 2000, name, lastsMs: 2500 }]
		});

	it.each(Object.keys(CONQUEST_FAULTS) as (keyof typeof CONQUEST_FAULTS)[])(
		'%s: the ledger comes through',
		{ timeout: 60_000 },
		async (name) => {
			const outcome = await run(name, [2, 1, 1, 1]);
			expect(outcome.failure, outcome.failure?.message).toBeNull();
			expect(outcome.happened[name]).toBe(1);
			expect(outcome.height).toBeGreaterThan(5);
		}
	);

	it('happens to no partition of three: none of them may be under the adversary', async () => {
		const outcome = await run('a whole partition is silent', [1, 1, 1]);
		expect(outcome.failure).toBeNull();
		expect(outcome.happened['a whole partition is silent']).toBeUndefined();
	});
});

describe('a Booter that says two things, and partitions that vote for both', () => {
	/** One of the sound partitions is told another order than the rest. */
	async function conspiracy(beyondBound: number): Promise<World> {
		const world = new World({
			seed: 1,
			partitions: [1, 1, 1, 1],
			faults: { ...QUIET },
			transfersPerSecond: 10,
			maxClockSkewMs: 0,
			beyondBound
		});
		await world.start();
		await world.run(20_000, () => world.tabs.every(({ joined }) => joined));
		const random = seededRandom(1);
		while (world.conquered.size < 1 + beyondBound)
			await CONQUEST_FAULTS['a whole partition votes for everything'].begin(world, random);
		const fooled = world.tabs.find(({ id }) => !world.liars.has(id))!;
		new Rival(world);
		replaceNexts(world, ({ to }) => to === fooled.id, later(1n));
		return world;
	}

	it('do not fork the ledger while they are b', async () => {
		const world = await conspiracy(0);
		await world.run(6000);
	});

	it('fork it when they are one more: what holds is the bound, and not luck', async () => {
		const world = await conspiracy(1);
		await expect(world.run(6000)).rejects.toThrow(/^agreement/);
	});
});
