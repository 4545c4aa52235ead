/** The ledger store of a tab, in IndexedDB. Runs in the node's worker. */
import { unwrap } from 'idb';
import { equalBytes } from '../crypto/hex.ts';
import { withoutBody } from '../ledger/block.ts';
import { ledgerDatabaseName, openLedgerDatabase, storeErrorOf } from './ledger-database.ts';
import type { LedgerDatabase } from './ledger-database.ts';
import { StoreError } from './ledger-store.ts';
import type { HeadRecord, LedgerStore, LoadedLedger, StateRow, StoreWrite } from './ledger-store.ts';

/**
 * Every write locks all of them, so that writes take effect in the order of the calls: a vote is never on disk without
 * the block it was cast after.
 */
const ALL_STORES = ['meta', 'state', 'votes', 'blocks'] as const;

/** Blocks read at once by {@link IdbLedgerStore.blocks}: what one read may hold in memory beyond what was asked for. */
const READ_BATCH_BLOCKS = 20;

/** Shortened in one transaction: some 30 KB of headers and proofs, which the reserve leaves room for. */
const SHORTEN_BLOCKS = 16;

/**
 * Kept free for the moment when nothing else is: some turns' votes, and the first shorter blocks. Private windows of Chromium (SQLite) have
 * the room at once; elsewhere (LevelDB) what is deleted is free after the next compaction alone, which is why a node makes room
 * before it must (`roomLeft`).
 */
export const RESERVE_BYTES = 64 * 1024;
/** A value of 64 KiB would be stored beside the database, and be there for a while after it was deleted. */
const RESERVE_ROW_BYTES = 16 * 1024;
const RESERVE_KEYS = Array.from({ length: RESERVE_BYTES / RESERVE_ROW_BYTES }, (_, i) => `reserve-${i}`);

export interface IdbLedgerStoreInit {
	/** Hex of the genesis hash. */
	chainId: string;
	/** Hex of the node's public key. */
	nodeId: string;
}

export class IdbLedgerStore implements LedgerStore {
	/** Of the database. */
	readonly name: string;
	#opening: Promise<LedgerDatabase> | null = null;
	#ended: StoreError | null = null;
	#lost: Error | null = null;
	readonly #lostListeners: ((error: Error) => void)[] = [];

	constructor({ chainId, nodeId }: IdbLedgerStoreInit) {
		this.name = ledgerDatabaseName(chainId, nodeId);
	}

	async load(): Promise<LoadedLedger> {
		return this.#run('read the ledger', async (database) => {
			const transaction = database.transaction(['meta', 'state', 'votes']);
			const meta = transaction.objectStore('meta');
			const [genesis, head, headersOnlyTo, state, votes] = await Promise.all([
				meta.get('genesis'),
				meta.get('head'),
				meta.get('headersOnlyTo'),
				transaction.objectStore('state').getAll(),
				transaction.objectStore('votes').getAll(),
				transaction.done
			]);
			return {
				genesis: (genesis as Uint8Array | undefined) ?? null,
				head: (head as HeadRecord | undefined) ?? null,
				state,
				votes,
				...(headersOnlyTo !== undefined && { headersOnlyTo: headersOnlyTo as number })
			};
		});
	}

	async initialise(genesis: Uint8Array, state: StateRow[], head: HeadRecord): Promise<void> {
		await this.#run('start the ledger', async (database) => {
			const transaction = database.transaction(ALL_STORES, 'readwrite', { durability: 'strict' });
			const meta = transaction.objectStore('meta');
			const present = (await meta.get('genesis')) as Uint8Array | undefined;
			if (present === undefined) {
				const rows = transaction.objectStore('state');
				await Promise.all([
					meta.put(tight(genesis), 'genesis'),
					meta.put(tightHead(head), 'head'),
					// What is given up first: without any room, not even a shorter block could be written.
					...RESERVE_KEYS.map((key) => meta.put(reserveRow(), key)),
					...state.filter((row) => !isNothing(row)).map((row) => rows.put(tightRow(row))),
					transaction.done
				]);
				return;
			}
			await transaction.done;
			if (!equalBytes(present, genesis))
				throw new StoreError(
					'other-chain',
					`${this.name} holds another chain; open a store of its own for each chain`
				);
		});
	}

	async write({ votes = [], blocks = [], state = [], head, durability }: StoreWrite): Promise<void> {
		await this.#run('write to the ledger', async (database) => {
			// Bare IndexedDB: a promise for each of some thirty requests costs more than the requests do.
			const transaction = unwrap(database).transaction(ALL_STORES, 'readwrite', { durability });
			const written = completionOf(transaction);
			try {
				const voteStore = transaction.objectStore('votes');
				for (const { key, value } of votes) {
					if (value === null) voteStore.delete(key);
					else voteStore.put({ key, value: tight(value) });
				}
				const blockStore = transaction.objectStore('blocks');
				for (const { height, hash, bytes } of blocks)
					blockStore.put({ height, hash: tight(hash), bytes: tight(bytes) });
				const stateStore = transaction.objectStore('state');
				for (const row of state) {
					if (isNothing(row)) stateStore.delete(row.key);
					else stateStore.put(tightRow(row));
				}
				if (head) transaction.objectStore('meta').put(tightHead(head), 'head');
				transaction.commit();
			} catch (error) {
				// A half-written turn must not be committed when the event loop comes round.
				abortQuietly(transaction);
				await written.catch(() => undefined); // an abort, of which `error` is the cause
				throw error;
			}
			await written;
		});
	}

	async block(height: number): Promise<Uint8Array | undefined> {
		return this.#run('read a block', async (database) => (await database.get('blocks', height))?.bytes);
	}

	async blockByHash(hash: Uint8Array): Promise<Uint8Array | undefined> {
		return this.#run(
			'read a block',
			async (database) => (await database.getFromIndex('blocks', 'hash', tight(hash)))?.bytes
		);
	}

	async blocks(height: number, count: number, maxBytes: number): Promise<Uint8Array[]> {
		return this.#run('read blocks', async (database) => {
			const found: Uint8Array[] = [];
			let size = 0;
			while (found.length < count) {
				const from = height + found.length;
				const batch = Math.min(count - found.length, READ_BATCH_BLOCKS);
				const records = await database.getAll('blocks', IDBKeyRange.bound(from, from + batch - 1));
				for (const record of records) {
					size += record.bytes.length;
					const isGap = record.height !== height + found.length;
					if (isGap || (found.length > 0 && size > maxBytes)) return found;
					found.push(record.bytes);
				}
				if (records.length < batch) return found;
			}
			return found;
		});
	}

	async shrink(below: number, bytes: number): Promise<{ bytes: number; headersOnlyTo: number }> {
		return this.#run('make room', async (database) => {
			let freed = 0;
			let headersOnlyTo = ((await database.get('meta', 'headersOnlyTo')) as number | undefined) ?? 0;
			let atOnce = SHORTEN_BLOCKS;
			let isReserved = true;
			while (headersOnlyTo + 1 < below && freed < bytes)
				try {
					const end = Math.min(below, headersOnlyTo + 1 + atOnce);
					freed += await this.#shorten(database, headersOnlyTo + 1, end);
					headersOnlyTo = end - 1;
				} catch (error) {
					if (storeErrorOf(error, 'make room').reason !== 'full') throw error;
					// What is written counts before what it replaces is gone: less of it may fit.
					if (isReserved) {
						await database.delete('meta', IDBKeyRange.bound(RESERVE_KEYS[0], RESERVE_KEYS.at(-1)));
						isReserved = false;
					} else if (atOnce > 1) atOnce = Math.ceil(atOnce / 4);
					else break;
				}
			if (!isReserved && freed > 2 * RESERVE_BYTES) await this.#reserve(database);
			return { bytes: freed, headersOnlyTo };
		});
	}

	/** Blocks from one height to below another, a few at a time. @returns bytes given back */
	async #shorten(database: LedgerDatabase, from: number, end: number): Promise<number> {
		const transaction = database.transaction(['meta', 'blocks'], 'readwrite', { durability: 'relaxed' });
		// Awaited below, unless a request fails before.
		transaction.done.catch(ofTransaction);
		const blocks = transaction.objectStore('blocks');
		let bytes = 0;
		for (const record of await blocks.getAll(IDBKeyRange.bound(from, end, false, true))) {
			const shorter = withoutBody(record.bytes);
			if (!shorter) continue;
			bytes += record.bytes.length - shorter.length;
			blocks.put({ ...record, bytes: tight(shorter) }).catch(ofTransaction);
		}
		transaction
			.objectStore('meta')
			.put(end - 1, 'headersOnlyTo')
			.catch(ofTransaction);
		await transaction.done;
		return bytes;
	}

	/** Where it does not fit, what was freed is wanted more elsewhere. */
	async #reserve(database: LedgerDatabase): Promise<void> {
		try {
			const transaction = database.transaction('meta', 'readwrite', { durability: 'relaxed' });
			for (const key of RESERVE_KEYS) transaction.store.put(reserveRow(), key).catch(ofTransaction);
			await transaction.done;
		} catch (error) {
			if (storeErrorOf(error, 'keep a reserve').reason !== 'full') throw error;
		}
	}

	onLost(listener: (error: Error) => void): void {
		this.#lostListeners.push(listener);
		if (this.#lost) listener(this.#lost);
	}

	async close(): Promise<void> {
		this.#ended ??= new StoreError('lost', `${this.name} is closed`);
		// A connection that failed to open was reported to whoever asked for it; there is nothing left to close.
		(await this.#opening?.catch(() => null))?.close();
	}

	/** Runs `work` on the open database; its failure is a StoreError that says what could not be done. */
	async #run<T>(what: string, work: (database: LedgerDatabase) => Promise<T>): Promise<T> {
		if (this.#ended) throw this.#ended;
		try {
			return await work(await this.#open());
		} catch (error) {
			if (error instanceof StoreError) throw error;
			throw this.#ended ?? storeErrorOf(error, `cannot ${what} in ${this.name}`);
		}
	}

	#open(): Promise<LedgerDatabase> {
		this.#opening ??= openLedgerDatabase(this.name, {
			// Another tab deletes the database, or a newer Tabwave changes it: it waits until we let go.
			blocking: () => {
				void this.#opening?.then((database) => database.close());
				this.#lose('the ledger is being deleted or upgraded by another tab');
			},
			// The browser closed it, as it does when a person clears the site's data or the disk fails.
			terminated: () => this.#lose('the browser closed the ledger, as it does when site data is cleared')
		}).catch((error: unknown) => {
			// The next call tries again: a browser under memory or disk pressure may recover.
			this.#opening = null;
			throw error;
		});
		return this.#opening;
	}

	#lose(message: string): void {
		if (this.#ended) return;
		this.#lost = this.#ended = new StoreError('lost', `${message} (${this.name})`);
		for (const listener of this.#lostListeners) listener(this.#lost);
	}
}

/** Of what does not compress: a reserve of zeros takes no room and gives none. */
function reserveRow(): Uint8Array {
	return crypto.getRandomValues(new Uint8Array(RESERVE_ROW_BYTES));
}

/** Where a request fails its transaction does, and says why. */
function ofTransaction(): void {}

/** A deleted key whose version before was none: nothing is left to remember of it. */
function isNothing(row: StateRow): boolean {
	return row.value === null && row.previous === null;
}

/**
 * A view is cloned with all of the buffer behind it, so that a vote cut from a received frame would take the frame's room
 * on disk.
 */
function tight(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	const isWhole = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
	return isWhole ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
}

function tightRow({ key, value, height, previous }: StateRow): StateRow {
	return {
		key,
		value: value && tight(value),
		height,
		previous: previous && { value: previous.value && tight(previous.value), height: previous.height }
	};
}

function tightHead({ height, hash, stateDigest, timeMs }: HeadRecord): HeadRecord {
	return { height, hash: tight(hash), stateDigest: tight(stateDigest), timeMs };
}

/** Resolves when all of it is stored, as durably as was asked; otherwise none of it is. */
function completionOf(transaction: IDBTransaction): Promise<void> {
	return new Promise((resolve, reject) => {
		transaction.oncomplete = () => resolve();
		transaction.onabort = () => reject(transaction.error ?? new DOMException('aborted', 'AbortError'));
	});
}

function abortQuietly(transaction: IDBTransaction): void {
	try {
		transaction.abort();
	} catch {
		// Already aborted by what failed; that error is the one to report.
	}
}
