/**
 * What a node holds of its partition's votes on one ballot, and the packets in which q of them travel to the Booter. It is
 * the leader's work: it carries the votes and cannot make one (R11).
 */
import { toHex } from '../../crypto/hex.ts';
import { invariant } from '../../ledger/errors.ts';
import type { MemberSignature, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LockProof, LockReference, Packet, StatusGroup } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { orderVoteDigest, type OrderResult } from '../certificates.ts';
import type { Received } from '../effects.ts';
import { quorum } from '../quorum.ts';
import { Kind } from '../statement.ts';
import type { PartitionView } from '../topology.ts';
import type { Ballot } from './ballot.ts';
import { decodeLockProof, highestLock, lockReference } from './lock.ts';

type VoteKind = Kind.SIGN | Kind.DONE | Kind.STATUS;

export class Carrier {
	/** The first of each member; R2 allows it no other. */
	readonly #votes: Record<VoteKind, Map<string, Received>> = {
		[Kind.SIGN]: new Map(),
		[Kind.DONE]: new Map(),
		[Kind.STATUS]: new Map()
	};

	/** A vote on this ballot of a member of the partition, whose signature holds. */
	add(message: Received): void {
		const votes = this.#votes[message.signed.kind as VoteKind];
		invariant(votes, 'R11', 'a carrier holds votes of the upper tier');
		if (!votes.has(message.sender)) votes.set(message.sender, message);
	}

	/** What a member has said on this ballot. */
	of(member: string): Signed[] {
		return Object.values(this.#votes).flatMap((votes) => votes.get(member)?.signed ?? []);
	}

	count(kind: VoteKind): number {
		return this.#votes[kind].size;
	}

	/** Members that signed another result than `digest`. */
	differing(digest: Uint8Array): Received[] {
		const own = toHex(digest);
		return [...this.#votes[Kind.SIGN].values()].filter((message) => message.digest !== own);
	}

	/** @returns null while there are no q votes for this result */
	partitionVote(
		kind: Kind.SIGN | Kind.DONE,
		order: OrderResult,
		partition: PartitionView
	): Packet['body'] | null {
		const digest = toHex(orderVoteDigest(order.contentDigest, order.blockHashes, order.without));
		const needed = quorum(partition.members.length);
		const votes = [...this.#votes[kind].values()].filter((message) => message.digest === digest);
		if (votes.length < needed) return null;
		return {
			case: 'partitionVote',
			value: {
				$typeName: 'tabwave.v1.PartitionVote',
				kind,
				term: order.term,
				attempt: order.attempt,
				height: order.height,
				contentDigest: order.contentDigest,
				blockHashes: order.blockHashes,
				without: order.without,
				votes: {
					$typeName: 'tabwave.v1.PartitionVotes',
					partition: partition.id,
					epoch: partition.epoch,
					votes: votes.slice(0, needed).map(signatureOf)
				}
			}
		};
	}

	/** @returns null while there are no q Statuses */
	partitionStatus(ballot: Ballot, height: number, partition: PartitionView): Packet['body'] | null {
		const needed = quorum(partition.members.length);
		const statuses = [...this.#votes[Kind.STATUS].values()].slice(0, needed);
		if (statuses.length < needed) return null;
		const groups = new Map<string, StatusGroup>();
		const proofs: { lock: LockReference; proof: LockProof }[] = [];
		for (const message of statuses) {
			const proof = decodeLockProof(message.signed.payload);
			const lock = proof?.orderCommit && lockReference(proof.orderCommit);
			if (proof && lock) proofs.push({ lock, proof });
			const group = groups.get(message.digest) ?? {
				$typeName: 'tabwave.v1.StatusGroup',
				lock,
				members: []
			};
			groups.set(message.digest, group);
			group.members.push(signatureOf(message));
		}
		const highest = highestLock(proofs.map(({ lock }) => lock));
		return {
			case: 'partitionStatus',
			value: {
				$typeName: 'tabwave.v1.PartitionStatus',
				term: ballot.term,
				attempt: ballot.attempt,
				height,
				statuses: {
					$typeName: 'tabwave.v1.PartitionStatuses',
					partition: partition.id,
					epoch: partition.epoch,
					groups: [...groups.values()]
				},
				lock: proofs.find(({ lock }) => lock === highest)?.proof
			}
		};
	}
}

/** Members that do not follow a ballot, each once. */
export function partitionRefusal(partition: PartitionView, refusals: Received[]): Packet['body'] {
	const first = new Map<string, Signed>();
	for (const { sender, signed } of refusals) if (!first.has(sender)) first.set(sender, signed);
	return {
		case: 'partitionRefusal',
		value: {
			$typeName: 'tabwave.v1.PartitionRefusal',
			partition: partition.id,
			epoch: partition.epoch,
			refusals: [...first.values()]
		}
	};
}

function signatureOf({ signed }: Received): MemberSignature {
	return { $typeName: 'tabwave.v1.MemberSignature', member: signed.sender, signature: signed.signature };
}
