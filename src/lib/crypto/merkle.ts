/**
 * Merkle trees in the manner of RFC 6962, section 2.1: leaves and inner nodes are hashed with different prefixes, and a
 * tree of n leaves splits at the largest power of two below n, so that no leaf is ever doubled.
 */
import { ZERO_HASH, sha256 } from './hash.ts';
import { equalBytes } from './hex.ts';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export interface MerkleStep {
	hash: Uint8Array;
	/** The side on which `hash` stands. */
	side: 'left' | 'right';
}

/** Root over the leaves' bytes; 32 zero bytes for none. */
export function merkleRoot(leaves: Uint8Array[]): Uint8Array {
	if (leaves.length === 0) return ZERO_HASH;
	let level = leaves.map(hashLeaf);
	// Pairing from the left and carrying an odd last node up gives RFC 6962's shape.
	while (level.length > 1) level = parents(level);
	return level[0]!;
}

/** Siblings from the leaf up. @throws RangeError where there is no such leaf */
export function merkleProof(leaves: Uint8Array[], index: number): MerkleStep[] {
	if (!Number.isInteger(index) || index < 0 || index >= leaves.length)
		throw new RangeError(`no leaf ${index} in a tree of ${leaves.length}`);
	const path: MerkleStep[] = [];
	let level = leaves.map(hashLeaf);
	let position = index;
	while (level.length > 1) {
		const sibling = position ^ 1;
		if (sibling < level.length)
			path.push({ hash: level[sibling]!, side: position % 2 === 0 ? 'right' : 'left' });
		level = parents(level);
		position >>= 1;
	}
	return path;
}

export function verifyMerkleProof(root: Uint8Array, leaf: Uint8Array, path: MerkleStep[]): boolean {
	let hash = hashLeaf(leaf);
	for (const step of path)
		hash = step.side === 'left' ? sha256(NODE, step.hash, hash) : sha256(NODE, hash, step.hash);
	return equalBytes(hash, root);
}

function hashLeaf(leaf: Uint8Array): Uint8Array {
	return sha256(LEAF, leaf);
}

function parents(level: Uint8Array[]): Uint8Array[] {
	const above: Uint8Array[] = [];
	for (let i = 0; i < level.length; i += 2)
		above.push(i + 1 < level.length ? sha256(NODE, level[i]!, level[i + 1]!) : level[i]!);
	return above;
}
