import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../../wire/protocol-version.ts';
import { ApiError } from '../api.ts';
import { DEFAULT_TIMING } from '../timing.ts';
import { fetchNetworkDocument, parseNetworkDocument } from './network-document.ts';

fc.configureGlobal({ seed: 7070 });

const sound = {
	protocol: PROTOCOL_VERSION,
	chainId: 'ab'.repeat(32),
	genesis: 'AQID',
	suite: 'ed25519-sha256',
	relay: { multiaddrs: ['/dns4/relay/tcp/7070/ws', '/ip4/10.0.0.1/tcp/7070/ws'] },
	iceServers: [{ urls: 'stun:stun.example:3478' }],
	maxFramesPerSecond: 2000,
	timeouts: { heartbeatMs: 250 },
	spectrum: { mechanism: 'seed' }
};
const REPLICA = {
	id: 'cd'.repeat(32),
	peerId: '12D3',
	name: 'second',
	addresses: ['/ip4/10.0.0.2/tcp/7070/ws']
};
const parse = (changes: object = {}) => parseNetworkDocument(JSON.stringify({ ...sound, ...changes }));

describe('the relay’s description of its network', () => {
	it('says what a tab needs', () => {
		expect(parse()).toEqual({
			chainId: sound.chainId,
			genesis: Uint8Array.of(1, 2, 3),
			suite: 'ed25519-sha256',
			// The relay on which this page came first.
			relays: [{ id: '', name: '', address: '/dns4/relay/tcp/7070/ws' }],
			iceServers: sound.iceServers,
			maxFramesPerSecond: 2000,
			timing: { ...DEFAULT_TIMING, heartbeatMs: 250 },
			mechanism: 'seed'
		});
	});

	it('names every replica once, the one on which the page came first and by the address that the page has', () => {
		const replicas = ['first', 'second', 'third'].map((name, i) => ({
			id: String(i).repeat(64),
			peerId: `peer-${name}`,
			name,
			addresses: [`/ip4/10.0.0.${i + 1}/tcp/7070/ws`, '/ip4/127.0.0.1/tcp/7070/ws'],
			state: 'down'
		}));
		const { relays } = parse({ relay: { ...sound.relay, peerId: 'peer-second' }, replicas });
		expect(relays).toEqual([
			{ id: '1'.repeat(64), name: 'second', address: '/dns4/relay/tcp/7070/ws' },
			{ id: '0'.repeat(64), name: 'first', address: '/ip4/10.0.0.1/tcp/7070/ws' },
			{ id: '2'.repeat(64), name: 'third', address: '/ip4/10.0.0.3/tcp/7070/ws' }
		]);
		// A replica without an address cannot be linked, and is no reason to refuse the others.
		const unknown = parse({ replicas: [{ ...replicas[0], addresses: [] }] });
		expect(unknown.relays).toEqual([{ id: '', name: '', address: '/dns4/relay/tcp/7070/ws' }]);
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

	it.each([
		['newer', PROTOCOL_VERSION + 1],
		['older', PROTOCOL_VERSION - 1],
		['older', undefined]
	])('of a %s protocol is not read any further, and says so', (which, protocol) => {
		const refused = () =>
			parseNetworkDocument(JSON.stringify({ protocol, chainId: 'x', genesis: 'in another form' }));
		expect(refused).toThrow(
			expect.objectContaining({ name: 'ProtocolMismatch', message: expect.stringContaining(which) })
		);
		expect(parse({ protocol: PROTOCOL_VERSION }).chainId).toBe(sound.chainId);
	});

	it.each<[string, string]>([
		['a protocol that is no version', JSON.stringify({ ...sound, protocol: '2' })],
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
		['a relay without an address', JSON.stringify({ ...sound, relay: { multiaddrs: [] } })],
		['replicas that are none', JSON.stringify({ ...sound, replicas: 'three' })],
		['a replica that is none', JSON.stringify({ ...sound, replicas: [null] })],
		['a replica without a name', JSON.stringify({ ...sound, replicas: [{ ...REPLICA, name: 7 }] })],
		[
			'a replica with an endless name',
			JSON.stringify({ ...sound, replicas: [{ ...REPLICA, name: 'x'.repeat(129) }] })
		],
		[
			'a replica whose addresses are none',
			JSON.stringify({ ...sound, replicas: [{ ...REPLICA, addresses: [5] }] })
		],
		['more replicas than a cluster has', JSON.stringify({ ...sound, replicas: Array(6).fill(REPLICA) })],
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
		const replicaLists = fc.oneof(
			{ weight: 4, arbitrary: fc.constant([REPLICA]) },
			fc.array(fc.jsonValue(), { maxLength: 7 }),
			fc.jsonValue()
		);
		const text = fc.oneof(
			fc.json(),
			fc.string(),
			fc
				.record({ ...fixed(sound), genesis: fc.jsonValue(), relay: fc.jsonValue() })
				.map((one) => JSON.stringify(one)),
			fc
				.record({
					...fixed(sound),
					timeouts: fc.jsonValue(),
					spectrum: fc.jsonValue(),
					replicas: replicaLists
				})
				.map((one) => JSON.stringify(one))
		);
		const count = { read: 0, refused: 0 };
		fc.assert(
			fc.property(text, (one) => {
				try {
					const { timing, relays } = parseNetworkDocument(one);
					expect(relays.length).toBeLessThanOrEqual(6);
					expect(relays.every(({ address }) => typeof address === 'string')).toBe(true);
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
