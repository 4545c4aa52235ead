import { describe, expect, it } from 'vitest';
import { KeyCache } from './key-cache.ts';

describe('KeyCache', () => {
	const key = (byte: number) => Uint8Array.of(byte, 0, 255);

	it('prepares a key once, and drops the one that was not used for longest', () => {
		const prepared: number[] = [];
		const cache = new KeyCache<string>(2);
		const use = (byte: number) =>
			cache.get(key(byte), (publicKey) => {
				prepared.push(publicKey[0]!);
				return `key ${publicKey[0]}`;
			});
		expect([use(1), use(2), use(1), use(3), use(1), use(2)]).toEqual([
			'key 1',
			'key 2',
			'key 1',
			'key 3',
			'key 1',
			'key 2'
		]);
		expect(prepared).toEqual([1, 2, 3, 2]);
		expect(cache.size).toBe(2);
	});

	it('keeps null: a key that is none is not prepared again', () => {
		let calls = 0;
		const cache = new KeyCache<string | null>(2);
		for (let i = 0; i < 3; i++)
			expect(
				cache.get(key(1), () => {
					calls++;
					return null;
				})
			).toBe(null);
		expect(calls).toBe(1);
	});

	it('keeps nothing of a preparation that fails', () => {
		const cache = new KeyCache<string>(2);
		const fail = () =>
			cache.get(key(1), () => {
				throw new TypeError('no');
			});
		expect(fail).toThrow(TypeError);
		expect(cache.size).toBe(0);
		expect(cache.get(key(1), () => 'now')).toBe('now');
	});

	it('forgets', () => {
		const cache = new KeyCache<string>(2);
		cache.get(key(1), () => 'first');
		cache.forget(key(1));
		expect(cache.get(key(1), () => 'second')).toBe('second');
	});
});
