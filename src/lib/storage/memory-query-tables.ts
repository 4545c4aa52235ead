/** The query tables in memory: for tests, the simulator, and a tab without IndexedDB. It scans where others have indexes. */
import { checkFollows, pageEnd, pageLimit, theOneThatCounts } from './query-pages.ts';
import type { FilledBlock } from './query-pages.ts';
import type { BlockRow, Page, QueryTables, TransactionRow } from './query-tables.ts';

export class MemoryQueryTables implements QueryTables {
	/** In order of height, then index. */
	#blocks: BlockRow[] = [];
	#transactions: TransactionRow[] = [];
	#base = 0;

	async open(): Promise<void> {}

	async filledTo(): Promise<number> {
		return this.#blocks.at(-1)?.height ?? this.#base;
	}

	async add(blocks: FilledBlock[]): Promise<void> {
		checkFollows(await this.filledTo(), blocks);
		for (const { block, transactions } of blocks) {
			this.#blocks.push({ ...block });
			this.#transactions.push(...transactions.map(copy).sort((a, b) => a.index - b.index));
		}
	}

	async transaction(id: string): Promise<TransactionRow | undefined> {
		const found = theOneThatCounts(this.#transactions.filter((transaction) => transaction.id === id));
		return found && copy(found);
	}

	async blocks(page: Page & { partition?: number }): Promise<BlockRow[]> {
		const end = pageEnd(page);
		return this.#blocks
			.filter(({ height, partition }) => height < end && (page.partition ?? partition) === partition)
			.reverse()
			.slice(0, pageLimit(page))
			.map((block) => ({ ...block }));
	}

	async transactionsOf(account: string, page: Page): Promise<TransactionRow[]> {
		return this.#page(page, ({ accounts }) => accounts.includes(account));
	}

	async transactionsTo(contract: string, fn: string | undefined, page: Page): Promise<TransactionRow[]> {
		return this.#page(page, (row) => row.contract === contract && (fn === undefined || row.function === fn));
	}

	async clear(filledTo = 0): Promise<void> {
		this.#base = filledTo;
		this.#blocks = [];
		this.#transactions = [];
	}

	async close(): Promise<void> {}

	#page(page: Page, matches: (row: TransactionRow) => boolean): TransactionRow[] {
		const end = pageEnd(page);
		const limit = pageLimit(page);
		const found: TransactionRow[] = [];
		for (let i = this.#transactions.length - 1; i >= 0 && limit > 0; i--) {
			const row = this.#transactions[i]!;
			if (row.height >= end || !matches(row)) continue;
			if (found.length >= limit && row.height !== found.at(-1)!.height) break;
			found.push(copy(row));
		}
		return found;
	}
}

function copy(row: TransactionRow): TransactionRow {
	return { ...row, accounts: [...new Set(row.accounts)] };
}
