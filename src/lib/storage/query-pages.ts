/** What all query tables have in common: how far a page goes, and which blocks may be added. */
import type { BlockRow, Page, TransactionRow } from './query-tables.ts';

/** Rows of one page at most, whatever is asked for: what a list on a screen can use, and what one answer may weigh. */
export const MAX_PAGE_ROWS = 1_000;

export interface FilledBlock {
	block: BlockRow;
	transactions: TransactionRow[];
}

/**
 * How many rows to look for. A page of transactions ends with a whole block and may be longer by the rest of it: the
 * next page begins before a height, and would otherwise never show that rest.
 */
export function pageLimit(page: Page): number {
	return Math.max(0, Math.min(MAX_PAGE_ROWS, Math.floor(page.limit)));
}

/** The first height that a page does not hold. */
export function pageEnd(page: Page): number {
	return page.beforeHeight ?? Number.MAX_SAFE_INTEGER;
}

/** @throws QueryTablesError where the blocks do not follow `filledTo` one by one, or hold rows of another block */
export function checkFollows(filledTo: number, blocks: FilledBlock[]): void {
	let expected = filledTo + 1;
	for (const { block, transactions } of blocks) {
		if (block.height !== expected)
			throw new QueryTablesError(
				`the query tables need block ${expected} next and were given ${block.height}`
			);
		const stray = transactions.find((transaction) => transaction.height !== block.height);
		if (stray)
			throw new QueryTablesError(`block ${block.height} was given with a transaction of ${stray.height}`);
		expected++;
	}
}

/** The same id may be in the ledger more than once; the one that was executed counts, else the first. */
export function theOneThatCounts(rows: TransactionRow[]): TransactionRow | undefined {
	const ordered = rows.sort((a, b) => a.height - b.height || a.index - b.index);
	return ordered.find(({ status }) => status !== 'skipped') ?? ordered[0];
}

export class QueryTablesError extends Error {
	override readonly name = 'QueryTablesError';
}
