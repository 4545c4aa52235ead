import { describe, expect, it } from 'vitest';
import { originOfMultiaddr } from './reachable.ts';

describe('originOfMultiaddr', () => {
	it.each([
		['/ip4/192.168.1.5/tcp/7070/ws/p2p/12D3KooW', 'http://192.168.1.5:7070'],
		['/ip4/192.168.1.5/tcp/80/ws', 'http://192.168.1.5'],
		['/dns/relay.example/tcp/443/tls/ws/p2p/12D3KooW', 'https://relay.example'],
		['/ip6/fd00::5/tcp/7070/ws', 'http://[fd00::5]:7070']
	])('reads %s', (address, origin) => {
		expect(originOfMultiaddr(address)).toBe(origin);
	});

	it.each([
		'',
		'http://192.168.1.5',
		'/ip4/192.168.1.5/udp/7070/ws',
		'/ip4/a b/tcp/1/ws',
		'/ip4/1.2.3.4/tcp/99999/ws'
	])('refuses %j', (address) => {
		expect(originOfMultiaddr(address)).toBeNull();
	});
});
