import { describe, expect, it } from 'vitest';
import { MAX_OCCUPANCY_PPM, type OwnAccessPoint } from '../access-point.ts';
import { generateAccessPoints } from './generate.ts';
import { PROCESS_KINDS, STEPS_PER_DAY, occupancyProcess, type ProcessKind } from './occupancy-process.ts';

const START = generateAccessPoints({ seed: 1, count: 60 }).map((ap) => ({ ...ap, issued: true }));

/** All rows after each step. */
function run(kind: ProcessKind, steps: number, seed = 1): OwnAccessPoint[][] {
	const process = occupancyProcess(kind, seed);
	let rows = START;
	return Array.from({ length: steps }, () => {
		const changed = new Map(process.step(rows).map((ap) => [ap.id, ap]));
		return (rows = rows.map((ap) => changed.get(ap.id) ?? ap));
	});
}

const mean = (rows: readonly OwnAccessPoint[]): number =>
	rows.reduce((sum, ap) => sum + ap.occupancyPpm, 0) / rows.length;

describe.each(PROCESS_KINDS)('%s', (kind) => {
	it('is the same for the same seed, and touches demand and idle channels alone', () => {
		const rows = run(kind, 30);
		expect(run(kind, 30)).toEqual(rows);
		if (kind !== 'steady') expect(run(kind, 30, 2)).not.toEqual(rows);
		for (const row of rows[29]!) {
			const before = START.find(({ id }) => id === row.id)!;
			expect({ ...row, occupancyPpm: 0, idleChannels: [] }).toEqual({
				...before,
				occupancyPpm: 0,
				idleChannels: []
			});
			expect(Number.isSafeInteger(row.occupancyPpm)).toBe(true);
			expect(row.occupancyPpm).toBeGreaterThanOrEqual(0);
			expect(row.occupancyPpm).toBeLessThanOrEqual(MAX_OCCUPANCY_PPM);
		}
	});

	it('leaves alone what is not issued', () => {
		expect(occupancyProcess(kind, 1).step(START.map((ap) => ({ ...ap, issued: false })))).toEqual([]);
	});
});

it('daily comes back to where it was a day before', () => {
	const rows = run('daily', 2 * STEPS_PER_DAY);
	for (let hour = 0; hour < STEPS_PER_DAY; hour++)
		expect(Math.abs(mean(rows[hour]!) - mean(rows[hour + STEPS_PER_DAY]!))).toBeLessThan(30_000);
	expect(mean(rows[17]!)).toBeGreaterThan(mean(rows[5]!) * 2);
});

it('bursts are busy for about a quarter of the time', () => {
	const rows = run('bursts', 400).slice(50);
	const busy = rows.flat().filter((ap) => ap.occupancyPpm > 500_000).length / (rows.length * START.length);
	expect(busy).toBeGreaterThan(0.2);
	expect(busy).toBeLessThan(0.3);
});

it('walk stays near its own mean, and moves', () => {
	const rows = run('walk', 400);
	for (const [i, ap] of START.entries()) {
		const own = rows.map((all) => all[i]!.occupancyPpm);
		const average = own.reduce((sum, ppm) => sum + ppm, 0) / own.length;
		expect(Math.abs(average - ap.occupancyPpm)).toBeLessThan(120_000);
		expect(new Set(own).size).toBeGreaterThan(50);
	}
});

it('spreads a demand over the channels that are held by then', () => {
	const [ap] = START.filter(({ channels }) => channels.length === 1);
	const process = occupancyProcess('steady', 1);
	expect(process.step([ap!])).toEqual([]);
	const [more] = process.step([{ ...ap!, channels: [...ap!.channels, 161] }]);
	expect(more!.occupancyPpm).toBe(Math.floor(ap!.occupancyPpm / 2));
});
