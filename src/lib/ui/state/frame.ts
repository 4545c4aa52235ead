/**
 * Gathers updates and runs them together, at most once per animation frame. A hidden page gets no frames, so a timer
 * stands in for them: what a test or a screen reader reads there is never older than {@link HIDDEN_FLUSH_MS}.
 */

/** A hidden page's timers fire at most once a second anyway; shorter would gain nothing. */
const HIDDEN_FLUSH_MS = 1000;

export class FrameBatch {
	#tasks = new Map<string, () => void>();
	#frame: number | null = null;
	#timer: ReturnType<typeof setTimeout> | null = null;

	/** The last task under a key wins; the map is bounded by the number of keys in the code. */
	schedule(key: string, task: () => void): void {
		this.#tasks.set(key, task);
		if (this.#frame !== null) return;
		this.#frame = requestAnimationFrame(this.#flush);
		this.#timer = setTimeout(this.#flush, HIDDEN_FLUSH_MS);
	}

	stop(): void {
		this.#tasks.clear();
		this.#release();
	}

	#flush = (): void => {
		this.#release();
		const tasks = [...this.#tasks.values()];
		this.#tasks.clear();
		for (const task of tasks) task();
	};

	#release(): void {
		if (this.#frame !== null) cancelAnimationFrame(this.#frame);
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#frame = null;
		this.#timer = null;
	}
}
