import { describe, expect, it } from 'vitest';
import { worldOf, type Counts } from './testing/turmoil.ts';

/** TURMOIL_SEEDS=1000 or TURMOIL_SEEDS=84…84 runs others. */
const [FIRST, LAST] = seedsOf(process.env.TURMOIL_SEEDS ?? '300');
const TICKS = 250;

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
	}, 600_000);
});

function seedsOf(text: string): [number, number] {
	const [first, last] = text.split('…').map(Number);
	return last === undefined ? [1, first!] : [first!, last];
}
