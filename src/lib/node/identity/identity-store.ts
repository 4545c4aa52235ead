/**
 * The identities of this browser, in IndexedDB. The 32 bytes of the key are stored as they are: libp2p needs them for its
 * own handshake, and a page without a secure context has no other kind of key. So whoever can run a script on this
 * origin can take the key, and the origin is the operator's, who is trusted with admission anyway.
 */
import { openDB } from 'idb';
import type { DBSchema, IDBPDatabase } from 'idb';
import { storeErrorOf } from '../../storage/ledger-database.ts';
import { StoreError } from '../../storage/ledger-store.ts';

export interface IdentityRecord {
	/** Random; names the lock. Not the node id, so that the guard's messages do not say who is who. */
	name: string;
	/** Hex of the public key. */
	nodeId: string;
	/** 32 bytes, RFC 8032's private key. */
	seed: Uint8Array;
	nickname: string;
	createdMs: number;
	/** Refreshed while a tab runs it. */
	lastUsedMs: number;
	/** Chain ids on which this key may have signed a vote. */
	votedOn: string[];
	/** Chain ids on which it must not run again, since its vote records are gone (R25). */
	retiredFrom: string[];
	/** Token of the page that runs it, or ran it last. */
	owner: string;
}

export interface IdentityStore {
	/** @throws StoreError where this browser stores nothing, as in some private windows */
	open(): Promise<void>;
	all(): Promise<IdentityRecord[]>;
	get(name: string): Promise<IdentityRecord | undefined>;
	/** On disk when it resolves. */
	add(record: IdentityRecord): Promise<void>;
	/**
	 * Reads, changes and writes in one transaction, which no other tab can come between.
	 * @param change pure; null leaves the record as it is
	 * @param durability `strict` is on disk when it resolves
	 * @returns the record as changed; null where there is none, or `change` returned null
	 */
	update(
		name: string,
		change: (record: IdentityRecord) => IdentityRecord | null,
		durability: 'strict' | 'relaxed'
	): Promise<IdentityRecord | null>;
	close(): void;
}

export const IDENTITY_DATABASE = 'tabwave-identities';
const SCHEMA_VERSION = 1;

interface Schema extends DBSchema {
	identities: { key: string; value: IdentityRecord };
}

export class IdbIdentityStore implements IdentityStore {
	#database: IDBPDatabase<Schema> | null = null;

	async open(): Promise<void> {
		if (this.#database) return;
		try {
			this.#database = await openDB<Schema>(IDENTITY_DATABASE, SCHEMA_VERSION, {
				upgrade: (database) => void database.createObjectStore('identities', { keyPath: 'name' }),
				blocking: () => this.close(),
				terminated: () => this.close()
			});
		} catch (error) {
			throw storeErrorOf(error, `cannot open ${IDENTITY_DATABASE}`);
		}
	}

	async all(): Promise<IdentityRecord[]> {
		return this.#run((database) => database.getAll('identities'));
	}

	async get(name: string): Promise<IdentityRecord | undefined> {
		return this.#run((database) => database.get('identities', name));
	}

	async add(record: IdentityRecord): Promise<void> {
		await this.#run(async (database) => {
			const transaction = database.transaction('identities', 'readwrite', { durability: 'strict' });
			await Promise.all([transaction.store.add(record), transaction.done]);
		});
	}

	async update(
		name: string,
		change: (record: IdentityRecord) => IdentityRecord | null,
		durability: 'strict' | 'relaxed'
	): Promise<IdentityRecord | null> {
		return this.#run(async (database) => {
			const transaction = database.transaction('identities', 'readwrite', { durability });
			const record = await transaction.store.get(name);
			const changed = record ? change(record) : null;
			await Promise.all([changed && transaction.store.put(changed), transaction.done]);
			return changed;
		});
	}

	close(): void {
		this.#database?.close();
		this.#database = null;
	}

	async #run<T>(work: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
		// Site data was cleared, or a newer page upgrades it: the next call opens what is there now.
		if (!this.#database) await this.open();
		try {
			return await work(this.#database!);
		} catch (error) {
			throw storeErrorOf(error, `cannot use ${IDENTITY_DATABASE}`);
		}
	}
}

/** For tests: what several pages of one browser share. */
export class MemoryIdentityStore implements IdentityStore {
	/** Set to make every call fail, as in a window that stores nothing. */
	failure: StoreError | null = null;
	readonly #records = new Map<string, IdentityRecord>();

	async open(): Promise<void> {
		this.#check();
	}

	async all(): Promise<IdentityRecord[]> {
		this.#check();
		return [...this.#records.values()].map((record) => structuredClone(record));
	}

	async get(name: string): Promise<IdentityRecord | undefined> {
		this.#check();
		return structuredClone(this.#records.get(name));
	}

	async add(record: IdentityRecord): Promise<void> {
		this.#check();
		if (this.#records.has(record.name))
			throw new StoreError('corrupt', `identity ${record.name} is there already`);
		this.#records.set(record.name, structuredClone(record));
	}

	async update(
		name: string,
		change: (record: IdentityRecord) => IdentityRecord | null
	): Promise<IdentityRecord | null> {
		this.#check();
		const record = this.#records.get(name);
		const changed = record ? change(structuredClone(record)) : null;
		if (changed) this.#records.set(name, structuredClone(changed));
		return changed;
	}

	/** As when a person clears the site's data. */
	clear(): void {
		this.#records.clear();
	}

	close(): void {}

	#check(): void {
		if (this.failure) throw this.failure;
	}
}
