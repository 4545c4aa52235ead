/**
 * Recovery (R22): a partition that has lost more than n − q members cannot sign its own evictions, and where q_u(m) cannot be
 * reached without it the whole ledger stands. As a last resort, after a declared silence, the operator signs a recovery: the
 * partition goes on with those that remain, or is retired. It is an override, and the ledger shows it as one.
 *
 * Where q_u(m) of the partitions still vote, a recovery is an entry like any other. Where they do not, the Booter opens a ballot
 * **without** the lost partitions D: the others, O, vote with q_u(|O|). Such a ballot shows the operator's recovery of each
 * partition that it leaves out, and its Statuses (R14) always, the first ballot of a height included. It orders what the
 * highest lock orders, if there is one, and else one recovery and nothing else. Its votes name D, so that nobody makes a
 * certificate of the smaller quorum out of votes that were given for the full one.
 *
 * Why nothing forks, for one lost partition (|D| = 1), with Q(k) = q_u(k) and b = ⌊(m−1)/3⌋. A lost partition has more than f
 * dead members, so it counts as one of the b that break their bound, or is itself the override where b = 0.
 * - X final with Q(m) Dones of all partitions, Y final with Q(m−1) Dones of O, at one height: at least Q(m) − 1 of X's
 *   partitions are in O, and so both share Q(m) − 1 + Q(m−1) − (m−1) ≥ (b + b′ + 1) / 2 of them, b′ being the bound for m − 1.
 *   Since b′ ≥ b − 1 and it is a whole number, that is at least max(b, 1): one more than the b − 1 other partitions of O that
 *   may break their bound. So they share a sound partition, in which two quorums share an honest member that said Done to
 *   both; in the later ballot it first showed its lock of the earlier one.
 * - The later ballot, of either kind, asked Q(m) or Q(m−1) partitions for their Statuses, and by the same count one of them is
 *   sound and shared with those that made the earlier content final: its lock is shown, and the later ballot repeats it. A
 *   lock that is an OrderCommit of either kind counts, and two OrderCommits of one ballot share an honest Sign.
 * - Two ballots without the same partition are ordinary ballots among the others.
 *
 * Where several partitions are lost at once (|D| > 1) the count above no longer holds by itself: what was final may be known to
 * nobody in O. It holds through the Booter: a finality proof is made of Dones that it gathers, it keeps every final block
 * before it tells of it, and its record of an OrderCommit is durable before that leaves (R20). That is what the operator
 * vouches for, and all there is where no partition is left (O empty): there the operator's signature alone is the
 * certificate, and the content of a recorded OrderCommit goes first.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { taggedHash } from '../../crypto/hash.ts';
import { compareBytes, equalBytes, fromHex, toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { decodeMessage } from '../../wire/codec.ts';
import {
	RecoveryMode,
	RecoverySchema,
	type Genesis,
	type Recovery,
	type SignedRecovery
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { quorum } from '../quorum.ts';
import type { PartitionView } from '../topology.ts';

/** 64 members, and a little more. */
const MAX_RECOVERY_BYTES = 4096;

export interface RecoveryTerms {
	chainId: Uint8Array;
	genesis: Pick<Genesis, 'recoveryMode' | 'recoverySilenceMs'>;
	/** Time of the block that would hold it, or of the ballot that leaves the partition out. */
	timeMs: number;
}

/** @throws LedgerError `RecoveryInvalid` */
export function readRecovery(signed: SignedRecovery): Recovery {
	try {
		return decodeMessage(RecoverySchema, signed.recovery, MAX_RECOVERY_BYTES);
	} catch (cause) {
		throw invalid((cause as Error).message);
	}
}

/** What the operator signs: members that remain are those that were heard, fewer than a quorum. */
export function recoveryOf(
	partition: PartitionView,
	fields: {
		chainId: Uint8Array;
		remaining: string[];
		retire: boolean;
		silentSinceMs: number;
		automatic: boolean;
	}
): { recovery: Uint8Array; message: Uint8Array } {
	const remaining = fields.retire ? [] : [...fields.remaining].sort().map((id) => fromHex(id));
	const recovery = toBinary(
		RecoverySchema,
		create(RecoverySchema, {
			...fields,
			remaining,
			partition: partition.id,
			epoch: partition.epoch,
			silentSinceMs: BigInt(fields.silentSinceMs)
		})
	);
	return { recovery, message: taggedHash('recovery', recovery) };
}

export function recoverySignature(signed: SignedRecovery, operator: Uint8Array): Verification {
	return {
		publicKey: operator,
		message: taggedHash('recovery', signed.recovery),
		signature: signed.signature
	};
}

/**
 * All but the signature.
 * @param partition as it is now
 * @throws LedgerError `RecoveryInvalid`
 */
export function checkRecovery(
	signed: SignedRecovery,
	partition: PartitionView | undefined,
	{ chainId, genesis, timeMs }: RecoveryTerms
): Recovery {
	const recovery = readRecovery(signed);
	if (!equalBytes(recovery.chainId, chainId)) throw invalid('it is for another network');
	if (!partition || partition.id !== recovery.partition || partition.epoch !== recovery.epoch)
		throw invalid(`partition ${recovery.partition} is not in epoch ${recovery.epoch}`);
	if (partition.members.length === 0) throw invalid('who has no members has lost none');
	if (recovery.automatic && genesis.recoveryMode !== RecoveryMode.AUTOMATIC)
		throw invalid('on this network the operator signs recoveries in person');
	if (timeMs < Number(recovery.silentSinceMs) + Number(genesis.recoverySilenceMs))
		throw invalid('the partition has not been silent for long enough');
	const { remaining, retire } = recovery;
	if (retire && remaining.length > 0) throw invalid('a partition that is retired keeps no members');
	if (remaining.length >= quorum(partition.members.length))
		throw invalid('so many remain that the partition can sign for itself');
	remaining.forEach((id, i) => {
		if (!partition.members.includes(toHex(id))) throw invalid('who is no member cannot remain');
		if (i > 0 && compareBytes(remaining[i - 1]!, id) >= 0) throw invalid('its members are in no order');
	});
	return recovery;
}

/**
 * The partitions that a ballot leaves out.
 * @param active partitions with a vote at the ballot's height
 * @returns their ids in ascending order
 * @throws LedgerError `RecoveryInvalid`
 */
export function checkLeftOut(
	recoveries: readonly SignedRecovery[],
	active: PartitionView[],
	terms: RecoveryTerms
): number[] {
	const ids = recoveries.map((signed) => {
		const { partition: id } = readRecovery(signed);
		return checkRecovery(
			signed,
			active.find((partition) => partition.id === id),
			terms
		).partition;
	});
	ids.forEach((id, i) => {
		if (i > 0 && ids[i - 1]! >= id) throw invalid('the partitions that are left out are in no order');
	});
	if (ids.length === active.length) throw invalid('nobody is left to be asked');
	return ids;
}

function invalid(why: string): LedgerError {
	return new LedgerError('RecoveryInvalid', `a recovery does not hold: ${why}`);
}
