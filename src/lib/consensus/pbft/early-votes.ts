/**
 * Votes of a view that this member has not begun: they overtook its LeaderChange, which comes from another peer. Without them each
 * view would begin with a wait for what was sent once already.
 */
import type { Received } from '../effects.ts';
import { Kind } from '../statement.ts';
import { leaderOf } from '../topology.ts';

/** PrePrepare, Prepare and Commit. */
const VOTES_PER_ROUND = 3;

export class EarlyVotes {
	readonly #members: string[];
	readonly #maxPerMember: number;
	readonly #votes = new Map<string, Received[]>();

	/** @param maxRounds as many as a window holds */
	constructor(members: string[], maxRounds: number) {
		this.#members = members;
		this.#maxPerMember = VOTES_PER_ROUND * maxRounds;
	}

	/** Keeps the votes of each member's highest view, within a bound. */
	add(message: Received): void {
		const { kind, view } = message.signed;
		// A proposal is large, and only one member may make it.
		if (kind === Kind.PRE_PREPARE && message.sender !== leaderOf(this.#members, view)) return;
		const known = this.#votes.get(message.sender) ?? [];
		const knownView = known[0]?.signed.view ?? 0;
		if (view < knownView) return;
		if (view > knownView) this.#votes.set(message.sender, [message]);
		else if (known.length < this.#maxPerMember) known.push(message);
	}

	/** Those of the view that has begun; lower ones are void. */
	take(view: number): Received[] {
		const taken: Received[] = [];
		for (const [member, votes] of this.#votes) {
			if (votes[0]!.signed.view > view) continue;
			if (votes[0]!.signed.view === view) taken.push(...votes);
			this.#votes.delete(member);
		}
		return taken;
	}
}
