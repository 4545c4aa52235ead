/**
 * The seed's block and transaction tables, for questions and not for truth: filled behind the commit, in batches, and
 * rebuilt from the ledger store where they lag. Ids and hashes are lower-case hex.
 */

export interface BlockRow {
	height: number;
	hash: string;
	partition: number;
	epoch: number;
	roundId: number;
	timeMs: number;
	transactions: number;
	kind: 'block' | 'membership';
}

export interface TransactionRow {
	height: number;
	index: number;
	id: string;
	partition: number;
	contract: string;
	function: string;
	/** The sender, and each account the transaction names: indexed one by one. */
	accounts: string[];
	status: 'ok' | 'failed' | 'skipped';
}

export interface Page {
	/** Highest first. */
	beforeHeight?: number;
	limit: number;
}

export interface QueryTables {
	open(): Promise<void>;
	/** The height up to which (and with which) every block is in the tables. */
	filledTo(): Promise<number>;
	/** Blocks in order, right after `filledTo()`. One transaction. */
	add(blocks: { block: BlockRow; transactions: TransactionRow[] }[]): Promise<void>;
	transaction(id: string): Promise<TransactionRow | undefined>;
	blocks(page: Page & { partition?: number }): Promise<BlockRow[]>;
	transactionsOf(account: string, page: Page): Promise<TransactionRow[]>;
	transactionsTo(contract: string, fn: string | undefined, page: Page): Promise<TransactionRow[]>;
	/** @param filledTo where the next blocks begin: those up to it are not here; 0 by default */
	clear(filledTo?: number): Promise<void>;
	close(): Promise<void>;
}
