/**
 * A replica's log: a snapshot of what was applied, and the entries since. Some entries that the snapshot covers are kept, for
 * followers that are a little behind. Each method that changes something adds to `persist` what makes it durable.
 *
 *     start      snapshot       commit          last
 *       |  kept     |  applied    |  may yet change |
 */
import { invariant } from '../../ledger/errors.ts';
import { RaftEntryType } from '../../wire/gen/tabwave/v1/raft_pb.js';
import type { Persist } from '../effects.ts';
import { decodeConfiguration, type Configuration } from './configuration.ts';
import { entryRecord, entryRemoval, snapshotRecord, type Stored } from './records.ts';

export interface Entry {
	/** From 1. */
	readonly index: number;
	readonly term: number;
	readonly type: RaftEntryType;
	readonly data: Uint8Array;
}

/** A place in a log: no two logs that agree here differ before (Log Matching). */
export interface LogPlace {
	index: number;
	term: number;
}

/** The place before the first entry that is kept. */
export type LogStart = LogPlace;

/** The state machine after the entry at `index`, in its own bytes. */
export interface Snapshot extends LogPlace {
	readonly configuration: Configuration;
	readonly data: Uint8Array;
}

interface ConfigurationAt {
	index: number;
	configuration: Configuration;
}

export class RaftLog {
	#start: LogStart;
	#snapshot: Snapshot;
	#entries: Entry[];
	#commit: number;
	/** The snapshot's, and those of entries behind it; the last is in force. */
	#configurations: ConfigurationAt[];
	/** Data of the entries behind the snapshot. */
	#bytesSinceSnapshot = 0;

	/** @param snapshot what a new disk starts from; a stored one is taken before it */
	constructor(stored: Stored, snapshot: Snapshot) {
		this.#snapshot = stored.snapshot ?? snapshot;
		this.#start = stored.snapshot ? stored.start : { index: snapshot.index, term: snapshot.term };
		this.#entries = stored.entries;
		this.#commit = Math.max(stored.state.commit, this.#snapshot.index);
		this.#configurations = [{ index: this.#snapshot.index, configuration: this.#snapshot.configuration }];
		for (const entry of this.#entries) this.#noteConfiguration(entry);
		this.#bytesSinceSnapshot = this.bytesAfter(this.#snapshot.index);
		invariant(
			this.#start.index <= this.#snapshot.index && this.#commit <= this.lastIndex,
			'R19',
			`a log of ${this.#start.index}…${this.lastIndex}, snapshot ${this.#snapshot.index}, commit ${this.#commit}`
		);
	}

	get snapshot(): Snapshot {
		return this.#snapshot;
	}

	/** The place before the first entry that is kept. */
	get start(): LogStart {
		return this.#start;
	}

	get lastIndex(): number {
		return this.#start.index + this.#entries.length;
	}

	get lastTerm(): number {
		return this.#entries.at(-1)?.term ?? this.#start.term;
	}

	/** All up to here is decided and will never change. */
	get commit(): number {
		return this.#commit;
	}

	/** The configuration in force: the log's last, committed or not. */
	get configuration(): Configuration {
		return this.#configurations.at(-1)!.configuration;
	}

	get configurationIndex(): number {
		return this.#configurations.at(-1)!.index;
	}

	/** The last configuration that is committed, and those after it: any of them may turn out to be the one that decides. */
	get possibleConfigurations(): Configuration[] {
		const last = this.#configurations.findLastIndex((at) => at.index <= this.#commit);
		return this.#configurations.slice(last).map(({ configuration }) => configuration);
	}

	get entriesSinceSnapshot(): number {
		return this.lastIndex - this.#snapshot.index;
	}

	get bytesSinceSnapshot(): number {
		return this.#bytesSinceSnapshot;
	}

	/** @returns null where the log does not reach, or no longer does */
	term(index: number): number | null {
		if (index === this.#start.index) return this.#start.term;
		return this.#entries[index - this.#start.index - 1]?.term ?? null;
	}

	matches({ index, term }: LogPlace): boolean {
		return this.term(index) === term;
	}

	/** R19: whether a log that ends there lacks nothing that this one may have decided. */
	isUpToDate({ index, term }: LogPlace): boolean {
		return term > this.lastTerm || (term === this.lastTerm && index >= this.lastIndex);
	}

	/** Entries from `index` on, as many as the bounds allow and at least one, where there is one. */
	entriesFrom(index: number, maxBytes: number, maxCount: number): Entry[] {
		const from = index - this.#start.index - 1;
		let end = from;
		let bytes = 0;
		while (end < this.#entries.length && end - from < maxCount) {
			bytes += this.#entries[end]!.data.length;
			if (end > from && bytes > maxBytes) break;
			end += 1;
		}
		return this.#entries.slice(from, end);
	}

	/** Entries `from`…`to`, which the log holds. */
	entriesBetween(from: number, to: number): Entry[] {
		return this.#entries.slice(from - this.#start.index - 1, to - this.#start.index);
	}

	/** Data of the entries behind `index`. */
	bytesAfter(index: number): number {
		return this.entriesBetween(index + 1, this.lastIndex).reduce((sum, { data }) => sum + data.length, 0);
	}

	/**
	 * The last place at or below `index` whose term is at most `term`: above it the log cannot agree with one that has `term`
	 * at `index`, since terms only grow along a log. One probe a term finds where two logs part, instead of one an entry.
	 */
	lastPlaceWithin(index: number, term: number): LogPlace {
		if (index < this.#start.index) return { index, term };
		for (let at = Math.min(index, this.lastIndex); at > this.#start.index; at--) {
			const here = this.term(at)!;
			if (here <= term) return { index: at, term: here };
		}
		return this.#start;
	}

	/**
	 * Takes a leader's entries over where they follow on `previous`. What differs from them is dropped, what is the same stays:
	 * an old message must not cut off what came after it.
	 *
	 * @returns the last place that is now as the leader's, or null where `previous` does not match
	 */
	append(previous: LogPlace, entries: readonly Entry[], persist: Persist[]): LogPlace | null {
		if (!this.matches(previous)) return null;
		const firstNew = entries.findIndex((entry) => !this.matches(entry));
		if (firstNew >= 0) {
			this.#truncate(entries[firstNew]!.index, previous.index + entries.length, persist);
			for (const entry of entries.slice(firstNew)) this.#push(entry, persist);
		}
		const last = entries.at(-1) ?? previous;
		return { index: last.index, term: last.term };
	}

	/** A leader's own entry, behind its last. */
	push(term: number, type: RaftEntryType, data: Uint8Array, persist: Persist[]): void {
		this.#push({ index: this.lastIndex + 1, term, type, data }, persist);
	}

	/** @returns whether that is news */
	commitTo(index: number): boolean {
		if (index <= this.#commit) return false;
		invariant(
			index <= this.lastIndex,
			'R19',
			`entry ${index} is committed and the log ends at ${this.lastIndex}`
		);
		this.#commit = index;
		return true;
	}

	/** The state machine after the entry at `index`, which is committed; entries far enough behind it are dropped. */
	compact(
		index: number,
		data: Uint8Array,
		keep: { entries: number; bytes: number },
		persist: Persist[]
	): void {
		invariant(
			index > this.#snapshot.index && index <= this.#commit,
			'R19',
			`a snapshot at ${index}, after ${this.#snapshot.index} and commit ${this.#commit}`
		);
		const configuration = this.#configurationAt(index);
		this.#snapshot = { index, term: this.term(index)!, configuration, data };
		const startIndex = this.#keptFrom(index, keep);
		const start = { index: startIndex, term: this.term(startIndex)! };
		persist.push(snapshotRecord(this.#snapshot, start));
		for (let dropped = this.#start.index + 1; dropped <= startIndex; dropped++)
			persist.push(entryRemoval(dropped));
		this.#entries.splice(0, startIndex - this.#start.index);
		this.#start = start;
		this.#configurations = [
			{ index, configuration },
			...this.#configurations.filter((at) => at.index > index)
		];
		this.#bytesSinceSnapshot = this.bytesAfter(index);
	}

	/** A leader's snapshot instead of all that this log held: it goes further than what was committed here. */
	install(snapshot: Snapshot, persist: Persist[]): void {
		invariant(snapshot.index > this.#commit, 'R19', `a snapshot at ${snapshot.index} below ${this.#commit}`);
		for (const { index } of this.#entries) persist.push(entryRemoval(index));
		this.#snapshot = snapshot;
		this.#start = { index: snapshot.index, term: snapshot.term };
		this.#entries = [];
		this.#commit = snapshot.index;
		this.#configurations = [{ index: snapshot.index, configuration: snapshot.configuration }];
		this.#bytesSinceSnapshot = 0;
		persist.push(snapshotRecord(this.#snapshot, this.#start));
	}

	/** Drops entries from `index` on. Those that are about to be written over need no removal. */
	#truncate(index: number, overwrittenTo: number, persist: Persist[]): void {
		invariant(index > this.#commit, 'R19', `entry ${index} is committed and would change`);
		for (let dropped = Math.max(index, overwrittenTo + 1); dropped <= this.lastIndex; dropped++)
			persist.push(entryRemoval(dropped));
		for (const { data } of this.#entries.splice(index - this.#start.index - 1))
			this.#bytesSinceSnapshot -= data.length;
		this.#configurations = this.#configurations.filter((at) => at.index < index);
	}

	#push(entry: Entry, persist: Persist[]): void {
		invariant(
			entry.index === this.lastIndex + 1 && entry.term >= this.lastTerm,
			'R19',
			`entry ${entry.term}/${entry.index} behind ${this.lastTerm}/${this.lastIndex}`
		);
		this.#entries.push(entry);
		this.#bytesSinceSnapshot += entry.data.length;
		this.#noteConfiguration(entry);
		persist.push(entryRecord(entry));
	}

	#noteConfiguration({ index, type, data }: Entry): void {
		if (type === RaftEntryType.CONFIGURATION && index > this.#snapshot.index)
			this.#configurations.push({ index, configuration: decodeConfiguration(data) });
	}

	#configurationAt(index: number): Configuration {
		return this.#configurations.findLast((at) => at.index <= index)!.configuration;
	}

	/** The place before the first entry that stays when a snapshot is taken at `index`. */
	#keptFrom(index: number, keep: { entries: number; bytes: number }): number {
		let from = index;
		let bytes = 0;
		while (from > this.#start.index && index - from < keep.entries) {
			bytes += this.#entries[from - this.#start.index - 1]!.data.length;
			if (bytes > keep.bytes) break;
			from -= 1;
		}
		return from;
	}
}
