import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteRate } from './byte-rate.ts';

describe('ByteRate', () => {
	it('lets a burst of two seconds pass, then asks for a pause that pays for what came', () => {
		const rate = new ByteRate(1_000, 0);
		expect(rate.take(2_000, 0)).toBe(0);
		expect(rate.take(500, 0)).toBe(500);
		expect(rate.take(0, 500)).toBe(0);
	});

	it('keeps a debt when the bound changes, as long as it was, and has none without a bound', () => {
		const rate = new ByteRate(1_000, 0);
		expect(rate.take(3_000, 0)).toBe(1_000);
		rate.setRate(4_000, 500);
		expect(rate.take(0, 500)).toBe(500);
		expect(rate.take(0, 1_000)).toBe(0);
		rate.setRate(Infinity, 1_000);
		expect(rate.take(1e12, 1_000)).toBe(0);
		rate.setRate(1_000, 2_000);
		expect(rate.take(2_000, 2_000)).toBe(0);
		expect(rate.take(1, 2_000)).toBe(1);
	});

	it('never lets a sender who keeps the pauses pass its rate and its burst', () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 200 }), (messages) => {
				const rate = new ByteRate(1_000, 0);
				let nowMs = 0;
				let bytes = 0;
				for (const message of messages) {
					nowMs += rate.take(message, nowMs);
					bytes += message;
					expect(bytes).toBeLessThanOrEqual(2_000 + nowMs + 1);
				}
			}),
			{ seed: 9 }
		);
	});
});
