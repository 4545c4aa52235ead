import { expect, it } from 'vitest';
import { knownAt, nearestTo } from './series-reading.ts';

it('finds the nearest time, the earlier one of two', () => {
	const times = [100, 200, 200, 400];
	expect([0, 100, 149, 150, 151, 200, 301, 1e9].map((at) => nearestTo(times, at))).toEqual([
		0, 0, 0, 0, 1, 1, 3, 3
	]);
	expect(nearestTo([], 5)).toBeNull();
});

it('has the last value that was measured until then', () => {
	const values = [null, 1, null, 3, null];
	expect([0, 1, 2, 3, 4, 9].map((index) => knownAt(values, index))).toEqual([null, 1, 1, 3, 3, 3]);
	expect(knownAt([], 0)).toBeNull();
});
