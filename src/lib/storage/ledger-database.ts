/** The IndexedDB database of one ledger: its name, its object stores, and questions about databases not opened here. */
import { deleteDB, openDB } from 'idb';
import type { DBSchema, IDBPDatabase, IDBPTransaction, OpenDBCallbacks, StoreNames } from 'idb';
import { StoreError } from './ledger-store.ts';
import type { BlockRecord, HeadRecord, StateRow } from './ledger-store.ts';

export interface LedgerSchema extends DBSchema {
	/** Out-of-line keys `genesis`, `head`, `headersOnlyTo` and `reserve-n`. */
	meta: { key: string; value: Uint8Array | HeadRecord | number };
	state: { key: string; value: StateRow };
	votes: { key: string; value: { key: string; value: Uint8Array } };
	/** One record a block: 125 KB as one record take a fiftieth of the time of its 500 transactions as rows. */
	blocks: { key: number; value: BlockRecord; indexes: { hash: Uint8Array<ArrayBuffer> } };
}

export type LedgerDatabase = IDBPDatabase<LedgerSchema>;

/** What makes version n of the schema of version n − 1, in order; a step that has been released is never changed. */
export type Migration = (
	database: LedgerDatabase,
	transaction: IDBPTransaction<LedgerSchema, StoreNames<LedgerSchema>[], 'versionchange'>
) => void;

/** The released ones. */
export const MIGRATIONS: readonly Migration[] = [
	(database) => {
		database.createObjectStore('meta');
		database.createObjectStore('state', { keyPath: 'key' });
		database.createObjectStore('votes', { keyPath: 'key' });
		database.createObjectStore('blocks', { keyPath: 'height' }).createIndex('hash', 'hash');
	}
];

/** Hex digits of an id in a database's name: 64 bits, which no two chains or nodes of one browser share. */
const ID_DIGITS = 16;

/**
 * @param chainId hex of the genesis hash
 * @param nodeId hex of the node's public key
 */
export function ledgerDatabaseName(chainId: string, nodeId: string): string {
	return databaseName('tabwave', chainId, nodeId);
}

/** @param ids hex, of which the first 16 digits count */
export function databaseName(prefix: string, ...ids: string[]): string {
	return [prefix, ...ids.map((id) => id.slice(0, ID_DIGITS))].join('-');
}

/** @throws StoreError `newer` where a newer Tabwave wrote it, `corrupt` where the browser cannot open it */
export async function openLedgerDatabase(
	name: string,
	callbacks: Pick<OpenDBCallbacks<LedgerSchema>, 'blocking' | 'terminated'> = {},
	migrations: readonly Migration[] = MIGRATIONS
): Promise<LedgerDatabase> {
	try {
		return await openDB<LedgerSchema>(name, migrations.length, {
			...callbacks,
			// In one transaction: a crash in the middle leaves the version before.
			upgrade(database, oldVersion, _, transaction) {
				// Its failure is that of the open request, which is the one to report.
				transaction.done.catch(() => undefined);
				for (const migrate of migrations.slice(oldVersion)) migrate(database, transaction);
			}
		});
	} catch (cause) {
		throw storeErrorOf(cause, `cannot open ${name}`);
	}
}

/**
 * Whether this browser still has the ledger `name`, bound to a chain. R25: a node that voted and whose ledger is gone
 * must not vote with the same key again. Creates nothing.
 */
export async function ledgerDatabaseExists(name: string): Promise<boolean> {
	if (!(await databaseExists(name))) return false;
	const database = await openLedgerDatabase(name);
	try {
		return (await database.getKey('meta', 'genesis')) !== undefined;
	} catch (cause) {
		throw storeErrorOf(cause, `cannot read ${name}`);
	} finally {
		database.close();
	}
}

/** A node that runs on it is told through `onLost`. */
export async function deleteLedgerDatabase(name: string): Promise<void> {
	await deleteDB(name);
}

/** What the browser's error means for a store, and what a person can do about it. */
export function storeErrorOf(cause: unknown, what: string): StoreError {
	if (cause instanceof StoreError) return cause;
	const name = nameOf(cause);
	switch (name) {
		case 'QuotaExceededError':
			return new StoreError(
				'full',
				`${what}: the storage of this browser is full; free some space and try again`,
				{
					cause
				}
			);
		case 'InvalidStateError':
		case 'AbortError':
		case 'NotFoundError':
		case 'DatabaseClosedError':
			return new StoreError('lost', `${what}: the database was closed or deleted; reload the page`, {
				cause
			});
		case 'VersionError':
			return new StoreError('newer', `${what}: a newer Tabwave wrote it; reload the page to get that one`, {
				cause
			});
		default:
			return new StoreError(
				'corrupt',
				`${what}: the browser refused (${name}); clear this site's data to start anew`,
				{
					cause
				}
			);
	}
}

/** Dexie's aborted transactions carry the reason as `inner`. */
function nameOf(cause: unknown): string {
	if (typeof cause !== 'object' || cause === null) return 'unknown';
	const { name = 'unknown', inner } = cause as { name?: string; inner?: unknown };
	return name === 'AbortError' && inner ? nameOf(inner) : name;
}

async function databaseExists(name: string): Promise<boolean> {
	// Not in Firefox before 126: there, an open that is aborted before it creates anything tells the same.
	if (typeof indexedDB.databases === 'function')
		return (await indexedDB.databases()).some((database) => database.name === name);
	return new Promise((resolve, reject) => {
		const request = indexedDB.open(name);
		let isNew = false;
		request.onupgradeneeded = () => {
			isNew = true;
			request.transaction!.abort();
		};
		request.onsuccess = () => {
			request.result.close();
			resolve(true);
		};
		request.onerror = () => {
			if (isNew) resolve(false);
			else reject(storeErrorOf(request.error, `cannot open ${name}`));
		};
	});
}
