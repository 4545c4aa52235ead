import { describe, expect, it } from 'vitest';
import { RadioField } from '../../spectrum/radio/radio-field.ts';
import { generateAccessPoints } from '../../spectrum/scenario/generate.ts';
import { writeScenario } from '../../spectrum/scenario/scenario.ts';
import type { ApInfo } from '../api.ts';
import type { FieldPass } from './study-messages.ts';
import { MAX_FIELD_POINTS, runStudy, senderOf, type Slices } from './study-run.ts';

const aps: ApInfo[] = generateAccessPoints({ seed: 4, count: 30 }).map(
	({ issued: _issued, updatedHeight, ...ap }) => ({
		...ap,
		owner: 'ff',
		ownerNickname: '',
		own: true,
		height: updatedHeight,
		registeredHeight: 1
	})
);
const slices: Slices = { nowMs: () => 0, pause: () => Promise.resolve() };
const never = (): void => {};
const bounds = {
	west: Math.min(...aps.map((ap) => ap.longitudeMicrodegrees)),
	east: Math.max(...aps.map((ap) => ap.longitudeMicrodegrees)),
	south: Math.min(...aps.map((ap) => ap.latitudeMicrodegrees)),
	north: Math.max(...aps.map((ap) => ap.latitudeMicrodegrees))
};

describe('a field', () => {
	it('is told pass by pass, from coarse to fine, north-west first, as radio-field computes it', async () => {
		const passes: FieldPass[] = [];
		const shares: number[] = [];
		const request = { aps, band: '5GHz' as const, model: 'umi-nlos' as const, bounds, columns: 16, rows: 8 };
		await runStudy('field', request, slices, ({ pass, share }) => {
			shares.push(share);
			if (pass) passes.push(pass);
		});
		expect(passes.map(({ columns, rows, isLast }) => [columns, rows, isLast])).toEqual([
			[4, 2, false],
			[8, 4, false],
			[16, 8, true]
		]);
		const field = new RadioField(aps.map(senderOf), 'umi-nlos');
		const heard = field.receptionAt(
			{
				latitudeMicrodegrees: Math.round(bounds.north - (bounds.north - bounds.south) / 16),
				longitudeMicrodegrees: Math.round(bounds.west + (bounds.east - bounds.west) / 32)
			},
			'5GHz'
		);
		// Both round on their way (sinr-field.ts).
		expect(Math.abs(passes[2]!.sinrCentiDb[0]! - heard!.sinrMilliDb / 10)).toBeLessThan(5);
		expect(shares).toEqual([8 / 168, 40 / 168, 1]);
		expect(new Set(passes[2]!.sinrCentiDb).size).toBeGreaterThan(10);
	});

	it('is given up at a pause, and has a bound', async () => {
		const request = { aps, band: '5GHz' as const, model: 'umi-nlos' as const, bounds, columns: 64, rows: 64 };
		let nowMs = 0;
		const givenUp = runStudy(
			'field',
			request,
			{ nowMs: () => (nowMs += 10), pause: () => Promise.reject(new Error('given up')) },
			never
		);
		await expect(givenUp).rejects.toThrow('given up');
		const large = { ...request, columns: MAX_FIELD_POINTS, rows: 2 };
		await expect(runStudy('field', large, slices, never)).rejects.toThrow(RangeError);
	});
});

describe('capacities', () => {
	it('are of those that send, with the 5th percentile by nearest rank', async () => {
		const { receptions, fifthPercentileBitsPerSecond } = await runStudy(
			'capacity',
			{ aps, model: 'umi-nlos' },
			slices,
			never
		);
		const sending = aps.filter((ap) => senderOf(ap).channels.length > 0);
		expect(receptions.map(({ id }) => id)).toEqual(sending.map(({ id }) => id));
		const sorted = receptions.map((one) => one.capacityBitsPerSecond).sort((a, b) => a - b);
		expect(fifthPercentileBitsPerSecond).toBe(sorted[Math.ceil(0.05 * sorted.length) - 1]);
	});
});

describe('files', () => {
	const options = { aps, mechanism: 'greedy', seed: 4, conflictDistancePercent: 100 };
	const read = (text: string, name?: string) =>
		runStudy('read', { text, name, seed: 4, conflictDistancePercent: 100 }, slices, never);

	it('come back as they were exported, in each format', async () => {
		for (const format of ['geojson', 'csv', 'scenario'] as const) {
			const text = await runStudy('export', { ...options, format }, slices, never);
			const found = await read(text, `file.${format}`);
			expect([format, found.accepted, found.rejected]).toEqual([format, aps.length, 0]);
			expect(found.scenario).toEqual(format === 'scenario' ? { name: 'Tabwave', mechanism: 'greedy' } : null);
		}
	});

	it('of a scenario with a layout become its access points', async () => {
		const text = writeScenario({
			name: 'A street',
			seed: 3,
			source: { layout: 'uniform', count: 12 },
			conflictDistancePercent: 100,
			process: 'daily',
			steps: 3,
			mechanism: 'seed'
		});
		const found = await read(text, 'street.json');
		expect(found).toMatchObject({ accepted: 12, scenario: { name: 'A street', mechanism: 'seed' } });
		expect((await read(found.text)).accepted).toBe(12);
	});

	it('that are none are refused with a stable reason', async () => {
		const cases: [string, string, string][] = [
			['', 'empty.csv', 'EmptyFile'],
			['{ "type": ', 'broken.geojson', 'MalformedJson'],
			['{ "type": "Topology" }', 'other.json', 'UnknownFormat'],
			['hello', 'letter.txt', 'UnknownFormat'],
			['{ "format": "tabwave-scenario", "version": 1, "steps": 0, "seed": 1 }', 's.json', 'InvalidField'],
			['{ "type": "FeatureCollection", "features": [] }', 'none.geojson', 'EmptyFile']
		];
		for (const [text, name, reason] of cases)
			await expect(read(text, name), name).rejects.toMatchObject({ reason });
	});
});

describe('a sweep', () => {
	it('has a row for each mechanism and the same hash each time', async () => {
		const request = { size: 4, markets: 2, conflicts: true, withOptimum: false };
		const done: number[] = [];
		const first = await runStudy('sweep', request, slices, (part) => done.push(part.done));
		const again = await runStudy('sweep', request, slices, never);
		expect(again.hash).toBe(first.hash);
		expect(first.rows.map(({ mechanism, rounds }) => `${mechanism}/${rounds}`)).toEqual([
			'greedy/1',
			'seed/1',
			'mcafee/1',
			'veritas/1',
			'trust/1',
			'seed/5'
		]);
		for (const row of first.rows) expect([row.conflictingPairs, row.ratio]).toEqual([0, null]);
		expect(done).toEqual([0, 1]);
	});

	it('has bounds', async () => {
		const request = { size: 4, markets: 2, conflicts: true, withOptimum: false };
		await expect(runStudy('sweep', { ...request, size: 61 }, slices, never)).rejects.toThrow(RangeError);
		await expect(runStudy('sweep', { ...request, markets: 51 }, slices, never)).rejects.toThrow(RangeError);
	});
});
