import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { expect, it } from 'vitest';
import { accessPointDatabaseContract, ownAccessPoint } from './access-point-database.contract.ts';
import { MemoryAccessPointDatabase } from './access-point-database.ts';
import { IdbAccessPointDatabase } from './idb-access-point-database.ts';
import { deleteLedgerDatabase } from './ledger-database.ts';

const memories = new Map<string, MemoryAccessPointDatabase>();
accessPointDatabaseContract('memory', (nodeId) => {
	const database = memories.get(nodeId) ?? new MemoryAccessPointDatabase();
	memories.set(nodeId, database);
	return database;
});

accessPointDatabaseContract('IndexedDB', (nodeId) => new IdbAccessPointDatabase(nodeId));

it.each([
	['memory', () => new MemoryAccessPointDatabase()],
	['IndexedDB', () => new IdbAccessPointDatabase('cd'.repeat(32))]
])('keeps the settings of a manager over a restart, in %s', async (_name, make) => {
	const database = make();
	await database.open();
	expect(await database.settings()).toBeNull();
	const settings = { buyAtPpm: 900_000, sellAtPpm: 1, sellerCapPpm: 700_000, minimumGain: 2n ** 60n };
	await database.keepSettings(settings);
	await database.put([ownAccessPoint('a')]);
	await database.close();
	await database.open();
	expect(await database.settings()).toEqual(settings);
	expect(await database.all()).toHaveLength(1);
	await database.close();
});

it('of the version before, without settings, is taken on with its access points', async () => {
	const database = new IdbAccessPointDatabase('ef'.repeat(32));
	const before = await openDB(database.name, 1, {
		upgrade: (old) => void old.createObjectStore('accessPoints', { keyPath: 'id' })
	});
	await before.put('accessPoints', ownAccessPoint('kept'));
	before.close();
	await database.open();
	expect(await database.all()).toEqual([ownAccessPoint('kept')]);
	expect(await database.settings()).toBeNull();
	await database.close();
});

it('refuses what follows a deletion as lost', async () => {
	const database = new IdbAccessPointDatabase('ab'.repeat(32));
	await database.open();
	await database.put([ownAccessPoint('a')]);
	await deleteLedgerDatabase(database.name);
	await expect(database.all()).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
});
