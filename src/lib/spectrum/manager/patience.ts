/** Whom a manager leaves alone for a while, and whom it does not wait for. */
import { AVOID_MS, MAX_AVOIDED, SILENT_BUYER_MS } from './limits.ts';

export class Patience {
	/** `buyer/seller`, or `owner:<account>`, to the time at which it ends. */
	readonly #avoided = new Map<string, number>();
	/** Since when an AP of another node is a buyer that makes no bid. Bounded by the access points on the chain. */
	readonly #waiting = new Map<string, number>();

	avoidPair(buyer: string, seller: string, nowMs: number): void {
		this.#avoid(`${buyer}/${seller}`, nowMs);
	}

	avoidOwner(owner: string, nowMs: number): void {
		this.#avoid(`owner:${owner}`, nowMs);
	}

	/** `buyer/seller` pairs, as a market takes them. */
	pairs(): ReadonlySet<string> {
		return new Set(this.#avoided.keys());
	}

	avoidsOwner(owner: string): boolean {
		return this.#avoided.has(`owner:${owner}`);
	}

	/** A sign of life. */
	heardFrom(owner: string): void {
		this.#avoided.delete(`owner:${owner}`);
	}

	expire(nowMs: number): void {
		for (const [key, endMs] of this.#avoided) if (endMs <= nowMs) this.#avoided.delete(key);
	}

	/** Whether another node's buyer without a bid may still be expected to bid by itself. */
	isExpected(buyer: string, nowMs: number): boolean {
		const since = this.#waiting.get(buyer);
		if (since === undefined) this.#waiting.set(buyer, nowMs);
		return since === undefined || nowMs - since < SILENT_BUYER_MS;
	}

	/** It made a bid, or needs none any more. */
	isServed(buyer: string): void {
		this.#waiting.delete(buyer);
	}

	#avoid(key: string, nowMs: number): void {
		const oldest = this.#avoided.size >= MAX_AVOIDED ? this.#avoided.keys().next().value : undefined;
		if (oldest !== undefined) this.#avoided.delete(oldest);
		this.#avoided.delete(key);
		this.#avoided.set(key, nowMs + AVOID_MS);
	}
}
