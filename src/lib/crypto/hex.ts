/** Bytes as lower-case hex and back. */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';

/**
 * Browsers have it of their own, and so has noble then. Elsewhere noble puts its text together digit by digit, and V8 keeps all the
 * pieces: 900 bytes for the id of a vote in place of 100, in a relay that remembers thousands of them.
 */
const isNative = 'toHex' in Uint8Array.prototype && 'fromHex' in Uint8Array;

/** Codes of the sixteen digits. */
const DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** Bytes at once: a call takes no more arguments than a stack holds. */
const PIECE_BYTES = 1024;

export function toHex(bytes: Uint8Array): string {
	if (isNative) return bytesToHex(bytes);
	let text = '';
	for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
		const piece = bytes.subarray(start, start + PIECE_BYTES);
		const codes = new Array<number>(2 * piece.length);
		for (let i = 0; i < piece.length; i++) {
			codes[2 * i] = DIGITS[piece[i]! >> 4]!;
			codes[2 * i + 1] = DIGITS[piece[i]! & 15]!;
		}
		text += String.fromCharCode(...codes);
	}
	return text;
}

/** @throws HexError where the text is not hex of whole bytes, or not `length` bytes long */
export function fromHex(text: string, length?: number): Uint8Array {
	if (!/^(?:[0-9a-f]{2})*$/.test(text))
		throw new HexError(`expected lower-case hex, got "${text.slice(0, 80)}"`);
	if (length !== undefined && text.length !== 2 * length)
		throw new HexError(`expected ${length} bytes as ${2 * length} hex digits, got ${text.length} digits`);
	return hexToBytes(text);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) return false;
	for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
	return true;
}

/** Order of byte strings, for sorting ids: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
	const shared = Math.min(a.length, b.length);
	for (let i = 0; i < shared; i++) {
		const difference = a[i]! - b[i]!;
		if (difference !== 0) return difference;
	}
	return a.length - b.length;
}

export class HexError extends Error {
	override readonly name = 'HexError';
}
