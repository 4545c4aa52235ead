/** The query tables of a tab, in IndexedDB by way of Dexie. */
import { Dexie } from 'dexie';
import type { EntityTable } from 'dexie';
import { databaseName, storeErrorOf } from './ledger-database.ts';
import { pack, searchKey, unpack } from './packed-transactions.ts';
import type { PackedTransactions } from './packed-transactions.ts';
import { checkFollows, pageEnd, pageLimit, QueryTablesError, theOneThatCounts } from './query-pages.ts';
import type { FilledBlock } from './query-pages.ts';
import type { BlockRow, Page, QueryTables, TransactionRow } from './query-tables.ts';

const FILLED_TO = 'filledTo';

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
		// It keeps ranges of all keys written and broadcasts them to the other tabs, for live queries, which nobody makes here.
		this.#database.unuse({ stack: 'dbcore', name: 'Observability' });
		this.#database.on('versionchange', () => {
			this.#database.close();
			return false; // instead of Dexie's own answer, which is the same and a warning on the console
		});
		this.#database.version(1).stores({
			blocks: 'height, [partition+height]',
			// Height at the end of each key: a page is one range, however far back it begins.
			transactions: 'height, *idKeys, *accountKeys, *contractKeys, *functionKeys',
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
				const packed = blocks
					.filter((filled) => filled.transactions.length > 0)
					.map((filled) => pack(filled.block.height, filled.transactions.map(withAccountsOnce)));
				await Promise.all([
					blockTable.bulkAdd(blocks.map(({ block }) => block)),
					transactions.bulkAdd(packed),
					meta.put({ key: FILLED_TO, value: last.block.height })
				]);
			})
		);
	}

	async transaction(id: string): Promise<TransactionRow | undefined> {
		return this.#run('read', async () => {
			const records = await this.#database.transactions.where('idKeys').equals(searchKey(id)).toArray();
			return theOneThatCounts(records.flatMap(unpack).filter((row) => row.id === id));
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
		return this.#page('accountKeys', [searchKey(account)], page, (row) => row.accounts.includes(account));
	}

	async transactionsTo(contract: string, fn: string | undefined, page: Page): Promise<TransactionRow[]> {
		return fn === undefined
			? this.#page('contractKeys', [contract], page, (row) => row.contract === contract)
			: this.#page(
					'functionKeys',
					[contract, fn],
					page,
					(row) => row.contract === contract && row.function === fn
				);
	}

	async clear(filledTo = 0): Promise<void> {
		const { blocks, transactions, meta } = this.#database;
		await this.#run('clear', () =>
			this.#database.transaction('rw', [blocks, transactions, meta], async () => {
				await Promise.all([blocks.clear(), transactions.clear(), meta.clear()]);
				if (filledTo > 0) await meta.put({ key: FILLED_TO, value: filledTo });
			})
		);
	}

	async close(): Promise<void> {
		this.#database.close();
	}

	/** Rows that match, of the blocks that `index` gives for `prefix`, highest first; whole blocks, see pageLimit. */
	async #page(
		index: string,
		prefix: string[],
		page: Page,
		matches: (row: TransactionRow) => boolean
	): Promise<TransactionRow[]> {
		const limit = pageLimit(page);
		const found: TransactionRow[] = [];
		if (limit === 0) return found;
		await this.#run('read', () =>
			this.#database.transactions
				.where(index)
				.between([...prefix, 0], [...prefix, pageEnd(page)], true, false)
				.reverse()
				.until(() => found.length >= limit)
				.each((record) => {
					found.push(...unpack(record).filter(matches).reverse());
				})
		);
		return found;
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

type QueryDatabase = Dexie & {
	blocks: EntityTable<BlockRow, 'height'>;
	transactions: EntityTable<PackedTransactions, 'height'>;
	meta: EntityTable<{ key: string; value: number }, 'key'>;
};

function withAccountsOnce(row: TransactionRow): TransactionRow {
	return { ...row, accounts: [...new Set(row.accounts)] };
}
