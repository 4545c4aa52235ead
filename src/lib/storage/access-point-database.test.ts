import 'fake-indexeddb/auto';
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

it('refuses what follows a deletion as lost', async () => {
	const database = new IdbAccessPointDatabase('ab'.repeat(32));
	await database.open();
	await database.put([ownAccessPoint('a')]);
	await deleteLedgerDatabase(database.name);
	await expect(database.all()).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
});
