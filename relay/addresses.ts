/** Under which addresses people reach this relay. */
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { NetworkInterfaceInfo } from 'node:os';

export interface Origins {
	/** For a browser on this machine; null where the relay listens on another address alone. */
	local: string | null;
	/** For other machines, the likeliest first. */
	lan: string[];
}

/** @param host - as it listens: a name, an address, or all of them (0.0.0.0 and ::) */
export function originsOf(
	host: string,
	port: number,
	interfaces = networkInterfaces(),
	scheme: 'http' | 'https' = 'http'
): Origins {
	const origin = (at: string, onPort: number): string =>
		`${scheme}://${isIP(at) === 6 ? `[${at}]` : at}:${onPort}`;
	if (host === '0.0.0.0' || host === '::')
		return {
			local: origin('localhost', port),
			lan: lanAddresses(interfaces).map((address) => origin(address, port))
		};
	if (host === 'localhost' || host === '::1' || host.startsWith('127.'))
		return { local: origin(host === '::1' ? 'localhost' : host, port), lan: [] };
	return { local: null, lan: [origin(host, port)] };
}

/** Whether host:port leads every machine to itself. */
export function isLoopback(address: string): boolean {
	const host = hostOf(address);
	return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}

/** Of host:port. */
export function portOf(address: string): number {
	return Number(/\d+$/.exec(address)![0]);
}

/**
 * Replicas on one machine have addresses such as 127.0.0.1:7071, which a page on another machine would look for on its own.
 * @param host - as the page's browser named this relay, with or without a port; undefined where it did not
 * @param address - host:port of a replica
 */
export function addressSeenFrom(host: string | undefined, address: string): string {
	if (host === undefined || !isLoopback(address)) return address;
	return hostOf(host) + address.slice(hostOf(address).length);
}

function hostOf(hostAndPort: string): string {
	return hostAndPort.replace(/:\d+$/, '').toLowerCase();
}

/** IPv4 addresses of this machine: those that a router gave before those of containers and tunnels. */
export function lanAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
	return Object.entries(interfaces)
		.flatMap(([name, addresses]) => (addresses ?? []).map((address) => ({ name, ...address })))
		.filter((entry) => entry.family === 'IPv4' && !entry.internal && !entry.address.startsWith('169.254.'))
		.sort((a, b) => rank(a) - rank(b))
		.map((entry) => entry.address);
}

function rank({ name, address }: { name: string; address: string }): number {
	const virtual = /^(docker|br-|veth|virbr|vmnet|vboxnet|tun|tap|wg|tailscale|utun|zt)/.test(name) ? 10 : 0;
	if (address.startsWith('192.168.')) return virtual;
	if (address.startsWith('10.')) return virtual + 1;
	return virtual + (/^172\.(1[6-9]|2\d|3[01])\./.test(address) ? 2 : 3);
}

/**
 * Under which a browser may reach this relay: what a certificate must hold.
 * @param more - addresses or names that the operator gives it: origins, host:port, or a host to listen on
 */
export function ownNames(
	more: readonly (string | null)[],
	interfaces = networkInterfaces(),
	machine = hostname()
): string[] {
	const given = more.flatMap((place) => {
		if (place === null || place === '0.0.0.0' || place === '::') return [];
		if (isIP(place) !== 0) return [place];
		const url = place.includes('://') ? place : `http://${place}`;
		return URL.canParse(url) ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : [];
	});
	const name = machine.toLowerCase().replace(/\.local$/, '');
	const named = /^[a-z0-9](?:[a-z0-9.-]{0,60}[a-z0-9])?$/.test(name) ? [name, `${name}.local`] : [];
	return [...new Set([...given, ...lanAddresses(interfaces), 'localhost', ...named, '127.0.0.1', '::1'])];
}
