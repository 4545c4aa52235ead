/** The query tables of a tab, in IndexedDB by way of Dexie. */
import { Dexie } from 'dexie';
import type { Collection, EntityTable, Table } from 'dexie';
import { databaseName, storeErrorOf } from './ledger-database.ts';
import { checkFollows, pageEnd, pageLimit, QueryTablesError, theOneThatCounts } from './query-pages.ts';
import type { FilledBlock } from './query-pages.ts';
import type { BlockRow, Page, QueryTables, TransactionRow } from './query-tables.ts';

export interface DexieQueryTablesInit {
	/** Hex of the genesis hash. */
	chainId: string;
	/** Hex of the node's public key. */
	nodeId: string;
}

export class DexieQueryTables implements QueryTables {
	readonly #database: QueryDatabase;

	constructor({ chainId, nodeId }: DexieQueryTablesInit) {
		this.#database = new Dexie(databaseName('tabwave-query', chainId, nodeId), {
			// After a deletion under the node the tables must not come back empty by themselves; the node opens them again.
			autoOpen: false,
			// They are rebuilt from the ledger store where they lag.
			chromeTransactionDurability: 'relaxed',
			cache: 'disabled'
		}) as QueryDatabase;
		this.#database.on('versionchange', () => {
			this.#database.close();
			return false; // instead of Dexie's own answer, which is the same and a warning on the console
		});
		this.#database.version(1).stores({
			blocks: 'height, [partition+height]',
			// Height and index at the end of each index: a page is one range, however far back it begins.
			transactions:
				'[height+index], id, [contract+height+index], [contract+function+height+index], *accountKeys',
			meta: 'key'
		});
	}

	async open(): Promise<void> {
		await this.#run('open', () => this.#database.open());
	}

	async filledTo(): Promise<number> {
		return this.#run('read', () => this.#filledTo());
	}

	async add(blocks: FilledBlock[]): Promise<void> {
		const { blocks: blockTable, transactions, meta } = this.#database;
		await this.#run('fill', () =>
			this.#database.transaction('rw', [blockTable, transactions, meta], async () => {
				checkFollows(await this.#filledTo(), blocks);
				const last = blocks.at(-1);
				if (!last) return;
				await Promise.all([
					blockTable.bulkAdd(blocks.map(({ block }) => block)),
					transactions.bulkAdd(blocks.flatMap((filled) => filled.transactions.map(stored))),
					meta.put({ key: FILLED_TO, value: last.block.height })
				]);
			})
		);
	}

	async transaction(id: string): Promise<TransactionRow | undefined> {
		return this.#run('read', async () => {
			const rows = await this.#database.transactions.where('id').equals(id).toArray();
			return theOneThatCounts(rows.map(rowOf));
		});
	}

	async blocks(page: Page & { partition?: number }): Promise<BlockRow[]> {
		const { blocks } = this.#database;
		const range =
			page.partition === undefined
				? blocks.where('height').below(pageEnd(page))
				: blocks.where('[partition+height]').between([page.partition, 0], [page.partition, pageEnd(page)]);
		return this.#run('read', () => range.reverse().limit(pageLimit(page)).toArray());
	}

	async transactionsOf(account: string, page: Page): Promise<TransactionRow[]> {
		return this.#page('accountKeys', [account], page);
	}

	async transactionsTo(contract: string, fn: string | undefined, page: Page): Promise<TransactionRow[]> {
		return fn === undefined
			? this.#page('[contract+height+index]', [contract], page)
			: this.#page('[contract+function+height+index]', [contract, fn], page);
	}

	async clear(): Promise<void> {
		const { blocks, transactions, meta } = this.#database;
		await this.#run('clear', () =>
			this.#database.transaction('rw', [blocks, transactions, meta], () =>
				Promise.all([blocks.clear(), transactions.clear(), meta.clear()])
			)
		);
	}

	async close(): Promise<void> {
		this.#database.close();
	}

	/** Rows of `index` whose key begins with `prefix`, highest first. */
	async #page(index: string, prefix: string[], page: Page): Promise<TransactionRow[]> {
		const limit = pageLimit(page);
		const range = (from: number[], to: number[]): Collection<StoredTransaction> =>
			this.#database.transactions
				.where(index)
				.between([...prefix, ...from], [...prefix, ...to], true, false)
				.reverse();
		return this.#run('read', async () => {
			const rows = await range([0], [pageEnd(page)])
				.limit(limit)
				.toArray();
			const last = rows.at(-1);
			// The rest of the last block; see pageLimit.
			if (last && rows.length === limit)
				rows.push(...(await range([last.height], [last.height, last.index]).toArray()));
			return rows.map(rowOf);
		});
	}

	async #filledTo(): Promise<number> {
		return (await this.#database.meta.get(FILLED_TO))?.value ?? 0;
	}

	async #run<T>(what: string, work: () => PromiseLike<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			if (error instanceof QueryTablesError) throw error;
			throw storeErrorOf(error, `cannot ${what} ${this.#database.name}`);
		}
	}
}

const FILLED_TO = 'filledTo';

type QueryDatabase = Dexie & {
	blocks: EntityTable<BlockRow, 'height'>;
	transactions: Table<StoredTransaction, [number, number]>;
	meta: EntityTable<{ key: string; value: number }, 'key'>;
};

interface StoredTransaction extends TransactionRow {
	/** [account, height, index] for each account. IndexedDB has no compound index over a list, but takes lists as keys. */
	accountKeys: [string, number, number][];
}

function stored(row: TransactionRow): StoredTransaction {
	const accounts = [...new Set(row.accounts)];
	return { ...row, accounts, accountKeys: accounts.map((account) => [account, row.height, row.index]) };
}

function rowOf({ accountKeys: _, ...row }: StoredTransaction): TransactionRow {
	return row;
}
