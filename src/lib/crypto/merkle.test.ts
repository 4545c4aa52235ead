import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ZERO_HASH, sha256 } from './hash.ts';
import { fromHex, toHex } from './hex.ts';
import { merkleProof, merkleRoot, verifyMerkleProof } from './merkle.ts';

fc.configureGlobal({ seed: 6962 });

/** The reference leaves and roots of Certificate Transparency (RFC 6962), for 1 to 8 leaves. */
const LEAVES = [
	'',
	'00',
	'10',
	'2021',
	'3031',
	'40414243',
	'5051525354555657',
	'606162636465666768696a6b6c6d6e6f'
].map((leaf) => fromHex(leaf));
const ROOTS = [
	'6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
	'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
	'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
	'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
	'4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
	'76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
	'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
	'5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'
];

const leafLists = fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 70 });

describe('Merkle tree', () => {
	it.each(ROOTS.map((root, i) => [i + 1, root] as const))(
		'of %i reference leaves has the reference root',
		(count, root) => {
			expect(toHex(merkleRoot(LEAVES.slice(0, count)))).toBe(root);
		}
	);

	it('of nothing is 32 zero bytes', () => {
		expect(merkleRoot([])).toEqual(ZERO_HASH);
	});

	it('has the shape of RFC 6962, which splits at the largest power of two below n', () => {
		fc.assert(
			fc.property(leafLists, (leaves) => {
				expect(merkleRoot(leaves)).toEqual(rootByDefinition(leaves));
			})
		);
	});

	it('proves every leaf, in at most ceil(log2 n) steps', () => {
		fc.assert(
			fc.property(leafLists, (leaves) => {
				const root = merkleRoot(leaves);
				for (const [index, leaf] of leaves.entries()) {
					const path = merkleProof(leaves, index);
					expect(path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(leaves.length)));
					expect(verifyMerkleProof(root, leaf, path)).toBe(true);
				}
			}),
			{ numRuns: 30 }
		);
	});

	it('refuses another leaf, a changed step, a turned side and a step too few', () => {
		fc.assert(
			fc.property(leafLists, fc.nat(), fc.nat(), (leaves, seed, bit) => {
				const index = seed % leaves.length;
				const root = merkleRoot(leaves);
				const leaf = leaves[index]!;
				const path = merkleProof(leaves, index);
				expect(verifyMerkleProof(root, Uint8Array.of(...leaf, 0), path)).toBe(false);
				if (path.length === 0) return;
				const place = bit % path.length;
				const step = path[place]!;
				const hash = step.hash.slice();
				hash[bit % 32]! ^= 1;
				expect(verifyMerkleProof(root, leaf, path.with(place, { ...step, hash }))).toBe(false);
				const turned = step.side === 'left' ? 'right' : 'left';
				// Turned round, a pair of equal hashes is the same pair.
				if (leaves.length === new Set(leaves.map(toHex)).size)
					expect(verifyMerkleProof(root, leaf, path.with(place, { ...step, side: turned }))).toBe(false);
				expect(verifyMerkleProof(root, leaf, path.slice(1))).toBe(false);
			})
		);
	});

	it('does not take an inner node for a leaf', () => {
		const [left, right] = [Uint8Array.of(1), Uint8Array.of(2)];
		const inner = Uint8Array.of(...sha256(Uint8Array.of(0), left), ...sha256(Uint8Array.of(0), right));
		expect(merkleRoot([inner])).not.toEqual(merkleRoot([left, right]));
	});

	it.each([-1, 2, 0.5, NaN])('has no proof for leaf %d of two', (index) => {
		expect(() => merkleProof([Uint8Array.of(1), Uint8Array.of(2)], index)).toThrow(RangeError);
	});
});

function rootByDefinition(leaves: Uint8Array[]): Uint8Array {
	if (leaves.length === 1) return sha256(Uint8Array.of(0), leaves[0]!);
	let split = 1;
	while (2 * split < leaves.length) split *= 2;
	return sha256(
		Uint8Array.of(1),
		rootByDefinition(leaves.slice(0, split)),
		rootByDefinition(leaves.slice(split))
	);
}
