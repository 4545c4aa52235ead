import { describe, expect, it } from 'vitest';
import { isFlat, leastSquares } from './flatness.ts';

const minutes = Array.from({ length: 60 }, (_, i) => i);
/** Up and down by one, with no trend over an even number of samples. */
const noisy = (slope: number): [number, number][] =>
	minutes.map((x) => [x, 20 + slope * x + (x % 2 ? 1 : -1)]);

describe('the line of least squares', () => {
	it('is the line where the points are on one', () => {
		const { slope, slopeError } = leastSquares(minutes.map((x) => [x, 3 + 0.25 * x]));
		expect(slope).toBeCloseTo(0.25, 10);
		expect(slopeError).toBeCloseTo(0, 10);
	});

	it('has the slope and the error of a textbook example', () => {
		// Anscombe's first: slope 0.500, standard error 0.118.
		const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
		const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
		const { slope, slopeError } = leastSquares(x.map((at, i) => [at, y[i]!]));
		expect(slope).toBeCloseTo(0.5, 3);
		expect(slopeError).toBeCloseTo(0.118, 3);
	});

	it('says nothing of two points', () => {
		const { slopeError } = leastSquares([
			[0, 1],
			[1, 9]
		]);
		expect(slopeError).toBe(Infinity);
	});
});

describe('flat', () => {
	it.each<[string, number, boolean]>([
		['does not move', 0, true],
		['shrinks', -1, true],
		['grows within the bound', 0.09, true],
		['grows beyond it', 0.11, false],
		['grows much', 2, false]
	])('of what %s', (_what, slope, flat) => {
		expect(isFlat(leastSquares(noisy(slope)), 0.1)).toBe(flat);
	});

	it('is also what a slope that the noise explains may be', () => {
		const line = leastSquares(noisy(0.11).slice(0, 10));
		expect(line.slope).toBeGreaterThan(0.1);
		expect(isFlat(line, 0.1)).toBe(true);
	});
});
