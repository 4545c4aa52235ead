/** Where the rest of the program gets its suite. */
import { UnknownSuiteError } from './errors.ts';
import { hashFaster } from './hash.ts';
import { fromHex } from './hex.ts';
import type { Suite, Verification } from './suite.ts';

export { SeedError, UnknownSuiteError } from './errors.ts';

export const SUITE_NAMES: readonly string[] = ['ed25519-sha256'];

/**
 * WebCrypto where it has Ed25519 and keeps R26, else the portable implementation: same name, same verdicts.
 *
 * @param name - as in genesis
 * @throws UnknownSuiteError
 */
export async function openSuite(name: string): Promise<Suite> {
	if (!SUITE_NAMES.includes(name)) throw new UnknownSuiteError(name, SUITE_NAMES);
	await hashFaster();
	if (globalThis.crypto?.subtle !== undefined) {
		const suite = (await import('./webcrypto-suite.ts')).webcryptoSuite();
		if (await keepsTheRule(suite)) return suite;
	}
	// Loaded only where it is needed: it is most of this folder's weight.
	return (await import('./portable-suite.ts')).portableSuite();
}

/** One check that must hold and one that must not: whoever calculates the cofactored equation would fork from the others. */
async function keepsTheRule(suite: Suite): Promise<boolean> {
	try {
		return (await suite.verify(SOUND)) && !(await suite.verify(SOUND_ONLY_COFACTORED));
	} catch {
		// A platform without Ed25519 says so by an error that differs from one to the next; the answer is the same.
		return false;
	}
}

/** RFC 8032, section 7.1, test 1. */
const SOUND: Verification = {
	publicKey: fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'),
	message: new Uint8Array(0),
	signature: fromHex(
		'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
	)
};

/** ed25519-speccheck, case 4: torsion components that only a multiplication by 8 removes. */
const SOUND_ONLY_COFACTORED: Verification = {
	publicKey: fromHex('cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d'),
	message: fromHex('e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c'),
	signature: fromHex(
		'160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09'
	)
};
