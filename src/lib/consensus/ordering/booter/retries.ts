/** When the next attempt at a height may begin, after one that was given up. */

/** Retries that drop nothing wait twice as long each time, up to 2⁴ resends: some seconds. */
const MAX_BACKOFF_DOUBLINGS = 4;

export class Retries {
	readonly #resendTicks: number;
	/** At this height, those that dropped nothing. */
	#vain = 0;
	#atTick = 0;

	constructor(resendTicks: number) {
		this.#resendTicks = resendTicks;
	}

	/** Another height. */
	begin(tick: number): void {
		this.#vain = 0;
		this.#atTick = tick;
	}

	/** The next attempt makes another choice: at once. */
	changed(tick: number): void {
		this.#atTick = tick;
	}

	/** It makes the same choice again. */
	inVain(tick: number): void {
		this.#atTick = tick + this.#resendTicks * 2 ** Math.min(this.#vain, MAX_BACKOFF_DOUBLINGS);
		this.#vain += 1;
	}

	isDue(tick: number): boolean {
		return tick >= this.#atTick;
	}
}
