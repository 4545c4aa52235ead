import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket as RawWebSocket } from 'ws';
import type { LinkStatus } from '#lib/network/network.ts';
import { NodeNetwork } from '#lib/network/node-network.ts';
import { relayAddress } from '#lib/network/relay-address.ts';
import { nodeIdOfSeed } from '#lib/network/peer-identity.ts';
import { RelayNetwork } from './relay-host.ts';

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

	it('accepts a class of newcomers behind one address at once', async () => {
		const { relay, client } = await relayed();
		const clients = await Promise.all(Array.from({ length: 24 }, (_, i) => client(10 + i)));
		await until(() => relay.links().length === clients.length);
		await until(() => relay.relayStatus().reservations === clients.length, 5_000);
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

async function relayed() {
	const { server, url } = await listening();
	const relay = new RelayNetwork({ server, seed: seed(1) });
	const seen = { packets: [] as [string, Uint8Array][] };
	await relay.start({
		...quiet(),
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
	return { relay, seen, client, server, url };
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
	return vi.waitFor(() => expect(condition()).toBe(true), { timeout, interval: 10 });
}

function quiet() {
	return { packets: () => undefined, link: () => undefined, violation: () => undefined };
}

function seed(n: number): Uint8Array {
	return new Uint8Array(32).fill(n);
}
