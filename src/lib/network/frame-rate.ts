/** A bound on frames a second. Time is handed in, and so is the bound: a stranger's is lower than that of the member it becomes. */
import { NetworkError } from './link-carrier.ts';
import { FRAME_BURST_S } from './network-limits.ts';

export class FrameRate {
	/** As a share of the burst, so that it keeps its meaning when the bound changes. */
	#spent = 0;
	#atMs: number;

	constructor(nowMs: number) {
		this.#atMs = nowMs;
	}

	/** @throws NetworkError TooManyFrames where this frame is one too many */
	take(maxPerSecond: number, nowMs: number): void {
		const earned = (nowMs - this.#atMs) / 1_000 / FRAME_BURST_S;
		this.#atMs = nowMs;
		this.#spent = Math.max(0, this.#spent - earned) + 1 / (maxPerSecond * FRAME_BURST_S);
		if (this.#spent > 1 + ROUNDING)
			throw new NetworkError(
				'TooManyFrames',
				`more than ${maxPerSecond} frames a second for ${FRAME_BURST_S} s, which maxFramesPerSecond in network.ini allows`
			);
	}
}

const ROUNDING = 1e-6;
