import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { log10, log2, pow10, pow2 } from './exact-math.ts';

fc.configureGlobal({ seed: 754 });

const positive = fc.double({ min: 5e-324, max: 1.7e308, noNaN: true });

describe('logarithms', () => {
	it('are within 1e-9 of the engine’s over the whole range', () => {
		fc.assert(
			fc.property(positive, (x) => {
				expect(Math.abs(log10(x) - Math.log10(x))).toBeLessThan(1e-9);
				expect(Math.abs(log2(x) - Math.log2(x))).toBeLessThan(1e-9);
			}),
			{ numRuns: 3000 }
		);
	});

	it('are within 1e-13 of it where radio is', () => {
		for (let x = 0.001; x < 1e7; x *= 1.0071) expect(Math.abs(log10(x) - Math.log10(x))).toBeLessThan(1e-13);
	});

	it('are exact for powers of two and for 1', () => {
		for (let n = -1074; n <= 1023; n++) expect(log2(2 ** n)).toBe(n);
		expect(log10(1)).toBe(0);
	});

	it('do not fall while x rises', () => {
		fc.assert(
			fc.property(fc.double({ min: 0.001, max: 1e9, noNaN: true }), (x) => {
				expect(log10(x * (1 + 1e-12))).toBeGreaterThanOrEqual(log10(x));
			})
		);
	});

	it.each([0, -0, -1, NaN, Infinity, -Infinity])('of %f are the engine’s', (x) => {
		expect(log10(x)).toBe(Math.log10(x));
		expect(log2(x)).toBe(Math.log2(x));
	});
});

describe('powers', () => {
	it('are within a relative 1e-12 of the engine’s', () => {
		fc.assert(
			fc.property(fc.double({ min: -300, max: 300, noNaN: true }), (x) => {
				expect(Math.abs(pow10(x) / Math.pow(10, x) - 1)).toBeLessThan(1e-12);
				expect(Math.abs(pow2(x) / Math.pow(2, x) - 1)).toBeLessThan(1e-12);
			}),
			{ numRuns: 2000 }
		);
	});

	it('of whole numbers are exact, at the ends too', () => {
		for (let n = -1074; n <= 1023; n++) expect(pow2(n)).toBe(2 ** n);
		expect([pow2(1024), pow2(-1076), pow2(Infinity), pow2(-Infinity), pow2(NaN)]).toEqual([
			Infinity,
			0,
			Infinity,
			0,
			NaN
		]);
	});

	it('undo the logarithm', () => {
		for (let x = 0.001; x < 1e6; x *= 1.37) expect(Math.abs(pow10(log10(x)) / x - 1)).toBeLessThan(1e-12);
	});
});

it('has its bits pinned: another engine must find the same', () => {
	expect([log10(3), log10(2_437_000_000), log2(1e-13), pow10(-7.3), pow10(0.987)]).toEqual([
		0.4771212547196625, 9.386855529184725, -43.18506523353571, 5.011872336272729e-8, 9.705099672454896
	]);
});
