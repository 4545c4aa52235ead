import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiError } from './api.ts';
import { fetchNetworkDocument, parseNetworkDocument } from './network-document.ts';
import { DEFAULT_TIMING } from './timing.ts';

fc.configureGlobal({ seed: 7070 });

const sound = {
	chainId: 'ab'.repeat(32),
	genesis: 'AQID',
	suite: 'ed25519-sha256',
	relay: { multiaddrs: ['/dns4/relay/tcp/7070/ws', '/ip4/10.0.0.1/tcp/7070/ws'] },
	iceServers: [{ urls: 'stun:stun.example:3478' }],
	timeouts: { heartbeatMs: 250 },
	spectrum: { mechanism: 'seed' }
};
const parse = (changes: object = {}) => parseNetworkDocument(JSON.stringify({ ...sound, ...changes }));

describe('the relay’s description of its network', () => {
	it('says what a tab needs', () => {
		expect(parse()).toEqual({
			chainId: sound.chainId,
			genesis: Uint8Array.of(1, 2, 3),
			suite: 'ed25519-sha256',
			// The relay on which this page came first.
			relays: ['/dns4/relay/tcp/7070/ws'],
			iceServers: sound.iceServers,
			timing: { ...DEFAULT_TIMING, heartbeatMs: 250 },
			mechanism: 'seed'
		});
	});

	it('has defaults for what an older relay does not say', () => {
		const { timing, mechanism } = parse({ timeouts: undefined, spectrum: undefined });
		expect(timing).toEqual(DEFAULT_TIMING);
		expect(mechanism).toBe('greedy');
	});

	it.each([
		['a number of milliseconds', 1, 1],
		['an hour, the most there is', 3_600_000, 3_600_000],
		['more than an hour', 3_600_001, DEFAULT_TIMING.tickMs],
		['nothing', 0, DEFAULT_TIMING.tickMs],
		['less than nothing', -5, DEFAULT_TIMING.tickMs],
		['text', '50', DEFAULT_TIMING.tickMs],
		['null', null, DEFAULT_TIMING.tickMs]
	])('takes a time of %s', (_what, tickMs, expected) => {
		const { timing } = parse({ timeouts: { tickMs, unheardOf: 5 } });
		expect(timing).toEqual({ ...DEFAULT_TIMING, tickMs: expected });
	});

	it.each<[string, string]>([
		['no JSON', 'hello'],
		['nothing', ''],
		['null', 'null'],
		['a number', '7'],
		['a list', '[]'],
		['no chain id', JSON.stringify({ ...sound, chainId: undefined })],
		['no genesis', JSON.stringify({ ...sound, genesis: 5 })],
		['no suite', JSON.stringify({ ...sound, suite: null })],
		['a genesis that is no base64', JSON.stringify({ ...sound, genesis: '%%%' })],
		['no relay', JSON.stringify({ ...sound, relay: undefined })],
		['relays that are none', JSON.stringify({ ...sound, relay: { multiaddrs: 'here' } })],
		['a relay that is none', JSON.stringify({ ...sound, relay: { multiaddrs: ['/ip4/1.2.3.4', 5] } })],
		['too much', JSON.stringify({ ...sound, filling: 'x'.repeat(1_000_000) })]
	])('is refused where it is %s', (_what, text) => {
		expect(() => parseNetworkDocument(text)).toThrow(
			expect.objectContaining({
				name: 'NotConnected',
				message: expect.stringContaining('description of the network cannot be read')
			})
		);
	});

	it('whatever it is: a document, or NotConnected', () => {
		const text = fc.oneof(
			fc.json(),
			fc.string(),
			fc
				.record({ ...fixed(sound), genesis: fc.jsonValue(), relay: fc.jsonValue() })
				.map((one) => JSON.stringify(one)),
			fc
				.record({ ...fixed(sound), timeouts: fc.jsonValue(), spectrum: fc.jsonValue() })
				.map((one) => JSON.stringify(one))
		);
		const count = { read: 0, refused: 0 };
		fc.assert(
			fc.property(text, (one) => {
				try {
					const { timing } = parseNetworkDocument(one);
					expect(Object.keys(timing)).toEqual(Object.keys(DEFAULT_TIMING));
					expect(Object.values(timing).every((value) => value > 0 && value <= 3_600_000)).toBe(true);
					count.read += 1;
				} catch (error) {
					if (!(error instanceof ApiError)) throw error;
					expect(error.name).toBe('NotConnected');
					count.refused += 1;
				}
			}),
			{ numRuns: 1000 }
		);
		expect(count.read).toBeGreaterThan(100);
		expect(count.refused).toBeGreaterThan(100);
	});
});

describe('fetching it', () => {
	let server: Server | null = null;

	afterEach(async () => {
		const running = server;
		server = null;
		if (running) await new Promise((resolve) => running.close(resolve));
	});

	async function serve(status: number, body: string): Promise<string> {
		server = createServer((_request, response) =>
			response.writeHead(status, { connection: 'close' }).end(body)
		);
		await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
		return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/network`;
	}

	it('asks the relay', async () => {
		expect((await fetchNetworkDocument(await serve(200, JSON.stringify(sound)))).chainId).toBe(sound.chainId);
	});

	it('says that the relay is not reached where nobody answers, it refuses, or nobody waits any more', async () => {
		const url = await serve(503, JSON.stringify(sound));
		await expect(fetchNetworkDocument(url)).rejects.toMatchObject({
			name: 'NotConnected',
			message: 'the relay is not reached: it answered 503'
		});
		await expect(fetchNetworkDocument(url, AbortSignal.abort())).rejects.toMatchObject({
			name: 'NotConnected'
		});
		await expect(fetchNetworkDocument('http://127.0.0.1:1/')).rejects.toMatchObject({ name: 'NotConnected' });
	});
});

function fixed<T extends object>(values: T): Record<keyof T, fc.Arbitrary<unknown>> {
	return Object.fromEntries(
		Object.entries(values).map(([name, value]) => [name, fc.constant(value)])
	) as unknown as Record<keyof T, fc.Arbitrary<unknown>>;
}
