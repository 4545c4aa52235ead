/**
 * R8: the view timer. It runs only while there is work, and block certificates reset it, not PrePrepares: a leader that proposes and
 * never finishes is replaced as well. It doubles for each view that failed, up to a cap, and falls back on progress.
 */
export class ViewTimer {
	readonly #baseTicks: number;
	readonly #capTicks: number;
	/** Views that failed and were not made up for by certificates since. */
	#failures = 0;
	#leftTicks: number | null = null;
	#isExpired = false;

	constructor(baseTicks: number, capTicks: number) {
		this.#baseTicks = baseTicks;
		this.#capTicks = capTicks;
	}

	/** Until it expires; null while it does not run. */
	get leftTicks(): number | null {
		return this.#leftTicks;
	}

	/** The view has failed: another one is asked for until it is joined, or this one makes progress after all. */
	get isExpired(): boolean {
		return this.#isExpired;
	}

	/** A view was joined: q members ask for it. */
	start(): void {
		this.#isExpired = false;
		this.#leftTicks = this.#timeoutTicks();
	}

	/** A block certificate was formed. */
	progress(): void {
		this.#failures = Math.max(0, this.#failures - 1);
		this.#isExpired = false;
		this.#leftTicks = null;
	}

	/**
	 * @param isNeeded there is work
	 * @param isHopeless the leader looks dead: there is nothing to wait for (R7)
	 * @returns whether the view has failed just now
	 */
	tick(isNeeded: boolean, isHopeless: boolean): boolean {
		if (!isNeeded) {
			this.#isExpired = false;
			this.#leftTicks = null;
			return false;
		}
		if (this.#isExpired) return false;
		this.#leftTicks = (this.#leftTicks ?? this.#timeoutTicks()) - 1;
		if (this.#leftTicks > 0 && !isHopeless) return false;
		this.#isExpired = true;
		this.#leftTicks = null;
		// Beyond the cap more failures say nothing new, and one certificate shall be enough to fall below it.
		if (this.#timeoutTicks() < this.#capTicks) this.#failures += 1;
		return true;
	}

	#timeoutTicks(): number {
		return Math.min(this.#capTicks, this.#baseTicks * 2 ** this.#failures);
	}
}
