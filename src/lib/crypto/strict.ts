/**
 * The part of R26 that bytes alone decide, in front of every implementation: what passes here is judged alike by all that
 * compare the bytes of [s]B − [k]A with R. It is needed: of the 794 cases in vectors/ Chromium 156 alone accepts 192 that it
 * must not, all with A or R of small order (17 of them in a non-canonical encoding), and noble's verify errs in 236. It
 * costs 40 ns. Comparisons are not constant-time: all of it is public.
 */
import { fromHex } from './hex.ts';
import type { Verification } from './suite.ts';

export const SEED_BYTES = 32;
export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/**
 * Lengths, canonical encodings of A and R (y < p), s < L, and neither A nor R of small order. That A decodes to a point,
 * and the equation, are the implementation's to check. R is then on the curve because it equals the bytes of a point.
 */
export function passesStrictRules({ publicKey, signature }: Verification): boolean {
	return (
		publicKey.length === PUBLIC_KEY_BYTES &&
		signature.length === SIGNATURE_BYTES &&
		isReducedScalar(signature) &&
		isCanonicalAndOfLargeOrder(publicKey) &&
		isCanonicalAndOfLargeOrder(signature)
	);
}

/** L = 2^252 + 27742317777372353535851937790883648493, little-endian. */
const GROUP_ORDER = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/**
 * The y coordinates of the eight points of small order, little-endian, without the sign bit: two share each y but 1 and −1.
 * With the sign bit set, y = ±1 is also the malformed "x = 0, negative" of RFC 8032, section 5.1.3, step 4.
 */
const SMALL_ORDER_Y = [
	'0000000000000000000000000000000000000000000000000000000000000000',
	'0100000000000000000000000000000000000000000000000000000000000000',
	'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
].map((y) => fromHex(y));

function isReducedScalar(signature: Uint8Array): boolean {
	for (let i = 31; i >= 0; i--) {
		const difference = signature[32 + i]! - GROUP_ORDER[i]!;
		if (difference !== 0) return difference < 0;
	}
	return false;
}

function isCanonicalAndOfLargeOrder(bytes: Uint8Array): boolean {
	const first = bytes[0]!;
	if (first >= 0xed && isAllOnesAbove(bytes)) return false;
	for (const y of SMALL_ORDER_Y) if (y[0] === first && equalsWithoutSign(bytes, y)) return false;
	return true;
}

/** p = 2^255 − 19 is ed ff … ff 7f: y ≥ p only where all bytes above the first are ones. */
function isAllOnesAbove(bytes: Uint8Array): boolean {
	for (let i = 1; i < 31; i++) if (bytes[i] !== 0xff) return false;
	return (bytes[31]! & 0x7f) === 0x7f;
}

function equalsWithoutSign(bytes: Uint8Array, y: Uint8Array): boolean {
	for (let i = 0; i < 31; i++) if (bytes[i] !== y[i]) return false;
	return (bytes[31]! & 0x7f) === y[31];
}
