/** R9: the leader hands certified blocks up in order of round, and waits a bounded time for a gap before it gives it up. */
import type { Round } from './round.ts';

export class HandUp {
	readonly #gapTicks: number;
	/** The last round handed up, or given up, in this leader's time. */
	#passed = 0;
	/** Null rounds of the view: nothing will ever fill them in it. */
	#voids: ReadonlySet<number> = new Set();
	#gapSinceTick: number | null = null;

	constructor(gapTicks: number) {
		this.#gapTicks = gapTicks;
	}

	/** A new leader hands up again whatever the ledger does not hold: its predecessor may not have. */
	begin(voids: ReadonlySet<number>): void {
		this.#passed = 0;
		this.#voids = voids;
		this.#gapSinceTick = null;
	}

	/**
	 * @param rounds in order
	 * @param lastRoundId of the ledger
	 * @returns those whose turn it is
	 */
	take(rounds: Round[], lastRoundId: number, tick: number): Round[] {
		const taken: Round[] = [];
		this.#passed = Math.max(this.#passed, lastRoundId);
		for (const round of rounds) {
			if (round.roundId <= this.#passed || !round.isDelivered) continue;
			if (!this.#isNext(round.roundId) && this.#isWaiting(tick)) break;
			this.#gapSinceTick = null;
			this.#passed = round.roundId;
			taken.push(round);
		}
		return taken;
	}

	#isNext(roundId: number): boolean {
		let next = this.#passed + 1;
		while (next < roundId && this.#voids.has(next)) next += 1;
		return next === roundId;
	}

	#isWaiting(tick: number): boolean {
		this.#gapSinceTick ??= tick;
		return tick - this.#gapSinceTick < this.#gapTicks;
	}
}
