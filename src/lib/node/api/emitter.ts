/** Typed listeners. One that throws does not keep the others from hearing; its error is reported, not lost. */
export class Emitter<Events> {
	readonly #listeners = new Map<keyof Events, Set<(data: never) => void>>();
	readonly #report: (error: unknown) => void;

	constructor(report: (error: unknown) => void) {
		this.#report = report;
	}

	on<K extends keyof Events>(event: K, listener: (data: Events[K]) => void): () => void {
		let set = this.#listeners.get(event);
		if (!set) this.#listeners.set(event, (set = new Set()));
		set.add(listener as (data: never) => void);
		return () => set.delete(listener as (data: never) => void);
	}

	has(event: keyof Events): boolean {
		return (this.#listeners.get(event)?.size ?? 0) > 0;
	}

	emit<K extends keyof Events>(event: K, data: Events[K]): void {
		for (const listener of [...(this.#listeners.get(event) ?? [])]) {
			try {
				(listener as (data: Events[K]) => void)(data);
			} catch (error) {
				this.#report(error);
			}
		}
	}
}
