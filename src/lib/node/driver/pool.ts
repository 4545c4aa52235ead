/** Transactions that wait for the ledger, in the order in which they came. Only those whose signature holds get here. */
import type { ParsedTransaction } from '../../ledger/transaction.ts';

/** Some seconds of a busy network; at 250 bytes each, 5 MB. */
export const MAX_POOL_TRANSACTIONS = 20_000;
export const MAX_POOL_BYTES = 16 * 1024 * 1024;

export type AddResult = 'added' | 'known' | 'full';

export class Pool {
	readonly #transactions = new Map<string, ParsedTransaction>();
	/** When each came, by the driver's clock. */
	readonly #sinceMs = new Map<string, number>();
	/**
	 * Bodies that rounds in flight name, though the ledger holds them already or their time is over: two leaders may have proposed
	 * the same, and members vote on what a proposal is, not on when they read it (R3). Bounded by the window of rounds.
	 */
	readonly #kept = new Map<string, ParsedTransaction>();
	#bytes = 0;
	rejected = 0;

	get size(): number {
		return this.#transactions.size;
	}

	has(id: string): boolean {
		return this.#transactions.has(id) || this.#kept.has(id);
	}

	get(id: string): ParsedTransaction | undefined {
		return this.#transactions.get(id) ?? this.#kept.get(id);
	}

	add(transaction: ParsedTransaction, nowMs: number): AddResult {
		if (this.has(transaction.id)) return 'known';
		if (
			this.#transactions.size >= MAX_POOL_TRANSACTIONS ||
			this.#bytes + transaction.bytes.length > MAX_POOL_BYTES
		) {
			this.rejected += 1;
			return 'full';
		}
		this.#transactions.set(transaction.id, transaction);
		this.#sinceMs.set(transaction.id, nowMs);
		this.#bytes += transaction.bytes.length;
		return 'added';
	}

	/** Holds a body for rounds that name it, and for nothing else. */
	keep(transaction: ParsedTransaction): void {
		if (!this.has(transaction.id)) this.#kept.set(transaction.id, transaction);
	}

	/** Lets go of bodies that no round names any more. */
	release(isNamed: (id: string) => boolean): void {
		for (const id of this.#kept.keys()) if (!isNamed(id)) this.#kept.delete(id);
	}

	/** Takes out what waits no longer. @param isNamed whether a round still needs its body */
	remove(id: string, isNamed = false): void {
		const transaction = this.#transactions.get(id);
		if (!transaction) return;
		if (isNamed) this.#kept.set(id, transaction);
		this.#transactions.delete(id);
		this.#sinceMs.delete(id);
		this.#bytes -= transaction.bytes.length;
	}

	waiting(limit: number, maxBodyBytes: number, except: Pick<ReadonlySet<string>, 'has'>): string[] {
		const ids: string[] = [];
		let bytes = 0;
		for (const { id, bytes: body } of this.#transactions.values()) {
			if (except.has(id)) continue;
			if (ids.length >= limit || bytes + body.length > maxBodyBytes) break;
			ids.push(id);
			bytes += body.length;
		}
		return ids;
	}

	/** The oldest that came before `beforeMs`. */
	olderThan(beforeMs: number, limit: number): ParsedTransaction[] {
		const old: ParsedTransaction[] = [];
		for (const [id, transaction] of this.#transactions) {
			if (old.length >= limit || this.#sinceMs.get(id)! >= beforeMs) break;
			old.push(transaction);
		}
		return old;
	}

	/** One has waited since before `beforeMs`. */
	hasOlder(beforeMs: number): boolean {
		for (const sinceMs of this.#sinceMs.values()) return sinceMs < beforeMs;
		return false;
	}

	/** Removes what can no longer be included above this height. @returns the ids */
	expire(finalHeight: number, isNamed: (id: string) => boolean = () => false): string[] {
		const expired: string[] = [];
		for (const [id, transaction] of this.#transactions)
			if (transaction.body.expiryHeight <= finalHeight) expired.push(id);
		for (const id of expired) this.remove(id, isNamed(id));
		return expired;
	}
}
