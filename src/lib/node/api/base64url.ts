/** Base64 for links (RFC 4648, section 5). */

/** @throws Error where the text is no base64 */
export function base64UrlToBytes(text: string): Uint8Array {
	return base64ToBytes(text.replace(/-/g, '+').replace(/_/g, '/'));
}

export function base64ToBytes(text: string): Uint8Array {
	return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
