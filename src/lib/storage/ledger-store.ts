/**
 * The seam between a node and its durable ledger: idb in a tab, SQLite in the relay, memory in a test.
 * One `write` is one transaction: all of it is there after a crash, or nothing.
 */

/** The last final block; height 0 is genesis, whose hash is the chain id. */
export interface HeadRecord {
	height: number;
	hash: Uint8Array;
	stateDigest: Uint8Array;
	timeMs: number;
}

/** R15: each key keeps the value of the version before. A value of null is a deleted key. */
export interface StateRow {
	key: string;
	value: Uint8Array | null;
	/** Height of the block that wrote the value. */
	height: number;
	previous: { value: Uint8Array | null; height: number } | null;
}

/** Votes, locks, prepared certificates and what else a core asks to persist. A value of null deletes. */
export interface VoteRecord {
	key: string;
	value: Uint8Array | null;
}

export interface BlockRecord {
	height: number;
	hash: Uint8Array;
	/** FinalBlock, encoded. */
	bytes: Uint8Array;
}

export interface StoreWrite {
	votes?: VoteRecord[];
	blocks?: BlockRecord[];
	state?: StateRow[];
	head?: HeadRecord;
	/** `strict` reaches the disk before it resolves (R25: every vote); `relaxed` may be lost whole with the machine. */
	durability: 'strict' | 'relaxed';
}

export interface LoadedLedger {
	/** Encoded Genesis; null in a new store. */
	genesis: Uint8Array | null;
	head: HeadRecord | null;
	state: StateRow[];
	votes: { key: string; value: Uint8Array }[];
	/** Blocks of this height and below may be headers alone, see `shrink`; 0 where all are whole. */
	headersOnlyTo?: number;
}

export interface LedgerStore {
	/** Opens and reads all but the blocks. */
	load(): Promise<LoadedLedger>;
	/** Binds a new store to its chain. @throws StoreError where it already holds another chain. */
	initialise(genesis: Uint8Array, state: StateRow[], head: HeadRecord): Promise<void>;
	write(write: StoreWrite): Promise<void>;
	block(height: number): Promise<Uint8Array | undefined>;
	blockByHash(hash: Uint8Array): Promise<Uint8Array | undefined>;
	/** Up to `count` blocks from `height`, in order, without gaps; stops before `maxBytes` is passed, but gives at least one. */
	blocks(height: number, count: number, maxBytes: number): Promise<Uint8Array[]>;
	/**
	 * Gives room back where the store is full: the oldest blocks keep what proves them (`withoutBody`) and lose the rest, until
	 * `bytes` are free. Absent in a store that others rely on to be whole.
	 * @param below blocks of this height and above stay whole
	 * @returns bytes given back, 0 where nothing is left to give; and up to which height blocks are headers alone
	 */
	shrink?(below: number, bytes: number): Promise<{ bytes: number; headersOnlyTo: number }>;
	/** Called when the store was closed or deleted under the node. */
	onLost(listener: (error: Error) => void): void;
	close(): Promise<void>;
}

/** The store is unusable, full, of a newer schema than this program knows, or belongs to another chain. `reason` is stable. */
export class StoreError extends Error {
	override readonly name = 'StoreError';
	readonly reason: 'other-chain' | 'lost' | 'full' | 'corrupt' | 'newer';
	constructor(reason: StoreError['reason'], message: string, options?: ErrorOptions) {
		super(message, options);
		this.reason = reason;
	}
}
