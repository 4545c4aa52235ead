/**
 * Evidence (R24): what one member has signed and no honest member signs. It proves itself: whoever holds it checks it against
 * the ledger's own lists of members, and believes nobody.
 *
 * It never names an honest member. Each form below is something that R2 or R14 forbids, and an honest member writes what it
 * said to its disk before it says it, so that no crash makes it say anything else. A bad signature of a transaction is left
 * out on purpose: a transaction's id is the hash of its body alone, so that anybody can put a bad signature beside a body
 * that an honest leader had with a good one.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { taggedHash } from '../../crypto/hash.ts';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { decodeProposal, proposalId, splitHashes } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { parseTransaction, SIGNATURE_BYTES, signedTransaction } from '../../ledger/transaction.ts';
import { decodeMessage } from '../../wire/codec.ts';
import {
	EvidenceSchema,
	type Evidence,
	type Genesis,
	type Signed
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { LockReferenceSchema, type LockReference } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { compareBallots } from '../ordering/ballot.ts';
import { statusDigest } from '../ordering/lock.ts';
import { readProposal } from '../pbft/validation/proposal.ts';
import { isWellFormed, Kind, signedCheck } from '../statement.ts';
import { leaderOf, type PartitionView } from '../topology.ts';

/** Stable names of what was done. */
export type EvidenceName =
	/** Two statements of one kind in one place, with different contents (R2). */
	| 'DoubleVote'
	/** A Done, and a Status of a later ballot at that height that shows no lock as high as it (R14). */
	| 'HiddenLock'
	/** A PrePrepare that no honest leader signs, whoever reads it and whenever (R3). */
	| 'ProposalInvalid';

export interface EvidenceContext {
	chainId: Uint8Array;
	genesis: Genesis;
	/** A partition as it was in an epoch; undefined where the ledger knows none. */
	epoch(partition: number, epoch: number): PartitionView | undefined;
}

export interface CheckedEvidence {
	name: EvidenceName;
	/** Id of the member, lower-case hex. */
	offender: string;
	/** Signature checks still to be made: two at most. */
	checks: Verification[];
}

/** Kinds of which an honest member says one thing in one place, ever. */
export const ONCE: readonly Kind[] = [
	Kind.PRE_PREPARE,
	Kind.PREPARE,
	Kind.COMMIT,
	Kind.NEW_VIEW,
	Kind.LEADER_CHANGE,
	Kind.STATUS,
	Kind.SIGN,
	Kind.DONE
];

/** A proposal of the longest block that any genesis allows, with room. */
const MAX_PROPOSAL_BYTES = 2000 * 32 + 256;
/** Twice the longest transaction that any genesis allows: one that is too long is evidence as well. */
const MAX_BODY_BYTES = 2 * 65_536;
/** A ballot and a hash. */
const MAX_LOCK_BYTES = 64;
/** All of it, encoded. */
const MAX_EVIDENCE_BYTES = MAX_PROPOSAL_BYTES + MAX_BODY_BYTES + 1024;

/**
 * Pure: all but the signatures.
 * @throws LedgerError `EvidenceInvalid`
 */
export function checkEvidence(evidence: Evidence, context: EvidenceContext): CheckedEvidence {
	const { first, second } = evidence;
	if (!first || !isWellFormed(first) || !ONCE.includes(first.kind)) throw invalid('it shows no statement');
	const offender = toHex(first.sender);
	const members = context.epoch(first.partition, first.epoch);
	if (!members?.members.includes(offender))
		throw invalid('who is accused was no member of the partition in that epoch');
	const checks = [signedCheck(context.chainId, first)];
	if (!second) {
		checkProposalInvalid(evidence, first, members, context);
		return { name: 'ProposalInvalid', offender, checks };
	}
	if (!isWellFormed(second) || !equalBytes(first.sender, second.sender))
		throw invalid('its statements are of two members');
	if (first.payload.length + second.payload.length + evidence.transactionBody.length > 0)
		throw invalid('it carries what proves nothing');
	checks.push(signedCheck(context.chainId, second));
	if (isSamePlace(first, second)) {
		if (evidence.lock.length > 0) throw invalid('it carries what proves nothing');
		if (equalBytes(first.digest, second.digest)) throw invalid('its statements say the same');
		return { name: 'DoubleVote', offender, checks };
	}
	checkHiddenLock(first, second, evidence.lock);
	return { name: 'HiddenLock', offender, checks };
}

/** Two statements of one member in one place that say different things. */
export function doubleVote(first: Signed, second: Signed): Evidence {
	return create(EvidenceSchema, { first: withoutPayload(first), second: withoutPayload(second) });
}

/** @param lock that the Status names */
export function hiddenLock(done: Signed, status: Signed, lock: LockReference | undefined): Evidence {
	return create(EvidenceSchema, {
		first: withoutPayload(done),
		second: withoutPayload(status),
		lock: lock && toBinary(LockReferenceSchema, lock)
	});
}

/** @param transactionBody of a transaction that the proposal names and that has no valid form; absent where the proposal has none itself */
export function invalidProposal(prePrepare: Signed, transactionBody?: Uint8Array): Evidence {
	return create(EvidenceSchema, { first: prePrepare, transactionBody });
}

/**
 * R3: the evidence that a PrePrepare is, and a body that its proposal names where there is one to show.
 * @param prePrepare with its payload; its signature holds
 * @returns null where an honest leader may have sent it
 */
export function proposalFault(
	prePrepare: Signed,
	context: EvidenceContext,
	transactionBody?: Uint8Array
): Evidence | null {
	const { kind, partition, epoch, view, sender } = prePrepare;
	const members = context.epoch(partition, epoch)?.members;
	if (kind !== Kind.PRE_PREPARE || !members) return null;
	// That it does not lead is all there is to show of who does not.
	const shown = leaderOf(members, view) === toHex(sender) ? prePrepare : withoutPayload(prePrepare);
	const evidence = invalidProposal(shown, transactionBody);
	try {
		checkEvidence(evidence, context);
	} catch (error) {
		if (error instanceof LedgerError) return null;
		throw error;
	}
	// In bytes of its own: it is kept for longer than the frame that brought it.
	return decodeEvidence(encodeEvidence(evidence));
}

export function encodeEvidence(evidence: Evidence): Uint8Array {
	return toBinary(EvidenceSchema, evidence);
}

/** @throws DecodeError */
export function decodeEvidence(bytes: Uint8Array): Evidence {
	return decodeMessage(EvidenceSchema, bytes, MAX_EVIDENCE_BYTES);
}

/** R2: the same kind, partition, epoch, view or ballot, and round or height, whatever is said there. */
export function isSamePlace(a: Signed, b: Signed): boolean {
	return (
		a.kind === b.kind &&
		a.partition === b.partition &&
		a.epoch === b.epoch &&
		a.view === b.view &&
		a.attempt === b.attempt &&
		a.slot === b.slot
	);
}

/** What is signed, and nothing beside it, in bytes of its own: what is remembered must not hold the frame that brought it. */
export function withoutPayload(signed: Signed): Signed {
	const { digest, sender, signature } = signed;
	return {
		...signed,
		digest: digest.slice(),
		sender: sender.slice(),
		signature: signature.slice(),
		payload: new Uint8Array(0)
	};
}

/** R14: after its Done in a ballot a member names that lock, or a higher one, in the Status of every later ballot. */
function checkHiddenLock(done: Signed, status: Signed, lockBytes: Uint8Array): void {
	if (done.kind !== Kind.DONE || status.kind !== Kind.STATUS)
		throw invalid('its statements do not contradict each other');
	if (done.partition !== status.partition || done.epoch !== status.epoch || done.slot !== status.slot)
		throw invalid('its statements are of two heights');
	if (compareBallots(ballotOf(status), ballotOf(done)) <= 0)
		throw invalid('its Status is not of a later ballot than its Done');
	const lock = readLock(lockBytes);
	if (!equalBytes(statusDigest(lock), status.digest)) throw invalid('its Status names another lock');
	if (lock && compareBallots(lock, ballotOf(done)) >= 0) throw invalid('its Status shows the lock');
}

function readLock(bytes: Uint8Array): LockReference | undefined {
	if (bytes.length === 0) return undefined;
	try {
		return decodeMessage(LockReferenceSchema, bytes, MAX_LOCK_BYTES);
	} catch (cause) {
		throw invalid(`its lock is malformed: ${(cause as Error).message}`);
	}
}

/** R3: only what the signed digest alone proves: of its content it is the hash, and of its transactions' bodies the content's. */
function checkProposalInvalid(
	{ transactionBody, lock }: Evidence,
	prePrepare: Signed,
	members: PartitionView,
	{ chainId, genesis }: EvidenceContext
): void {
	const { kind, partition, epoch, view, slot, payload, digest } = prePrepare;
	if (kind !== Kind.PRE_PREPARE) throw invalid('one statement alone contradicts nothing');
	if (lock.length > 0) throw invalid('it carries what proves nothing');
	if (leaderOf(members.members, view) !== toHex(prePrepare.sender)) {
		if (payload.length + transactionBody.length > 0) throw invalid('it carries what proves nothing');
		return;
	}
	if (payload.length > MAX_PROPOSAL_BYTES || transactionBody.length > MAX_BODY_BYTES)
		throw invalid('it is too large');
	if (!equalBytes(proposalId(payload), digest)) throw invalid('its proposal is another one');
	const ids = readProposal(payload, digest, slot, { chainId, partition, epoch, genesis });
	if (!ids) {
		if (transactionBody.length > 0) throw invalid('it carries what proves nothing');
		return;
	}
	if (transactionBody.length === 0) throw invalid('its proposal is a valid one');
	const id = taggedHash('transaction', transactionBody);
	if (!splitHashes(decodeProposal(payload).transactionIds).some((named) => equalBytes(named, id)))
		throw invalid('its proposal does not name the transaction');
	if (hasForm(transactionBody, chainId, genesis.maxTransactionBytes))
		throw invalid('its transaction has a valid form');
}

/** As {@link parseTransaction} sees the body beside any signature: this is its shortest encoding, so that what is too long here is too long in each. */
function hasForm(body: Uint8Array, chainId: Uint8Array, maxBytes: number): boolean {
	try {
		parseTransaction(signedTransaction(body, new Uint8Array(SIGNATURE_BYTES)), chainId, maxBytes);
		return true;
	} catch (error) {
		if (error instanceof LedgerError) return false;
		throw error;
	}
}

function ballotOf(signed: Signed): { term: number; attempt: number } {
	return { term: signed.view, attempt: signed.attempt };
}

function invalid(why: string): LedgerError {
	return new LedgerError('EvidenceInvalid', `evidence does not hold: ${why}`);
}
