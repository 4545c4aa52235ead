/** How much a peer is asked for at a time, and how long its answer is waited for: over a slow link block sync takes smaller steps. */

/** The seed's MaxFetch. */
export const MAX_FETCH_BLOCKS = 20;
/** A request without an answer is given up after this, at first. */
const BASE_TIMEOUT_MS = 3000;
/** A block of the largest size over 50 KB/s. */
const MAX_TIMEOUT_MS = 24_000;
/** As many peers as a node knows. */
const MAX_PEERS = 512;

interface Pace {
	blocks: number;
	timeoutMs: number;
}

const FULL: Pace = { blocks: MAX_FETCH_BLOCKS, timeoutMs: BASE_TIMEOUT_MS };

export class SyncPace {
	readonly #slow = new Map<string, Pace>();

	/** Blocks that the peer is asked for at once, at most. */
	blocks(peer: string): number {
		return this.#of(peer).blocks;
	}

	timeoutMs(peer: string): number {
		return this.#of(peer).timeoutMs;
	}

	/** Half of it next time; where one block was too much, twice the time. */
	timedOut(peer: string): void {
		const { blocks, timeoutMs } = this.#of(peer);
		this.#slow.delete(peer);
		this.#slow.set(
			peer,
			blocks > 1
				? { blocks: Math.floor(blocks / 2), timeoutMs }
				: { blocks, timeoutMs: Math.min(MAX_TIMEOUT_MS, timeoutMs * 2) }
		);
		if (this.#slow.size > MAX_PEERS) this.#slow.delete(this.#slow.keys().next().value!);
	}

	/** @param tookMs from the request to its answer: well within its time, more is asked for next time */
	answered(peer: string, tookMs: number): void {
		const pace = this.#slow.get(peer);
		if (!pace || tookMs > pace.timeoutMs / 2) return;
		if (pace.timeoutMs > BASE_TIMEOUT_MS) pace.timeoutMs /= 2;
		else pace.blocks = Math.min(MAX_FETCH_BLOCKS, pace.blocks * 2);
		if (pace.blocks === MAX_FETCH_BLOCKS) this.#slow.delete(peer);
	}

	#of(peer: string): Pace {
		return this.#slow.get(peer) ?? FULL;
	}
}
