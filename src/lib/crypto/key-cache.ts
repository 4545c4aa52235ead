/**
 * Prepared public keys by their bytes, the least recently used dropped first. Members sign all day, accounts a few times:
 * preparing a key costs as much as part of a check, and anybody can make keys, so that the number kept is bounded.
 */
export class KeyCache<Prepared> {
	#entries = new Map<string, Prepared>();
	readonly #limit: number;

	constructor(limit: number) {
		this.#limit = limit;
	}

	get size(): number {
		return this.#entries.size;
	}

	/** What `prepare` made for this key, now or before. What it throws is passed on, and nothing is kept. */
	get(publicKey: Uint8Array, prepare: (publicKey: Uint8Array) => Prepared): Prepared {
		const name = nameOf(publicKey);
		const known = this.#entries.get(name);
		if (known !== undefined) {
			// A Map keeps the order of insertion: to be used is to be inserted anew.
			this.#entries.delete(name);
			this.#entries.set(name, known);
			return known;
		}
		const prepared = prepare(publicKey);
		this.#entries.set(name, prepared);
		if (this.#entries.size > this.#limit) this.#entries.delete(this.#entries.keys().next().value!);
		return prepared;
	}

	forget(publicKey: Uint8Array): void {
		this.#entries.delete(nameOf(publicKey));
	}
}

/** One character a byte: a Map compares strings by value. */
function nameOf(publicKey: Uint8Array): string {
	return String.fromCharCode(...publicKey);
}
