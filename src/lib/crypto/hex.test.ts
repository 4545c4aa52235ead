import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HexError, compareBytes, equalBytes, fromHex, toHex } from './hex.ts';

fc.configureGlobal({ seed: 16 });

describe('hex', () => {
	it('round-trips any bytes', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
				expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
				expect(fromHex(toHex(bytes), bytes.length)).toEqual(bytes);
			})
		);
	});

	it('round-trips what is longer than one piece', () => {
		for (const length of [1023, 1024, 1025, 70_000]) {
			const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
			expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
		}
	});

	it.each(['0', 'abc', 'AB', '0x00', 'zz', ' 00', '00\n', 'aé'])('refuses %j', (text) => {
		expect(() => fromHex(text)).toThrow(HexError);
	});

	it('refuses another length than the one asked for', () => {
		expect(() => fromHex('0011', 3)).toThrow('expected 3 bytes as 6 hex digits, got 4 digits');
	});

	it('answers any text with bytes or a HexError', () => {
		fc.assert(
			fc.property(fc.string(), (text) => {
				try {
					expect(toHex(fromHex(text))).toBe(text);
				} catch (error) {
					expect(error).toBeInstanceOf(HexError);
				}
			})
		);
	});
});

describe('order of bytes', () => {
	it('is the order of their hex', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (a, b) => {
				const [x, y] = [toHex(a), toHex(b)];
				expect(Math.sign(compareBytes(a, b))).toBe(x < y ? -1 : x > y ? 1 : 0);
				expect(equalBytes(a, b)).toBe(x === y);
			})
		);
	});
});
