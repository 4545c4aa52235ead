import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { multiaddr } from '@multiformats/multiaddr';
import { WebSocket as RawWebSocket } from 'ws';
import { startLibp2p } from '#lib/network/libp2p-host.ts';
import { FRAME_BURST_S, LINK_PROTOCOL } from '#lib/network/network-limits.ts';
import type { LinkStatus } from '#lib/network/network.ts';
import { NodeNetwork } from '#lib/network/node-network.ts';
import { relayAddress } from '#lib/network/relay-address.ts';
import { nodeIdOfSeed, peerIdOf } from '#lib/network/peer-identity.ts';
import { decodePacket } from '#lib/wire/codec.ts';
import { RelayNetwork } from './relay-host.ts';
import type { RelaySettings, ReplicaTarget } from './relay-host.ts';

const ends: (() => unknown)[] = [];

afterEach(async () => {
	await Promise.all(ends.splice(0).map((end) => end()));
});

describe('the relay’s network', { timeout: 30_000 }, () => {
	it('links every client to the Booter, under the ids that they proved', async () => {
		const { relay, seen, client } = await relayed();
		const a = await client(2);
		await until(() => up(a.network, relay.self) === 'direct' && up(relay, a.network.self) === 'direct');
		relay.send(a.network.self, [Uint8Array.of(1), new Uint8Array(400_000).fill(2)]);
		a.network.send(relay.self, [Uint8Array.of(3)]);
		await until(() => a.packets.length === 2 && seen.packets.length === 1);
		expect(a.packets[1]).toEqual([relay.self, new Uint8Array(400_000).fill(2)]);
		expect(seen.packets).toEqual([[nodeIdOfSeed(seed(2)), Uint8Array.of(3)]]);
		await until(() => a.network.links()[0]!.rttMs !== null);
	});

	it('carries links between clients, says that they are relayed, and notices an end at once', async () => {
		const { relay, client } = await relayed();
		const [a, b] = [await client(2), await client(3)];
		a.network.setPeers([b.network.self]);
		b.network.setPeers([a.network.self]);
		await until(
			() => up(a.network, b.network.self) === 'relayed' && up(b.network, a.network.self) === 'relayed'
		);
		expect(relay.relayStatus()).toMatchObject({ connections: 2, reservations: 2, circuits: 1 });
		for (let i = 0; i < 20; i++) a.network.send(b.network.self, [new Uint8Array(50_000).fill(i)]);
		await until(() => b.packets.length === 20);
		expect(b.packets.map(([, packet]) => packet[0])).toEqual(Array.from({ length: 20 }, (_, i) => i));

		const stopping = b.network.stop();
		await until(() => up(a.network, b.network.self) === 'down', 1_000);
		await stopping;
		await until(() => relay.relayStatus().reservations === 1);
		expect(relay.links().map(({ peer }) => peer)).toEqual([a.network.self]);
	});

	it('takes a peer back that stopped and came again with the same identity', async () => {
		const { client } = await relayed();
		const [a, b] = [await client(2), await client(3)];
		a.network.setPeers([b.network.self]);
		await until(() => up(a.network, b.network.self) === 'relayed');
		await b.network.stop();
		await until(() => up(a.network, b.network.self) === 'down');
		const again = await client(3);
		await until(() => up(a.network, again.network.self) === 'relayed');
	});

	it('gets its clients back after a restart, without their doing', async () => {
		const { relay, server, client } = await relayed();
		const [a, b] = [await client(2), await client(3)];
		a.network.setPeers([b.network.self]);
		await until(() => up(a.network, b.network.self) === 'relayed');
		const before = performance.now();
		await relay.stop();
		expect(performance.now() - before).toBeLessThan(2_000);
		await until(() => up(a.network, relay.self) === 'down' && up(a.network, b.network.self) === 'down');
		const next = new RelayNetwork({ server, seed: seed(1) });
		ends.push(() => next.stop());
		await next.start(quiet());
		await until(() => up(a.network, b.network.self) === 'relayed' && next.links().length === 2);
	});

	it('takes the upgrades that a server hands over, and refuses them while it is stopped', async () => {
		const relay = new RelayNetwork({ seed: seed(1) });
		const { server, url } = await listening();
		server.on('upgrade', (request, socket, head) => relay.handleUpgrade(request, socket, head));
		const refused = new RawWebSocket(url.replace('http', 'ws'));
		await new Promise((resolve) => refused.once('error', resolve));
		await relay.start(quiet());
		ends.push(() => relay.stop());
		const client = new NodeNetwork({ seed: seed(2), relays: [relayAddress(url)] });
		ends.push(() => client.stop());
		await client.start(quiet());
		await until(() => up(client, relay.self) === 'direct');
		expect(relayAddress(url, relay.self)).toContain(relay.peerId);
	});

	it('is not taken for another relay', async () => {
		const { relay, url } = await relayed();
		const links: LinkStatus[] = [];
		const wrong = relayAddress(url, nodeIdOfSeed(seed(99)));
		const client = new NodeNetwork({ seed: seed(2), relays: [wrong] });
		ends.push(() => client.stop());
		await client.start({ ...quiet(), link: (status) => void links.push(status) });
		const good = new NodeNetwork({ seed: seed(3), relays: [relayAddress(url, relay.self)] });
		ends.push(() => good.stop());
		await good.start(quiet());
		await until(() => up(good, relay.self) === 'direct');
		expect(links).toEqual([]);
	});

	it('accepts a class of 60 behind one address at once, and has all their places back when they go', async () => {
		const { relay, client } = await relayed();
		relay.setMembers(new Set());
		const clients = await Promise.all(Array.from({ length: 60 }, (_, i) => client(10 + i)));
		await until(() => relay.links().length === clients.length);
		await until(() => relay.relayStatus().reservations === clients.length);
		await Promise.all(clients.map(({ network }) => network.stop()));
		await until(() => relay.relayStatus().connections === 0);
		expect(relay.relayStatus()).toMatchObject({ strangers: 0, reservations: 0, circuits: 0 });
		expect(relay.links()).toEqual([]);
	});

	it('survives nonsense on its socket', async () => {
		const { relay, url, client } = await relayed();
		for (const nonsense of [new Uint8Array(100_000).fill(255), new Uint8Array(0), 'text']) {
			const socket = new RawWebSocket(url.replace('http', 'ws'));
			await new Promise((resolve) => socket.once('open', resolve));
			socket.send(nonsense);
			socket.on('error', () => undefined);
			ends.push(() => socket.terminate());
		}
		const a = await client(2);
		await until(() => up(a.network, relay.self) === 'direct');
	});
});

describe('who is no member', { timeout: 30_000 }, () => {
	it('has no circuit to anybody, nor anybody to it, until it is one and when it is none any more', async () => {
		const { relay, client } = await relayed();
		const [a, b, stranger] = [await client(2), await client(3), await client(4)];
		relay.setMembers(new Set([a.network.self, b.network.self]));
		for (const { network } of [a, b, stranger])
			network.setPeers([a, b, stranger].map((other) => other.network.self));
		await until(() => up(a.network, b.network.self) === 'relayed');
		// Each has asked for the other: the higher id dials, and after a moment the lower one does.
		await until(() => relay.relayStatus().refused >= 4);
		expect(upLinks(stranger.network)).toEqual([relay.self]);
		expect(relay.relayStatus()).toMatchObject({ strangers: 1, reservations: 3 });

		relay.setMembers(new Set([a, b, stranger].map(({ network }) => network.self)));
		await until(() => [a, b, stranger].every(({ network }) => upLinks(network).length === 3));
		expect(relay.relayStatus().strangers).toBe(0);

		relay.setMembers(new Set([a.network.self, b.network.self]));
		await until(() => upLinks(stranger.network).length === 1);
		await until(() => up(a.network, stranger.network.self) === 'down');
		expect(up(a.network, b.network.self)).toBe('relayed');
		expect(up(b.network, relay.self)).toBe('direct');
	});

	it('finds nothing else to speak to with a client of its own making', async () => {
		const { relay, client, url } = await relayed();
		const a = await client(2);
		await until(() => relay.relayStatus().reservations === 1);
		relay.setMembers(new Set([a.network.self]));
		const { node } = await startLibp2p(seed(40), null);
		ends.push(() => node.stop());
		await node.start();
		const place = multiaddr(relayAddress(url, relay.self));
		const connection = await node.dial(place);
		const target = multiaddr(`${place.toString()}/p2p-circuit/p2p/${peerIdOf(a.network.self).toString()}`);
		await expect(node.dial(target)).rejects.toThrow(/PERMISSION_DENIED/);
		for (const protocol of [
			'/libp2p/circuit/relay/0.2.0/stop',
			'/ipfs/ping/1.0.0',
			'/webrtc-signaling/0.0.1'
		])
			await expect(connection.newStream(protocol), protocol).rejects.toThrow(/protocol/i);
		expect(a.network.links()).toMatchObject([{ peer: relay.self, path: 'direct' }]);
		expect(relay.relayStatus()).toMatchObject({ circuits: 0, refused: 1 });
	});

	it('is told by name that there is no room, while members come in', async () => {
		const { relay, client, refusals } = await relayed({ maxStrangers: 2 });
		const member = nodeIdOfSeed(seed(9));
		relay.setMembers(new Set([member]));
		const first = [await client(2), await client(3)];
		await until(() => relay.links().length === 2);
		const late = await client(4);
		await until(() => refusals(late).includes('TooManyStrangers'));
		expect(relay.links()).toHaveLength(2);
		const own = await client(9);
		await until(() => up(relay, own.network.self) === 'direct');
		await first[0]!.network.stop();
		await until(() => up(relay, late.network.self) === 'direct');
	});

	it('is slowed down, and sped up as soon as it is a member', async () => {
		const { relay, seen, client } = await relayed({ maxBytesPerSecondPerStranger: 65_536 });
		relay.setMembers(new Set());
		const slow = await client(2);
		await until(() => up(slow.network, relay.self) === 'direct');
		for (let i = 0; i < 4; i++) slow.network.send(relay.self, [new Uint8Array(500_000)]);
		// Two megabytes take half a minute at this rate; what is read of them before the change is a small part.
		await until(() => relay.counters.bytesReceived > 20_000);
		expect(seen.packets.length).toBeLessThan(4);
		relay.setMembers(new Set([slow.network.self]));
		await until(() => seen.packets.length === 4);
	});

	it('leaves nothing behind: a hundred identities come and go', async () => {
		const { relay, url } = await relayed();
		relay.setMembers(new Set());
		for (let round = 0; round < 5; round++) {
			const nodes = await Promise.all(
				Array.from({ length: 20 }, async (_, i) => {
					const { node } = await startLibp2p(new Uint8Array(32).fill(round).fill(100 + i, 16), null);
					await node.start();
					await (await node.dial(multiaddr(relayAddress(url, relay.self)))).newStream(LINK_PROTOCOL);
					return node;
				})
			);
			await Promise.all(nodes.map(async (node) => node.stop()));
		}
		await until(() => relay.relayStatus().connections === 0);
		expect(relay.links()).toEqual([]);
		expect(relay.relayStatus()).toMatchObject({ strangers: 0, reservations: 0, circuits: 0 });
		await vi.waitFor(async () => expect(await relay.knownPeers()).toBe(0), { timeout: 5_000 });
	});

	it('that floods the Booter is cut off by name', async () => {
		const { relay, client, violations } = await relayed({ maxFramesPerSecond: 10 });
		relay.setMembers(new Set([nodeIdOfSeed(seed(2))]));
		const flooding = await client(2);
		await until(() => up(flooding.network, relay.self) === 'direct');
		for (let i = 0; i < 10 * FRAME_BURST_S + 10; i++) {
			flooding.network.send(relay.self, [Uint8Array.of(1)]);
			await Promise.resolve();
			await Promise.resolve();
		}
		await until(() => violations.includes('TooManyFrames'));
		await until(() => up(flooding.network, relay.self) === 'down');
	});

	it('cannot hold more than three connections', async () => {
		const { relay, url } = await relayed();
		relay.setMembers(new Set());
		const { node } = await startLibp2p(seed(40), null);
		ends.push(() => node.stop());
		await node.start();
		const place = multiaddr(relayAddress(url, relay.self));
		for (let i = 0; i < 6; i++) await node.dial(place, { force: true });
		await until(() => relay.relayStatus().connections === 3);
	});

	it('is refused before the handshake where too many come from one address', async () => {
		const { url } = await relayed({ maxConnectionsPerSecondPerHost: 3 });
		const statuses = await Promise.all(
			Array.from({ length: 5 }, async () => {
				const socket = new RawWebSocket(url.replace('http', 'ws'));
				ends.push(() => socket.terminate());
				return new Promise<number>((resolve) => {
					socket.once('open', () => resolve(101));
					socket.once('unexpected-response', (_request, response) => resolve(response.statusCode!));
					socket.once('error', () => undefined);
				});
			})
		);
		expect(statuses.filter((status) => status === 101)).toHaveLength(3);
		expect(statuses.filter((status) => status === 429)).toHaveLength(2);
	});
});

describe('replicas', { timeout: 30_000 }, () => {
	it('link to each other, one link a pair, and carry what the Booters say', async () => {
		const cluster = await replicas(3);
		await until(() => cluster.every(({ relay }) => upLinks(relay).length === 2));
		const [a, b, c] = cluster.map(({ relay }) => relay.self) as [string, string, string];
		cluster[0]!.relay.send(b, [Uint8Array.of(1)]);
		cluster[1]!.relay.send(a, [Uint8Array.of(2), new Uint8Array(400_000).fill(3)]);
		cluster[2]!.relay.send(a, [Uint8Array.of(4)]);
		await until(() => cluster[0]!.packets.length === 3 && cluster[1]!.packets.length === 1);
		expect(cluster[1]!.packets).toEqual([[a, Uint8Array.of(1)]]);
		expect(cluster[0]!.packets.filter(([from]) => from === b).map(([, packet]) => packet[0])).toEqual([2, 3]);
		expect(cluster[0]!.packets.filter(([from]) => from === c).map(([, packet]) => packet[0])).toEqual([4]);
		await until(() => cluster.every(({ relay }) => relay.relayStatus().connections === 2));
	});

	it('find each other again after one was away, whichever of them it was', async () => {
		const cluster = await replicas(3);
		await until(() => cluster.every(({ relay }) => upLinks(relay).length === 2));
		for (const gone of cluster) {
			await gone.relay.stop();
			const others = cluster.filter((replica) => replica !== gone);
			await until(() => others.every(({ relay }) => up(relay, gone.relay.self) === 'down'));
			// What is not there is still shown, and the others have kept each other.
			for (const { relay } of others) expect(relay.links()).toHaveLength(2);
			for (const { relay } of others) expect(upLinks(relay)).toHaveLength(1);
			await gone.again();
			await until(() => cluster.every(({ relay }) => upLinks(relay).length === 2));
		}
	});

	it('are dialled by the lower id, too, where the higher one does not reach it', async () => {
		const [low, high] = (await Promise.all([listening(), listening()])).map(({ server, url }, i) => ({
			server,
			url,
			seed: BY_ID[i]!
		})) as [Place, Place];
		const target = ({ seed, url }: Place) => replicaTarget(seed, url);
		const nobody = relayAddress('http://127.0.0.1:9', nodeIdOfSeed(low.seed));
		const one = relayAt(low, { replicas: [target(high)] });
		const other = relayAt(high, { replicas: [{ ...target(low), address: nobody }] });
		await Promise.all([one.start(quiet()), other.start(quiet())]);
		await until(() => up(one, other.self) === 'direct' && up(other, one.self) === 'direct');
	});

	it('are no tabs: their rate is not bounded, and a full house has room for them', async () => {
		const cluster = await replicas(2, { maxBytesPerSecondPerTab: 16_384, maxTabs: 1 });
		const [a, b] = cluster as [Replica, Replica];
		const tab = new NodeNetwork({ seed: seed(50), relays: [relayAddress(a.url)] });
		ends.push(() => tab.stop());
		await tab.start(quiet());
		await until(() => up(tab, a.relay.self) === 'direct');
		await until(() => up(a.relay, b.relay.self) === 'direct' && up(b.relay, a.relay.self) === 'direct');
		// Four megabytes each way would take four minutes at a tab's rate, whoever dialled whom.
		for (const [from, to] of [
			[a, b],
			[b, a]
		] as const)
			for (let i = 0; i < 8; i++) from.relay.send(to.relay.self, [new Uint8Array(500_000)]);
		await until(() => a.packets.length === 8 && b.packets.length === 8);
		// A tab is slowed down as before: two seconds' worth passes at once, and not ten times as much.
		for (let i = 0; i < 10; i++) tab.send(a.relay.self, [new Uint8Array(32_768).fill(9)]);
		b.relay.send(a.relay.self, [Uint8Array.of(7)]);
		await until(() => a.packets.some(([, packet]) => packet[0] === 7));
		expect(a.packets.filter(([, packet]) => packet[0] === 9).length).toBeLessThan(10);
	});

	it('are linked only where the check lets them, and are asked again', async () => {
		let allowed = false;
		const asked: string[] = [];
		const cluster = await replicas(2, {
			checkReplica: async (id) => {
				asked.push(id);
				if (!allowed) throw new Error('another chain');
			}
		});
		const [a, b] = cluster as [Replica, Replica];
		await until(() => asked.filter((id) => id === a.relay.self).length >= 2);
		await until(() => asked.filter((id) => id === b.relay.self).length >= 2);
		expect(upLinks(a.relay)).toEqual([]);
		allowed = true;
		await until(() => upLinks(a.relay).length === 1 && upLinks(b.relay).length === 1);
	});

	it('do not take another program at their address for one of them', async () => {
		const { server, url } = await listening();
		const stranger = new RelayNetwork({ server, seed: seed(60) });
		ends.push(() => stranger.stop());
		await stranger.start(quiet());
		let dialled = 0;
		const place = { ...(await listening()), seed: seed(61) };
		const relay = relayAt(place, {
			replicas: [replicaTarget(seed(62), url)],
			checkReplica: async () => void dialled++
		});
		await relay.start(quiet());
		await until(() => dialled >= 3);
		expect(upLinks(relay)).toEqual([]);
		expect(relay.links()).toEqual([{ peer: nodeIdOfSeed(seed(62)), path: 'down', rttMs: null }]);
	});

	it('must name who is at their address', () => {
		const target = replicaTarget(seed(2), 'http://127.0.0.1:1');
		for (const address of [
			relayAddress('http://127.0.0.1:1'),
			relayAddress('http://127.0.0.1:1', nodeIdOfSeed(seed(3)))
		])
			expect(() => new RelayNetwork({ seed: seed(1), replicas: [{ ...target, address }] })).toThrow(
				expect.objectContaining({ name: 'BadRelayAddress' })
			);
	});
});

describe('a tab of a cluster', { timeout: 30_000 }, () => {
	it('has a link to every replica, and only that link ends with one of them', async () => {
		const cluster = await replicas(3);
		const tabs = await Promise.all([tabOf(cluster, 20), tabOf(cluster, 21)]);
		const [a, b] = tabs as [NodeNetwork, NodeNetwork];
		a.setPeers([b.self]);
		b.setPeers([a.self]);
		await until(() => tabs.every((tab) => upLinks(tab).length === 4));
		await until(() => cluster.every(({ relay }) => relay.relayStatus().reservations === 2));
		const carrier = cluster.find(({ relay }) => relay.relayStatus().circuits > 0)!;
		const rest = cluster.filter((replica) => replica !== carrier);
		await carrier.relay.stop();
		// The tabs' own link moves over to a circuit of another replica, and the links to the others never went down.
		await until(() => tabs.every((tab) => up(tab, carrier.relay.self) === 'down'));
		await until(() => up(a, b.self) === 'relayed' && up(b, a.self) === 'relayed');
		for (const tab of tabs) for (const { relay } of rest) expect(up(tab, relay.self)).toBe('direct');
		expect(rest.some(({ relay }) => relay.relayStatus().circuits > 0)).toBe(true);
		await carrier.again();
		await until(() => tabs.every((tab) => up(tab, carrier.relay.self) === 'direct'));
	});

	it('begins with those that are there, and gets the others when they come', async () => {
		const cluster = await replicas(3);
		const [first, ...others] = cluster as [Replica, ...Replica[]];
		await Promise.all(others.map(({ relay }) => relay.stop()));
		const tab = await tabOf(cluster, 20);
		await until(() => up(tab, first.relay.self) === 'direct');
		expect(upLinks(tab)).toHaveLength(1);
		await Promise.all(others.map((replica) => replica.again()));
		await until(() => upLinks(tab).length === 3);
	});
});

async function relayed(settings: Partial<RelaySettings> = {}) {
	const { server, url } = await listening();
	const relay = new RelayNetwork({ server, seed: seed(1), ...settings });
	const seen = { packets: [] as [string, Uint8Array][] };
	const violations: string[] = [];
	await relay.start({
		...quiet(),
		violation: (_from, { name }) => void violations.push(name),
		packets: (from, packets) =>
			void seen.packets.push(...packets.map((packet): [string, Uint8Array] => [from, packet]))
	});
	ends.push(() => relay.stop());
	const client = async (n: number) => {
		const packets: [string, Uint8Array][] = [];
		const network = new NodeNetwork({ seed: seed(n), relays: [relayAddress(url, relay.self)] });
		await network.start({
			...quiet(),
			packets: (from, received) =>
				void packets.push(...received.map((packet): [string, Uint8Array] => [from, packet]))
		});
		ends.push(() => network.stop());
		return { network, packets };
	};
	const refusals = ({ packets }: { packets: [string, Uint8Array][] }): string[] =>
		packets.flatMap(([, packet]) => {
			const { body } = decodePacket(packet);
			return body.case === 'refusal' ? [body.value.name] : [];
		});
	return { relay, seen, violations, client, refusals, server, url };
}

async function listening(): Promise<{ server: Server; url: string }> {
	const server = createServer((_, response) => response.end('the site'));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	ends.push(() => {
		server.closeAllConnections();
		server.close();
	});
	return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function up(network: { links(): LinkStatus[] }, peer: string): string {
	return network.links().find((link) => link.peer === peer)?.path ?? 'down';
}

function until(condition: () => boolean, timeout = 10_000): Promise<void> {
	return vi.waitFor(() => expect(condition(), String(condition)).toBe(true), { timeout, interval: 10 });
}

function quiet() {
	return { packets: () => undefined, link: () => undefined, violation: () => undefined };
}

function seed(n: number): Uint8Array {
	return new Uint8Array(32).fill(n);
}

interface Place {
	server: Server;
	url: string;
	seed: Uint8Array;
}

interface Replica extends Place {
	relay: RelayNetwork;
	packets: [string, Uint8Array][];
	/** The same replica anew, at its address. */
	again(): Promise<void>;
}

/** Seeds, the one of the lower id first. */
const BY_ID = [seed(70), seed(71)].sort((a, b) => (nodeIdOfSeed(a) < nodeIdOfSeed(b) ? -1 : 1));

async function replicas(count: number, settings: Partial<RelaySettings> = {}): Promise<Replica[]> {
	const places = await Promise.all(
		Array.from({ length: count }, async (_, i): Promise<Place> => ({
			...(await listening()),
			seed: seed(i + 1)
		}))
	);
	const start = async (replica: Replica): Promise<void> => {
		replica.relay = relayAt(replica, {
			...settings,
			replicas: places
				.filter(({ url }) => url !== replica.url)
				.map((other) => replicaTarget(other.seed, other.url))
		});
		await replica.relay.start({
			...quiet(),
			packets: (from, packets) =>
				void replica.packets.push(...packets.map((packet): [string, Uint8Array] => [from, packet]))
		});
	};
	return Promise.all(
		places.map(async (place) => {
			const replica = { ...place, packets: [], again: () => start(replica) } as unknown as Replica;
			await start(replica);
			return replica;
		})
	);
}

function relayAt({ server, seed }: Place, settings: Partial<RelaySettings>): RelayNetwork {
	const relay = new RelayNetwork({ server, seed, ...settings });
	ends.push(() => relay.stop());
	return relay;
}

function replicaTarget(seed: Uint8Array, url: string): ReplicaTarget {
	const id = nodeIdOfSeed(seed);
	return { id, name: id.slice(0, 8), address: relayAddress(url, id) };
}

async function tabOf(cluster: Replica[], n: number): Promise<NodeNetwork> {
	const relays = cluster.map(({ url, seed }) => relayAddress(url, nodeIdOfSeed(seed)));
	const tab = new NodeNetwork({ seed: seed(n), relays });
	ends.push(() => tab.stop());
	await tab.start(quiet());
	return tab;
}

function upLinks(network: { links(): LinkStatus[] }): string[] {
	return network.links().flatMap(({ peer, path }) => (path === 'down' ? [] : [peer]));
}
