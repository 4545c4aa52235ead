import 'fake-indexeddb/auto';
import { IDBObjectStore } from 'fake-indexeddb';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DexieQueryTables } from './dexie-query-tables.ts';
import { deleteLedgerDatabase } from './ledger-database.ts';
import { filledBlock, queryTablesContract } from './query-tables.contract.ts';

const nodeId = 'ab'.repeat(32);
queryTablesContract('Dexie', (place) => new DexieQueryTables({ chainId: place.padStart(16, '-'), nodeId }));

describe('the Dexie query tables', () => {
	const chainId = 'cd'.repeat(32);
	afterEach(() => {
		vi.restoreAllMocks();
	});

	it('do not come back by themselves after a deletion, and are new when opened again', async () => {
		const tables = new DexieQueryTables({ chainId, nodeId });
		await tables.open();
		await tables.add([filledBlock(1)]);
		await deleteLedgerDatabase('tabwave-query-cdcdcdcdcdcdcdcd-abababababababab');
		await expect(tables.filledTo()).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
		await tables.open();
		expect(await tables.filledTo()).toBe(0);
		await tables.close();
	});

	it('call a full disk full, and keep nothing of that batch', async () => {
		const tables = new DexieQueryTables({ chainId: 'ef'.repeat(32), nodeId });
		await tables.open();
		const add = IDBObjectStore.prototype.add;
		vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(function (this: IDBObjectStore, ...args) {
			if (this.name === 'transactions') throw new DOMException('no room', 'QuotaExceededError');
			return add.apply(this, args);
		});
		const call = tables.add([filledBlock(1, [{}])]);
		await expect(call).rejects.toMatchObject({ name: 'StoreError', reason: 'full' });
		expect(await tables.filledTo()).toBe(0);
		expect(await tables.blocks({ limit: 9 })).toEqual([]);
		await tables.close();
	});
});
