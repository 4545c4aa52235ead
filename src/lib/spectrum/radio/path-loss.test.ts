import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
	InvalidLinkError,
	PATH_LOSS_MODELS,
	logDistanceLossDb,
	pathLossDb,
	pathLossMilliDb,
	type Link,
	type PathLossName
} from './path-loss.ts';

fc.configureGlobal({ seed: 38_901 });

const link = (frequencyMhz: number, distanceM: number, transmitterM: number, receiverM: number): Link => ({
	frequencyHz: Math.round(frequencyMhz * 1_000_000),
	distanceCm: distanceM * 100,
	transmitterHeightCm: transmitterM * 100,
	receiverHeightCm: receiverM * 100
});

describe('check values', () => {
	const CASES: [PathLossName, Link, number][] = [
		['umi-los', link(5000, 10, 10, 1.5), 69.8591],
		['umi-los', link(5000, 100, 10, 1.5), 88.4122],
		['umi-los', link(5000, 1000, 10, 1.5), 119.3114],
		['umi-nlos', link(5000, 10, 10, 1.5), 76.7563],
		['umi-nlos', link(5000, 100, 10, 1.5), 107.9432],
		['umi-nlos', link(5000, 1000, 10, 1.5), 143.1886],
		['uma-los', link(5000, 100, 25, 1.5), 86.2362],
		['uma-los', link(5000, 1000, 25, 1.5), 109.7252],
		['uma-nlos', link(5000, 100, 25, 1.5), 106.1356],
		['uma-nlos', link(5000, 1000, 25, 1.5), 144.7641],
		['inh-los', link(5000, 10, 3, 1.5), 63.763],
		['inh-nlos', link(5000, 10, 3, 1.5), 73.1894],
		['okumura-hata', link(869, 2000, 30, 1), 137.93]
	];

	it.each(CASES)('%s %o: %f dB', (model, given, db) => {
		expect(Math.abs(pathLossDb(model, given) - db)).toBeLessThan(0.05);
		// The table gives more digits than it asks for; they hold too.
		expect(Math.abs(pathLossDb(model, given) - db)).toBeLessThan(db === 137.93 ? 0.005 : 0.000_6);
	});

	it.each<[PathLossName, number, number]>([
		['free-space', 100, 4.98265e-10],
		['log-distance', 10, 4.98265e-9],
		['log-distance', 80, 9.73173e-12]
	])('%s over %i m: 0.05035702 W become %e W', (model, metres, watts) => {
		const given = link(2398.339664, metres, 0, 0);
		const received = 0.05035702 * 10 ** (-pathLossDb(model, given) / 10);
		expect(Math.abs(received / watts - 1)).toBeLessThan(1e-5);
		if (model === 'log-distance')
			expect(Math.abs(logDistanceLossDb(40.045997, 3, given) - pathLossDb(model, given))).toBeLessThan(1e-5);
	});
});

const anyLink = fc.record({
	frequencyHz: fc.integer({ min: 500_000_000, max: 7_125_000_000 }),
	distanceCm: fc.integer({ min: 0, max: 2_000_000 }),
	transmitterHeightCm: fc.integer({ min: 0, max: 100_000 }),
	receiverHeightCm: fc.integer({ min: 0, max: 100_000 })
});

describe.each(PATH_LOSS_MODELS)('%s', (model) => {
	it('never falls as the distance grows, and is a sane integer of milli-dB', () => {
		fc.assert(
			fc.property(anyLink, fc.integer({ min: 0, max: 500_000 }), (near, more) => {
				const loss = pathLossMilliDb(model, near);
				const further = pathLossMilliDb(model, { ...near, distanceCm: near.distanceCm + more });
				expect(Number.isSafeInteger(loss)).toBe(true);
				expect(loss).toBeGreaterThanOrEqual(0);
				expect(further).toBeGreaterThanOrEqual(loss);
				expect(further).toBeLessThan(400_000);
			}),
			{ numRuns: 300 }
		);
	});

	it.each<Partial<Link>>([
		{ frequencyHz: 0 },
		{ frequencyHz: NaN },
		{ frequencyHz: 1e12 },
		{ distanceCm: -1 },
		{ distanceCm: 0.5 },
		{ distanceCm: Infinity },
		{ transmitterHeightCm: -1 },
		{ receiverHeightCm: 1e9 }
	])('refuses %o', (bad) => {
		expect(() => pathLossDb(model, { ...link(5000, 10, 10, 1.5), ...bad })).toThrow(InvalidLinkError);
	});
});

it('knows less loss in sight than without', () => {
	fc.assert(
		fc.property(anyLink, (any) => {
			for (const place of ['umi', 'uma', 'inh'] as const)
				expect(pathLossDb(`${place}-nlos`, any)).toBeGreaterThanOrEqual(pathLossDb(`${place}-los`, any));
		})
	);
});
