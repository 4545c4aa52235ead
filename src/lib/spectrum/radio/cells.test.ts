import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BANDS } from './bands.ts';
import { CellGrid, greatestConflictM } from './cells.ts';
import { squaredDistanceCm2 } from './distance.ts';

const latitude = fc.integer({ min: -85_000_000, max: 85_000_000 });
const longitude = fc.integer({ min: -180_000_000, max: 179_999_999 });
const shift = fc.integer({ min: -1_000_000, max: 1_000_000 });

describe('cells', () => {
	it.each([50, 500, 10_000])('of %i m around a position hold every position within reach', (cellM) => {
		const grid = new CellGrid(cellM);
		let met = 0;
		fc.assert(
			fc.property(
				latitude,
				longitude,
				shift,
				shift,
				fc.integer({ min: 1, max: cellM }),
				(y, x, dy, dx, reachM) => {
					const here = { latitudeMicrodegrees: y, longitudeMicrodegrees: x };
					const scale = (9 * reachM) / 1_000_000;
					const eastScale = scale / Math.cos((y / 1e6) * (Math.PI / 180));
					const there = {
						latitudeMicrodegrees: clamp(y + Math.round(dy * scale)),
						longitudeMicrodegrees: turn(x + Math.round(dx * eastScale))
					};
					if (squaredDistanceCm2(here, there) > (reachM * 100) ** 2) return;
					met++;
					expect(grid.cellsAround(here, reachM)).toContain(grid.cellOf(there));
				}
			),
			{ seed: 3, numRuns: 3000 }
		);
		expect(met).toBeGreaterThan(1000);
	});

	it('are few and each named once, also at the antimeridian and in the far north', () => {
		for (const y of [0, 40_750_000, 84_999_000, -85_000_000])
			for (const x of [0, -180_000_000, 179_999_999]) {
				const cells = CellGrid.forBand('5GHz', 100).cellsAround(
					{ latitudeMicrodegrees: y, longitudeMicrodegrees: x },
					greatestConflictM('5GHz', 100)
				);
				expect(new Set(cells).size).toBe(cells.length);
				expect(cells.length).toBeLessThanOrEqual(12);
			}
	});

	it('exist for every band, where nothing conflicts too', () => {
		for (const band of BANDS)
			expect(
				CellGrid.forBand(band, 0).cellsAround({ latitudeMicrodegrees: 0, longitudeMicrodegrees: 0 }, 0)
			).toHaveLength(1);
	});
});

function clamp(y: number): number {
	return Math.max(-85_000_000, Math.min(85_000_000, y));
}

function turn(x: number): number {
	return ((((x + 180_000_000) % 360_000_000) + 360_000_000) % 360_000_000) - 180_000_000;
}
