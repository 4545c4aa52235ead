/**
 * A suite is the pair of signature scheme and hash that a whole network uses (`suite` in network.ini). Everything
 * above asks for it here, so that WebCrypto, the portable path and the simulator's suite are interchangeable.
 */

/** A 32-byte public key. It is also a node's id and an account. */
export type PublicKey = Uint8Array;

export interface Verification {
	publicKey: PublicKey;
	message: Uint8Array;
	signature: Uint8Array;
}

/** Signs with one key. The private key never leaves it. */
export interface Signer {
	readonly publicKey: PublicKey;
	/** @returns 64 bytes */
	sign(message: Uint8Array): Promise<Uint8Array>;
}

export interface Suite {
	/** As in genesis, for example `ed25519-sha256`. */
	readonly name: string;
	/** Which implementation runs: shown to people, since the portable one is slower. */
	readonly implementation: 'webcrypto' | 'portable' | 'simulation';
	/** A new 32-byte private key (RFC 8032's seed) from the platform's secure randomness. */
	generateSeed(): Uint8Array;
	signer(seed: Uint8Array): Promise<Signer>;
	/** R26: strict and cofactorless. Malformed keys and signatures are false, never an error. */
	verify(check: Verification): Promise<boolean>;
}
