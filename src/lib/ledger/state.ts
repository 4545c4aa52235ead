/**
 * Versioned state: each key keeps the value of the version before (R15), and blocks that are not yet final live in
 * overlays that nobody but the voter sees (R13).
 */
import { taggedHash } from '../crypto/hash.ts';
import { invariant, LedgerError } from './errors.ts';

export interface StateReader {
	get(key: string): Uint8Array | undefined;
	/** All that has a value, in no order. */
	values(): Iterable<StateValue>;
	/** Where it counts its changes: while it stays the same, so does every value. */
	readonly version?: number;
}

export interface StateValue {
	key: string;
	value: Uint8Array;
	/** Of the block that wrote it. */
	height: number;
}

/** A value of null deletes. */
export interface StateWrite {
	key: string;
	value: Uint8Array | null;
}

export interface VersionedValue {
	value: Uint8Array | null;
	/** Height of the block that wrote it. */
	height: number;
	previous: { value: Uint8Array | null; height: number } | null;
}

export type VersionedRow = { key: string } & VersionedValue;

/** Writes over a base, not yet part of it. */
export class Overlay implements StateReader {
	readonly #base: StateReader;
	readonly #height: number;
	readonly #written = new Map<string, { value: Uint8Array | null; height: number }>();

	/** @param height of the block that writes; by default that of the overlay below */
	constructor(base: StateReader, height = base instanceof Overlay ? base.#height : 0) {
		this.#base = base;
		this.#height = height;
	}

	get(key: string): Uint8Array | undefined {
		const own = this.#written.get(key);
		return own ? (own.value ?? undefined) : this.#base.get(key);
	}

	set(key: string, value: Uint8Array): void {
		this.#written.set(key, { value, height: this.#height });
	}

	delete(key: string): void {
		this.#written.set(key, { value: null, height: this.#height });
	}

	*values(): Iterable<StateValue> {
		for (const row of this.#base.values()) if (!this.#written.has(row.key)) yield row;
		for (const [key, { value, height }] of this.#written) if (value) yield { key, value, height };
	}

	/** Moves all writes of `other`, an overlay over this one, into this one. */
	absorb(other: Overlay): void {
		for (const [key, written] of other.#written) this.#written.set(key, written);
	}

	clear(): void {
		this.#written.clear();
	}

	/** In order of key, so that every node hashes the same bytes. */
	writes(): StateWrite[] {
		return [...this.#written]
			.map(([key, { value }]) => ({ key, value }))
			.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
	}
}

/** The final state, in memory; the ledger store holds the same rows. */
export class VersionedState implements StateReader {
	readonly #rows = new Map<string, VersionedValue>();
	#version = 0;
	/** Deleted keys, oldest first: their rows stay for as long as the version before may be asked for, and no longer. */
	#tombstones: { key: string; height: number }[] = [];

	constructor(rows: Iterable<VersionedRow> = []) {
		for (const { key, value, height, previous } of rows) {
			this.#rows.set(key, { value, height, previous });
			if (value === null) this.#tombstones.push({ key, height });
		}
		this.#tombstones.sort((a, b) => a.height - b.height);
	}

	get(key: string): Uint8Array | undefined {
		return this.#rows.get(key)?.value ?? undefined;
	}

	get version(): number {
		return this.#version;
	}

	row(key: string): VersionedValue | undefined {
		return this.#rows.get(key);
	}

	get size(): number {
		return this.#rows.size;
	}

	*rows(prefix = ''): IterableIterator<VersionedRow> {
		for (const [key, row] of this.#rows) if (key.startsWith(prefix)) yield { key, ...row };
	}

	*values(): Iterable<StateValue> {
		for (const [key, { value, height }] of this.#rows) if (value) yield { key, value, height };
	}

	/**
	 * Becomes another state: that of a snapshot.
	 * @returns the rows as they are now, to be stored with it; one without value and previous is gone
	 */
	replace(values: Iterable<StateValue>): VersionedRow[] {
		this.#version += 1;
		const gone = new Set(this.#rows.keys());
		this.#rows.clear();
		this.#tombstones = [];
		for (const { key, value, height } of values) {
			this.#rows.set(key, { value, height, previous: null });
			gone.delete(key);
		}
		return [...this.rows(), ...[...gone].map((key) => ({ key, value: null, height: 0, previous: null }))];
	}

	/** @returns the rows as they are now, to be stored with the block of this height; one without value and previous is gone */
	apply(writes: StateWrite[], height: number): VersionedRow[] {
		this.#version += 1;
		const gone = this.#bury(height);
		const written = writes.map(({ key, value }): VersionedRow => {
			const before = this.#rows.get(key);
			invariant(
				!before || before.height < height,
				'R15',
				`key ${key} was already written at height ${before?.height}`
			);
			const row = { value, height, previous: before ? { value: before.value, height: before.height } : null };
			this.#rows.set(key, row);
			if (value === null) this.#tombstones.push({ key, height });
			return { key, ...row };
		});
		return [...gone.filter(({ key }) => !written.some((row) => row.key === key)), ...written];
	}

	/** Undo reaches one version back: what was deleted below the last height is never asked for again. */
	#bury(height: number): VersionedRow[] {
		const gone: VersionedRow[] = [];
		while (this.#tombstones.length > 0 && this.#tombstones[0]!.height < height - 1) {
			const { key, height: deletedAt } = this.#tombstones.shift()!;
			const row = this.#rows.get(key);
			if (!row || row.value !== null || row.height !== deletedAt) continue;
			this.#rows.delete(key);
			gone.push({ key, value: null, height: deletedAt, previous: null });
		}
		return gone;
	}

	/**
	 * Takes the writes of one height back. Doing it twice equals once: a key whose value is of another height stays.
	 * @returns the rows that changed; a row that did not exist before comes back with a value of null
	 */
	undo(keys: Iterable<string>, height: number): VersionedRow[] {
		this.#version += 1;
		const undone: VersionedRow[] = [];
		for (const key of keys) {
			const row = this.#rows.get(key);
			if (!row || row.height !== height) continue;
			if (row.previous) {
				const restored = { ...row.previous, previous: null };
				this.#rows.set(key, restored);
				undone.push({ key, ...restored });
			} else {
				this.#rows.delete(key);
				undone.push({ key, value: null, height: 0, previous: null });
			}
		}
		return undone;
	}

	/**
	 * R15, at start: takes back what a store that lost its head has kept above it. One version is kept, so that one block can be
	 * taken back and no more. Doing it twice equals once.
	 * @throws LedgerError `StateTorn` where a key was written by two blocks above the head
	 */
	repair(headHeight: number): VersionedRow[] {
		const torn = [...this.#rows].filter(([, row]) => row.height > headHeight);
		return torn.flatMap(([key, row]) => {
			if (row.previous && row.previous.height > headHeight)
				throw new LedgerError(
					'StateTorn',
					`key ${key} was written at heights ${row.previous.height} and ${row.height}, above the head at ${headHeight}`
				);
			return this.undo([key], row.height);
		});
	}
}

/** Chains the digest of a block's writes onto the digest before it. */
export function nextStateDigest(previous: Uint8Array, writes: StateWrite[]): Uint8Array {
	const parts: Uint8Array[] = [previous];
	for (const { key, value } of writes) {
		const name = new TextEncoder().encode(key);
		const lengths = new DataView(new ArrayBuffer(8));
		lengths.setUint32(0, name.length);
		// A deleted key has a length that no value can have.
		lengths.setUint32(4, value ? value.length : 0xffffffff);
		parts.push(new Uint8Array(lengths.buffer), name);
		if (value) parts.push(value);
	}
	return taggedHash('state', ...parts);
}
