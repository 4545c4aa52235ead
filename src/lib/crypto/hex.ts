/** Bytes as lower-case hex and back. */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';

export function toHex(bytes: Uint8Array): string {
	return bytesToHex(bytes);
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
