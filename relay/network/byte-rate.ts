/** A bound on bytes a second with room for two seconds' worth at once, or none. Time is handed in. */
export class ByteRate {
	#bytesPerSecond: number;
	#credit: number;
	#atMs: number;

	constructor(bytesPerSecond: number, nowMs: number) {
		this.#bytesPerSecond = bytesPerSecond;
		this.#credit = BURST_S * bytesPerSecond;
		this.#atMs = nowMs;
	}

	/** Credit and debt keep their length in time, so that nobody is rid of a debt by another bound. */
	setRate(bytesPerSecond: number, nowMs: number): void {
		if (bytesPerSecond === this.#bytesPerSecond) return;
		this.take(0, nowMs);
		const isScaled = Number.isFinite(bytesPerSecond) && Number.isFinite(this.#bytesPerSecond);
		const seconds = isScaled ? this.#credit / this.#bytesPerSecond : BURST_S;
		this.#bytesPerSecond = bytesPerSecond;
		this.#credit = seconds * bytesPerSecond;
		this.#atMs = nowMs;
	}

	/** Takes bytes that have come. @returns milliseconds to pause before more; 0 for none */
	take(bytes: number, nowMs: number): number {
		if (this.#bytesPerSecond === Infinity) return 0;
		const earned = ((nowMs - this.#atMs) / 1_000) * this.#bytesPerSecond;
		this.#credit = Math.min(this.#credit + earned, BURST_S * this.#bytesPerSecond) - bytes;
		this.#atMs = nowMs;
		return this.#credit >= 0 ? 0 : Math.ceil((-this.#credit / this.#bytesPerSecond) * 1_000);
	}
}

const BURST_S = 2;
