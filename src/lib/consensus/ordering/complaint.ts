/**
 * What a member has against the active Booter, signed, for the other replicas: that it stalls, that it passes a partition by,
 * or that it says two things in one ballot. A complaint moves liveness only. The first two show a block that waits and can be
 * watched; the third proves itself.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { decodeMessage } from '../../wire/codec.ts';
import type { BlockCertificate, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { BooterComplaintSchema, type BooterComplaint } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { MAX_PACKET_BYTES } from '../../wire/limits.ts';
import { checkBlockCertificate } from '../certificates.ts';
import { isWellFormed, Kind, payloadDigest, signedCheck, type Statement } from '../statement.ts';
import type { PartitionView } from '../topology.ts';
import { checkBooter, type Voters } from './status.ts';

export type ComplaintName = 'BooterStalls' | 'BooterCensors' | 'BooterEquivocates';

export interface Grievance {
	name: ComplaintName;
	/** Id of the Booter, lower-case hex. */
	booter: string;
	/** A block of the own partition that waits; null where an open order waits for its end. */
	waiting: BlockCertificate | null;
	/** The final height at which it began to wait. */
	sinceHeight: number;
	/** Two Nexts of one ballot. */
	nexts: Signed[];
}

/** Final heights that may pass a certified block by: two whole windows of every partition. An honest Booter takes them in turn. */
export function passableHeights(activePartitions: number, maxRoundsInFlight: number): number {
	return 2 * maxRoundsInFlight * activePartitions;
}

export function encodeComplaint(grievance: Grievance, booter: Uint8Array): Uint8Array {
	const { name, waiting, sinceHeight, nexts } = grievance;
	return toBinary(
		BooterComplaintSchema,
		create(BooterComplaintSchema, { name, booter, waiting: waiting ?? undefined, sinceHeight, nexts })
	);
}

export function complaintStatement(
	partition: Pick<PartitionView, 'id' | 'epoch'>,
	term: number,
	finalHeight: number,
	payload: Uint8Array
): Statement {
	return {
		kind: Kind.COMPLAINT,
		partition: partition.id,
		epoch: partition.epoch,
		view: term,
		attempt: 0,
		slot: finalHeight,
		digest: payloadDigest(payload)
	};
}

/** @throws DecodeError */
export function readComplaint(payload: Uint8Array): BooterComplaint {
	// Two Nexts came in packets, and their orders are far below one.
	return decodeMessage(BooterComplaintSchema, payload, MAX_PACKET_BYTES);
}

/**
 * @param maxRoundsInFlight of genesis
 * @throws LedgerError `NotMember`, `NotBooter`, `ComplaintInvalid`, `CertificateInvalid`; DecodeError
 */
export function checkComplaint(signed: Signed, voters: Voters, maxRoundsInFlight: number): Verification[] {
	if (!isWellFormed(signed) || signed.kind !== Kind.COMPLAINT) throw invalid('it is malformed');
	const partition = voters.active.find(({ id }) => id === signed.partition);
	if (partition?.epoch !== signed.epoch || !partition.members.includes(toHex(signed.sender)))
		throw new LedgerError('NotMember', 'a complaint of who is no member');
	if (!equalBytes(signed.digest, payloadDigest(signed.payload))) throw invalid('it says other words');
	const complaint = readComplaint(signed.payload);
	checkBooter(complaint.booter, voters.booters);
	return [
		signedCheck(voters.chainId, signed),
		...proofOf(complaint, signed, partition, voters, maxRoundsInFlight)
	];
}

function proofOf(
	{ name, booter, waiting, sinceHeight, nexts }: BooterComplaint,
	signed: Signed,
	partition: PartitionView,
	{ active, chainId }: Voters,
	maxRoundsInFlight: number
): Verification[] {
	switch (name as ComplaintName) {
		case 'BooterStalls':
			return waiting ? checkBlockCertificate(waiting, partition, chainId) : [];
		case 'BooterCensors':
			if (!waiting) throw invalid('it shows no block that waits');
			if (signed.slot - sinceHeight <= passableHeights(active.length, maxRoundsInFlight))
				throw invalid('the block has not waited for long enough');
			return checkBlockCertificate(waiting, partition, chainId);
		case 'BooterEquivocates':
			return equivocationChecks(nexts, booter, chainId);
		default:
			throw invalid('there is no such complaint');
	}
}

function equivocationChecks(nexts: Signed[], booter: Uint8Array, chainId: Uint8Array): Verification[] {
	const [first, second] = nexts;
	if (!first || !second || nexts.length > 2) throw invalid('it shows no two Nexts');
	for (const next of [first, second])
		if (!isWellFormed(next) || next.kind !== Kind.NEXT || !equalBytes(next.sender, booter))
			throw invalid('what it shows is no Next of the Booter');
	const isOneBallot =
		first.view === second.view && first.attempt === second.attempt && first.slot === second.slot;
	if (!isOneBallot || equalBytes(first.digest, second.digest))
		throw invalid('its Nexts do not contradict each other');
	return [signedCheck(chainId, first), signedCheck(chainId, second)];
}

function invalid(why: string): LedgerError {
	return new LedgerError('ComplaintInvalid', `a complaint does not hold: ${why}`);
}
