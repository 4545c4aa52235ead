/** Time as a driver sees it. The core has only ticks; the simulator has its own clock. */
export interface Clock {
	/** Milliseconds since the epoch. */
	now(): number;
	/** @returns a function that stops it */
	every(intervalMs: number, run: () => void): () => void;
	after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
	now: () => Date.now(),
	every(intervalMs, run) {
		const timer = setInterval(run, intervalMs);
		return () => clearInterval(timer);
	},
	after(delayMs, run) {
		const timer = setTimeout(run, delayMs);
		return () => clearTimeout(timer);
	}
};
