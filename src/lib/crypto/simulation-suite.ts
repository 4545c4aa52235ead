/**
 * NOT A SIGNATURE SCHEME. For the simulator only: a "signature" here is a hash of the public key and the message, so that
 * anybody can make anybody's. It exists because a simulated network checks millions of signatures, and because it
 * gives the same bytes for the same seed. openSuite never returns it, and its name is in no network.ini.
 */
import { SeedError } from './errors.ts';
import { taggedHash } from './hash.ts';
import { equalBytes } from './hex.ts';
import { PUBLIC_KEY_BYTES, SEED_BYTES, SIGNATURE_BYTES } from './strict.ts';
import type { Signer, Suite } from './suite.ts';

export const SIMULATION_SUITE_NAME = 'simulation-not-a-signature';

/** @param random - the simulation's seeded generator of numbers in [0, 1); only generateSeed draws from it */
export function simulationSuite(random: () => number): Suite {
	return {
		name: SIMULATION_SUITE_NAME,
		implementation: 'simulation',
		generateSeed: () => Uint8Array.from({ length: SEED_BYTES }, () => Math.floor(random() * 256)),
		signer: async (seed) => openSigner(seed),
		verify: async ({ publicKey, message, signature }) =>
			publicKey.length === PUBLIC_KEY_BYTES &&
			signature.length === SIGNATURE_BYTES &&
			equalBytes(signature, mark(publicKey, message))
	};
}

function openSigner(seed: Uint8Array): Signer {
	if (seed.length !== SEED_BYTES)
		throw new SeedError(`a private key has ${SEED_BYTES} bytes, this one ${seed.length}`);
	const publicKey = taggedHash('simulation-public-key', seed);
	return { publicKey, sign: async (message) => mark(publicKey, message) };
}

/** Both halves are the hash of all of the message, so that a change of any byte of a signature is noticed. */
function mark(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
	const signature = new Uint8Array(SIGNATURE_BYTES);
	const hash = taggedHash('simulation-signature', publicKey, message);
	signature.set(hash);
	signature.set(hash, SIGNATURE_BYTES - hash.length);
	return signature;
}
