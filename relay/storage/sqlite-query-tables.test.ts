import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { queryTablesContract } from '#lib/storage/query-tables.contract.ts';
import { SqliteQueryTables } from './sqlite-query-tables.ts';

const folder = mkdtempSync(join(tmpdir(), 'tabwave-queries-'));
afterAll(() => rmSync(folder, { recursive: true }));

queryTablesContract('SQLite', (place) => new SqliteQueryTables(join(folder, place)));

it('refuses calls before open and after close as lost', async () => {
	const tables = new SqliteQueryTables(join(folder, 'closed'));
	await expect(tables.filledTo()).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
	await tables.open();
	await tables.close();
	await expect(tables.filledTo()).rejects.toMatchObject({ reason: 'lost' });
});
