import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HASH_BYTES, ZERO_HASH, sha256, taggedHash } from './hash.ts';
import { toHex } from './hex.ts';

fc.configureGlobal({ seed: 256 });

describe('sha256', () => {
	it('is SHA-256 of the parts, one after another', () => {
		fc.assert(
			fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), (parts) => {
				const expected = createHash('sha256').update(Buffer.concat(parts)).digest('hex');
				expect(toHex(sha256(...parts))).toBe(expected);
			})
		);
	});

	it('leaves what it was given as it was', () => {
		const input = Uint8Array.of(1, 2, 3);
		sha256(input);
		expect(input).toEqual(Uint8Array.of(1, 2, 3));
	});
});

describe('taggedHash', () => {
	it('is the hash of the hashed domain and the parts', () => {
		const tag = createHash('sha256').update('tabwave/v1/block').digest();
		const expected = createHash('sha256').update(tag).update(Uint8Array.of(7)).digest('hex');
		expect(toHex(taggedHash('block', Uint8Array.of(7)))).toBe(expected);
		// The second time the tag comes from the cache.
		expect(toHex(taggedHash('block', Uint8Array.of(7)))).toBe(expected);
	});

	it('differs by domain', () => {
		expect(taggedHash('a', ZERO_HASH)).not.toEqual(taggedHash('b', ZERO_HASH));
		expect(taggedHash('a', ZERO_HASH)).toHaveLength(HASH_BYTES);
	});
});
