/**
 * What a leader knows of one replica's log, and how it writes to it.
 *
 * - `probe`: where the logs part is not known; one message at a time feels for it.
 * - `replicate`: entries go out ahead of their acknowledgement, as far as the window of messages in flight allows.
 * - `snapshot`: the entries it needs are gone; a snapshot goes out piece by piece and no entries beside it.
 */
import type { Snapshot } from './log.ts';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export class Progress {
	/** The highest index that it is known to hold as the leader does. */
	match = 0;
	/** The index of the next entry for it. */
	next: number;
	state: ProgressState = 'probe';
	/** It answered since the last check of the quorum. */
	isActive: boolean;
	/** The highest commit index that was sent to it. */
	sentCommit = 0;
	/** Where it is sent a snapshot: which, and from which byte the piece under way is. */
	transfer: { snapshot: Snapshot; offset: number; sinceTicks: number } | null = null;
	readonly inflights: Inflights;
	#isPaused = false;

	constructor(next: number, isActive: boolean, inflights: Inflights) {
		this.next = next;
		this.isActive = isActive;
		this.inflights = inflights;
	}

	/** Nothing goes out before an answer, of a heartbeat at the latest. */
	get isPaused(): boolean {
		return this.state === 'snapshot' || this.#isPaused;
	}

	resume(): void {
		this.#isPaused = false;
	}

	becomeProbe(): void {
		this.#become('probe');
		this.next = this.match + 1;
	}

	becomeReplicate(): void {
		this.#become('replicate');
		this.next = this.match + 1;
	}

	becomeSnapshot(snapshot: Snapshot): void {
		this.#become('snapshot');
		this.transfer = { snapshot, offset: 0, sinceTicks: 0 };
	}

	/** Entries went out, or none: then the message carries the commit index and feels for the follower's log. */
	sent(entries: number, bytes: number, commit: number): void {
		this.sentCommit = Math.max(this.sentCommit, commit);
		if (this.state === 'probe') {
			this.#isPaused = true;
			return;
		}
		if (entries > 0) {
			this.next += entries;
			this.inflights.add(this.next - 1, bytes);
		}
		this.#isPaused = this.inflights.isFull;
	}

	/** It holds all up to `index`. @returns whether that is news */
	acknowledge(index: number): boolean {
		this.inflights.freeTo(index);
		if (index <= this.match) return false;
		this.match = index;
		this.next = Math.max(this.next, index + 1);
		this.#isPaused = false;
		return true;
	}

	/**
	 * It does not hold the leader's entry at `previousIndex`.
	 * @param hintIndex where the logs may agree
	 * @returns whether that is news; an answer to an earlier message may come late
	 */
	reject(previousIndex: number, hintIndex: number): boolean {
		if (this.state === 'replicate') {
			if (previousIndex <= this.match) return false;
			this.becomeProbe();
			return true;
		}
		if (this.state === 'snapshot' || this.next - 1 !== previousIndex) return false;
		this.next = Math.max(Math.min(previousIndex, hintIndex + 1), this.match + 1);
		this.#isPaused = false;
		return true;
	}

	#become(state: ProgressState): void {
		this.state = state;
		this.transfer = null;
		this.#isPaused = false;
		this.inflights.clear();
	}
}

/** Messages with entries that are under way, oldest first. */
export class Inflights {
	readonly #maxMessages: number;
	readonly #maxBytes: number;
	#messages: { lastIndex: number; bytes: number }[] = [];
	#bytes = 0;

	constructor(maxMessages: number, maxBytes: number) {
		this.#maxMessages = maxMessages;
		this.#maxBytes = maxBytes;
	}

	/** By bytes it is full once it passed them, so that one large message always goes. */
	get isFull(): boolean {
		return this.#messages.length >= this.#maxMessages || this.#bytes >= this.#maxBytes;
	}

	get count(): number {
		return this.#messages.length;
	}

	add(lastIndex: number, bytes: number): void {
		this.#messages.push({ lastIndex, bytes });
		this.#bytes += bytes;
	}

	freeTo(index: number): void {
		let freed = 0;
		while (freed < this.#messages.length && this.#messages[freed]!.lastIndex <= index)
			this.#bytes -= this.#messages[freed++]!.bytes;
		this.#messages.splice(0, freed);
	}

	clear(): void {
		this.#messages = [];
		this.#bytes = 0;
	}
}
