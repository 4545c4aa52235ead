import { describe, expect, it } from 'vitest';
import { multiaddr } from '@multiformats/multiaddr';
import { nodeIdOfSeed, peerIdOf, nodeIdOf, privateKeyOf } from './peer-identity.ts';
import { parseRelayAddress, relayAddress, webSocketUrl } from './relay-address.ts';

const RELAY = nodeIdOfSeed(new Uint8Array(32).fill(3));

describe('the relay’s address', () => {
	it.each([
		['http://192.168.1.5:7070/join?x=1', '/ip4/192.168.1.5/tcp/7070/ws', 'ws://192.168.1.5:7070/'],
		['https://class.example/', '/dns/class.example/tcp/443/tls/ws', 'wss://class.example:443/'],
		['http://localhost/', '/dns/localhost/tcp/80/ws', 'ws://localhost:80/'],
		['ws://[::1]:7070', '/ip6/::1/tcp/7070/ws', 'ws://[::1]:7070/'],
		['wss://10.0.0.9:8443', '/ip4/10.0.0.9/tcp/8443/tls/ws', 'wss://10.0.0.9:8443/']
	])('%s', (url, address, socket) => {
		expect(relayAddress(url)).toBe(address);
		expect(webSocketUrl(multiaddr(address))).toBe(socket);
		const named = relayAddress(url, RELAY);
		expect(parseRelayAddress(named).relay).toBe(RELAY);
		expect(webSocketUrl(multiaddr(named))).toBe(socket);
	});

	it.each(['', 'nonsense', 'ftp://host', '/ip4/1.2.3.4/tcp/1/ws'])('refuses the URL "%s"', (url) => {
		expect(() => relayAddress(url)).toThrow(expect.objectContaining({ name: 'BadRelayAddress' }));
	});

	it.each(['', '/ip4/1.2.3.4/tcp/1', '/ip4/300.1.1.1/tcp/1/ws', '/ip4/1.2.3.4/tcp/1/ws/p2p/xyz'])(
		'refuses the multiaddr "%s"',
		(address) => {
			expect(() => parseRelayAddress(address)).toThrow(expect.objectContaining({ name: 'BadRelayAddress' }));
		}
	);

	it('is no WebSocket’s where it leads through a relay or has another transport', () => {
		const peer = peerIdOf(RELAY).toString();
		for (const address of [
			`/ip4/1.2.3.4/tcp/1/ws/p2p/${peer}/p2p-circuit/p2p/${peer}`,
			'/ip4/1.2.3.4/tcp/1',
			'/ip4/1.2.3.4/udp/1/quic-v1',
			`/webrtc/p2p/${peer}`
		])
			expect(webSocketUrl(multiaddr(address))).toBeNull();
	});
});

describe('identities', () => {
	it('are the same key for the node and for libp2p', async () => {
		const seed = new Uint8Array(32).map((_, i) => i);
		const key = await privateKeyOf(seed);
		expect(Buffer.from(key.publicKey.raw).toString('hex')).toBe(nodeIdOfSeed(seed));
		expect(nodeIdOf(peerIdOf(nodeIdOfSeed(seed)))).toBe(nodeIdOfSeed(seed));
	});

	it.each(['', 'ab', 'zz'.repeat(32), 'AB'.repeat(32)])('refuse the node id "%s"', (id) => {
		expect(() => peerIdOf(id)).toThrow(expect.objectContaining({ name: 'BadNodeId' }));
	});

	it('refuse a seed of the wrong length', async () => {
		expect(() => nodeIdOfSeed(new Uint8Array(31))).toThrow(
			expect.objectContaining({ name: 'NetworkStartFailed' })
		);
		await expect(privateKeyOf(new Uint8Array(64))).rejects.toMatchObject({ name: 'NetworkStartFailed' });
	});
});
