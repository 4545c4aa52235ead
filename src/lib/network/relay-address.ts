/** Where the relay is, as libp2p writes it. The site, the API and the relay's WebSocket share one address and port. */
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import type { Multiaddr } from '@multiformats/multiaddr';
import { NetworkError } from './link-carrier.ts';
import type { NodeId } from './network.ts';
import { nodeIdOf, peerIdOf } from './peer-identity.ts';

/**
 * @param url - http(s) or ws(s) address of the relay; `location.href` in a page that it served
 * @param relay - the Booter's id; with it, no other program at that address is accepted
 * @returns for example `/ip4/192.168.1.5/tcp/7070/ws/p2p/12D3…`
 * @throws NetworkError BadRelayAddress
 */
export function relayAddress(url: string, relay?: NodeId): string {
	let parsed: URL;
	try {
		parsed = new URL(url);
	} catch (cause) {
		throw new NetworkError('BadRelayAddress', `"${url}" is not the URL of a relay`, { cause });
	}
	const secure = SECURE[parsed.protocol];
	if (secure === undefined)
		throw new NetworkError('BadRelayAddress', `a relay is reached by http, https, ws or wss, not ${url}`);
	const host = parsed.hostname.replace(/^\[|\]$/g, '');
	const kind = host.includes(':') ? 'ip6' : /^\d+\.\d+\.\d+\.\d+$/.test(host) ? 'ip4' : 'dns';
	const port = parsed.port || (secure ? '443' : '80');
	const identity = relay === undefined ? '' : `/p2p/${peerIdOf(relay).toString()}`;
	return `/${kind}/${host}/tcp/${port}${secure ? '/tls' : ''}/ws${identity}`;
}

/** @throws NetworkError BadRelayAddress */
export function parseRelayAddress(address: string): { address: Multiaddr; relay: NodeId | null } {
	try {
		const parsed = multiaddr(address);
		if (webSocketUrl(parsed) === null) throw new RangeError('not a WebSocket');
		const identity = parsed.getComponents().findLast(({ name }) => name === 'p2p')?.value;
		return { address: parsed, relay: identity ? nodeIdOf(peerIdFromString(identity)) : null };
	} catch (cause) {
		throw new NetworkError(
			'BadRelayAddress',
			`"${address}" is not the multiaddr of a relay, such as /ip4/192.168.1.5/tcp/7070/ws`,
			{ cause }
		);
	}
}

/** @returns null where the address is not `/{ip4,ip6,dns…}/…/tcp/…[/tls]/ws[/p2p/…]` or `…/wss` */
export function webSocketUrl(address: Multiaddr): string | null {
	const [host, port, ...rest] = address.getComponents();
	if (!host?.value || !/^(ip[46]|dns[46]?)$/.test(host.name) || port?.name !== 'tcp') return null;
	const names = rest.map(({ name }) => name).join('/');
	const secure = /^(tls\/ws|wss)(\/p2p)?$/.test(names);
	if (!secure && !/^ws(\/p2p)?$/.test(names)) return null;
	const shown = host.name === 'ip6' ? `[${host.value}]` : host.value;
	return `${secure ? 'wss' : 'ws'}://${shown}:${port.value}/`;
}

const SECURE: Record<string, boolean> = { 'http:': false, 'ws:': false, 'https:': true, 'wss:': true };
