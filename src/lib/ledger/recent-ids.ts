/**
 * The ids of transactions in the ledger, remembered until they expire. A transaction's expiry is at most the window above
 * the height that holds it, so the blocks of the last window hold every id that can still be repeated: after a restart
 * the set is read from them.
 */
export class RecentIds {
	readonly #byId = new Map<string, { expiryHeight: number; height: number; index: number }>();
	readonly #byExpiry = new Map<number, string[]>();

	has(id: string): boolean {
		return this.#byId.has(id);
	}

	/** Where a remembered transaction stands. */
	position(id: string): { height: number; index: number } | undefined {
		return this.#byId.get(id);
	}

	get size(): number {
		return this.#byId.size;
	}

	add(id: string, expiryHeight: number, height: number, index: number): void {
		this.#byId.set(id, { expiryHeight, height, index });
		const bucket = this.#byExpiry.get(expiryHeight);
		if (bucket) bucket.push(id);
		else this.#byExpiry.set(expiryHeight, [id]);
	}

	clear(): void {
		this.#byId.clear();
		this.#byExpiry.clear();
	}

	/** Forgets what cannot be included above `finalHeight` any more. */
	prune(finalHeight: number): void {
		for (const [expiryHeight, ids] of this.#byExpiry) {
			if (expiryHeight > finalHeight) continue;
			for (const id of ids) this.#byId.delete(id);
			this.#byExpiry.delete(expiryHeight);
		}
	}
}
