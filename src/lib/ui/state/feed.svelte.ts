/**
 * A live list that cannot grow without bound: it keeps the newest `limit` items. While held (someone is reading) new
 * items wait and are counted, and the page offers "n new".
 */
export class CappedFeed<T> {
	/** Newest first. */
	items = $state.raw<readonly T[]>([]);
	/** How many wait behind "n new"; may exceed what is kept. */
	waiting = $state(0);
	held = $state(false);

	readonly #limit: number;
	#buffer: T[] = [];

	constructor(limit: number) {
		this.#limit = limit;
	}

	/** Puts items at the front; the first is the newest. */
	push(newest: readonly T[]): void {
		if (newest.length === 0) return;
		if (!this.held) {
			this.items = [...newest, ...this.items].slice(0, this.#limit);
			return;
		}
		this.#buffer = [...newest, ...this.#buffer].slice(0, this.#limit);
		this.waiting += newest.length;
	}

	hold(): void {
		this.held = true;
	}

	/** Lets what waited in. */
	release(): void {
		this.held = false;
		const waited = this.#buffer;
		this.#buffer = [];
		this.waiting = 0;
		this.push(waited);
	}

	replace(items: readonly T[]): void {
		this.#buffer = [];
		this.waiting = 0;
		this.items = items.slice(0, this.#limit);
	}
}
