/**
 * Refusals: a member that does not vote for a ballot says so, signed and by name, where silence would leave the Booter
 * waiting. A refusal is never a vote: it moves the Booter to another choice, and nothing else.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { decodeMessage } from '../../wire/codec.ts';
import type { Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import {
	OrderRefusalSchema,
	type OrderRefusal,
	type PartitionRefusal
} from '../../wire/gen/tabwave/v1/wire_pb.js';
import { isWellFormed, Kind, payloadDigest, signedCheck, type Statement } from '../statement.ts';
import type { PartitionView } from '../topology.ts';
import type { Ballot } from './ballot.ts';

/** Why an order as a whole is refused. What is wrong with one of its blocks has the name that execution gives it. */
export const REFUSED = {
	/** The member has joined a higher ballot at this height. */
	ballotPassed: 'BallotPassed',
	/** Statuses are asked for on a ballot in which the member has voted: somebody has opened it already. */
	ballotOpened: 'BallotOpened',
	/** R14: the member has joined a ballot at this height, and this one shows no Statuses. */
	statusRequired: 'StatusRequired',
	/** R11: the member has given its vote on this ballot to another content. */
	votedOtherwise: 'VotedOtherwise',
	/** Block time is too far from the member's clock. */
	clockSkew: 'ClockSkew',
	/** q_u partitions signed another result of this content than the member's own. */
	resultDiffers: 'ResultDiffers'
} as const;

/** Names are identifiers, sentences are for people; nothing longer is read. */
const MAX_NAME_LENGTH = 64;
const MAX_MESSAGE_LENGTH = 400;
/** Both, an id and a ballot, in UTF-8. */
const MAX_REFUSAL_BYTES = 2048;

export interface Refused {
	name: string;
	message: string;
	/** Id of the entry that does not hold; null where it is the order as a whole. */
	entry: Uint8Array | null;
}

/** @param joined the ballot that the member has joined; null for none */
export function encodeRefusal({ name, message, entry }: Refused, joined: Ballot | null): Uint8Array {
	return toBinary(
		OrderRefusalSchema,
		create(OrderRefusalSchema, {
			name: name.slice(0, MAX_NAME_LENGTH),
			message: message.slice(0, MAX_MESSAGE_LENGTH),
			entry: entry ?? undefined,
			term: joined?.term,
			attempt: joined?.attempt
		})
	);
}

export function refuseStatement(
	ballot: Ballot,
	height: number,
	partition: Pick<PartitionView, 'id' | 'epoch'>,
	payload: Uint8Array
): Statement {
	return {
		kind: Kind.REFUSE,
		partition: partition.id,
		epoch: partition.epoch,
		view: ballot.term,
		attempt: ballot.attempt,
		slot: height,
		digest: payloadDigest(payload)
	};
}

/** @throws LedgerError `RefusalInvalid`; DecodeError */
export function readRefusal(signed: Signed): OrderRefusal {
	const refusal = decodeMessage(OrderRefusalSchema, signed.payload, MAX_REFUSAL_BYTES);
	if (refusal.name.length > MAX_NAME_LENGTH || refusal.message.length > MAX_MESSAGE_LENGTH)
		throw invalid('its words are too long');
	if (refusal.entry.length !== 0 && refusal.entry.length !== 32)
		throw invalid('it names no entry of an order');
	return refusal;
}

/**
 * One member's refusal.
 * @throws LedgerError `RefusalInvalid`, `NotMember`; DecodeError
 */
export function checkRefuse(
	signed: Signed,
	partition: PartitionView | undefined,
	chainId: Uint8Array
): Verification[] {
	if (!isWellFormed(signed) || signed.kind !== Kind.REFUSE) throw invalid('it is malformed');
	checkMember(signed, partition);
	if (!equalBytes(signed.digest, payloadDigest(signed.payload))) throw invalid('it says other words');
	readRefusal(signed);
	return [signedCheck(chainId, signed)];
}

/**
 * One partition's refusals, as its leader carries them to the Booter: Refuses, and Signs of another result than the Booter's.
 * @throws LedgerError `RefusalInvalid`, `NotMember`; DecodeError
 */
export function checkPartitionRefusal(
	refusal: PartitionRefusal,
	partition: PartitionView | undefined,
	chainId: Uint8Array
): Verification[] {
	if (!partition || refusal.partition !== partition.id || refusal.epoch !== partition.epoch)
		throw invalid(`partition ${refusal.partition} has no vote in epoch ${refusal.epoch}`);
	const seen = new Set<string>();
	return refusal.refusals.flatMap((signed) => {
		const sender = toHex(signed.sender);
		if (seen.has(sender)) throw invalid(`${sender.slice(0, 8)} is counted twice`);
		seen.add(sender);
		if (signed.kind !== Kind.SIGN) return checkRefuse(signed, partition, chainId);
		if (!isWellFormed(signed)) throw invalid('a Sign is malformed');
		checkMember(signed, partition);
		return [signedCheck(chainId, signed)];
	});
}

function checkMember(signed: Signed, partition: PartitionView | undefined): void {
	if (
		!partition ||
		signed.partition !== partition.id ||
		signed.epoch !== partition.epoch ||
		!partition.members.includes(toHex(signed.sender))
	)
		throw new LedgerError('NotMember', 'a refusal of who is no member');
}

function invalid(why: string): LedgerError {
	return new LedgerError('RefusalInvalid', `a refusal does not hold: ${why}`);
}
