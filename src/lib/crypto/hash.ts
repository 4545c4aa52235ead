/** SHA-256, synchronous: the core cannot wait, and for short messages it is as fast as WebCrypto. */
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';

export const HASH_BYTES = 32;
export const ZERO_HASH: Uint8Array = new Uint8Array(HASH_BYTES);

export function sha256(...parts: Uint8Array[]): Uint8Array {
	return nobleSha256(parts.length === 1 ? parts[0]! : concatBytes(...parts));
}

const tags = new Map<string, Uint8Array>();

/** Hash with a domain: bytes of one kind never collide with bytes of another. Domains are short ASCII constants. */
export function taggedHash(domain: string, ...parts: Uint8Array[]): Uint8Array {
	let tag = tags.get(domain);
	if (!tag) {
		tag = sha256(new TextEncoder().encode(`tabwave/v1/${domain}`));
		tags.set(domain, tag);
	}
	return sha256(tag, ...parts);
}
