import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { IDENTITY_DATABASE, IdbIdentityStore, MemoryIdentityStore } from './identity-store.ts';
import type { IdentityRecord } from './identity-store.ts';

const record = (name: string): IdentityRecord => ({
	name,
	nodeId: `node of ${name}`,
	seed: new Uint8Array(32).fill(7),
	nickname: 'Ada',
	createdMs: 1,
	lastUsedMs: 2,
	votedOn: [],
	retiredFrom: [],
	owner: 'page'
});

beforeEach(() => {
	globalThis.indexedDB = new IDBFactory();
});

for (const [name, make] of [
	['in memory', () => new MemoryIdentityStore()],
	['in IndexedDB', () => new IdbIdentityStore()]
] as const)
	describe(`the identity store ${name}`, () => {
		it('adds once, gives, and lists', async () => {
			const store = make();
			await store.open();
			await store.add(record('a'));
			await store.add(record('b'));
			await expect(store.add(record('a'))).rejects.toMatchObject({ name: 'StoreError' });
			expect(await store.get('a')).toEqual(record('a'));
			expect(await store.get('c')).toBeUndefined();
			expect(await store.all()).toEqual([record('a'), record('b')]);
			store.close();
		});

		it('changes what is there, or leaves it', async () => {
			const store = make();
			await store.open();
			await store.add(record('a'));
			const renamed = { ...record('a'), nickname: 'Grace' };
			expect(await store.update('a', (now) => ({ ...now, nickname: 'Grace' }), 'strict')).toEqual(renamed);
			expect(await store.update('a', () => null, 'relaxed')).toBeNull();
			expect(await store.update('b', (now) => now, 'strict')).toBeNull();
			expect(await store.all()).toEqual([renamed]);
			store.close();
		});

		it('lets no other change come between reading and writing', async () => {
			const store = make();
			await store.open();
			await store.add(record('a'));
			const add = (chain: number) =>
				store.update('a', (now) => ({ ...now, votedOn: [...now.votedOn, `chain ${chain}`] }), 'strict');
			await Promise.all([1, 2, 3, 4, 5].map(add));
			expect((await store.get('a'))!.votedOn).toHaveLength(5);
			store.close();
		});
	});

describe('the identity store in IndexedDB', () => {
	it('lets go when another tab deletes it, and is empty then', async () => {
		const store = new IdbIdentityStore();
		await store.open();
		await store.add(record('a'));
		await new Promise<void>((resolve) => {
			indexedDB.deleteDatabase(IDENTITY_DATABASE).onsuccess = () => resolve();
		});
		expect(await store.all()).toEqual([]);
		store.close();
	});

	it('says so where the browser stores nothing', async () => {
		vi.spyOn(IDBFactory.prototype, 'open').mockImplementationOnce(() => {
			throw new DOMException('not here', 'SecurityError');
		});
		await expect(new IdbIdentityStore().open()).rejects.toMatchObject({
			name: 'StoreError',
			reason: 'corrupt'
		});
	});
});
