/**
 * What members say in an epoch that has not begun here: whoever has the change of members first goes on at once, and its first round
 * overtakes the proof on its way to the others. Dropped, it would cost a resending with each change.
 */
import type { Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';

export interface EarlyStatement {
	/** The neighbour that sent it. Nothing of it is checked yet. */
	from: string;
	signed: Signed;
}

/** Of each neighbour: what it says of the first rounds of an epoch, and of one order. */
const MAX_OF_PEER = 16;
/** A partition. */
const MAX_PEERS = 64;
/** Of all together: a PrePrepare holds a proposal. */
const MAX_BYTES = 1024 * 1024;

export class EarlyEpochs {
	#kept: EarlyStatement[] = [];

	/** The oldest of the same neighbour makes room; where there is none for it, it is dropped, as if the link had lost it. */
	keep(early: EarlyStatement): void {
		const own = this.#kept.filter(({ from }) => from === early.from);
		if (own.length >= MAX_OF_PEER) this.#kept = this.#kept.filter((one) => one !== own[0]);
		const peers = new Set(this.#kept.map(({ from }) => from)).add(early.from);
		const bytes = this.#kept.reduce(
			(sum, { signed }) => sum + signed.payload.length,
			early.signed.payload.length
		);
		if (peers.size <= MAX_PEERS && bytes <= MAX_BYTES) this.#kept.push(early);
	}

	/** An epoch has begun. @returns what was said in it, in the order in which it came; all else is forgotten */
	take(partition: number, epoch: number): EarlyStatement[] {
		const taken = this.#kept.filter(({ signed }) => signed.partition === partition && signed.epoch === epoch);
		this.#kept = [];
		return taken;
	}
}
