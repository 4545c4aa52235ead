import { PassThrough } from 'node:stream';
import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { Sockets, refuseUpgrade } from './sockets.ts';

const LIMITS = { maxSockets: 12, maxUnproven: 8, perSecondPerHost: 100 };
const at = (host: string, port: number) => multiaddr(`/ip4/${host}/tcp/${port}/ws`);
const ignore = (): void => {};

describe('a relay’s sockets', () => {
	it('leave other hosts half of the places of those that have not said who they are', () => {
		const sockets = new Sockets(LIMITS);
		for (let port = 1; port <= 4; port++) {
			expect(sockets.refusal('10.0.0.1', 0)).toBeNull();
			sockets.add(at('10.0.0.1', port), ignore);
		}
		expect(sockets.refusal('10.0.0.1', 0)).toMatchObject({ status: 429, name: 'TooManyConnections' });
		expect(sockets.refusal('10.0.0.2', 0)).toBeNull();
		sockets.proven(at('10.0.0.1', 1));
		sockets.proven(at('10.0.0.1', 1));
		expect(sockets.refusal('10.0.0.1', 0)).toBeNull();
		sockets.add(at('10.0.0.1', 9), ignore);
		expect(sockets.refusal('10.0.0.1', 0)).toMatchObject({ name: 'TooManyConnections' });
		sockets.remove(at('10.0.0.1', 2));
		expect(sockets.refusal('10.0.0.1', 0)).toBeNull();
	});

	it('are so many and no more, whoever has them', () => {
		const sockets = new Sockets(LIMITS);
		for (let port = 1; port <= 12; port++) {
			sockets.add(at(`10.0.0.${port}`, port), ignore);
			sockets.proven(at(`10.0.0.${port}`, port));
		}
		expect(sockets.refusal('10.0.1.1', 0)).toMatchObject({ status: 503, name: 'RelayFull' });
		sockets.remove(at('10.0.0.1', 1));
		sockets.remove(at('10.0.0.1', 1));
		expect(sockets.size).toBe(11);
		expect(sockets.refusal('10.0.1.1', 0)).toBeNull();
	});

	it('of one host open at a rate, and it is said when to come again', () => {
		const sockets = new Sockets({ ...LIMITS, perSecondPerHost: 2 });
		expect([0, 0, 0].map((nowMs) => sockets.refusal('10.0.0.1', nowMs)?.name)).toEqual([
			undefined,
			undefined,
			'TooManyConnections'
		]);
		expect(sockets.refusal('10.0.0.2', 0)).toBeNull();
		expect(sockets.refusal('10.0.0.1', 500)).toBeNull();
		expect(sockets.refusal('10.0.0.1', 500)).toMatchObject({ retryAfterS: 1 });
	});

	it('are read at the rate of who is on them, also where the address names the peer', () => {
		const sockets = new Sockets(LIMITS);
		const rates: (number | null)[] = [];
		sockets.add(at('10.0.0.1', 1), (rate) => rates.push(rate));
		const named = multiaddr(
			`${at('10.0.0.1', 1).toString()}/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5`
		);
		sockets.setRate(named, 5);
		sockets.setRate(named, null);
		sockets.setRate(at('10.0.0.1', 2), 7);
		expect(rates).toEqual([5, null]);
	});

	it('that are refused get an answer with a name', async () => {
		const socket = new PassThrough();
		refuseUpgrade(socket, { status: 429, name: 'TooManyConnections', message: 'später', retryAfterS: 3 });
		const [head, body] = (await socket.toArray()).join('').split('\r\n\r\n') as [string, string];
		expect(head).toMatch(/^HTTP\/1\.1 429 /);
		expect(head).toContain('retry-after: 3');
		expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
		expect(JSON.parse(body)).toEqual({ error: { name: 'TooManyConnections', message: 'später' } });
	});
});
