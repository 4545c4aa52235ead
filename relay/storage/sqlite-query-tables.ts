/** The query tables of the relay and of headless nodes, in an SQLite file of their own. */
import { DatabaseSync } from 'node:sqlite';
import {
	checkFollows,
	pageEnd,
	pageLimit,
	QueryTablesError,
	theOneThatCounts
} from '#lib/storage/query-pages.ts';
import type { FilledBlock } from '#lib/storage/query-pages.ts';
import type { BlockRow, Page, QueryTables, TransactionRow } from '#lib/storage/query-tables.ts';
import { StoreError } from '#lib/storage/ledger-store.ts';
import { storeErrorOf } from './sqlite-errors.ts';

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS blocks (
		height INTEGER PRIMARY KEY, hash TEXT NOT NULL, partition INTEGER NOT NULL, epoch INTEGER NOT NULL,
		round_id INTEGER NOT NULL, time_ms INTEGER NOT NULL, transactions INTEGER NOT NULL, kind TEXT NOT NULL
	) STRICT;
	CREATE INDEX IF NOT EXISTS blocks_by_partition ON blocks (partition, height);
	CREATE TABLE IF NOT EXISTS transactions (
		height INTEGER NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL, partition INTEGER NOT NULL,
		contract TEXT NOT NULL, function TEXT NOT NULL, accounts TEXT NOT NULL, status TEXT NOT NULL,
		PRIMARY KEY (height, position)
	) STRICT, WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS transactions_by_id ON transactions (id);
	CREATE INDEX IF NOT EXISTS transactions_by_contract ON transactions (contract, height, position);
	CREATE INDEX IF NOT EXISTS transactions_by_function ON transactions (contract, function, height, position);
	CREATE TABLE IF NOT EXISTS accounts (
		account TEXT NOT NULL, height INTEGER NOT NULL, position INTEGER NOT NULL,
		PRIMARY KEY (account, height, position)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS filled (only INTEGER PRIMARY KEY CHECK (only = 1), height INTEGER NOT NULL) STRICT;
`;

export class SqliteQueryTables implements QueryTables {
	readonly path: string;
	#database: DatabaseSync | null = null;

	/** @param path of the database file; its folder exists. Not the ledger's file, which one store alone may open. */
	constructor(path: string) {
		this.path = path;
	}

	async open(): Promise<void> {
		if (this.#database) return;
		try {
			this.#database = new DatabaseSync(this.path);
			// NORMAL: they are rebuilt from the ledger store where they lag.
			this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN; ${SCHEMA} COMMIT;`);
		} catch (error) {
			await this.close();
			throw storeErrorOf(error, `cannot open ${this.path}`);
		}
	}

	async filledTo(): Promise<number> {
		return this.#run('read', filledTo);
	}

	async add(blocks: FilledBlock[]): Promise<void> {
		this.#change('fill', (database) => {
			checkFollows(filledTo(database), blocks);
			const addBlock = database.prepare('INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
			const addTransaction = database.prepare('INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
			const addAccount = database.prepare('INSERT INTO accounts VALUES (?, ?, ?)');
			for (const { block: b, transactions } of blocks) {
				addBlock.run(b.height, b.hash, b.partition, b.epoch, b.roundId, b.timeMs, b.transactions, b.kind);
				for (const t of transactions) {
					const accounts = [...new Set(t.accounts)];
					const list = JSON.stringify(accounts);
					addTransaction.run(t.height, t.index, t.id, t.partition, t.contract, t.function, list, t.status);
					for (const account of accounts) addAccount.run(account, t.height, t.index);
				}
			}
			const last = blocks.at(-1);
			if (last) database.prepare('INSERT OR REPLACE INTO filled VALUES (1, ?)').run(last.block.height);
		});
	}

	async transaction(id: string): Promise<TransactionRow | undefined> {
		return this.#run('read', (database) => {
			const rows = database.prepare('SELECT * FROM transactions WHERE id = ?').all(id);
			return theOneThatCounts(rows.map((row) => transactionOf(row as unknown as TransactionColumns)));
		});
	}

	async blocks(page: Page & { partition?: number }): Promise<BlockRow[]> {
		return this.#run('read', (database) => {
			const where = page.partition === undefined ? '' : 'partition = ? AND';
			const rows = database
				.prepare(`SELECT * FROM blocks WHERE ${where} height < ? ORDER BY height DESC LIMIT ?`)
				.all(...(page.partition === undefined ? [] : [page.partition]), pageEnd(page), pageLimit(page));
			return rows.map((row) => blockOf(row as unknown as BlockColumns));
		});
	}

	async transactionsOf(account: string, page: Page): Promise<TransactionRow[]> {
		return this.#page('accounts', 'account = ?', [account], page);
	}

	async transactionsTo(contract: string, fn: string | undefined, page: Page): Promise<TransactionRow[]> {
		return fn === undefined
			? this.#page('transactions', 'contract = ?', [contract], page)
			: this.#page('transactions', 'contract = ? AND function = ?', [contract, fn], page);
	}

	async clear(filledTo = 0): Promise<void> {
		this.#change('clear', (database) => {
			database.exec(
				'DELETE FROM blocks; DELETE FROM transactions; DELETE FROM accounts; DELETE FROM filled;'
			);
			if (filledTo > 0) database.prepare('INSERT INTO filled VALUES (1, ?)').run(filledTo);
		});
	}

	async close(): Promise<void> {
		this.#database?.close();
		this.#database = null;
	}

	/** Rows at the places that `table` gives, highest first; the last block whole, see pageLimit. */
	#page(table: 'transactions' | 'accounts', where: string, values: string[], page: Page): TransactionRow[] {
		return this.#run('read', (database) => {
			const end = pageEnd(page);
			const lowest = database
				.prepare(
					`SELECT min(height) AS height FROM (SELECT height FROM ${table} WHERE ${where} AND height < ?
					ORDER BY height DESC, position DESC LIMIT ?)`
				)
				.get(...values, end, pageLimit(page)) as { height: number | null };
			if (lowest.height === null) return [];
			const rows = database
				.prepare(
					`SELECT * FROM ${table === 'accounts' ? 'accounts JOIN transactions USING (height, position)' : table}
					WHERE ${where} AND height >= ? AND height < ? ORDER BY height DESC, position DESC`
				)
				.all(...values, lowest.height, end);
			return rows.map((row) => transactionOf(row as unknown as TransactionColumns));
		});
	}

	#change(what: string, work: (database: DatabaseSync) => void): void {
		this.#run(what, (database) => {
			database.exec('BEGIN IMMEDIATE');
			try {
				work(database);
				database.exec('COMMIT');
			} catch (error) {
				if (database.isTransaction) database.exec('ROLLBACK');
				throw error;
			}
		});
	}

	#run<T>(what: string, work: (database: DatabaseSync) => T): T {
		if (!this.#database) throw new StoreError('lost', `${this.path} is not open`);
		try {
			return work(this.#database);
		} catch (error) {
			if (error instanceof QueryTablesError) throw error;
			throw storeErrorOf(error, `cannot ${what} ${this.path}`);
		}
	}
}

interface BlockColumns extends Omit<BlockRow, 'roundId' | 'timeMs'> {
	round_id: number;
	time_ms: number;
}

interface TransactionColumns extends Omit<TransactionRow, 'index' | 'accounts'> {
	position: number;
	/** A JSON list: read whole, and looked up in the table `accounts`. */
	accounts: string;
}

function filledTo(database: DatabaseSync): number {
	const row = database.prepare('SELECT height FROM filled').get() as { height: number } | undefined;
	return row?.height ?? 0;
}

function blockOf({
	height,
	hash,
	partition,
	epoch,
	round_id,
	time_ms,
	transactions,
	kind
}: BlockColumns): BlockRow {
	return { height, hash, partition, epoch, roundId: round_id, timeMs: time_ms, transactions, kind };
}

function transactionOf(row: TransactionColumns): TransactionRow {
	const { height, position, id, partition, contract, function: fn, accounts, status } = row;
	return {
		height,
		index: position,
		id,
		partition,
		contract,
		function: fn,
		accounts: JSON.parse(accounts) as string[],
		status
	};
}
