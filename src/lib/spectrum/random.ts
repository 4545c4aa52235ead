/** A seeded generator in 32-bit integer arithmetic, so that a seed means the same in every engine. */

export class SeededRandom {
	#a: number;
	#b: number;
	#c: number;
	#counter = 1;

	/** @param seed - any safe integer; `label` gives independent streams of one seed */
	constructor(seed: number, label = '') {
		this.#a = hash32(label, seed | 0);
		this.#b = hash32(label, Math.floor(seed / 0x1_0000_0000) | 0) ^ 0x9e3779b9;
		this.#c = 0x243f6a88;
		for (let warmUp = 0; warmUp < 12; warmUp++) this.next();
	}

	/** 0 … 2^32−1. The step is Chris Doty-Humphrey's sfc32 (PractRand, public domain). */
	next(): number {
		const sum = (this.#a + this.#b + this.#counter) | 0;
		this.#counter = (this.#counter + 1) | 0;
		this.#a = this.#b ^ (this.#b >>> 9);
		this.#b = (this.#c + (this.#c << 3)) | 0;
		this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
		return sum >>> 0;
	}

	/** 0 … bound−1, each as likely as the others. @param bound - 1 … 2^32 */
	below(bound: number): number {
		const fair = 0x1_0000_0000 - (0x1_0000_0000 % bound);
		for (;;) {
			const value = this.next();
			if (value < fair) return value % bound;
		}
	}

	/** low … high, both included. */
	between(low: number, high: number): number {
		return low + this.below(high - low + 1);
	}

	/** In place; returns the same array. */
	shuffle<T>(items: T[]): T[] {
		for (let last = items.length - 1; last > 0; last--) {
			const other = this.below(last + 1);
			[items[last], items[other]] = [items[other]!, items[last]!];
		}
		return items;
	}
}

/** FNV-1a over UTF-16 units with a final mix: breaks ties between ids alike on every node. Not for security. */
export function hash32(text: string, seed = 0): number {
	let hash = 0x811c9dc5 ^ seed;
	for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
	hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
	hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
	return (hash ^ (hash >>> 16)) >>> 0;
}
