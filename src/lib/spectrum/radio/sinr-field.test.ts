import { describe, expect, it } from 'vitest';
import { generateAccessPoints } from '../scenario/generate.ts';
import { accessPoint, northOf } from '../testing/access-points.ts';
import type { Band } from './bands.ts';
import { PATH_LOSS_MODELS, type PathLossName } from './path-loss.ts';
import { RadioField, type Sender } from './radio-field.ts';
import { NOBODY_HEARD, SinrField, type FieldGrid } from './sinr-field.ts';

/** Whole micro-degrees at the middle of each cell, as RadioField takes them. */
const STEP = 600;

function gridAround(senders: readonly Sender[], columns: number, rows: number): FieldGrid {
	const mean = (values: number[]): number =>
		Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
	const west = mean(senders.map((one) => one.longitudeMicrodegrees)) - (columns * STEP) / 2;
	const south = mean(senders.map((one) => one.latitudeMicrodegrees)) - (rows * STEP) / 2;
	return { west, east: west + columns * STEP, south, north: south + rows * STEP, columns, rows };
}

function pictureOf(field: SinrField, grid: FieldGrid): Int16Array[] {
	return Array.from({ length: grid.rows }, (_, row) => {
		const line = new Int16Array(grid.columns);
		field.row(grid, row, line);
		return line;
	});
}

/** Differences from RadioField in hundredths of a dB, the greatest first. */
function differences(senders: readonly Sender[], band: Band, model: PathLossName, grid: FieldGrid): number[] {
	const picture = pictureOf(
		new SinrField(
			senders.filter((one) => one.band === band),
			model
		),
		grid
	);
	const exact = new RadioField(senders, model);
	return picture
		.flatMap((line, row) =>
			[...line].map((found, column) => {
				const heard = exact.receptionAt(
					{
						latitudeMicrodegrees: grid.north - (row + 0.5) * STEP,
						longitudeMicrodegrees: grid.west + (column + 0.5) * STEP
					},
					band
				);
				return Math.abs(found - (heard ? heard.sinrMilliDb / 10 : NOBODY_HEARD));
			})
		)
		.sort((a, b) => b - a);
}

describe('a picture', () => {
	const senders = generateAccessPoints({ seed: 5, count: 60, layout: 'uniform' });

	it.each(PATH_LOSS_MODELS)('is what RadioField says of each place, by %s', (model) => {
		const found = differences(senders, '5GHz', model, gridAround(senders, 16, 10));
		// Where two servers are equally strong, either may be named; elsewhere it is rounding.
		expect(found[Math.ceil(0.02 * found.length)]).toBeLessThan(5);
		expect(found.at(-1)).toBeLessThan(1);
	});

	it('goes on over the antimeridian', () => {
		const moved = senders.map((one) => ({
			...one,
			longitudeMicrodegrees: one.longitudeMicrodegrees - senders[0]!.longitudeMicrodegrees + 179_999_900
		}));
		const wrapped = moved.map((one) => ({
			...one,
			longitudeMicrodegrees:
				one.longitudeMicrodegrees >= 180_000_000
					? one.longitudeMicrodegrees - 360_000_000
					: one.longitudeMicrodegrees
		}));
		expect(wrapped.some((one) => one.longitudeMicrodegrees < 0)).toBe(true);
		const grid = gridAround(moved, 8, 4);
		const field = (of: readonly Sender[]): SinrField =>
			new SinrField(
				of.filter(({ band }) => band === '5GHz'),
				'umi-nlos'
			);
		expect(pictureOf(field(wrapped), grid)).toEqual(pictureOf(field(moved), grid));
	});
});

it('has nobody where nobody sends, or is too far to be heard', () => {
	const silent = accessPoint('silent', { channels: [] });
	const far = { ...accessPoint('far', { channels: [36] }), ...northOf(500_000) };
	const grid = gridAround([silent], 3, 1);
	for (const senders of [[], [silent], [far]])
		expect([...pictureOf(new SinrField(senders, 'umi-nlos'), grid)[0]!]).toEqual([
			NOBODY_HEARD,
			NOBODY_HEARD,
			NOBODY_HEARD
		]);
});
