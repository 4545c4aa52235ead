import { describe, expect, it } from 'vitest';
import { RecentIds } from './recent-ids.ts';

describe('remembered ids', () => {
	it('know each transaction and where it stands', () => {
		const recent = new RecentIds();
		recent.add('aa', 10, 3, 0);
		recent.add('bb', 10, 3, 1);
		recent.add('cc', 12, 4, 0);
		expect(recent.size).toBe(3);
		expect(recent.has('bb')).toBe(true);
		expect(recent.position('bb')).toMatchObject({ height: 3, index: 1 });
		expect(recent.has('dd')).toBe(false);
		expect(recent.position('dd')).toBeUndefined();
	});

	it.each([
		[9, ['aa', 'bb', 'cc']],
		[10, ['cc']],
		[11, ['cc']],
		[12, []]
	])('at final height %i keep only what could be included above it', (finalHeight, kept) => {
		const recent = new RecentIds();
		recent.add('aa', 10, 3, 0);
		recent.add('bb', 10, 3, 1);
		recent.add('cc', 12, 4, 0);
		recent.prune(finalHeight);
		expect(['aa', 'bb', 'cc'].filter((id) => recent.has(id))).toEqual(kept);
		expect(recent.size).toBe(kept.length);
	});

	it('forget by expiry, not by the order in which they came', () => {
		const recent = new RecentIds();
		recent.add('late', 300, 1, 0);
		recent.add('soon', 2, 1, 1);
		recent.prune(2);
		expect(recent.has('late')).toBe(true);
		expect(recent.has('soon')).toBe(false);
		recent.add('again', 2, 2, 0);
		recent.prune(2);
		expect(recent.size).toBe(1);
	});
});
