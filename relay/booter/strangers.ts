/**
 * What the Booter reads from who is no member and no replica: how to come in, and the chain that everybody may see. Anything
 * else from them is dropped before it costs a check; who has just become a member elsewhere says it again.
 */
import { Kind } from '#lib/consensus/statement.ts';
import type { Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';

export function isForStrangers({ body }: Packet): boolean {
	switch (body.case) {
		case 'assignmentRequest':
		case 'syncRequest':
		case 'snapshotRequest':
		case 'heartbeat':
		case 'syncResponse': // A Booter whose disk has lost the block that made the sender a member has it from the sender (R23).
			return true;
		case 'signed':
			// A leave counts, whoever carries it: its sender's link may have gone already.
			return body.value.kind === Kind.JOIN || body.value.kind === Kind.LEAVE;
		default:
			return false;
	}
}

/** Answers to one peer that are being read from the disk at once; who asks for more asks again. */
const MAX_ANSWERS_PER_PEER = 4;

/** Bounds what one peer may have the disk do at a time. */
export class SyncAnswers {
	readonly #underWay = new Map<string, number>();

	/** @param answer reads and sends; it is not called where too many are under way */
	async give(to: string, answer: () => Promise<void>): Promise<void> {
		const count = this.#underWay.get(to) ?? 0;
		if (count >= MAX_ANSWERS_PER_PEER) return;
		this.#underWay.set(to, count + 1);
		try {
			await answer();
		} finally {
			const left = this.#underWay.get(to)! - 1;
			if (left > 0) this.#underWay.set(to, left);
			else this.#underWay.delete(to);
		}
	}
}
