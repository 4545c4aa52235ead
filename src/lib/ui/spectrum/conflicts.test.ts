import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { findOverlaps, MAX_OVERLAPS } from './conflicts.ts';
import { accessPoint } from './test-aps.ts';

fc.configureGlobal({ seed: 7 });

describe('findOverlaps', () => {
	it('needs one band and a distance below r1 + r2', () => {
		const aps = [accessPoint({}), accessPoint({}), accessPoint({ band: '2.4GHz', channels: [1] })];
		expect(findOverlaps(aps, [at(0, 0), at(99, 0), at(0, 1)])).toEqual([{ a: 0, b: 1, shared: [36] }]);
		expect(findOverlaps(aps, [at(0, 0), at(100, 0), at(0, 1)])).toEqual([]);
	});

	it('counts a channel that is held idle, as the contract does', () => {
		const aps = [accessPoint({ channels: [36, 40] }), accessPoint({ channels: [40], idleChannels: [40] })];
		expect(findOverlaps(aps, [at(0, 0), at(10, 0)])[0]?.shared).toEqual([40]);
	});

	it('finds by its grid what a look at every pair finds', () => {
		const site = fc.record({
			x: fc.integer({ min: -400, max: 400 }),
			y: fc.integer({ min: -400, max: 400 }),
			coverageRadiusM: fc.integer({ min: 1, max: 90 })
		});
		fc.assert(
			fc.property(fc.array(site, { maxLength: 25 }), (sites) => {
				const aps = sites.map(({ coverageRadiusM }) => accessPoint({ coverageRadiusM }));
				const expected = sites
					.flatMap((first, a) => sites.map((second, b) => ({ first, second, a, b })))
					.filter(
						({ first, second, a, b }) =>
							a < b &&
							Math.hypot(first.x - second.x, first.y - second.y) <
								first.coverageRadiusM + second.coverageRadiusM
					)
					.map(({ a, b }) => `${a}-${b}`);
				const found = findOverlaps(aps, sites).map(({ a, b }) => `${a}-${b}`);
				expect(found.sort()).toEqual(expected.sort());
			})
		);
	});

	it('is bounded, and keeps the conflicts', () => {
		const aps = Array.from({ length: 200 }, (_, index) =>
			accessPoint({ channels: [index === 199 || index === 198 ? 40 : 36 + 4 * (index + 2)] })
		);
		const found = findOverlaps(
			aps,
			aps.map(() => at(0, 0))
		);
		expect(found).toHaveLength(MAX_OVERLAPS);
		expect(found[0]).toEqual({ a: 198, b: 199, shared: [40] });
	});
});

function at(x: number, y: number): { x: number; y: number } {
	return { x, y };
}
