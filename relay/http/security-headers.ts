/** What a page of this site may load and run: its own files, and nothing inline but SvelteKit's start script. */
import { createHash } from 'node:crypto';

export const COMMON_HEADERS: Record<string, string> = {
	'x-content-type-options': 'nosniff',
	'referrer-policy': 'no-referrer',
	// The map asks for no position, and nothing else asks for anything.
	'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
	'x-frame-options': 'DENY'
};

/** `'sha256-…'` of every inline script of a page: SvelteKit's names the build, so it cannot be a constant. */
export function inlineScriptHashes(html: string): string[] {
	return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
		(match) => `'sha256-${createHash('sha256').update(match[1]!).digest('base64')}'`
	);
}

/**
 * @param host - as the browser named it; the WebSocket goes there too. Some browsers do not count ws under 'self'.
 * @param replicas - other Booters, host:port
 */
export function contentSecurityPolicy(
	scriptHashes: readonly string[],
	host: string | undefined,
	replicas: readonly string[]
): string {
	// A Host header is the client's own claim, and would otherwise write into the policy.
	const hosts = [host, ...replicas].filter(
		(name) => name !== undefined && /^[A-Za-z0-9.\-[\]:]{1,255}$/.test(name)
	);
	const sockets = hosts.flatMap((name) => [`ws://${name}`, `wss://${name}`]);
	return [
		"default-src 'none'",
		`script-src 'self' ${scriptHashes.join(' ')}`.trim(),
		// Svelte sets style attributes, and components position themselves with them.
		"style-src 'self' 'unsafe-inline'",
		"img-src 'self' data: blob:",
		"font-src 'self'",
		`connect-src ${["'self'", ...sockets].join(' ')}`,
		"worker-src 'self'",
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'"
	].join('; ');
}
