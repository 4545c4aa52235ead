/**
 * The address of this site that other devices can open. A page opened as localhost asks the relay, which knows the
 * machine's own LAN addresses; where it does not answer, the page's own address stands.
 */
import { isLocalOnly } from './invite.ts';

let asked: Promise<string> | null = null;

/** @returns an origin, for example `http://192.168.1.20:7070`; asked once per page load */
export function reachableOrigin(): Promise<string> {
	asked ??= isLocalOnly(location.hostname) ? askRelay() : Promise.resolve(location.origin);
	return asked;
}

async function askRelay(): Promise<string> {
	try {
		const response = await fetch('/api/v1/network', { headers: { accept: 'application/json' } });
		const description: unknown = await response.json();
		const links = readLinks(description);
		return (
			links.map((link) => new URL(link)).find((url) => !isLocalOnly(url.hostname))?.origin ?? location.origin
		);
	} catch {
		// Not reached, or an older relay: the page says that this address works on this machine only.
		return location.origin;
	}
}

function readLinks(description: unknown): string[] {
	if (typeof description !== 'object' || description === null || !('joinLinks' in description)) return [];
	const links = description.joinLinks;
	return Array.isArray(links)
		? links.filter((link) => typeof link === 'string' && /^https?:\/\//.test(link))
		: [];
}
