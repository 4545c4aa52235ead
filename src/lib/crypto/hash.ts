/**
 * SHA-256, synchronous: the core cannot wait, and what is hashed here is short. WebAssembly takes a third of the time that
 * JavaScript does, and Merkle trees and ids are most of what a node computes besides signatures.
 */
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';

export const HASH_BYTES = 32;
export const ZERO_HASH: Uint8Array = new Uint8Array(HASH_BYTES);

type Hash = (parts: Uint8Array[]) => Uint8Array;

/** Hash of the parts, one after another. */
export function sha256(...parts: Uint8Array[]): Uint8Array {
	return hash(parts);
}

/** The same without WebAssembly, which some browsers forbid (Lockdown Mode of Safari). */
export function portableSha256(parts: Uint8Array[]): Uint8Array {
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

let hash: Hash = portableSha256;

/** Crossing into WebAssembly costs as much as hashing 100 bytes: parts of short messages cross together. */
const MAX_JOINED_BYTES = 1024;

/**
 * Hashes by WebAssembly from now on, where there is one. Whoever opens a suite calls it; it is not awaited while modules
 * load, since a worker that waits there loses the messages that come meanwhile.
 */
export async function hashFaster(): Promise<void> {
	try {
		const { createSHA256 } = await import('hash-wasm');
		const hasher = await createSHA256();
		const joined = new Uint8Array(MAX_JOINED_BYTES);
		hash = (parts) => {
			hasher.init();
			const length = parts.reduce((sum, part) => sum + part.length, 0);
			if (length <= MAX_JOINED_BYTES) {
				let at = 0;
				for (const part of parts) {
					joined.set(part, at);
					at += part.length;
				}
				hasher.update(joined.subarray(0, length));
			} else for (const part of parts) hasher.update(part);
			return hasher.digest('binary');
		};
	} catch {
		// Nothing but time is lost.
	}
}
