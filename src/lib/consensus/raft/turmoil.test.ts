import { describe, expect, it } from 'vitest';
import { World, type Counts, type Turmoil } from './testing/turmoil.ts';

/** TURMOIL_SEEDS=1000 or TURMOIL_SEEDS=84…84 runs others. */
const [FIRST, LAST] = seedsOf(process.env.TURMOIL_SEEDS ?? '300');
const TICKS = 300;

describe('a cluster in turmoil', () => {
	it('is safe all the time, and decides again when the faults stop', () => {
		const total: Partial<Counts> = {};
		for (let seed = FIRST; seed <= LAST; seed++) {
			const { world, describe: setting } = worldOf(seed);
			try {
				world.run(TICKS);
				world.heal();
			} catch (error) {
				throw new Error(`seed ${seed} (${setting}): ${(error as Error).message}`, { cause: error });
			}
			for (const [kind, count] of Object.entries(world.counts) as [keyof Counts, number][])
				total[kind] = (total[kind] ?? 0) + count;
		}
		// A fault that never happened was not survived.
		if (process.env.TURMOIL_SEEDS) console.table(total);
		else for (const [kind, count] of Object.entries(total)) expect(count, kind).toBeGreaterThan(50);
	});
});

/** Each seed has its own size and its own share of each fault; every fourth has one kind of trouble alone. */
function worldOf(seed: number): { world: World; describe: string } {
	const random = seededRandom(seed);
	const voters = [1, 2, 3, 3, 5, 5][Math.floor(random() * 6)]!;
	const spares = Math.floor(random() * 3);
	const share = (most: number): number => random() * most;
	const turmoil: Turmoil = {
		loss: share(0.3),
		duplication: share(0.2),
		maxDelayTicks: 1 + Math.floor(share(8)),
		cuts: share(0.03),
		freezes: share(0.02),
		crashes: share(0.01),
		proposals: share(0.6),
		changes: share(0.05),
		transfers: share(0.02),
		stalls: share(0.1)
	};
	if (seed % 4 === 0) Object.assign(turmoil, { loss: 0, crashes: 0, duplication: 0, freezes: 0 });
	return {
		world: new World(random, voters, spares, turmoil),
		describe: JSON.stringify({ voters, spares, ...turmoil })
	};
}

function seedsOf(text: string): [number, number] {
	const [first, last] = text.split('…').map(Number);
	return last === undefined ? [1, first!] : [first!, last];
}

/** mulberry32 */
function seededRandom(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = state;
		mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}
