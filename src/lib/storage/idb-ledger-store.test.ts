import 'fake-indexeddb/auto';
import { create } from '@bufbuild/protobuf';
import { forceCloseDatabase, IDBFactory, IDBObjectStore } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeFinalBlock } from '../ledger/block.ts';
import { BlockCertificateSchema } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { IdbLedgerStore } from './idb-ledger-store.ts';
import {
	deleteLedgerDatabase,
	ledgerDatabaseExists,
	ledgerDatabaseName,
	MIGRATIONS,
	openLedgerDatabase,
	type Migration
} from './ledger-database.ts';
import { bytes, ledgerStoreContract, shrinkContract } from './ledger-store.contract.ts';

const nodeId = 'ab'.repeat(32);
const chainId = 'cd'.repeat(32);
const head = { height: 0, hash: bytes(1), stateDigest: bytes(2), timeMs: 3 };
const vote = { votes: [{ key: 'v', value: bytes(1) }], durability: 'strict' as const };

// Places become chain ids: each has its own database.
const openStore = (place: string) => new IdbLedgerStore({ chainId: place.padStart(16, '-'), nodeId });
ledgerStoreContract('IndexedDB', openStore);
shrinkContract('IndexedDB', openStore);

describe('the IndexedDB ledger store', () => {
	beforeEach(() => {
		globalThis.indexedDB = new IDBFactory();
	});
	afterEach(() => {
		vi.restoreAllMocks();
	});

	it('names its database after chain and node', () => {
		expect(new IdbLedgerStore({ chainId, nodeId }).name).toBe('tabwave-cdcdcdcdcdcdcdcd-abababababababab');
	});

	it('writes in one transaction with the durability that was asked for', async () => {
		const store = new IdbLedgerStore({ chainId, nodeId });
		await store.load();
		const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction');
		await store.write({ ...vote, head, blocks: [{ height: 1, hash: bytes(1), bytes: bytes(2) }] });
		await store.write({ ...vote, durability: 'relaxed' });
		expect(transaction.mock.calls.map(([, mode, options]) => [mode, options])).toEqual([
			['readwrite', { durability: 'strict' }],
			['readwrite', { durability: 'relaxed' }]
		]);
		await store.close();
	});

	it('stores the bytes of a view, not the buffer behind it', async () => {
		const store = new IdbLedgerStore({ chainId, nodeId });
		await store.load();
		const frame = new Uint8Array(1000);
		const view = frame.subarray(10, 12);
		await store.write({
			votes: [{ key: 'v', value: view }],
			blocks: [{ height: 1, hash: view, bytes: view }],
			state: [{ key: 'a', value: view, height: 1, previous: { value: view, height: 0 } }],
			durability: 'strict'
		});
		const { votes, state } = await store.load();
		const stored = [votes[0]!.value, await store.block(1), state[0]!.value, state[0]!.previous!.value];
		expect(stored.map((found) => found!.buffer.byteLength)).toEqual([2, 2, 2, 2]);
		await store.close();
	});

	it('is told when another tab deletes the database, and lets it', async () => {
		const store = new IdbLedgerStore({ chainId, nodeId });
		await store.load();
		await store.initialise(bytes(1), [], head);
		const losses: Error[] = [];
		store.onLost((error) => losses.push(error));
		expect(await ledgerDatabaseExists(store.name)).toBe(true);
		await deleteLedgerDatabase(store.name);
		store.onLost((error) => losses.push(error));
		expect(losses).toMatchObject([{ reason: 'lost' }, { reason: 'lost' }]);
		await expect(store.write(vote)).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
		expect(await ledgerDatabaseExists(store.name)).toBe(false);
	});

	it('is told when the browser closes the database', async () => {
		const opened = vi.spyOn(IDBFactory.prototype, 'open');
		const store = new IdbLedgerStore({ chainId, nodeId });
		await store.load();
		const lost = vi.fn();
		store.onLost(lost);
		forceCloseDatabase((opened.mock.results[0]!.value as { result: never }).result);
		await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce());
		await expect(store.write(vote)).rejects.toMatchObject({ reason: 'lost' });
	});

	it('never resolves a write that met a closed connection', async () => {
		const opened = vi.spyOn(IDBFactory.prototype, 'open');
		const store = new IdbLedgerStore({ chainId, nodeId });
		await store.load();
		(opened.mock.results[0]!.value as IDBOpenDBRequest).result.close();
		await expect(store.write(vote)).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
	});

	it('calls a full disk full, keeps nothing of that write, and goes on', async () => {
		const store = new IdbLedgerStore({ chainId, nodeId });
		await store.load();
		const put = IDBObjectStore.prototype.put;
		vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...args) {
			if (this.name === 'state') throw new DOMException('no room', 'QuotaExceededError');
			return put.apply(this, args);
		});
		const state = [{ key: 'a', value: bytes(1), height: 1, previous: null }];
		await expect(store.write({ ...vote, state })).rejects.toMatchObject({
			name: 'StoreError',
			reason: 'full'
		});
		expect((await store.load()).votes).toEqual([]);
		await store.write(vote);
		expect((await store.load()).votes).toHaveLength(1);
		await store.close();
	});

	it('opens again after an open that failed', async () => {
		const store = new IdbLedgerStore({ chainId, nodeId });
		vi.spyOn(IDBFactory.prototype, 'open').mockImplementationOnce(() => {
			throw new DOMException('disk failure', 'UnknownError');
		});
		await expect(store.load()).rejects.toMatchObject({ name: 'StoreError', reason: 'corrupt' });
		expect((await store.load()).genesis).toBeNull();
		await store.close();
	});
});

describe('a store without any room', () => {
	/** Takes so many shorter blocks at once as there is room for; deleting the reserve makes some. */
	async function fullStore(room: { blocks: number; blocksWithoutReserve: number }) {
		globalThis.indexedDB = new IDBFactory();
		const store = new IdbLedgerStore({ chainId, nodeId });
		await store.load();
		await store.initialise(bytes(1), [], head);
		const blocks = Array.from({ length: 40 }, (_, i) => ({
			height: i + 1,
			hash: bytes(i + 1),
			bytes: encodeFinalBlock({
				header: bytes(i + 1),
				entry: bytes(2),
				transactions: [new Uint8Array(9000)],
				receipts: [],
				certificate: create(BlockCertificateSchema, { blockId: bytes(i + 1) })
			})
		}));
		await store.write({ blocks, durability: 'strict' });
		const put = IDBObjectStore.prototype.put;
		const counts = new WeakMap<IDBTransaction, number>();
		let isReserved = true;
		const remove = IDBObjectStore.prototype.delete;
		vi.spyOn(IDBObjectStore.prototype, 'delete').mockImplementation(function (this: IDBObjectStore, key) {
			if (key instanceof IDBKeyRange && String(key.lower).startsWith('reserve')) isReserved = false;
			return remove.call(this, key);
		});
		vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, ...args) {
			const count = (counts.get(this.transaction) ?? 0) + (this.name === 'blocks' ? 1 : 0);
			counts.set(this.transaction, count);
			if (count > (isReserved ? room.blocks : room.blocksWithoutReserve)) {
				this.transaction.abort();
				throw new DOMException('no room', 'QuotaExceededError');
			}
			return put.apply(this, args);
		});
		return store;
	}

	afterEach(() => {
		vi.restoreAllMocks();
	});

	it('shortens fewer blocks at once, and has its reserve again in the end', async () => {
		const store = await fullStore({ blocks: 0, blocksWithoutReserve: 1 });
		const { bytes: freed, headersOnlyTo } = await store.shrink(31, 1_000_000);
		expect(headersOnlyTo).toBe(30);
		expect(freed).toBeGreaterThan(30 * 9000);
		const database = await openLedgerDatabase(store.name);
		expect((await database.getAllKeys('meta')).filter((key) => key.startsWith('reserve'))).toHaveLength(4);
		database.close();
		await store.close();
	});

	it('says that there is nothing more where not even one fits', async () => {
		const store = await fullStore({ blocks: 0, blocksWithoutReserve: 0 });
		expect(await store.shrink(31, 1_000_000)).toEqual({ bytes: 0, headersOnlyTo: 0 });
		await store.close();
	});

	it('keeps its reserve where that is not needed', async () => {
		const store = await fullStore({ blocks: 16, blocksWithoutReserve: 0 });
		expect((await store.shrink(31, 1_000_000)).headersOnlyTo).toBe(30);
		await store.close();
	});
});

describe('a newer schema', () => {
	const name = ledgerDatabaseName(chainId, nodeId);
	const newer: Migration[] = [
		...MIGRATIONS,
		(database, transaction) => {
			database.createObjectStore('snapshots' as 'meta');
			transaction.objectStore('blocks').createIndex('size' as 'hash', 'size');
		}
	];

	it('is made of the older one with all that it holds, and the tab that has that one open is told', async () => {
		globalThis.indexedDB = new IDBFactory();
		const old = new IdbLedgerStore({ chainId, nodeId });
		await old.initialise(bytes(1), [], head);
		await old.write(vote);
		const losses: Error[] = [];
		old.onLost((error) => losses.push(error));

		const database = await openLedgerDatabase(name, {}, newer);
		expect(losses).toMatchObject([{ name: 'StoreError', reason: 'lost' }]);
		await expect(old.write(vote)).rejects.toMatchObject({ reason: 'lost' });
		expect([...database.objectStoreNames]).toEqual(['blocks', 'meta', 'snapshots', 'state', 'votes']);
		expect(await database.get('votes', 'v')).toEqual({ key: 'v', value: bytes(1) });
		expect(await database.get('meta', 'head')).toEqual(head);
		database.close();
	});

	it('is not opened by an older page, which says what to do', async () => {
		globalThis.indexedDB = new IDBFactory();
		(await openLedgerDatabase(name, {}, newer)).close();
		const store = new IdbLedgerStore({ chainId, nodeId });
		await expect(store.load()).rejects.toMatchObject({ reason: 'newer' });
		await expect(store.load()).rejects.toThrow('a newer Tabwave wrote it; reload the page');
		await store.close();
	});

	it('is the older one still where the step to it fails', async () => {
		globalThis.indexedDB = new IDBFactory();
		const old = new IdbLedgerStore({ chainId, nodeId });
		await old.initialise(bytes(1), [], head);
		await old.close();
		const broken: Migration[] = [
			...newer,
			() => {
				throw new Error('the step fails');
			}
		];
		await expect(openLedgerDatabase(name, {}, broken)).rejects.toMatchObject({ name: 'StoreError' });
		const again = new IdbLedgerStore({ chainId, nodeId });
		expect((await again.load()).head).toEqual(head);
		await again.close();
	});
});

describe('ledgerDatabaseExists', () => {
	const name = ledgerDatabaseName(chainId, nodeId);
	for (const way of ['databases()', 'an aborted open'] as const)
		it(`creates nothing, and asks for a genesis, by ${way}`, async () => {
			globalThis.indexedDB = new IDBFactory();
			const list = () => IDBFactory.prototype.databases.call(globalThis.indexedDB);
			if (way === 'an aborted open') Object.assign(globalThis.indexedDB, { databases: undefined });
			expect(await ledgerDatabaseExists(name)).toBe(false);
			expect(await list()).toEqual([]);
			const store = new IdbLedgerStore({ chainId, nodeId });
			await store.load();
			expect(await ledgerDatabaseExists(name)).toBe(false);
			await store.initialise(bytes(1), [], head);
			expect(await ledgerDatabaseExists(name)).toBe(true);
			await store.close();
		});
});
