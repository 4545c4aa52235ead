import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { bytes, ledgerStoreContract } from '#lib/storage/ledger-store.contract.ts';
import { SqliteLedgerStore } from './sqlite-ledger-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'tabwave-sqlite-'));
afterAll(() => rmSync(folder, { recursive: true }));

const vote = (n: number) => ({ votes: [{ key: `v${n}`, value: bytes(n) }], durability: 'strict' as const });

ledgerStoreContract('SQLite', (place) => new SqliteLedgerStore(join(folder, place)));

describe('the SQLite ledger store', () => {
	it('lets one process alone run on a file', async () => {
		const path = join(folder, 'exclusive');
		const store = new SqliteLedgerStore(path);
		await store.load();
		const other = new DatabaseSync(path, { timeout: 0 });
		expect(() => other.exec('SELECT * FROM votes')).toThrow(/locked/);
		other.close();
		await store.close();
	});

	for (const [what, remove] of [
		['deleted', (path: string) => unlinkSync(path)],
		['replaced', (path: string) => (renameSync(path, `${path}.old`), writeFileSync(path, ''))]
	] as const)
		it(`refuses to write to a file that was ${what}, and says so once`, async () => {
			const path = join(folder, what);
			const store = new SqliteLedgerStore(path);
			await store.load();
			await store.write(vote(1));
			const lost = vi.fn();
			store.onLost(lost);
			remove(path);
			await expect(store.write(vote(2))).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
			await expect(store.write(vote(3))).rejects.toMatchObject({ reason: 'lost' });
			expect(lost).toHaveBeenCalledOnce();
			await store.close();
		});

	it('calls a full disk full, keeps nothing of that write, and goes on', async () => {
		const path = join(folder, 'full');
		const prepared = vi.spyOn(DatabaseSync.prototype, 'prepare');
		const store = new SqliteLedgerStore(path);
		await store.load();
		const database = prepared.mock.contexts[0] as DatabaseSync;
		prepared.mockRestore();
		database.exec('PRAGMA max_page_count = 20');
		const huge = { height: 1, hash: bytes(1), bytes: new Uint8Array(100_000) };
		await expect(store.write({ ...vote(1), blocks: [huge] })).rejects.toMatchObject({
			name: 'StoreError',
			reason: 'full'
		});
		expect((await store.load()).votes).toEqual([]);
		await store.write(vote(2));
		expect((await store.load()).votes).toHaveLength(1);
		await store.close();
	});

	it('says corrupt of a file that is no database, and lost of a folder that is not there', async () => {
		const path = join(folder, 'text');
		writeFileSync(path, 'a shopping list '.repeat(100));
		await expect(new SqliteLedgerStore(path).load()).rejects.toMatchObject({
			name: 'StoreError',
			reason: 'corrupt'
		});
		const nowhere = new SqliteLedgerStore(join(folder, 'no', 'where'));
		await expect(nowhere.load()).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
	});
});
