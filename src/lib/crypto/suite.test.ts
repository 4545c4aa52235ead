import { ed25519 } from '@noble/curves/ed25519.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fromHex, toHex } from './hex.ts';
import { SeedError, UnknownSuiteError, openSuite } from './open-suite.ts';
import { portableSuite } from './portable-suite.ts';
import { simulationSuite } from './simulation-suite.ts';
import { passesStrictRules } from './strict.ts';
import { SUITE_VECTORS, runSuiteVectors } from './suite-vectors.ts';
import type { Suite } from './suite.ts';
import { webcryptoSuite } from './webcrypto-suite.ts';

/** Enough for the portable suite's some hundred checks a second on a busy machine. */
const LONG_MS = 60_000;

describe('R26 on the edge cases and on mutated signatures', () => {
	it('is kept by WebCrypto', { timeout: LONG_MS }, async () => {
		const run = await runSuiteVectors(webcryptoSuite(), 4000);
		expect(run.disagreements).toEqual([]);
		expect(run.cases).toBe(8 + SUITE_VECTORS.length + 4400);
	});

	it('is kept by the portable suite', { timeout: LONG_MS }, async () => {
		const run = await runSuiteVectors(portableSuite(), 1000);
		expect(run.disagreements).toEqual([]);
		expect(run.cases).toBe(8 + SUITE_VECTORS.length + 1100);
	});

	it('is not kept by a cofactored equation: the cases can fail', { timeout: LONG_MS }, async () => {
		const cofactored: Suite = {
			...portableSuite(),
			verify: async (check) =>
				passesStrictRules(check) && ed25519.verify(check.signature, check.message, check.publicKey)
		};
		const run = await runSuiteVectors(cofactored, 0);
		expect(run.disagreements).toContain('speccheck 4: accepted');
		expect(run.disagreements).toContain('torsion Aa+0T Rr+1T residue: accepted');
	});

	it('counts on published cases of every kind', () => {
		const sources = new Set(SUITE_VECTORS.map((vector) => vector.id.split(' ')[0]));
		for (const source of ['RFC', 'speccheck', 'Wycheproof', 'torsion', 'encoding', 'scalar', 'key', 'form'])
			expect(sources).toContain(source);
		expect(SUITE_VECTORS.filter((vector) => vector.valid).length).toBeGreaterThan(40);
	});
});

describe('strict rules', () => {
	const sound = {
		publicKey: fromHex(SUITE_VECTORS[0]!.publicKey),
		message: new Uint8Array(0),
		signature: fromHex(SUITE_VECTORS[0]!.signature)
	};

	it('pass a sound signature', () => expect(passesStrictRules(sound)).toBe(true));

	it('refuse y of p and more, and take p − 2, in A and in R', () => {
		for (let first = 0xeb; first <= 0xff; first++)
			for (const last of [0x7f, 0xff]) {
				const encoding = new Uint8Array(32).fill(0xff);
				encoding[0] = first;
				encoding[31] = last;
				const canonical = first < 0xec;
				expect(passesStrictRules({ ...sound, publicKey: encoding })).toBe(canonical);
				const signature = Uint8Array.of(...encoding, ...sound.signature.subarray(32));
				expect(passesStrictRules({ ...sound, signature })).toBe(canonical);
			}
	});

	it('look at every byte of a small-order encoding', () => {
		const small = fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
		expect(passesStrictRules({ ...sound, publicKey: small })).toBe(false);
		for (let i = 0; i < 32; i++) {
			const near = small.slice();
			near[i]! ^= 1;
			expect(passesStrictRules({ ...sound, publicKey: near })).toBe(true);
		}
	});
});

describe.each([
	['webcrypto', webcryptoSuite],
	['portable', portableSuite]
] as const)('%s suite', (implementation, make) => {
	const suite = make();

	it('names itself', () => {
		expect(suite.name).toBe('ed25519-sha256');
		expect(suite.implementation).toBe(implementation);
	});

	it('makes a different seed each time', () => {
		const [a, b] = [suite.generateSeed(), suite.generateSeed()];
		expect(a).toHaveLength(32);
		expect(toHex(a)).not.toBe(toHex(b));
	});

	it('keeps signing with the key it was given, whatever becomes of the seed', async () => {
		const seed = suite.generateSeed();
		const signer = await suite.signer(seed);
		seed.fill(0);
		const message = Uint8Array.of(1, 2, 3);
		const signature = await signer.sign(message);
		expect(await suite.verify({ publicKey: signer.publicKey, message, signature })).toBe(true);
	});

	it('refuses a seed of another length, without saying it', async () => {
		const refusal = suite.signer(new Uint8Array(31).fill(0xab));
		await expect(refusal).rejects.toThrow(SeedError);
		await expect(refusal).rejects.not.toThrow(/ab/);
	});

	it('keeps keys apart that differ little', { timeout: LONG_MS }, async () => {
		const vector = SUITE_VECTORS[0]!;
		const sound = {
			publicKey: fromHex(vector.publicKey),
			message: new Uint8Array(0),
			signature: fromHex(vector.signature)
		};
		expect(await suite.verify(sound)).toBe(true);
		for (let i = 0; i < 300; i++) {
			const publicKey = sound.publicKey.slice();
			publicKey[1] = i & 0xff;
			publicKey[2] = 0x40 | (i >> 8);
			expect(await suite.verify({ ...sound, publicKey })).toBe(false);
		}
		expect(await suite.verify(sound)).toBe(true);
	});
});

describe('both suites', () => {
	it('make the same signature of the same seed and message', async () => {
		const [a, b] = [webcryptoSuite(), portableSuite()];
		for (let i = 0; i < 50; i++) {
			const seed = a.generateSeed();
			const message = new Uint8Array(i * 7).fill(i);
			const [one, other] = [await a.signer(seed), await b.signer(seed)];
			expect(toHex(one.publicKey)).toBe(toHex(other.publicKey));
			expect(toHex(await one.sign(message))).toBe(toHex(await other.sign(message)));
		}
	});
});

describe('openSuite', () => {
	afterEach(() => vi.unstubAllGlobals());

	it('takes WebCrypto where there is one', async () => {
		expect((await openSuite('ed25519-sha256')).implementation).toBe('webcrypto');
	});

	it('takes the portable suite where the context is not secure', async () => {
		vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) });
		const suite = await openSuite('ed25519-sha256');
		expect(suite.implementation).toBe('portable');
		expect(suite.generateSeed()).toHaveLength(32);
	});

	it('takes the portable suite where WebCrypto has no Ed25519', async () => {
		const importKey = () => Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'));
		vi.stubGlobal('crypto', { subtle: { importKey } });
		expect((await openSuite('ed25519-sha256')).implementation).toBe('portable');
	});

	it('takes the portable suite where WebCrypto checks the cofactored equation', async () => {
		const subtle = {
			importKey: async (_format: string, key: Uint8Array) => key,
			verify: async (_name: object, key: Uint8Array, signature: Uint8Array, message: Uint8Array) =>
				ed25519.verify(signature, message, key)
		};
		vi.stubGlobal('crypto', { subtle });
		expect((await openSuite('ed25519-sha256')).implementation).toBe('portable');
	});

	it.each(['', 'ed25519', 'ED25519-SHA256', 'simulation-not-a-signature', 'sm2-sm3'])(
		'does not know %j',
		async (name) => {
			await expect(openSuite(name)).rejects.toThrow(UnknownSuiteError);
		}
	);
});

describe('simulation suite', () => {
	const numbers = (...list: number[]) => {
		let next = 0;
		return () => list[next++ % list.length]!;
	};

	it('gives the same bytes for the same numbers', async () => {
		const runs = [1, 2].map(async () => {
			const suite = simulationSuite(numbers(0, 0.25, 0.999));
			const signer = await suite.signer(suite.generateSeed());
			return [toHex(signer.publicKey), toHex(await signer.sign(Uint8Array.of(1)))];
		});
		expect(await runs[0]).toEqual(await runs[1]);
	});

	it('notices a change of any byte', async () => {
		const suite = simulationSuite(numbers(0.5));
		const signer = await suite.signer(suite.generateSeed());
		const message = Uint8Array.of(1, 2, 3);
		const signature = await signer.sign(message);
		const good = { publicKey: signer.publicKey, message, signature };
		expect(signature).toHaveLength(64);
		expect(await suite.verify(good)).toBe(true);
		for (const part of ['publicKey', 'message', 'signature'] as const)
			for (let i = 0; i < good[part].length; i++) {
				const changed = good[part].slice();
				changed[i]! ^= 1;
				expect(await suite.verify({ ...good, [part]: changed })).toBe(false);
			}
		expect(await suite.verify({ ...good, signature: signature.subarray(0, 63) })).toBe(false);
	});

	it('says what it is', () => {
		const suite = simulationSuite(numbers(0));
		expect([suite.name, suite.implementation]).toEqual(['simulation-not-a-signature', 'simulation']);
	});
});
