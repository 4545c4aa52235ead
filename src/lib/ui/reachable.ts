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

/** `/ip4/192.168.1.5/tcp/7070/ws/p2p/…` as the origin of the site that the same port serves; null for other forms. */
export function originOfMultiaddr(address: string): string | null {
	const parts = /^\/(ip4|ip6|dns4?6?)\/([^/]+)\/tcp\/(\d+)(\/tls)?\/ws(\/|$)/.exec(address);
	if (parts === null) return null;
	const [, kind, host, port, tls] = parts;
	try {
		return new URL(`${tls ? 'https' : 'http'}://${kind === 'ip6' ? `[${host}]` : host}:${port}`).origin;
	} catch {
		// A host or port that no URL can have.
		return null;
	}
}

async function askRelay(): Promise<string> {
	try {
		const response = await fetch('/api/v1/network', { headers: { accept: 'application/json' } });
		const origins = addressesIn(await response.json()).map(originOfMultiaddr);
		return (
			origins.find((origin) => origin !== null && !isLocalOnly(new URL(origin).hostname)) ?? location.origin
		);
	} catch {
		// Not reached: the page says that this address works on this machine only.
		return location.origin;
	}
}

function addressesIn(description: unknown): string[] {
	const relay = (description as { relay?: { multiaddrs?: unknown } } | null)?.relay;
	return Array.isArray(relay?.multiaddrs)
		? relay.multiaddrs.filter((address) => typeof address === 'string')
		: [];
}
