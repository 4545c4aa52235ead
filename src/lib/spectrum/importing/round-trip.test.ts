import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OwnAccessPoint } from '../access-point.ts';
import { generateAccessPoints } from '../scenario/generate.ts';
import { LAYOUTS } from '../scenario/layouts.ts';
import { sharedData } from '../testing/shared-data.ts';
import { importAccessPoints, type ImportFormat } from './import-access-points.ts';
import { ImportError } from './import-error.ts';
import { exportCsv } from './tabwave-csv.ts';
import { exportGeoJson } from './tabwave-geojson.ts';
import { exportAccessPoints } from './tabwave-json.ts';

fc.configureGlobal({ seed: 7946 });

const FORMATS: [ImportFormat, (accessPoints: readonly OwnAccessPoint[]) => string][] = [
	['tabwave-geojson', exportGeoJson],
	['tabwave-csv', exportCsv],
	['tabwave-json', exportAccessPoints]
];

const DATA_FILES = ['nyc-wifi-midtown.geojson', 'cbrs-cbsd-west.csv'];

describe.each(FORMATS)('%s', (format, write) => {
	it.each(LAYOUTS)('brings generated access points (%s) back as they were', (layout) => {
		const accessPoints = generateAccessPoints({ seed: 3, count: 60, layout });
		// Another seed: nothing is left for it to assign.
		const result = importAccessPoints(write(accessPoints), undefined, { seed: 99 });
		expect(result).toMatchObject({ format, rejectedCount: 0 });
		expect(result.accessPoints).toEqual(accessPoints);
		expect(write(result.accessPoints)).toBe(write(accessPoints));
	});

	it('brings names back that have commas, quotes and formulas in them, and empty lists', () => {
		const [first, second] = generateAccessPoints({ seed: 3, count: 2 });
		const accessPoints = [
			{ ...first!, name: 'Café "Zürich", 5 AVENUE; =1+1 清华', channels: [], idleChannels: [], assigned: [] },
			{ ...second!, name: '-' }
		];
		expect(importAccessPoints(write(accessPoints), undefined, { seed: 99 }).accessPoints).toEqual(
			accessPoints
		);
	});

	it.skipIf(sharedData(DATA_FILES[0]!) === undefined).each(DATA_FILES)(
		'brings %s back, once read',
		(name) => {
			const text = sharedData(name)!;
			const { accessPoints } = importAccessPoints(text, name, { seed: 1 });
			expect(accessPoints.length).toBeGreaterThan(100);
			expect(importAccessPoints(write(accessPoints), undefined, { seed: 2 }).accessPoints).toEqual(
				accessPoints
			);
		}
	);

	it('makes no error without a name of a file that something went wrong in', () => {
		const text = write(generateAccessPoints({ seed: 1, count: 4 }));
		fc.assert(
			fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
				try {
					importAccessPoints(text.slice(0, at) + put + text.slice(at + 1), undefined, { seed: 1 });
				} catch (error) {
					expect(error).toBeInstanceOf(ImportError);
				}
			}),
			{ numRuns: 300 }
		);
	});
});

it('rejects bad rows one by one, with their line', () => {
	const accessPoints = generateAccessPoints({ seed: 1, count: 3 });
	const csv = exportCsv(accessPoints).split('\r\n');
	csv[2] = csv[2]!.replace(/,(2\.4GHz|5GHz|6GHz),/, ',7GHz,');
	csv[3] = `${csv[3]!},more`;
	const result = importAccessPoints(csv.join('\r\n'), undefined, { seed: 1 });
	expect(result.rejected.map(({ line }) => line)).toEqual([3, 4]);
	expect(result.accessPoints.map(({ id }) => id)).toEqual([accessPoints[0]!.id]);
	const geojson = exportGeoJson(accessPoints).replace('"Point"', '"Line"');
	expect(importAccessPoints(geojson, undefined, { seed: 1 }).rejected).toEqual([
		{ line: 5, reason: 'feature 1: its geometry is no point' }
	]);
});

it('refuses another version', () => {
	const text = exportGeoJson([]).replace('"tabwaveVersion": 1', '"tabwaveVersion": 2');
	expect(() => importAccessPoints(text, undefined, { seed: 1 })).toThrow(ImportError);
});
