/**
 * R21: when a replica holds that the leader, although it is heard, moves nothing on.
 *
 * Raft replaces a leader that is silent. A Booter that beats but has lost its links to the partitions, hangs above Raft, or
 * keeps still on purpose would lead for ever. So each replica counts the ticks for which blocks have waited and the head has
 * not moved, by what it sees itself:
 *
 * - **isStalled**, at `stallTicks`: it *grants* a stall's ChangeRequest, although its leader's lease runs. This is the one
 *   exception to the lease, and it is each voter's own judgement: a replica that alone sees no progress (its own links are
 *   down, say) finds no majority, and since it asks by PreVote, and stays a follower while it asks, nobody's term moves.
 * - **isDue**, a further random delay later: it *asks*. The delay keeps replicas that see the same stall from asking at once,
 *   and when the first one asks the others' counts have passed the mark, so that the first request is the one that wins.
 *
 * A leader counts too, and grants: it gives way when it sees itself that nothing moves, and not otherwise.
 *
 * The cause may be none that another leader can mend: too few tabs for a quorum, say. So each election without progress since
 * doubles the count for the next, up to a cap, and the first progress takes the doubling back. A new leader always has the
 * whole count before it can be asked away.
 *
 * What a replica does not see itself others may tell it: an **accusation** by enough members stands for a whole count.
 */
export interface StallInit {
	/** Ticks without progress, while blocks wait, that are a stall. */
	stallTicks: number;
	/** Bound of the further random delay. */
	delayTicks: number;
	/** Seeded; at least 0, below 1. */
	random: () => number;
}

/** 2^6: at a stall of 10 s, elections that mend nothing come down to one in about 11 minutes. */
const MAX_DOUBLINGS = 6;

export class Stall {
	readonly #init: StallInit;
	#isWaiting = false;
	/** Since blocks wait, the head moved, or the leader changed: whichever was last. */
	#ticks = 0;
	/** Elections since the head moved. */
	#elections = 0;
	#dueTicks = 0;
	#accusation: { isLasting: boolean; leftTicks: number } | null = null;

	constructor(init: StallInit) {
		this.#init = init;
		this.#restart();
	}

	/** Ticks for which blocks have waited under this leader and the head has not moved. */
	get ticks(): number {
		return this.#isWaiting ? this.#ticks : 0;
	}

	/** This replica would give another one its vote. */
	get isStalled(): boolean {
		return this.#accusation !== null || (this.#isWaiting && this.#ticks >= this.#thresholdTicks);
	}

	/** This replica would ask for votes. */
	get isDue(): boolean {
		if (this.#accusation && this.#accusation.leftTicks <= 0) return true;
		return this.#isWaiting && this.#ticks >= this.#dueTicks;
	}

	/** Blocks wait for their place in the ledger, or none do any more. */
	setWaiting(isWaiting: boolean): void {
		if (isWaiting && !this.#isWaiting) this.#restart();
		this.#isWaiting = isWaiting;
	}

	/**
	 * Enough members complain of the leader.
	 * @param isLasting progress does not take it back, only another leader does: it serves some and not others
	 */
	accuse(isLasting: boolean): void {
		this.#accusation ??= { isLasting, leftTicks: 1 + this.#delay() };
		this.#accusation.isLasting ||= isLasting;
	}

	headMoved(): void {
		if (!this.#accusation?.isLasting) this.#accusation = null;
		this.#elections = 0;
		this.#restart();
	}

	leaderChanged(): void {
		if (this.#isWaiting || this.#accusation) this.#elections += 1;
		this.#accusation = null;
		this.#restart();
	}

	/** Its request found no majority: the next one waits as long as the first did behind the mark, at least. */
	refused(): void {
		this.#dueTicks = this.#ticks + this.#init.delayTicks + this.#delay();
		if (this.#accusation) this.#accusation.leftTicks = this.#init.delayTicks + this.#delay();
	}

	tick(): void {
		if (this.#isWaiting) this.#ticks += 1;
		if (this.#accusation) this.#accusation.leftTicks -= 1;
	}

	get #thresholdTicks(): number {
		return this.#init.stallTicks * 2 ** Math.min(this.#elections, MAX_DOUBLINGS);
	}

	#restart(): void {
		this.#ticks = 0;
		this.#dueTicks = this.#thresholdTicks + 1 + this.#delay();
	}

	#delay(): number {
		return Math.floor(this.#init.random() * this.#init.delayTicks);
	}
}
