import { expect, it } from 'vitest';
import { addressSeenFrom, isLoopback, lanAddresses, originsOf, portOf } from './addresses.ts';

const at = (address: string, internal = false, family: 'IPv4' | 'IPv6' = 'IPv4') =>
	[{ address, internal, family, netmask: '', mac: '', cidr: null, scopeid: 0 }] as never;

it('puts the address that a router gave first, containers and tunnels last', () => {
	const interfaces = {
		lo: at('127.0.0.1', true),
		docker0: at('172.17.0.1'),
		tun0: at('192.168.99.1'),
		eth0: at('10.0.0.7'),
		wlan0: at('192.168.1.5'),
		wlan1: at('fe80::1', false, 'IPv6'),
		usb0: at('169.254.3.4')
	};
	expect(lanAddresses(interfaces)).toEqual(['192.168.1.5', '10.0.0.7', '192.168.99.1', '172.17.0.1']);
	expect(originsOf('0.0.0.0', 7070, interfaces)).toMatchObject({
		local: 'http://localhost:7070',
		lan: expect.arrayContaining(['http://192.168.1.5:7070'])
	});
});

it('says what one address alone means', () => {
	expect(originsOf('127.0.0.1', 1)).toEqual({ local: 'http://127.0.0.1:1', lan: [] });
	expect(originsOf('::1', 1)).toEqual({ local: 'http://localhost:1', lan: [] });
	expect(originsOf('fd00::5', 1)).toEqual({ local: null, lan: ['http://[fd00::5]:1'] });
});

it.each([
	['127.0.0.1:7071', true],
	['127.9.8.7:1', true],
	['localhost:7071', true],
	['LOCALHOST:7071', true],
	['[::1]:7071', true],
	['127.0.0.1.example:80', false],
	['192.168.1.5:7071', false],
	['relay-2.example:7071', false]
])('knows whether %s leads every machine to itself: %s', (address, expected) => {
	expect(isLoopback(address)).toBe(expected);
});

it.each([
	['192.168.1.5:7070', '127.0.0.1:7071', '192.168.1.5:7071'],
	['class.example', 'localhost:7071', 'class.example:7071'],
	['[fd00::2]:7070', '[::1]:7071', '[fd00::2]:7071'],
	['127.0.0.1:7070', '127.0.0.1:7071', '127.0.0.1:7071'],
	// Of another machine: it is what it is.
	['192.168.1.5:7070', '192.168.1.6:7071', '192.168.1.6:7071'],
	[undefined, '127.0.0.1:7071', '127.0.0.1:7071']
])('a page at %s finds the replica at %s as %s', (host, address, expected) => {
	expect(addressSeenFrom(host, address)).toBe(expected);
	expect(portOf(expected)).toBe(7071);
});
