/**
 * One run over everything that R26 must decide alike, for any suite on any platform: the published edge cases, our own with
 * known verdicts, and seeded mutations of good signatures. Tests call it in Node.js and in browsers.
 */
import { fromHex, toHex } from './hex.ts';
import type { Suite, Verification } from './suite.ts';
import rfc8032 from './vectors/rfc8032.json' with { type: 'json' };
import speccheck from './vectors/speccheck.json' with { type: 'json' };
import torsion from './vectors/torsion.json' with { type: 'json' };
import wycheproof from './vectors/wycheproof.json' with { type: 'json' };

export interface VectorRun {
	/** Verdicts that were asked for. */
	cases: number;
	/** One line for each verdict that was wrong; empty where the suite keeps the rule. */
	disagreements: string[];
}

export interface SuiteVector {
	id: string;
	publicKey: string;
	message: string;
	signature: string;
	valid: boolean;
}

/** All published and generated cases, as lower-case hex. */
export const SUITE_VECTORS: SuiteVector[] = [rfc8032, speccheck, wycheproof, torsion].flatMap(
	(file): SuiteVector[] => file.cases
);

/** @param mutations - how many mutated signatures to try; the same for the same number on every platform */
export async function runSuiteVectors(suite: Suite, mutations = 2000): Promise<VectorRun> {
	const run: VectorRun = { cases: 0, disagreements: [] };
	await runKeys(suite, run);
	for (const vector of SUITE_VECTORS) {
		const check = {
			publicKey: fromHex(vector.publicKey),
			message: fromHex(vector.message),
			signature: fromHex(vector.signature)
		};
		await expectVerdict(suite, run, vector.id, check, vector.valid);
	}
	await runMutations(suite, run, mutations);
	return run;
}

/** Private keys give the public keys of RFC 8032, and what they sign verifies. A platform may add randomness to signing. */
async function runKeys(suite: Suite, run: VectorRun): Promise<void> {
	for (const vector of rfc8032.cases) {
		const signer = await suite.signer(fromHex(vector.seed));
		run.cases++;
		if (toHex(signer.publicKey) !== vector.publicKey)
			run.disagreements.push(`${vector.id}: the private key gives public key ${toHex(signer.publicKey)}`);
		const message = fromHex(vector.message);
		const check = { publicKey: signer.publicKey, message, signature: await signer.sign(message) };
		await expectVerdict(suite, run, `${vector.id}, signed here`, check, true);
	}
}

/** Ed25519 with s < L is strongly unforgeable: whatever differs from a good signature in any bit is bad. */
async function runMutations(suite: Suite, run: VectorRun, mutations: number): Promise<void> {
	const random = seededRandom(0x52323600);
	const below = (bound: number): number => Math.floor(random() * bound);
	const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256));
	let signer = await suite.signer(bytes(32));
	for (let i = 0; i < mutations; i++) {
		if (i % 50 === 49) signer = await suite.signer(bytes(32));
		const message = bytes(1 + below(300));
		const good: Verification = {
			publicKey: signer.publicKey,
			message,
			signature: await signer.sign(message)
		};
		if (i % 10 === 0) await expectVerdict(suite, run, `mutation ${i}, before it`, good, true);
		const mutated: Verification = {
			publicKey: good.publicKey.slice(),
			message: good.message.slice(),
			signature: good.signature.slice()
		};
		const target = [mutated.signature, mutated.signature, mutated.publicKey, mutated.message][below(4)]!;
		// Half of them in the last byte of a half: there are the sign of R and the top of s.
		const place =
			random() < 0.5 ? below(target.length) : Math.min(target.length - 1, random() < 0.5 ? 31 : 63);
		target[place]! ^= 1 << below(8);
		await expectVerdict(suite, run, `mutation ${i}`, mutated, false);
	}
}

async function expectVerdict(
	suite: Suite,
	run: VectorRun,
	id: string,
	check: Verification,
	expected: boolean
): Promise<void> {
	run.cases++;
	const verdict = await suite.verify(check);
	if (verdict !== expected) run.disagreements.push(`${id}: ${verdict ? 'accepted' : 'refused'}`);
}

/** Mulberry32: small, and the same everywhere. */
function seededRandom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}
