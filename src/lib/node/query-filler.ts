/**
 * Fills the query tables behind the commit, in batches, from the ledger store. Index rows cost more than blocks do, so under
 * load the tables may lag; they never hold up a vote, and what they lack is read from the store at the next quiet moment.
 */
import type { Chain } from '../consensus/ordering/chain.ts';
import { toHex } from '../crypto/hex.ts';
import type { LedgerStore } from '../storage/ledger-store.ts';
import type { BlockRow, QueryTables, TransactionRow } from '../storage/query-tables.ts';
import type { Clock } from './clock.ts';
import { readBlock, statusWord } from './describe.ts';

const BLOCKS_PER_BATCH = 32;
const BYTES_PER_BATCH = 1_000_000;
/** Of the worker's time, at most so much is spent here: after each batch it rests this many times as long. */
const REST_FACTOR = 5;
const MIN_REST_MS = 250;

export class QueryFiller {
	readonly #chain: Chain;
	readonly #store: LedgerStore;
	readonly #tables: QueryTables;
	readonly #clock: Clock;
	readonly #failed: (error: Error) => void;
	#filledTo = 0;
	#stopped = false;
	#cancel: () => void = () => {};

	constructor(
		chain: Chain,
		store: LedgerStore,
		tables: QueryTables,
		clock: Clock,
		failed: (error: Error) => void
	) {
		this.#chain = chain;
		this.#store = store;
		this.#tables = tables;
		this.#clock = clock;
		this.#failed = failed;
	}

	async start(): Promise<void> {
		await this.#tables.open();
		this.#filledTo = await this.#tables.filledTo();
		// Tables of a longer chain belong to a store that was deleted: they are rebuilt.
		if (this.#filledTo > this.#chain.head.height) {
			await this.#tables.clear();
			this.#filledTo = 0;
		}
		this.#schedule(0);
	}

	get filledTo(): number {
		return this.#filledTo;
	}

	stop(): void {
		this.#stopped = true;
		this.#cancel();
	}

	#schedule(delayMs: number): void {
		if (!this.#stopped) this.#cancel = this.#clock.after(delayMs, () => void this.#fill());
	}

	async #fill(): Promise<void> {
		const startedMs = this.#clock.now();
		try {
			const missing = this.#chain.head.height - this.#filledTo;
			if (missing > 0) {
				const blocks = await this.#store.blocks(
					this.#filledTo + 1,
					Math.min(missing, BLOCKS_PER_BATCH),
					BYTES_PER_BATCH
				);
				if (blocks.length > 0) {
					await this.#tables.add(blocks.map((bytes) => rowsOf(this.#chain, bytes)));
					this.#filledTo += blocks.length;
				}
			}
		} catch (error) {
			// Questions are answered from what is there; the ledger itself is whole.
			if (!this.#stopped) this.#failed(error as Error);
			return;
		}
		this.#schedule(Math.max(MIN_REST_MS, REST_FACTOR * (this.#clock.now() - startedMs)));
	}
}

function rowsOf(chain: Chain, bytes: Uint8Array): { block: BlockRow; transactions: TransactionRow[] } {
	const { header, hash, block, transactions, receipts } = readBlock(chain, bytes);
	return {
		block: {
			height: header.height,
			hash: toHex(hash),
			partition: header.partition,
			epoch: header.epoch,
			roundId: header.roundId,
			timeMs: Number(header.timeMs),
			transactions: transactions.length,
			kind: block.certificate ? 'block' : 'membership'
		},
		transactions: transactions.map(({ id, sender, body }, index) => ({
			height: header.height,
			index,
			id,
			partition: header.partition,
			contract: body.contract,
			function: body.function,
			accounts: [
				...new Set([
					sender,
					...(chain.contracts.get(body.contract)?.accountsNamed?.(body.function, body.arguments) ?? [])
				])
			],
			status: statusWord(receipts[index]?.status)
		}))
	};
}
