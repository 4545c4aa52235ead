/**
 * A pool of one kind of event (version 2 of the seed's design): events wait here until a callback takes them, and what nobody
 * waits for expires. So no node has to be in step with another one.
 */
export class EventPool<T> {
	readonly #maxEvents: number;
	#events: { event: T; lastHeight: number }[] = [];
	#dropped = 0;

	constructor(maxEvents: number) {
		this.#maxEvents = maxEvents;
	}

	get size(): number {
		return this.#events.length;
	}

	/** Events that found the pool full, since it was last cleared: the oldest make room. */
	get dropped(): number {
		return this.#dropped;
	}

	/** @param lastHeight - the last height at which the event is of use */
	add(event: T, lastHeight: number): void {
		if (this.#events.length >= this.#maxEvents) {
			this.#events.shift();
			this.#dropped++;
		}
		this.#events.push({ event, lastHeight });
	}

	/** Takes out what `wanted` says, in order of arrival, and leaves the rest. */
	take(wanted: (event: T) => boolean): T[] {
		const taken: T[] = [];
		this.#events = this.#events.filter((entry) => {
			if (!wanted(entry.event)) return true;
			taken.push(entry.event);
			return false;
		});
		return taken;
	}

	/** What waits, without taking it. */
	waiting(): T[] {
		return this.#events.map(({ event }) => event);
	}

	clear(): void {
		this.#events = [];
		this.#dropped = 0;
	}

	/** Forgets what is past its last height. */
	expire(height: number): void {
		this.#events = this.#events.filter((entry) => entry.lastHeight >= height);
	}
}
