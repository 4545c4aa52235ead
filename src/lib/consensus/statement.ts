/**
 * What a member signs (R2): a fixed layout over a domain tag, the chain, where the vote belongs, what it says and who says
 * it. It is built from fields and never parsed, so that a certificate can carry signatures alone.
 */
import { HASH_BYTES, taggedHash } from '../crypto/hash.ts';
import type { Verification } from '../crypto/suite.ts';
import { invariant } from '../ledger/errors.ts';
import { Kind, type MemberSignature, type Signed } from '../wire/gen/tabwave/v1/ledger_pb.js';

export { Kind };

export interface Statement {
	kind: Kind;
	partition: number;
	epoch: number;
	/** The view in a partition; the term in the upper tier. */
	view: number;
	attempt: number;
	/** roundId in a partition; height in the upper tier. */
	slot: number;
	/** 32 bytes */
	digest: Uint8Array;
}

const DOMAIN = new TextEncoder().encode('tabwave/v1/statement\0');
const FIXED_BYTES = DOMAIN.length + 6 * 4;

/** The bytes that `sender` signs. */
export function statementBytes(chainId: Uint8Array, statement: Statement, sender: Uint8Array): Uint8Array {
	invariant(
		chainId.length === HASH_BYTES && statement.digest.length === HASH_BYTES && sender.length === HASH_BYTES,
		'R2',
		'a statement is made of fields of fixed length'
	);
	const bytes = new Uint8Array(FIXED_BYTES + 3 * HASH_BYTES);
	const view = new DataView(bytes.buffer);
	bytes.set(DOMAIN);
	let at = DOMAIN.length;
	for (const field of [
		statement.kind,
		statement.partition,
		statement.epoch,
		statement.view,
		statement.attempt,
		statement.slot
	]) {
		view.setUint32(at, field);
		at += 4;
	}
	for (const field of [chainId, statement.digest, sender]) {
		bytes.set(field, at);
		at += HASH_BYTES;
	}
	return bytes;
}

export function statementCheck(
	chainId: Uint8Array,
	statement: Statement,
	vote: MemberSignature
): Verification {
	return {
		publicKey: vote.member,
		message: statementBytes(chainId, statement, vote.member),
		signature: vote.signature
	};
}

/** The signature check of a message that stands alone. */
export function signedCheck(chainId: Uint8Array, signed: Signed): Verification {
	return {
		publicKey: signed.sender,
		message: statementBytes(chainId, signed, signed.sender),
		signature: signed.signature
	};
}

/** Digest of a kind whose payload is not hashed elsewhere. */
export function payloadDigest(payload: Uint8Array): Uint8Array {
	return taggedHash('payload', payload);
}

/** Form only: sizes of the fixed fields. A message that fails this costs no signature check. */
export function isWellFormed(signed: Signed): boolean {
	return (
		signed.digest.length === HASH_BYTES &&
		signed.sender.length === HASH_BYTES &&
		signed.signature.length === 64 &&
		Kind[signed.kind] !== undefined
	);
}
