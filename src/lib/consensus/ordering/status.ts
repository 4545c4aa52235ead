/**
 * Statuses (R14): what members say when they join a ballot after the first at a height. One validator for each message that
 * carries them; each checks everything but the signatures and returns the checks still to be made.
 */
import { ZERO_HASH } from '../../crypto/hash.ts';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { contentDigest } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import type { OrderCertificate, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type {
	LockProof,
	LockReference,
	PartitionStatus,
	PartitionStatuses
} from '../../wire/gen/tabwave/v1/wire_pb.js';
import { checkOrderCertificate, checkVoters } from '../certificates.ts';
import { quorum } from '../quorum.ts';
import { isWellFormed, Kind, signedCheck, statementCheck, type Statement } from '../statement.ts';
import { upperQuorum, type PartitionView } from '../topology.ts';
import { compareBallots, type Ballot } from './ballot.ts';
import { decodeLockProof, highestLock, lockReference, statusDigest } from './lock.ts';

/** Who has a vote at a height, and who may ask for it. */
export interface Voters {
	active: PartitionView[];
	operator: Uint8Array;
	/** Keys of the Booters that genesis names. */
	booters: Uint8Array[];
	chainId: Uint8Array;
}

export function statusRequestStatement(ballot: Ballot, height: number): Statement {
	return {
		kind: Kind.STATUS_REQUEST,
		partition: 0,
		epoch: 0,
		view: ballot.term,
		attempt: ballot.attempt,
		slot: height,
		digest: ZERO_HASH
	};
}

export function statusStatement(
	ballot: Ballot,
	height: number,
	partition: Pick<PartitionView, 'id' | 'epoch'>,
	lock: LockReference | undefined
): Statement {
	return {
		kind: Kind.STATUS,
		partition: partition.id,
		epoch: partition.epoch,
		view: ballot.term,
		attempt: ballot.attempt,
		slot: height,
		digest: statusDigest(lock)
	};
}

/** The Booter's question. @throws LedgerError `MessageMalformed`, `NotBooter` */
export function checkStatusRequest(signed: Signed, { booters, chainId }: Voters): Verification[] {
	if (!isWellFormed(signed) || signed.kind !== Kind.STATUS_REQUEST)
		throw new LedgerError('MessageMalformed', 'a request for Statuses is malformed');
	checkBooter(signed.sender, booters);
	return [signedCheck(chainId, signed)];
}

/**
 * One member's answer, with the OrderCommit that made its lock.
 * @throws LedgerError `NotMember`, `StatusInvalid`; DecodeError
 */
export function checkStatus(signed: Signed, voters: Voters): Verification[] {
	if (!isWellFormed(signed) || signed.kind !== Kind.STATUS) throw invalid('it is malformed');
	const partition = voters.active.find(({ id }) => id === signed.partition);
	if (!partition || partition.epoch !== signed.epoch || !partition.members.includes(toHex(signed.sender)))
		throw new LedgerError('NotMember', 'a Status of who is no member');
	const proof = decodeLockProof(signed.payload);
	const lock = proof?.orderCommit && lockReference(proof.orderCommit);
	if (!equalBytes(signed.digest, statusDigest(lock))) throw invalid('its lock is not the one that it shows');
	if (!proof) return [signedCheck(voters.chainId, signed)];
	return [
		signedCheck(voters.chainId, signed),
		...checkLockProof(proof, ballotOf(signed), signed.slot, voters)
	];
}

/**
 * One partition's answer, as its leader carries it to the Booter.
 * @throws LedgerError `StatusInvalid`, `CertificateInvalid`
 */
export function checkPartitionStatus(status: PartitionStatus, voters: Voters): Verification[] {
	const { statuses, height, lock } = status;
	if (!statuses) throw invalid('it holds none');
	const checks = checkStatuses(statuses, status, height, voters);
	const named = highestLock(statuses.groups.map((group) => group.lock));
	checkNamesOnlyOne(statuses.groups, named);
	if (!named) {
		if (lock) throw invalid('it shows a lock that nobody names');
		return checks;
	}
	if (!lock?.orderCommit || !isProofOf(lock.orderCommit, named)) throw invalid('it does not show its lock');
	return [...checks, ...checkLockProof(lock, status, height, voters)];
}

/**
 * What justifies a later ballot: q_u partitions' Statuses on it, and the OrderCommit of the highest lock among them, whose
 * content the ballot repeats.
 * @param lockVoters R22: where the ballot leaves partitions out, a lock may be of one in which they had a vote
 * @throws LedgerError `StatusInvalid`, `CertificateInvalid`
 */
export function checkJustification(
	statuses: PartitionStatuses[],
	lock: OrderCertificate | undefined,
	order: { ballot: Ballot; height: number; contentDigest: Uint8Array },
	voters: Voters,
	lockVoters = voters
): Verification[] {
	const { ballot, height } = order;
	const seen = new Set<number>();
	const checks = statuses.flatMap((one) => {
		if (seen.has(one.partition)) throw invalid(`partition ${one.partition} is counted twice`);
		seen.add(one.partition);
		return checkStatuses(one, ballot, height, voters);
	});
	const needed = upperQuorum(voters.active);
	if (seen.size < needed)
		throw invalid(`${seen.size} of ${voters.active.length} partitions; ${needed} are needed`);
	const groups = statuses.flatMap((one) => one.groups);
	const named = highestLock(groups.map((group) => group.lock));
	checkNamesOnlyOne(groups, named);
	if (!named) {
		if (lock) throw invalid('it shows a lock that nobody names');
		return checks;
	}
	if (!lock || lock.height !== height || !isProofOf(lock, named)) throw invalid('it does not show its lock');
	if (!equalBytes(lock.contentDigest, order.contentDigest))
		throw invalid('the ballot does not repeat what the highest lock orders');
	return [...checks, ...checkOrderCommit(lock, lockVoters)];
}

/** @throws LedgerError `NotBooter` */
export function checkBooter(sender: Uint8Array, booters: Uint8Array[]): void {
	if (!booters.some((booter) => equalBytes(booter, sender)))
		throw new LedgerError('NotBooter', 'what only a Booter says comes from who is none');
}

/** q members of one partition, each once, all on this ballot, with locks of lower ones. */
function checkStatuses(
	statuses: PartitionStatuses,
	ballot: Ballot,
	height: number,
	{ active, chainId }: Voters
): Verification[] {
	const partition = active.find(({ id }) => id === statuses.partition);
	if (!partition || partition.epoch !== statuses.epoch)
		throw invalid(`partition ${statuses.partition} has no vote in epoch ${statuses.epoch}`);
	const members = statuses.groups.flatMap((group) => group.members);
	checkVoters(members, partition, quorum(partition.members.length));
	return statuses.groups.flatMap(({ lock, members: group }) => {
		if (lock && compareBallots(lock, ballot) >= 0)
			throw invalid('it names a lock that is not of a lower ballot');
		const statement = statusStatement(ballot, height, partition, lock);
		return group.map((member) => statementCheck(chainId, statement, member));
	});
}

function checkLockProof(proof: LockProof, joined: Ballot, height: number, voters: Voters): Verification[] {
	const { orderCommit, content } = proof;
	if (!orderCommit || orderCommit.height !== height) throw invalid('its lock is of another height');
	if (compareBallots(orderCommit, joined) >= 0) throw invalid('its lock is not of a lower ballot');
	if (!equalBytes(contentDigest(content), orderCommit.contentDigest))
		throw invalid('its lock orders another content');
	return checkOrderCommit(orderCommit, voters);
}

function checkOrderCommit(orderCommit: OrderCertificate, voters: Voters): Verification[] {
	return checkOrderCertificate(Kind.SIGN, orderCommit, voters.active, voters.operator, voters.chainId);
}

/** Two OrderCommits of one ballot cannot both hold (R2): who names another than the one that is shown lies. */
function checkNamesOnlyOne(groups: { lock?: LockReference }[], named: LockReference | undefined): void {
	for (const { lock } of groups)
		if (lock && named && compareBallots(lock, named) === 0 && !equalBytes(lock.digest, named.digest))
			throw invalid('it names two locks of one ballot');
}

function isProofOf(orderCommit: OrderCertificate, lock: LockReference): boolean {
	const shown = lockReference(orderCommit);
	return compareBallots(shown, lock) === 0 && equalBytes(shown.digest, lock.digest);
}

function ballotOf(signed: Signed): Ballot {
	return { term: signed.view, attempt: signed.attempt };
}

function invalid(why: string): LedgerError {
	return new LedgerError('StatusInvalid', `a Status does not hold: ${why}`);
}
