/**
 * ed25519-sha256 in plain JavaScript, where there is no WebCrypto (plain http on a LAN is no secure context). Noble's own
 * verify checks the cofactored equation and so accepts a torsion component in R, which WebCrypto refuses: R26 forbids
 * it, and so the equation is computed here on noble's points.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { SeedError } from './errors.ts';
import { equalBytes } from './hex.ts';
import { KeyCache } from './key-cache.ts';
import { SEED_BYTES, passesStrictRules } from './strict.ts';
import type { Signer, Suite, Verification } from './suite.ts';

export function portableSuite(): Suite {
	const keys = new KeyCache<Point | null>(MAX_CACHED_KEYS);
	return {
		name: 'ed25519-sha256',
		implementation: 'portable',
		generateSeed: () => globalThis.crypto.getRandomValues(new Uint8Array(SEED_BYTES)),
		signer: async (seed) => openSigner(seed),
		verify: async (check) =>
			passesStrictRules(check) && equationHolds(check, keys.get(check.publicKey, negatedPoint))
	};
}

type Point = typeof ed25519.Point.BASE;

/** Half a kilobyte each. A decoded key saves a square root: 3,100 checks a second in Chromium, noble itself 2,550. */
const MAX_CACHED_KEYS = 4096;

function openSigner(given: Uint8Array): Signer {
	if (given.length !== SEED_BYTES)
		throw new SeedError(`a private key has ${SEED_BYTES} bytes, this one ${given.length}`);
	const seed = given.slice();
	return { publicKey: ed25519.getPublicKey(seed), sign: async (message) => ed25519.sign(message, seed) };
}

/** −A, or null where the bytes are no point (RFC 8032, section 5.1.3). */
function negatedPoint(publicKey: Uint8Array): Point | null {
	try {
		return ed25519.Point.fromBytes(publicKey).negate();
	} catch {
		// The length was checked, so that the only thing fromBytes has left to refuse is the point itself.
		return null;
	}
}

/** The bytes of [s]B − [k]A equal R, with k = SHA-512(R ‖ A ‖ M) mod L as every implementation reduces it. */
function equationHolds({ publicKey, message, signature }: Verification, negatedA: Point | null): boolean {
	if (negatedA === null) return false;
	const { BASE, Fn } = ed25519.Point;
	const r = signature.subarray(0, 32);
	const hash = sha512.create().update(r).update(publicKey).update(message).digest();
	const k = Fn.create(bytesToNumberLE(hash));
	const s = bytesToNumberLE(signature.subarray(32));
	const computed = BASE.multiplyUnsafe(s).add(negatedA.multiplyUnsafe(k)).toBytes();
	return equalBytes(computed, r);
}
