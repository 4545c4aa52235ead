/**
 * Revoked invitations among the replicas of the Booter: whichever was asked, all of them refuse. Each replica's heartbeat to the
 * others holds the hash of what it knows; who knows something else says what it knows, and in the end all know all.
 */
import { taggedHash } from '#lib/crypto/hash.ts';
import { equalBytes, fromHex, toHex } from '#lib/crypto/hex.ts';
import { LedgerError } from '#lib/ledger/errors.ts';

/** What the operator has taken back, as far as this replica knows. */
export interface RevokedInvitations {
	/** @param invitation - an encoded Invitation, without its signature */
	has(invitation: Uint8Array): boolean;
	/** Of all of them, 32 bytes in lower-case hex, in order. */
	ids(): string[];
	/** Another replica knows of these; what is new is kept durably, as far as there is room. @returns how many were new */
	add(ids: readonly string[]): number;
}

/** Two files of a replica's data directory, full (revocations.ts). */
export const MAX_REVOKED_KNOWN = 1800;
const ID_BYTES = 32;
/** A replica that cannot keep more, or is about to answer, is not told again with each heartbeat. */
const TELL_AGAIN_MS = 2000;

export class RevocationSpread {
	readonly #revoked: RevokedInvitations;
	readonly #toldMs = new Map<string, number>();
	#hashed: { ids: string; hash: Uint8Array } | null = null;

	constructor(revoked: RevokedInvitations) {
		this.#revoked = revoked;
	}

	get hash(): Uint8Array {
		const ids = this.#revoked.ids().join('');
		if (this.#hashed?.ids !== ids)
			this.#hashed = { ids, hash: taggedHash('revoked-invitations', fromHex(ids)) };
		return this.#hashed.hash;
	}

	/** A replica says the hash of what it knows. @returns what it is to be told: ids of 32 bytes; null where there is nothing */
	heard(replica: string, hash: Uint8Array, nowMs: number): Uint8Array | null {
		if (hash.length === 0 || equalBytes(hash, this.hash)) return null;
		if (nowMs - (this.#toldMs.get(replica) ?? -Infinity) < TELL_AGAIN_MS) return null;
		this.#toldMs.set(replica, nowMs);
		const ids = this.#revoked.ids();
		return ids.length === 0 ? null : fromHex(ids.join(''));
	}

	/** @returns how many of them were new. @throws LedgerError for what no replica says */
	told(ids: Uint8Array): number {
		if (ids.length === 0 || ids.length % ID_BYTES !== 0 || ids.length > MAX_REVOKED_KNOWN * ID_BYTES)
			throw new LedgerError('MessageMalformed', 'revoked invitations are 1 to 1800 ids of 32 bytes');
		const added: string[] = [];
		for (let i = 0; i < ids.length; i += ID_BYTES) added.push(toHex(ids.subarray(i, i + ID_BYTES)));
		return this.#revoked.add(added);
	}
}
