/** What the Booter has heard of one ballot: partitions' votes, and members that do not follow. */
import { equalBytes, toHex } from '../../../crypto/hex.ts';
import { invariant } from '../../../ledger/errors.ts';
import type { PartitionVotes, Signed } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import type { OrderRefusal, PartitionRefusal, PartitionVote } from '../../../wire/gen/tabwave/v1/wire_pb.js';
import { leftOut, orderVoteDigest, type OrderResult } from '../../certificates.ts';
import { blockingCount, faultyBound } from '../../quorum.ts';
import { Kind } from '../../statement.ts';
import type { PartitionView } from '../../topology.ts';
import { compareBallots, supportedBallot, type Ballot } from '../ballot.ts';
import { readRefusal, REFUSED } from '../refusal.ts';

export class Tally {
	readonly #ballot: Ballot;
	readonly #height: number;
	/** What the Booter's own execution makes of the order; null while it only asks for Statuses. */
	readonly #own: OrderResult | null;
	/** R11: a partition counts once, whoever carries its vote. */
	readonly signs = new Map<number, PartitionVotes>();
	readonly dones = new Map<number, PartitionVotes>();
	/** Partitions whose q Signs name another result of this content, by that result. */
	readonly #others = new Map<string, Set<number>>();
	/** Partitions that gave their vote on this ballot to another content: somebody has used its number. */
	readonly #elsewhere = new Set<number>();
	/** By partition, then by member; null for one that signed another result. */
	readonly #refusals = new Map<number, Map<string, OrderRefusal | null>>();

	constructor(ballot: Ballot, height: number, own: OrderResult | null) {
		this.#ballot = ballot;
		this.#height = height;
		this.#own = own;
	}

	/**
	 * One partition's votes, with q signatures that hold.
	 * @param needed q_u
	 */
	vote(vote: PartitionVote, needed: number): void {
		const own = this.#own;
		const votes = vote.votes!;
		if (!own || vote.height !== this.#height || compareBallots(vote, this.#ballot) !== 0) return;
		// R22: a vote on this ballot with another set of partitions left out is one on another question.
		if (!sameIds(leftOut(vote), leftOut(own))) {
			this.#elsewhere.add(votes.partition);
			return;
		}
		if (equalBytes(vote.contentDigest, own.contentDigest) && equalBytes(vote.blockHashes, own.blockHashes)) {
			(vote.kind === Kind.SIGN ? this.signs : this.dones).set(votes.partition, votes);
			return;
		}
		if (!equalBytes(vote.contentDigest, own.contentDigest)) {
			this.#elsewhere.add(votes.partition);
			return;
		}
		const other = toHex(orderVoteDigest(vote.contentDigest, vote.blockHashes, vote.without));
		const partitions = this.#others.get(other) ?? new Set();
		this.#others.set(other, partitions.add(votes.partition));
		invariant(
			partitions.size < needed,
			'R17',
			`${partitions.size} partitions signed another result of height ${this.#height} than this Booter's own: it stops here`
		);
	}

	/** Members of a partition that do not follow, with signatures that hold. */
	refuse({ partition, refusals }: PartitionRefusal): void {
		const heard = this.#refusals.get(partition) ?? new Map<string, OrderRefusal | null>();
		this.#refusals.set(partition, heard);
		for (const signed of refusals) {
			if (signed.slot !== this.#height || compareBallots(ballotOf(signed), this.#ballot) !== 0) continue;
			if (signed.kind === Kind.SIGN) {
				if (this.#own && !equalBytes(signed.digest, resultDigest(this.#own)))
					heard.set(toHex(signed.sender), null);
				continue;
			}
			const refusal = readRefusal(signed);
			// That it is open this Booter knows best.
			if (this.#own && refusal.name === REFUSED.ballotOpened) continue;
			heard.set(toHex(signed.sender), refusal);
		}
	}

	/** Partitions that cannot bring q votes together for this ballot any more. */
	blocked(active: PartitionView[]): PartitionView[] {
		return active.filter((partition) => {
			if (this.signs.has(partition.id)) return false;
			return (
				this.#elsewhere.has(partition.id) ||
				this.#differs(partition.id) ||
				this.#heard(partition.id).length >= blockingCount(partition.members.length)
			);
		});
	}

	/** Somebody does not follow, if not enough to decide anything. */
	get isDoubted(): boolean {
		return (
			this.#others.size > 0 ||
			this.#elsewhere.size > 0 ||
			[...this.#refusals.values()].some((heard) => heard.size > 0)
		);
	}

	/** Partitions of which at least one member refuses or differs. */
	doubting(): number[] {
		const refusing = [...this.#refusals].filter(([, heard]) => heard.size > 0).map(([id]) => id);
		const differing = [...this.#others.values()].flatMap((partitions) => [...partitions]);
		return [...new Set([...refusing, ...differing, ...this.#elsewhere])];
	}

	/** A result was signed that is not the Booter's own. */
	get hasOtherResults(): boolean {
		return (
			this.#others.size > 0 ||
			[...this.#refusals.values()].some((heard) => [...heard.values()].includes(null))
		);
	}

	/** The entry that most of the refusing members name, lower-case hex; null where they name none. */
	refusedEntry(): string | null {
		const named = new Map<string, number>();
		for (const refusal of this.#all())
			if (refusal.entry.length > 0) {
				const entry = toHex(refusal.entry);
				named.set(entry, (named.get(entry) ?? 0) + 1);
			}
		return [...named].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0] ?? null;
	}

	/** The first refusal's words, for the log. */
	reason(): string {
		const [refusal] = this.#all();
		if (refusal) return `${refusal.name}: ${refusal.message}`;
		if (this.#elsewhere.size > 0) return 'members signed another content';
		return this.hasOtherResults ? 'members signed another result' : 'nobody says why';
	}

	/** The ballot that honest members of a sound partition have joined, above this one; null where none is known. */
	passedBy(active: PartitionView[]): Ballot | null {
		const claims = active.flatMap((partition) => {
			const joined = this.#heard(partition.id)
				.filter((refusal) => refusal !== null)
				.filter((refusal) => compareBallots(refusal, this.#ballot) > 0);
			return supportedBallot(joined, faultyBound(partition.members.length) + 1) ?? [];
		});
		return supportedBallot(claims, faultyBound(active.length) + 1);
	}

	#differs(partition: number): boolean {
		return [...this.#others.values()].some((partitions) => partitions.has(partition));
	}

	#heard(partition: number): (OrderRefusal | null)[] {
		return [...(this.#refusals.get(partition)?.values() ?? [])];
	}

	#all(): OrderRefusal[] {
		return [...this.#refusals.keys()].flatMap((id) => this.#heard(id)).filter((refusal) => refusal !== null);
	}
}

function resultDigest(order: OrderResult): Uint8Array {
	return orderVoteDigest(order.contentDigest, order.blockHashes, order.without);
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
	return a.length === b.length && a.every((id, i) => id === b[i]);
}

function ballotOf(signed: Signed): Ballot {
	return { term: signed.view, attempt: signed.attempt };
}
