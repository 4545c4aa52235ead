/**
 * The ledger store in memory: for the simulator, for tests, and for a tab without IndexedDB. It resolves in microtasks
 * and holds no timer, so that a seed decides everything. It knows what a crash would leave behind: a `strict` write is
 * durable when it resolves, and so is all that was written before it, as in any database with one log; `relaxed`
 * writes after the last strict one may be lost.
 */
import { equalBytes, toHex } from '../crypto/hex.ts';
import { withoutBody } from '../ledger/block.ts';
import { StoreError } from './ledger-store.ts';
import type {
	BlockRecord,
	HeadRecord,
	LedgerStore,
	LoadedLedger,
	StateRow,
	StoreWrite,
	VoteRecord
} from './ledger-store.ts';

/**
 * Relaxed writes that a crash may take at most. An operating system writes back within some seconds by itself; past
 * this count the oldest is taken as written back, which also bounds the journal.
 */
export const MAX_UNSYNCED_WRITES = 256;

export interface MemoryLedgerStoreOptions {
	/**
	 * Called right before a write takes effect and right after, before it resolves: a simulator calls `crash()` in it to
	 * stop a node at a persist boundary.
	 */
	onWrite?(phase: 'before' | 'after', write: StoreWrite): void;
	/** Of blocks and votes together; a write past it is refused as `full`. */
	capacityBytes?: number;
}

export class MemoryLedgerStore implements LedgerStore {
	readonly #options: MemoryLedgerStoreOptions;
	readonly #live: Contents;
	readonly #durable: Contents;
	/** Relaxed writes that are in `live` and not yet in `durable`, oldest first. */
	#unsynced: StoreWrite[] = [];
	#ended: StoreError | null = null;
	#lost: Error | null = null;
	readonly #lostListeners: ((error: Error) => void)[] = [];

	constructor(options: MemoryLedgerStoreOptions = {}, contents?: Contents) {
		this.#options = options;
		this.#live = contents ?? emptyContents();
		this.#durable = copyContents(this.#live);
	}

	async load(): Promise<LoadedLedger> {
		this.#check();
		const { genesis, head, state, votes, headersOnlyTo } = this.#live;
		return {
			genesis: genesis && genesis.slice(),
			head: head && copyHead(head),
			state: byKey(state).map(copyRow),
			votes: byKey(votes).map(({ key, value }) => ({ key, value: value.slice() })),
			...(headersOnlyTo > 0 && { headersOnlyTo })
		};
	}

	async initialise(genesis: Uint8Array, state: StateRow[], head: HeadRecord): Promise<void> {
		this.#check();
		if (this.#live.genesis) {
			if (equalBytes(this.#live.genesis, genesis)) return;
			throw new StoreError(
				'other-chain',
				'this store holds another chain; open a store of its own for each chain'
			);
		}
		const write: StoreWrite = { state: state.map(copyRow), head: copyHead(head), durability: 'strict' };
		this.#live.genesis = this.#durable.genesis = genesis.slice();
		this.#apply(write);
	}

	async write(write: StoreWrite): Promise<void> {
		this.#check();
		const own = copyWrite(write);
		this.#options.onWrite?.('before', own);
		this.#check();
		this.#checkRoom(own);
		this.#apply(own);
		this.#options.onWrite?.('after', own);
		this.#check();
	}

	async block(height: number): Promise<Uint8Array | undefined> {
		this.#check();
		return this.#live.blocks.get(height)?.bytes.slice();
	}

	async blockByHash(hash: Uint8Array): Promise<Uint8Array | undefined> {
		this.#check();
		const height = this.#live.heights.get(toHex(hash));
		return height === undefined ? undefined : this.#live.blocks.get(height)?.bytes.slice();
	}

	async blocks(height: number, count: number, maxBytes: number): Promise<Uint8Array[]> {
		this.#check();
		const found: Uint8Array[] = [];
		let bytes = 0;
		for (let at = height; found.length < count; at++) {
			const block = this.#live.blocks.get(at);
			if (!block) break;
			bytes += block.bytes.length;
			if (found.length > 0 && bytes > maxBytes) break;
			found.push(block.bytes.slice());
		}
		return found;
	}

	async shrink(below: number, bytes: number): Promise<{ bytes: number; headersOnlyTo: number }> {
		this.#check();
		let freed = 0;
		let height = this.#live.headersOnlyTo;
		while (height + 1 < below && freed < bytes) {
			const block = this.#live.blocks.get(++height);
			const shorter = block && withoutBody(block.bytes);
			if (!shorter) continue;
			freed += block.bytes.length - shorter.length;
			this.#live.blocks.set(height, { ...block, bytes: shorter });
			this.#durable.blocks.set(height, { ...block, bytes: shorter });
		}
		this.#live.headersOnlyTo = this.#durable.headersOnlyTo = height;
		return { bytes: freed, headersOnlyTo: height };
	}

	onLost(listener: (error: Error) => void): void {
		this.#lostListeners.push(listener);
		if (this.#lost) listener(this.#lost);
	}

	async close(): Promise<void> {
		this.#ended ??= new StoreError('lost', 'the ledger store is closed');
	}

	/** The machine stops: every call from now on is refused, the one that is under way included. */
	crash(): void {
		this.#ended = new StoreError('lost', 'the machine crashed');
	}

	/** The storage is deleted under the node, as a person does who clears the site's data. */
	deleteUnderneath(): void {
		if (this.#ended) return;
		this.#ended = new StoreError('lost', 'the ledger was deleted while the node was running');
		this.#lost = this.#ended;
		for (const listener of this.#lostListeners) listener(this.#ended);
	}

	/** A new store on what this one left, after `close()` or a crash of the program alone: nothing is lost. */
	reopen(options: MemoryLedgerStoreOptions = this.#options): MemoryLedgerStore {
		return this.reopenAfterCrash({ loseRelaxed: false }, options);
	}

	/** A new store on what a crash left. With `loseRelaxed`, without the relaxed writes after the last strict one. */
	reopenAfterCrash(
		{ loseRelaxed }: { loseRelaxed: boolean },
		options: MemoryLedgerStoreOptions = this.#options
	): MemoryLedgerStore {
		this.#ended ??= new StoreError('lost', 'the ledger store was opened again');
		if (this.#lost) return new MemoryLedgerStore(options);
		return new MemoryLedgerStore(options, copyContents(loseRelaxed ? this.#durable : this.#live));
	}

	#check(): void {
		if (this.#ended) throw this.#ended;
	}

	#checkRoom({ blocks = [], votes = [] }: StoreWrite): void {
		const { capacityBytes } = this.#options;
		if (capacityBytes === undefined) return;
		const size = (parts: Iterable<{ bytes: Uint8Array }>): number =>
			[...parts].reduce((sum, { bytes }) => sum + bytes.length, 0);
		const added = votes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
		if (size(this.#live.blocks.values()) + size(blocks) + added > capacityBytes)
			throw new StoreError('full', 'cannot write to the ledger: the storage is full; free some space');
	}

	#apply(write: StoreWrite): void {
		applyWrite(this.#live, write);
		this.#unsynced.push(write);
		const keep = write.durability === 'strict' ? 0 : MAX_UNSYNCED_WRITES;
		while (this.#unsynced.length > keep) applyWrite(this.#durable, this.#unsynced.shift()!);
	}
}

interface Contents {
	genesis: Uint8Array | null;
	head: HeadRecord | null;
	state: Map<string, StateRow>;
	votes: Map<string, { key: string; value: Uint8Array }>;
	blocks: Map<number, BlockRecord>;
	headersOnlyTo: number;
	/** Hex of the block's hash to its height. */
	heights: Map<string, number>;
}

function emptyContents(): Contents {
	return {
		genesis: null,
		head: null,
		state: new Map(),
		votes: new Map(),
		blocks: new Map(),
		headersOnlyTo: 0,
		heights: new Map()
	};
}

/** Records are never changed once stored, so the copies share them. */
function copyContents(from: Contents): Contents {
	return {
		genesis: from.genesis,
		head: from.head,
		state: new Map(from.state),
		votes: new Map(from.votes),
		blocks: new Map(from.blocks),
		headersOnlyTo: from.headersOnlyTo,
		heights: new Map(from.heights)
	};
}

function applyWrite(contents: Contents, { votes = [], blocks = [], state = [], head }: StoreWrite): void {
	for (const { key, value } of votes) {
		if (value === null) contents.votes.delete(key);
		else contents.votes.set(key, { key, value });
	}
	for (const block of blocks) {
		const before = contents.blocks.get(block.height);
		if (before) contents.heights.delete(toHex(before.hash));
		contents.blocks.set(block.height, block);
		contents.heights.set(toHex(block.hash), block.height);
	}
	for (const row of state) {
		if (row.value === null && row.previous === null) contents.state.delete(row.key);
		else contents.state.set(row.key, row);
	}
	if (head) contents.head = head;
}

function byKey<T extends { key: string }>(rows: Map<string, T>): T[] {
	return [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function copyWrite(write: StoreWrite): StoreWrite {
	return {
		votes: write.votes?.map(copyVote),
		blocks: write.blocks?.map(copyBlock),
		state: write.state?.map(copyRow),
		head: write.head && copyHead(write.head),
		durability: write.durability
	};
}

function copyVote({ key, value }: VoteRecord): VoteRecord {
	return { key, value: copyValue(value) };
}

function copyBlock({ height, hash, bytes }: BlockRecord): BlockRecord {
	return { height, hash: hash.slice(), bytes: bytes.slice() };
}

function copyRow({ key, value, height, previous }: StateRow): StateRow {
	return {
		key,
		value: copyValue(value),
		height,
		previous: previous && { value: copyValue(previous.value), height: previous.height }
	};
}

function copyHead({ height, hash, stateDigest, timeMs }: HeadRecord): HeadRecord {
	return { height, hash: hash.slice(), stateDigest: stateDigest.slice(), timeMs };
}

function copyValue(value: Uint8Array | null): Uint8Array | null {
	return value && value.slice();
}
