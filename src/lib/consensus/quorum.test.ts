import { describe, expect, it } from 'vitest';
import { InvariantError } from '../ledger/errors.ts';
import { faultyBound, majority, quorum } from './quorum.ts';

describe('R1', () => {
	it('is the table of f and q for 1…16 members', () => {
		const table = Array.from({ length: 16 }, (_, i) => [i + 1, faultyBound(i + 1), quorum(i + 1)].join(' '));
		expect(table).toEqual([
			'1 0 1',
			'2 0 2',
			'3 0 2',
			'4 1 3',
			'5 1 4',
			'6 1 4',
			'7 2 5',
			'8 2 6',
			'9 2 6',
			'10 3 7',
			'11 3 8',
			'12 3 8',
			'13 4 9',
			'14 4 10',
			'15 4 10',
			'16 5 11'
		]);
	});

	it('two quorums share an honest member, and the honest alone make one; 2f+1 does not keep the first', () => {
		const unsafe: number[] = [];
		for (let n = 1; n <= 64; n++) {
			const [f, q] = [faultyBound(n), quorum(n)];
			expect(2 * q - n, `n = ${n}`).toBeGreaterThan(f);
			expect(q, `n = ${n}`).toBeLessThanOrEqual(n - f);
			if (2 * (2 * f + 1) - n <= f) unsafe.push(n);
		}
		expect(unsafe.slice(0, 5)).toEqual([2, 3, 5, 6, 8]);
	});

	it('refuses a quorum of nobody', () => {
		expect(() => quorum(0)).toThrow(InvariantError);
		for (const nonsense of [1.5, -1]) expect(() => faultyBound(nonsense)).toThrow(InvariantError);
		expect(faultyBound(0)).toBe(0);
	});

	it('a majority of replicas: two share one, and the smaller half is not needed', () => {
		expect([1, 2, 3, 4, 5, 6, 7].map(majority)).toEqual([1, 2, 2, 3, 3, 4, 4]);
		for (let n = 1; n <= 64; n++) {
			expect(2 * majority(n) - n).toBeGreaterThanOrEqual(1);
			expect(majority(n)).toBeLessThanOrEqual(n - Math.floor((n - 1) / 2));
		}
		expect(() => majority(0)).toThrow(InvariantError);
	});
});
