/**
 * Signatures on which implementations of Ed25519 differ (R26): made with a key that has a torsion component. Whoever multiplies the
 * equation by the cofactor takes them, whoever compares bytes does not, and neither is wrong by RFC 8032.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { fromHex } from '#lib/crypto/hex.ts';

/** A point of order 8. */
const TORSION = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a';

export interface TorsionKey {
	publicKey: Uint8Array;
	/** Holds only where the cofactor is multiplied away. */
	sign(message: Uint8Array): Uint8Array;
}

/** @param seed any 32 bytes */
export function torsionKey(seed: Uint8Array): TorsionKey {
	const { BASE, Fn } = ed25519.Point;
	const scalar = Fn.create(bytesToNumberLE(seed)) || 1n;
	const publicKey = BASE.multiply(scalar)
		.add(ed25519.Point.fromBytes(fromHex(TORSION)))
		.toBytes();
	return {
		publicKey,
		sign(message) {
			for (let attempt = 0; ; attempt++) {
				const nonce = Fn.create(
					bytesToNumberLE(
						sha512.create().update(seed).update(Uint8Array.of(attempt)).update(message).digest()
					)
				);
				const r = BASE.multiply(nonce).toBytes();
				const k = Fn.create(
					bytesToNumberLE(sha512.create().update(r).update(publicKey).update(message).digest())
				);
				// A multiple of 8 would take the component away.
				if (k % 8n === 0n) continue;
				return Uint8Array.from([...r, ...numberToBytesLE(Fn.create(nonce + k * scalar), 32)]);
			}
		}
	};
}
