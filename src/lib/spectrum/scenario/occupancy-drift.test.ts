import { expect, it } from 'vitest';
import { BUY_AT_PPM, SELL_AT_PPM, type OwnAccessPoint } from '../access-point.ts';
import { generateAccessPoints } from './generate.ts';
import { OccupancyDrift } from './occupancy-drift.ts';

function issued(count: number): OwnAccessPoint[] {
	return generateAccessPoints({ seed: 1, count }).map((ap) => ({ ...ap, issued: true }));
}

it('moves demand of a few issued access points a step, the same for the same seed', () => {
	const accessPoints = issued(20);
	const changed = new OccupancyDrift({ seed: 1, changesPerStep: 3 }).step(accessPoints);
	expect(changed).toHaveLength(3);
	expect(new OccupancyDrift({ seed: 1, changesPerStep: 3 }).step(accessPoints)).toEqual(changed);
	expect(new OccupancyDrift({ seed: 2, changesPerStep: 3 }).step(accessPoints)).not.toEqual(changed);
	expect(new OccupancyDrift({ seed: 1 }).step(generateAccessPoints({ seed: 1, count: 5 }))).toEqual([]);
});

it('touches demand and idle channels, nothing that the chain decides', () => {
	const accessPoints = issued(20);
	const drift = new OccupancyDrift({ seed: 4 });
	let buyers = 0;
	let sellers = 0;
	for (let step = 0; step < 100; step++)
		for (const changed of drift.step(accessPoints)) {
			const before = accessPoints.find(({ id }) => id === changed.id)!;
			expect({ ...changed, occupancyPpm: 0, idleChannels: [] }).toEqual({
				...before,
				occupancyPpm: 0,
				idleChannels: []
			});
			expect(changed.idleChannels.every((channel) => changed.channels.includes(channel))).toBe(true);
			if (changed.occupancyPpm >= BUY_AT_PPM) buyers++;
			if (changed.occupancyPpm <= SELL_AT_PPM && changed.idleChannels.length > 0) sellers++;
		}
	expect(buyers).toBeGreaterThan(20);
	expect(sellers).toBeGreaterThan(20);
});
