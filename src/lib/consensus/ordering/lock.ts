/**
 * Locks (R14): the OrderCommit on which a member has said Done. What may be final is what a quorum is locked on, so that a
 * later ballot has to ask for locks, and to repeat what the highest of them orders.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { taggedHash } from '../../crypto/hash.ts';
import { decodeMessage } from '../../wire/codec.ts';
import type { OrderCertificate } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { LockProofSchema, type LockProof, type LockReference } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { MAX_PACKET_BYTES } from '../../wire/limits.ts';
import { orderVoteDigest } from '../certificates.ts';
import { compareBallots } from './ballot.ts';

export interface Lock {
	orderCommit: OrderCertificate;
	/** OrderContent, as it was hashed. */
	content: Uint8Array;
}

/** What a Status says of a lock: enough to compare it, and to know its proof. */
export function lockReference(orderCommit: OrderCertificate): LockReference {
	return {
		$typeName: 'tabwave.v1.LockReference',
		term: orderCommit.term,
		attempt: orderCommit.attempt,
		digest: orderVoteDigest(orderCommit.contentDigest, orderCommit.blockHashes, orderCommit.without)
	};
}

/** The digest of a Status: of its lock, or of having none. */
export function statusDigest(lock: LockReference | undefined): Uint8Array {
	if (!lock) return taggedHash('status');
	const ballot = new DataView(new ArrayBuffer(8));
	ballot.setUint32(0, lock.term);
	ballot.setUint32(4, lock.attempt);
	return taggedHash('status', new Uint8Array(ballot.buffer), lock.digest);
}

/** The lock of the highest ballot; undefined where nobody names one. */
export function highestLock(locks: (LockReference | undefined)[]): LockReference | undefined {
	let highest: LockReference | undefined;
	for (const lock of locks) if (lock && (!highest || compareBallots(lock, highest) > 0)) highest = lock;
	return highest;
}

/** The payload of a Status. */
export function encodeLockProof(lock: Lock | null): Uint8Array {
	return lock ? toBinary(LockProofSchema, create(LockProofSchema, lock)) : new Uint8Array(0);
}

/** @throws DecodeError */
export function decodeLockProof(payload: Uint8Array): LockProof | null {
	// A lock holds an order, which came in a packet.
	return payload.length > 0 ? decodeMessage(LockProofSchema, payload, MAX_PACKET_BYTES) : null;
}
