import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { HASH_BYTES, ZERO_HASH, hashFaster, portableSha256, sha256, taggedHash } from './hash.ts';
import { toHex } from './hex.ts';

fc.configureGlobal({ seed: 256 });
beforeAll(hashFaster);

describe('sha256', () => {
	it('is SHA-256 of the parts, one after another', () => {
		fc.assert(
			fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), (parts) => {
				const expected = createHash('sha256').update(Buffer.concat(parts)).digest('hex');
				expect(toHex(sha256(...parts))).toBe(expected);
				expect(toHex(portableSha256(parts))).toBe(expected);
			})
		);
	});

	it('hashes what is longer than the memory it works in', () => {
		const long = new Uint8Array(300_001).map((_, i) => i);
		const expected = createHash('sha256').update(long).digest('hex');
		expect(toHex(sha256(long))).toBe(expected);
		expect(toHex(sha256(long.subarray(0, 100), long.subarray(100)))).toBe(expected);
	});

	it('gives each hash bytes of its own', () => {
		const first = sha256(Uint8Array.of(1));
		const kept = toHex(first);
		sha256(Uint8Array.of(2));
		expect(toHex(first)).toBe(kept);
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
