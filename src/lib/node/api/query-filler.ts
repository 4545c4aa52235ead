/**
 * Fills the query tables behind the commit, in batches. Index rows cost more than blocks do, so under load the tables may
 * lag; they never hold up a vote. The last blocks are at hand as they were committed; older ones are read from the ledger
 * store.
 */
import type { Chain, Commit } from '../../consensus/ordering/chain.ts';
import { toHex } from '../../crypto/hex.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import type { BlockRow, QueryTables, TransactionRow } from '../../storage/query-tables.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import type { BlockHeader, Receipt } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Clock } from '../clock.ts';
import { readBlock, statusWord } from './describe.ts';

const BLOCKS_PER_BATCH = 32;
const BYTES_PER_BATCH = 1_000_000;
/** Of the worker's time, at most so much is spent here: after each batch it rests this many times as long. */
const REST_FACTOR = 5;
const MIN_REST_MS = 250;

/** What the rows of one block are made of. */
interface BlockContent {
	height: number;
	header: BlockHeader;
	hash: Uint8Array;
	kind: BlockRow['kind'];
	transactions: ParsedTransaction[];
	receipts: Receipt[];
	sizeBytes: number;
}

export class QueryFiller {
	readonly #chain: Chain;
	readonly #store: LedgerStore;
	readonly #tables: QueryTables;
	readonly #clock: Clock;
	readonly #failed: (error: Error) => void;
	/** Committed and not filled, without a gap, up to the head; as many as one batch takes. */
	#recent: BlockContent[] = [];
	#filledTo = 0;
	/** The tables are to begin anew above this height. */
	#restartAt: number | null = null;
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

	/** @param missingTo blocks of this height and below are not here */
	async start(missingTo = 0): Promise<void> {
		await this.#tables.open();
		this.#filledTo = await this.#tables.filledTo();
		if (this.#filledTo < missingTo) this.#restartAt = missingTo;
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

	/** Spares the store and the decoder what the node holds anyway. */
	committed(commits: Commit[]): void {
		for (const { blocks } of commits)
			for (const { bytes, ...block } of blocks) this.#recent.push({ ...block, sizeBytes: bytes.length });
		let bytes = this.#recent.reduce((sum, block) => sum + block.sizeBytes, 0);
		while (this.#recent.length > BLOCKS_PER_BATCH || bytes > BYTES_PER_BATCH)
			bytes -= this.#recent.shift()!.sizeBytes;
	}

	/**
	 * Begins anew, above a height below which there are no blocks.
	 * @param missingTo that height; 0 where all are here
	 */
	restart(missingTo: number): void {
		this.#restartAt = missingTo;
		this.#recent = [];
	}

	stop(): void {
		this.#stopped = true;
		this.#cancel();
	}

	/** The storage is full: the rows go, and none are made until the next start. @returns whether there were any */
	async giveUp(): Promise<boolean> {
		const hadRows = this.#filledTo > 0;
		this.stop();
		this.#filledTo = 0;
		if (hadRows) await this.#tables.clear();
		return hadRows;
	}

	#schedule(delayMs: number): void {
		if (!this.#stopped) this.#cancel = this.#clock.after(delayMs, () => void this.#fill());
	}

	async #fill(): Promise<void> {
		const startedMs = this.#clock.now();
		try {
			await this.#beginAnew();
			const blocks = await this.#next();
			if (blocks.length > 0) {
				await this.#tables.add(blocks.map((block) => rowsOf(this.#chain, block)));
				this.#filledTo = blocks.at(-1)!.height;
			}
		} catch (error) {
			// Questions are answered from what is there; the ledger itself is whole.
			if (!this.#stopped) this.#failed(error as Error);
			return;
		}
		this.#schedule(Math.max(MIN_REST_MS, REST_FACTOR * (this.#clock.now() - startedMs)));
	}

	async #beginAnew(): Promise<void> {
		if (this.#restartAt === null) return;
		const height = this.#restartAt;
		this.#restartAt = null;
		await this.#tables.clear(height);
		this.#filledTo = height;
	}

	/** The blocks of the next batch, in order of height. */
	async #next(): Promise<BlockContent[]> {
		const recent = this.#recent;
		while (recent[0] && recent[0].height <= this.#filledTo) recent.shift();
		const [first] = recent;
		if (first?.height === this.#filledTo + 1) return recent.splice(0);
		const missing = (first?.height ?? this.#chain.head.height + 1) - 1 - this.#filledTo;
		if (missing <= 0) return [];
		const limit = Math.min(missing, BLOCKS_PER_BATCH);
		const stored = await this.#store.blocks(this.#filledTo + 1, limit, BYTES_PER_BATCH);
		return stored.map((bytes) => {
			const { header, block, ...read } = readBlock(this.#chain, bytes);
			return { ...read, header, height: header.height, kind: block.certificate ? 'block' : 'membership' };
		});
	}
}

function rowsOf(
	chain: Chain,
	{ height, header, hash, kind, transactions, receipts }: BlockContent
): { block: BlockRow; transactions: TransactionRow[] } {
	return {
		block: {
			height,
			hash: toHex(hash),
			partition: header.partition,
			epoch: header.epoch,
			roundId: header.roundId,
			timeMs: Number(header.timeMs),
			transactions: transactions.length,
			kind
		},
		transactions: transactions.map(({ id, sender, body }, index) => ({
			height,
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
