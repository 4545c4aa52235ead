/**
 * A node's id is its Ed25519 public key, and the same key is its libp2p identity. So the handshake of libp2p (noise; for
 * WebRTC the fingerprints, exchanged over noise) proves the node id, and links need no handshake of their own.
 */
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey, PeerId } from '@libp2p/interface';
import { ed25519 } from '@noble/curves/ed25519.js';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { fromHex, toHex } from '#lib/crypto/hex.ts';
import { NetworkError } from './link-carrier.ts';
import type { NodeId } from './network.ts';

export async function privateKeyOf(seed: Uint8Array): Promise<Ed25519PrivateKey> {
	checkSeed(seed);
	return generateKeyPairFromSeed('Ed25519', seed);
}

/** The id of the node with this seed, without waiting for libp2p. @throws NetworkError for a seed that is not 32 bytes */
export function nodeIdOfSeed(seed: Uint8Array): NodeId {
	checkSeed(seed);
	return toHex(ed25519.getPublicKey(seed));
}

/** @throws NetworkError BadNodeId for a libp2p identity that is no Ed25519 key, which no node has */
export function nodeIdOf(peerId: PeerId): NodeId {
	if (peerId.type !== 'Ed25519')
		throw new NetworkError('BadNodeId', `peer ${peerId.toString()} has no Ed25519 key`);
	return toHex(peerId.publicKey.raw);
}

/** @throws NetworkError BadNodeId */
export function peerIdOf(node: NodeId): PeerId {
	try {
		return peerIdFromPublicKey(publicKeyFromRaw(fromHex(node, PUBLIC_KEY_BYTES)));
	} catch (cause) {
		throw new NetworkError('BadNodeId', `"${node.slice(0, 80)}" is not the hex of an Ed25519 public key`, {
			cause
		});
	}
}

const SEED_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;

function checkSeed(seed: Uint8Array): void {
	if (seed.length !== SEED_BYTES)
		throw new NetworkError('NetworkStartFailed', `a seed has ${SEED_BYTES} bytes, this one ${seed.length}`);
}
