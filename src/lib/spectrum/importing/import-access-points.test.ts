import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUY_AT_PPM, SELL_AT_PPM, type OwnAccessPoint } from '../access-point.ts';
import { HolderBoard } from '../radio/holder-board.ts';
import { sharedData } from '../testing/shared-data.ts';
import { generateAccessPoints } from '../scenario/generate.ts';
import { importAccessPoints, shareOf } from './import-access-points.ts';
import { ImportError } from './import-error.ts';
import { MAX_IMPORT_LENGTH, MAX_IMPORT_ROWS, MAX_REPORTED_REJECTIONS } from './limits.ts';
import { exportAccessPoints } from './tabwave-json.ts';

const GEOJSON = JSON.stringify(
	{
		type: 'FeatureCollection',
		features: [
			feature('1', [-73.98, 40.75], { name: 'Library', location: '5 AVENUE', location_t: 'Library' }),
			feature('2', [-73.97, 40.76], { name: 'Kiosk', location_t: 'Outdoor Kiosk' })
		]
	},
	null,
	'\t'
);
const CSV = [
	'cbsdId,latitude,longitude,heightM,antennaGainDbi,maxEirpDbmPerMHz,category,indoor',
	'cbsd-1,37.784626,-122.401083,25.0,0,35.0,B,False',
	'cbsd-2,37.770064,-122.393715,13.5,0,30.0,B,False',
	''
].join('\n');

describe('hotspots of New York', () => {
	it('become access points whose radio is assigned', () => {
		const result = importAccessPoints(GEOJSON, 'a.geojson', { seed: 1 });
		expect(result).toMatchObject({ format: 'nyc-wifi-geojson', rejected: [], rejectedCount: 0 });
		expect(result.assigned).toEqual([
			'antennaHeight',
			'band',
			'channels',
			'coverageRadius',
			'eirp',
			'idleChannels',
			'occupancy'
		]);
		expect(result.accessPoints[0]).toMatchObject({
			id: 'nyc-1',
			name: 'Library, 5 AVENUE',
			latitudeMicrodegrees: 40_750_000,
			longitudeMicrodegrees: -73_980_000,
			issued: false,
			updatedHeight: 0
		});
	});

	it('are rejected one by one, with the line of each', () => {
		const text = GEOJSON.replace('"Point"', '"Polygon"').replace('40.76', '"north"');
		const { accessPoints, rejected } = importAccessPoints(text, undefined, { seed: 1 });
		expect(accessPoints).toEqual([]);
		expect(rejected.map(({ line }) => line)).toEqual([4, 20].map((line) => lineOf(text, line)));
		expect(rejected[0]!.reason).toContain('no point');
		expect(rejected[1]!.reason).toContain('latitude');
	});

	it('are rejected where the contract would refuse them, and where an id comes twice', () => {
		const twice = JSON.parse(GEOJSON) as { features: unknown[] };
		twice.features.push(twice.features[0], feature('3', [0, 89]), feature('../4', [0, 0]));
		const { accessPoints, rejected } = importAccessPoints(JSON.stringify(twice, null, 1), undefined, {
			seed: 1
		});
		expect(accessPoints.map((ap) => ap.id)).toEqual(['nyc-1', 'nyc-2']);
		expect(rejected.map(({ reason }) => reason)).toEqual([
			expect.stringContaining('on line 4 already'),
			expect.stringContaining('within 85 degrees'),
			expect.stringContaining('objectid')
		]);
	});
});

describe('CBRS radios', () => {
	it('keep their height and power', () => {
		const result = importAccessPoints(CSV, 'cbrs.csv', { seed: 1 });
		expect(result).toMatchObject({ format: 'cbrs-csv', rejectedCount: 0 });
		expect(result.assigned).toEqual(['channels', 'coverageRadius', 'idleChannels', 'occupancy']);
		expect(result.accessPoints[1]).toMatchObject({
			id: 'cbsd-2',
			band: 'CBRS',
			latitudeMicrodegrees: 37_770_064,
			longitudeMicrodegrees: -122_393_715,
			antennaHeightCm: 1350,
			eirpMilliDbm: 40_000
		});
	});

	it('are assigned what a shorter file leaves out', () => {
		const { accessPoints, assigned } = importAccessPoints(
			'longitude,cbsdId,latitude\r\n-122.4,"x",37.7\r\n',
			'a',
			{ seed: 1 }
		);
		expect(accessPoints).toHaveLength(1);
		expect(assigned).toEqual([
			'antennaHeight',
			'channels',
			'coverageRadius',
			'eirp',
			'idleChannels',
			'occupancy'
		]);
	});

	it('are rejected with their line', () => {
		const text = `${CSV}cbsd-3,37.7\n\ncbsd-4,x,-122.4,1,0,30,B,False\ncbsd-5,37.7,-122.4,-3,0,30,B,False\n`;
		const { accessPoints, rejected } = importAccessPoints(text, 'a.csv', { seed: 1 });
		expect(accessPoints).toHaveLength(2);
		expect(rejected.map(({ line }) => line)).toEqual([4, 6, 7]);
	});
});

describe('files of Tabwave', () => {
	it('give back what was exported', () => {
		const accessPoints = generateAccessPoints({ seed: 7, count: 50 });
		const result = importAccessPoints(exportAccessPoints(accessPoints), 'a.json', { seed: 99 });
		expect(result).toMatchObject({ format: 'tabwave-json', rejectedCount: 0 });
		expect(result.accessPoints).toEqual(accessPoints);
	});

	it('are rejected row by row', () => {
		const rows = [
			{ id: 'ok', latitudeMicrodegrees: 1, longitudeMicrodegrees: 2 },
			{ id: 'a', latitudeMicrodegrees: 1.5, longitudeMicrodegrees: 2 },
			{ id: 'b', latitudeMicrodegrees: 1, longitudeMicrodegrees: 2, band: '7GHz' },
			{ id: 'c', latitudeMicrodegrees: 1, longitudeMicrodegrees: 2, coverageRadiusM: 1e9 },
			{ id: 'd', latitudeMicrodegrees: 1, longitudeMicrodegrees: 2, channels: [1] },
			null,
			{
				id: 'e',
				latitudeMicrodegrees: 1,
				longitudeMicrodegrees: 2,
				band: '5GHz',
				channels: [36],
				idleChannels: [40]
			}
		];
		const text = `{"format":"tabwave-access-points","version":1,"accessPoints":[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}]}`;
		const { accessPoints, rejected } = importAccessPoints(text, undefined, { seed: 1 });
		expect(accessPoints.map((ap) => ap.id)).toEqual(['ok']);
		expect(rejected.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8]);
	});
});

describe('files that cannot be read', () => {
	it.each([
		['EmptyFile', 1, ' \n '],
		['UnknownFormat', 1, 'hello'],
		['UnknownFormat', 1, '{"type":"Topology"}'],
		['UnknownFormat', 1, '[1,2]'],
		['UnknownFormat', 1, '{"format":"tabwave-access-points","version":2,"accessPoints":[]}'],
		['MalformedJson', 3, '{\n"type": "FeatureCollection",\n"features": [}'],
		['MalformedJson', 2, '{"a": [1, 2.5e3, "x\\n", null],\n"b" 1}'],
		['MalformedJson', 4, '{\n"a":\n{}\n'],
		['MalformedJson', 2, '[1,\n"never closed]'],
		['MalformedCsv', 2, 'cbsdId,latitude,longitude\n"a,1,2\n'],
		['MalformedCsv', 2, 'cbsdId,latitude,longitude\n"a"b,1,2\n'],
		['MissingColumn', 1, 'cbsdId,latitude\na,1\n'],
		['FileTooLarge', 1, ' '.repeat(MAX_IMPORT_LENGTH + 1)],
		[
			'TooManyRows',
			MAX_IMPORT_ROWS + 2,
			`cbsdId,latitude,longitude\n${'a,1,2\n'.repeat(MAX_IMPORT_ROWS + 1)}`
		],
		[
			'TooManyRows',
			MAX_IMPORT_ROWS + 2,
			`{"type":"FeatureCollection","features":[\n${'1,\n'.repeat(MAX_IMPORT_ROWS)}1]}`
		]
	])('%s on line %i', (reason, line, text) => {
		let error: unknown;
		try {
			importAccessPoints(text, undefined, { seed: 1 });
		} catch (thrown) {
			error = thrown;
		}
		expect(error).toBeInstanceOf(ImportError);
		expect(error).toMatchObject({ name: 'ImportError', reason, line });
	});

	it('end in a named error or a report, whatever is damaged', () => {
		const samples = [GEOJSON, CSV, exportAccessPoints(generateAccessPoints({ seed: 1, count: 5 }))];
		fc.assert(
			fc.property(fc.nat(2), fc.nat(), fc.string({ maxLength: 4 }), fc.nat(10), (which, at, insert, cut) => {
				const text = samples[which]!;
				const damaged = text.slice(0, at % text.length) + insert + text.slice((at % text.length) + cut);
				try {
					importAccessPoints(damaged, undefined, { seed: 1 });
				} catch (error) {
					expect(error).toBeInstanceOf(ImportError);
				}
			}),
			{ seed: 8, numRuns: 3000 }
		);
	});

	it('report a bounded number of rejections', () => {
		const text = `cbsdId,latitude,longitude\n${'a,north,2\n'.repeat(500)}`;
		const { rejected, rejectedCount } = importAccessPoints(text, 'a.csv', { seed: 1 });
		expect(rejected).toHaveLength(MAX_REPORTED_REJECTIONS);
		expect(rejectedCount).toBe(500);
	});
});

describe.each(['nyc-wifi-midtown.geojson', 'cbrs-cbsd-west.csv'])('%s', (fileName) => {
	const text = sharedData(fileName);
	const rows = fileName.startsWith('nyc') ? 220 : 155;

	it.skipIf(text === undefined)(
		'is a market: all rows, no conflict, buyers and sellers (skipped where ../shared/data is not there)',
		() => {
			const { accessPoints, rejectedCount } = importAccessPoints(text!, fileName, { seed: 1 });
			expect(accessPoints).toHaveLength(rows);
			expect(rejectedCount).toBe(0);
			expectMarket(accessPoints);
		}
	);

	it.skipIf(text === undefined)('gives the same for the same seed, and other demand for another', () => {
		const [a, b, c] = [5, 5, 6].map((seed) => importAccessPoints(text!, fileName, { seed }).accessPoints);
		expect(a).toEqual(b);
		expect(a).not.toEqual(c);
	});

	it.skipIf(text === undefined)('is shared out without overlap', () => {
		const { accessPoints } = importAccessPoints(text!, fileName, { seed: 1 });
		const shares = [0, 1, 2].map((index) => shareOf(accessPoints, { index, of: 3 }));
		expect(
			shares
				.flat()
				.map((ap) => ap.id)
				.sort()
		).toEqual(accessPoints.map((ap) => ap.id).sort());
	});
});

describe('generated access points', () => {
	it('are a market, the same for the same seed', () => {
		const accessPoints = generateAccessPoints({ seed: 3, count: 300 });
		expectMarket(accessPoints);
		expect(generateAccessPoints({ seed: 3, count: 300 })).toEqual(accessPoints);
		expect(new Set(accessPoints.map((ap) => ap.id)).size).toBe(300);
	});

	it('stand where they are told to, under the ids they are told', () => {
		const center = { latitudeMicrodegrees: -33_870_000, longitudeMicrodegrees: 151_210_000 };
		for (const ap of generateAccessPoints({ seed: 1, count: 20, center, sideM: 100, idPrefix: 'lab' })) {
			expect(Math.abs(ap.latitudeMicrodegrees - center.latitudeMicrodegrees)).toBeLessThan(500);
			expect(Math.abs(ap.longitudeMicrodegrees - center.longitudeMicrodegrees)).toBeLessThan(600);
			expect(ap.id).toMatch(/^lab-1-\d+$/);
		}
	});

	it.each([0, -1, 1.5, MAX_IMPORT_ROWS + 1])('are refused in a number of %d', (count) => {
		expect(() => generateAccessPoints({ seed: 1, count })).toThrow(RangeError);
	});
});

function expectMarket(accessPoints: OwnAccessPoint[]): void {
	const board = new HolderBoard(100);
	for (const ap of accessPoints) {
		for (const channel of ap.channels) expect(board.conflicting(ap, channel)).toBeUndefined();
		board.put(ap, ap.channels);
		expect(ap.idleChannels.every((channel) => ap.channels.includes(channel))).toBe(true);
	}
	const share = (wanted: (ap: OwnAccessPoint) => boolean) =>
		accessPoints.filter(wanted).length / accessPoints.length;
	expect(share((ap) => ap.channels.length >= 1 && ap.channels.length <= 4)).toBe(1);
	expect(share((ap) => ap.occupancyPpm >= BUY_AT_PPM)).toBeGreaterThan(0.2);
	expect(share((ap) => ap.occupancyPpm <= SELL_AT_PPM && ap.idleChannels.length > 0)).toBeGreaterThan(0.2);
}

function feature(
	objectid: string,
	coordinates: [number, number],
	properties: Record<string, string> = {}
): object {
	return {
		type: 'Feature',
		properties: { objectid, ...properties },
		geometry: { type: 'Point', coordinates }
	};
}

/** The line of the n-th `{` that begins a feature: checked against the text itself. */
function lineOf(text: string, line: number): number {
	expect(text.split('\n')[line - 1]!.trim()).toBe('{');
	return line;
}
