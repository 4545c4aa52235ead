/** The ledger store of the relay and of headless nodes: one SQLite file a ledger, with Node's own SQLite. */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { equalBytes } from '#lib/crypto/hex.ts';
import { StoreError } from '#lib/storage/ledger-store.ts';
import type {
	HeadRecord,
	LedgerStore,
	LoadedLedger,
	StateRow,
	StoreWrite
} from '#lib/storage/ledger-store.ts';
import { storeErrorOf } from './sqlite-errors.ts';

/** How long to wait for the process before this one to let go of the file: a relay's restart. */
const BUSY_TIMEOUT_MS = 2_000;

/** A null in `state.value` is a deleted key, in `state.previous_height` a key without a version before. */
const SCHEMA = `
	CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS head (
		only INTEGER PRIMARY KEY CHECK (only = 1), height INTEGER NOT NULL, hash BLOB NOT NULL,
		state_digest BLOB NOT NULL, time_ms INTEGER NOT NULL
	) STRICT;
	CREATE TABLE IF NOT EXISTS state (
		key TEXT PRIMARY KEY, value BLOB, height INTEGER NOT NULL, previous_value BLOB, previous_height INTEGER
	) STRICT, WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS votes (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS blocks (height INTEGER PRIMARY KEY, hash BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
	CREATE INDEX IF NOT EXISTS blocks_by_hash ON blocks (hash);
`;

export class SqliteLedgerStore implements LedgerStore {
	readonly path: string;
	#database: DatabaseSync | null = null;
	#statements: Statements | null = null;
	/** Of the file that was opened: a file deleted or replaced under the node takes writes that nobody will ever read. */
	#inode: bigint | null = null;
	#synchronous: StoreWrite['durability'] | null = null;
	#ended: StoreError | null = null;
	#lost: Error | null = null;
	readonly #lostListeners: ((error: Error) => void)[] = [];

	/** @param path of the database file; its folder exists */
	constructor(path: string) {
		this.path = path;
	}

	async load(): Promise<LoadedLedger> {
		return this.#run('read the ledger', ({ genesis, head, state, votes }) => {
			const found = head.get() as unknown as HeadColumns | undefined;
			return {
				genesis: (genesis.get()?.value as Uint8Array | undefined) ?? null,
				head: found
					? { height: found.height, hash: found.hash, stateDigest: found.state_digest, timeMs: found.time_ms }
					: null,
				state: (state.all() as unknown as StateColumns[]).map(rowOf),
				votes: (votes.all() as unknown as { key: string; value: Uint8Array }[]).map(({ key, value }) => ({
					key,
					value
				}))
			};
		});
	}

	async initialise(genesis: Uint8Array, state: StateRow[], head: HeadRecord): Promise<void> {
		return this.#run('start the ledger', (statements) => {
			const present = statements.genesis.get()?.value as Uint8Array | undefined;
			if (present && !equalBytes(present, genesis))
				throw new StoreError(
					'other-chain',
					`${this.path} holds another chain; use a file of its own for each chain`
				);
			if (present) return;
			this.#commit('strict', () => {
				statements.putGenesis.run(genesis);
				put(statements, { state, head, durability: 'strict' });
			});
		});
	}

	async write(write: StoreWrite): Promise<void> {
		return this.#run('write to the ledger', (statements) => {
			this.#checkFile();
			this.#commit(write.durability, () => put(statements, write));
		});
	}

	async block(height: number): Promise<Uint8Array | undefined> {
		return this.#run('read a block', ({ block }) => block.get(height)?.bytes as Uint8Array | undefined);
	}

	async blockByHash(hash: Uint8Array): Promise<Uint8Array | undefined> {
		return this.#run(
			'read a block',
			({ blockByHash }) => blockByHash.get(hash)?.bytes as Uint8Array | undefined
		);
	}

	async blocks(height: number, count: number, maxBytes: number): Promise<Uint8Array[]> {
		return this.#run('read blocks', ({ block }) => {
			const found: Uint8Array[] = [];
			let size = 0;
			while (found.length < count) {
				const bytes = block.get(height + found.length)?.bytes as Uint8Array | undefined;
				if (!bytes) break;
				size += bytes.length;
				if (found.length > 0 && size > maxBytes) break;
				found.push(bytes);
			}
			return found;
		});
	}

	onLost(listener: (error: Error) => void): void {
		this.#lostListeners.push(listener);
		if (this.#lost) listener(this.#lost);
	}

	async close(): Promise<void> {
		this.#ended ??= new StoreError('lost', `${this.path} is closed`);
		this.#database?.close();
		this.#database = this.#statements = null;
	}

	#run<T>(what: string, work: (statements: Statements) => T): T {
		if (this.#ended) throw this.#ended;
		try {
			return work(this.#open());
		} catch (error) {
			throw storeErrorOf(error, `cannot ${what} in ${this.path}`);
		}
	}

	#open(): Statements {
		if (this.#statements) return this.#statements;
		const database = new DatabaseSync(this.path, { timeout: BUSY_TIMEOUT_MS });
		try {
			// R25: one process alone runs on this file, as one tab alone runs an identity.
			database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
			database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT;`);
			this.#statements = prepare(database);
		} catch (error) {
			database.close();
			throw error;
		}
		this.#database = database;
		this.#synchronous = 'strict';
		this.#inode = inodeOf(this.path);
		return this.#statements;
	}

	#commit(durability: StoreWrite['durability'], work: () => void): void {
		const database = this.#database!;
		if (this.#synchronous !== durability) {
			// In WAL mode FULL flushes the log at every commit, earlier commits with it; NORMAL leaves that to the checkpoint.
			database.exec(`PRAGMA synchronous = ${durability === 'strict' ? 'FULL' : 'NORMAL'}`);
			this.#synchronous = durability;
		}
		database.exec('BEGIN IMMEDIATE');
		try {
			work();
			database.exec('COMMIT');
		} catch (error) {
			if (database.isTransaction) database.exec('ROLLBACK');
			throw error;
		}
	}

	#checkFile(): void {
		if (inodeOf(this.path) === this.#inode) return;
		this.#lost = this.#ended = new StoreError(
			'lost',
			`${this.path} was deleted or replaced while the node was running`
		);
		this.#database?.close();
		this.#database = this.#statements = null;
		for (const listener of this.#lostListeners) listener(this.#lost);
		throw this.#lost;
	}
}

type Statements = ReturnType<typeof prepare>;

interface HeadColumns {
	height: number;
	hash: Uint8Array;
	state_digest: Uint8Array;
	time_ms: number;
}

interface StateColumns {
	key: string;
	value: Uint8Array | null;
	height: number;
	previous_value: Uint8Array | null;
	previous_height: number | null;
}

function prepare(database: DatabaseSync) {
	const sql = (text: string): StatementSync => database.prepare(text);
	return {
		genesis: sql(`SELECT value FROM meta WHERE key = 'genesis'`),
		putGenesis: sql(`INSERT INTO meta VALUES ('genesis', ?)`),
		head: sql('SELECT height, hash, state_digest, time_ms FROM head'),
		putHead: sql('INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, ?)'),
		state: sql('SELECT * FROM state ORDER BY key'),
		putState: sql('INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?)'),
		deleteState: sql('DELETE FROM state WHERE key = ?'),
		votes: sql('SELECT key, value FROM votes ORDER BY key'),
		putVote: sql('INSERT OR REPLACE INTO votes VALUES (?, ?)'),
		deleteVote: sql('DELETE FROM votes WHERE key = ?'),
		block: sql('SELECT bytes FROM blocks WHERE height = ?'),
		blockByHash: sql('SELECT bytes FROM blocks WHERE hash = ?'),
		putBlock: sql('INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)')
	};
}

function put(statements: Statements, { votes = [], blocks = [], state = [], head }: StoreWrite): void {
	for (const { key, value } of votes) {
		if (value === null) statements.deleteVote.run(key);
		else statements.putVote.run(key, value);
	}
	for (const { height, hash, bytes } of blocks) statements.putBlock.run(height, hash, bytes);
	for (const { key, value, height, previous } of state) {
		if (value === null && previous === null) statements.deleteState.run(key);
		else statements.putState.run(key, value, height, previous?.value ?? null, previous?.height ?? null);
	}
	if (head) statements.putHead.run(head.height, head.hash, head.stateDigest, head.timeMs);
}

function rowOf({ key, value, height, previous_value, previous_height }: StateColumns): StateRow {
	const previous = previous_height === null ? null : { value: previous_value, height: previous_height };
	return { key, value, height, previous };
}

function inodeOf(path: string): bigint | null {
	return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}
