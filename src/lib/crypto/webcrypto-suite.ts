/** ed25519-sha256 by the browser's own WebCrypto: several times as fast as the portable suite, and off the calling thread. */
import { SeedError } from './errors.ts';
import { KeyCache } from './key-cache.ts';
import { PUBLIC_KEY_BYTES, SEED_BYTES, passesStrictRules } from './strict.ts';
import type { Signer, Suite, Verification } from './suite.ts';

/** @throws what the platform throws where it has no Ed25519; open-suite.ts asks first */
export function webcryptoSuite(subtle: SubtleCrypto = globalThis.crypto.subtle): Suite {
	const keys = new KeyCache<Promise<CryptoKey | null>>(MAX_CACHED_KEYS);
	// Kept at once, so that checks under way together share one import; a failure of the platform is not kept.
	const importOnce = (publicKey: Uint8Array) =>
		importPublicKey(subtle, publicKey).catch((error: unknown) => {
			keys.forget(publicKey);
			throw error;
		});
	return {
		name: 'ed25519-sha256',
		implementation: 'webcrypto',
		generateSeed: () => globalThis.crypto.getRandomValues(new Uint8Array(SEED_BYTES)),
		signer: (seed) => openSigner(subtle, seed),
		async verify(check: Verification): Promise<boolean> {
			if (!passesStrictRules(check)) return false;
			const key = await keys.get(check.publicKey, importOnce);
			if (key === null) return false;
			return subtle.verify(ED25519, key, asSource(check.signature), asSource(check.message));
		}
	};
}

const ED25519 = { name: 'Ed25519' };

/** About 1 KB each: every member and a busy exchange's worth of accounts. */
const MAX_CACHED_KEYS = 4096;

/** RFC 8410, section 7: PrivateKeyInfo of version 0, OID 1.3.101.112, and the seed as an octet string in an octet string. */
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

async function openSigner(subtle: SubtleCrypto, seed: Uint8Array): Promise<Signer> {
	if (seed.length !== SEED_BYTES)
		throw new SeedError(`a private key has ${SEED_BYTES} bytes, this one ${seed.length}`);
	const pkcs8 = new Uint8Array(PKCS8_PREFIX.length + SEED_BYTES);
	pkcs8.set(PKCS8_PREFIX);
	pkcs8.set(seed, PKCS8_PREFIX.length);
	try {
		// The public key comes out only of an extractable key; the one that stays is not extractable.
		const extractable = await subtle.importKey('pkcs8', pkcs8, ED25519, true, ['sign']);
		const publicKey = fromBase64Url((await subtle.exportKey('jwk', extractable)).x ?? '');
		if (publicKey.length !== PUBLIC_KEY_BYTES)
			throw new SeedError('the platform gave no public key for this private key');
		const key = await subtle.importKey('pkcs8', pkcs8, ED25519, false, ['sign']);
		return {
			publicKey,
			sign: async (message) => new Uint8Array(await subtle.sign(ED25519, key, asSource(message)))
		};
	} finally {
		pkcs8.fill(0);
	}
}

/** Null for bytes that are no point, where the platform finds that out at once (others say so at each verification). */
async function importPublicKey(subtle: SubtleCrypto, publicKey: Uint8Array): Promise<CryptoKey | null> {
	try {
		return await subtle.importKey('raw', asSource(publicKey), ED25519, false, ['verify']);
	} catch (error) {
		if (error instanceof DOMException && error.name === 'DataError') return null;
		throw error;
	}
}

/** WebCrypto refuses shared memory, and none of ours is; the type cannot know. */
function asSource(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	return bytes as Uint8Array<ArrayBuffer>;
}

function fromBase64Url(text: string): Uint8Array {
	const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
	return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
