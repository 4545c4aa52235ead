/** Invitations to a network whose admission asks for one: signed with the operator's key, carried in a link's hash. */
import { randomBytes, randomInt } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { taggedHash } from '#lib/crypto/hash.ts';
import type { Signer } from '#lib/crypto/suite.ts';
import { InvitationSchema, SignedInvitationSchema } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';

/** Members that may join on one invitation: every seat of the largest network. */
export const MAX_USES = 4096;
/** A school year; a link that outlives its occasion is a key left in the door. */
export const MAX_HOURS = 366 * 24;
const NONCE_BYTES = 16;

export interface InvitationTerms {
	chainId: Uint8Array;
	/** 0: any. */
	partition: number;
	uses: number;
	/** Milliseconds since the epoch. */
	expiresMs: number;
}

/** @returns SignedInvitation, encoded */
export async function signInvitation(operator: Signer, terms: InvitationTerms): Promise<Uint8Array> {
	const invitation = toBinary(
		InvitationSchema,
		create(InvitationSchema, {
			chainId: terms.chainId,
			partition: terms.partition,
			expiresMs: BigInt(terms.expiresMs),
			uses: terms.uses,
			nonce: randomBytes(NONCE_BYTES)
		})
	);
	const signature = await operator.sign(taggedHash('invitation', invitation));
	return toBinary(SignedInvitationSchema, create(SignedInvitationSchema, { invitation, signature }));
}

/** The Invitation in what {@link signInvitation} made. */
export function readInvitation(signed: Uint8Array): Uint8Array {
	return fromBinary(SignedInvitationSchema, signed).invitation;
}

/** `/join#p=2&i=…`: what stands behind # reaches no server's log. */
export function joinPath(partition: number, invitation: Uint8Array | null): string {
	const parts = [
		...(partition === 0 ? [] : [`p=${partition}`]),
		...(invitation === null ? [] : [`i=${Buffer.from(invitation).toString('base64url')}`])
	];
	return parts.length === 0 ? '/join' : `/join#${parts.join('&')}`;
}

/** Without 0 O 1 I L: people read it from a wall and type it. */
const CODE_ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';
export const JOIN_CODE_LENGTH = 6;

export function newJoinCode(): string {
	return Array.from({ length: JOIN_CODE_LENGTH }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join(
		''
	);
}

/** The code that these bytes stand for: the replicas of a cluster have one, and none asks another. */
export function joinCodeOf(bytes: Uint8Array): string {
	return Array.from(
		bytes.subarray(0, JOIN_CODE_LENGTH),
		(byte) => CODE_ALPHABET[byte % CODE_ALPHABET.length]
	).join('');
}
