/** What may have been lost is sent again at growing intervals: in a network that is only busy, sending twice would make it busier. */
export class Resends {
	#nextOf = new WeakMap<object, { atMs: number; delayMs: number }>();

	/**
	 * Those whose time has come; the next time is twice as far.
	 * @param everyMs the first interval
	 * @param firstMs from the first look at one until it is due; 0 for what has waited already
	 */
	due<T extends object>(
		items: Iterable<T>,
		limit: number,
		nowMs: number,
		everyMs: number,
		firstMs = everyMs
	): T[] {
		const due: T[] = [];
		for (const item of items) {
			if (due.length >= limit) break;
			let next = this.#nextOf.get(item);
			if (!next) this.#nextOf.set(item, (next = { atMs: nowMs + firstMs, delayMs: everyMs }));
			if (nowMs < next.atMs) continue;
			due.push(item);
			next.atMs = nowMs + next.delayMs;
			next.delayMs *= 2;
		}
		return due;
	}

	/** Everything is as if it had never been looked at. */
	forget(): void {
		this.#nextOf = new WeakMap();
	}
}
