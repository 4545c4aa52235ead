import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FrameDecoder, encodeFrame } from '#lib/wire/frame.ts';
import type { CarrierEvents, LinkCarrier, OutgoingFrame } from './link-carrier.ts';
import { MAX_PORT_BYTES } from './network-limits.ts';
import type { LinkStatus } from './network.ts';
import { PortNetwork, serveLinks } from './port-messages.ts';
import type { LinkSettings, PortLike } from './port-messages.ts';

const SETTINGS: LinkSettings = { seed: new Uint8Array(32), relays: ['/ip4/127.0.0.1/tcp/7070/ws'] };
const ends: (() => unknown)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

describe('the port between worker and page', () => {
	it('starts the page’s links with the worker’s settings, and knows a wrong identity', async () => {
		const { page, worker } = ports();
		const made: LinkSettings[] = [];
		const stopServing = serveLinks(page, async (settings) => {
			made.push(settings);
			return new FakeLinks('page');
		});
		ends.push(stopServing);
		const wrong = new PortNetwork({ port: worker, self: 'worker', settings: SETTINGS });
		await expect(wrong.start(noEvents())).rejects.toMatchObject({ name: 'NetworkIdentityMismatch' });
		expect(made).toEqual([SETTINGS]);
	});

	it('says why links did not start', async () => {
		const { page, worker } = ports();
		ends.push(
			serveLinks(page, () => {
				throw new RangeError('no libp2p today');
			})
		);
		const network = new PortNetwork({ port: worker, self: 'me', settings: SETTINGS });
		await expect(network.start(noEvents())).rejects.toMatchObject({
			name: 'NetworkStartFailed',
			message: 'RangeError: no libp2p today'
		});
	});

	it('carries links, packets and wishes both ways', async () => {
		const { network, links, seen } = await bridge();
		network.setPeers(['p1', 'p2']);
		links.events.opened('p1', 1, 'direct', false);
		links.events.opened('p2', 2, 'relayed', false);
		await vi.waitFor(() => expect(seen.links).toHaveLength(2));
		expect(links.peers).toEqual(['p1', 'p2']);

		const packets = [Uint8Array.of(1), new Uint8Array(300_000).fill(2)];
		network.send('p1', packets);
		network.send('p2', packets);
		await vi.waitFor(() => expect(links.nodePackets('p2')).toHaveLength(2));
		expect(links.nodePackets('p1')).toEqual(packets);
		expect(links.sent.filter(({ bytes }) => bytes.length > 300_000).map(({ to }) => to)).toEqual([
			['p1', 'p2']
		]);

		const incoming = encodeFrame([Uint8Array.of(7), Uint8Array.of(8)])[0]!;
		links.events.received('p2', 2, incoming.subarray(0, 3));
		links.events.received('p2', 2, incoming.subarray(3));
		await vi.waitFor(() => expect(seen.packets).toEqual([['p2', [Uint8Array.of(7), Uint8Array.of(8)]]]));

		links.events.closed('p1', 1, 'gone', false);
		await vi.waitFor(() => expect(seen.links.at(-1)).toEqual({ peer: 'p1', path: 'down', rttMs: null }));
	});

	it('does not let the page’s bytes be changed under it: libp2p may use its buffer again', async () => {
		const { links, seen } = await bridge();
		links.events.opened('p1', 1, 'direct', false);
		const buffer = encodeFrame([Uint8Array.of(7)])[0]!;
		links.events.received('p1', 1, buffer);
		buffer.fill(0);
		await vi.waitFor(() => expect(seen.packets).toEqual([['p1', [Uint8Array.of(7)]]]));
	});

	it('posts one message for what one turn sends', async () => {
		const { network, links, workerPosts, seen } = await bridge();
		for (let i = 1; i <= 5; i++) links.events.opened(`p${i}`, i, 'direct', false);
		await vi.waitFor(() => expect(seen.links).toHaveLength(5));
		await vi.waitFor(() => expect(links.sent).toHaveLength(5));
		const before = workerPosts.filter(hasFrames).length;
		for (let i = 1; i <= 5; i++) network.send(`p${i}`, [Uint8Array.of(i)]);
		await vi.waitFor(() => expect(links.sent).toHaveLength(10));
		expect(workerPosts.filter(hasFrames).length - before).toBe(1);
	});

	it('drops what a busy page does not take, and goes on when it does', async () => {
		const { network, links, seen } = await bridge();
		links.events.opened('p1', 1, 'direct', false);
		await vi.waitFor(() => expect(seen.links).toHaveLength(1));
		const packet = new Uint8Array(1_000_000);
		const tooMany = Math.ceil(MAX_PORT_BYTES / packet.length) + 5;
		for (let i = 0; i < tooMany; i++) network.send('p1', [packet]);
		await vi.waitFor(() => expect(network.counters.framesDropped).toBeGreaterThan(0));
		const dropped = network.counters.framesDropped;
		const taken = tooMany - Math.floor(network.counters.bytesDropped / packet.length);
		expect(taken).toBeGreaterThan(0);
		await vi.waitFor(() => expect(links.nodePackets('p1')).toHaveLength(taken));
		network.send('p1', [Uint8Array.of(1)]);
		await vi.waitFor(() => expect(links.nodePackets('p1')).toHaveLength(taken + 1));
		expect(network.counters.framesDropped).toBe(dropped);
	});

	it('cuts off a peer that sends more than a busy worker takes', async () => {
		const { links } = await bridge();
		links.events.opened('p1', 1, 'direct', false);
		const chunk = new Uint8Array(1_000_000);
		for (let bytes = 0; bytes <= MAX_PORT_BYTES; bytes += chunk.length) links.events.received('p1', 1, chunk);
		expect(links.closed[0]).toMatchObject(['p1', 1, expect.stringContaining('cannot keep up')]);
	});

	it('stops the page’s links with the network, and can be started again', async () => {
		const { network, links, page, worker } = await bridge();
		await network.stop();
		expect(links.stopped).toBe(true);
		expect(page).toBeDefined();
		const next = new PortNetwork({ port: worker, self: 'me', settings: SETTINGS });
		await next.start(noEvents());
		await next.stop();
	});

	it('stops the links when the page goes', async () => {
		const target = new EventTarget();
		vi.stubGlobal('addEventListener', target.addEventListener.bind(target));
		vi.stubGlobal('removeEventListener', target.removeEventListener.bind(target));
		const { links } = await bridge();
		target.dispatchEvent(new Event('pagehide'));
		// In that very turn: there is no other.
		expect(links.stopped).toBe(true);
		vi.unstubAllGlobals();
	});
});

function ports(): { page: PortLike; worker: PortLike; workerPosts: unknown[] } {
	const { port1, port2 } = new MessageChannel();
	ends.push(() => port1.close());
	const workerPosts: unknown[] = [];
	const worker = port2 as unknown as PortLike;
	const post = worker.postMessage.bind(worker);
	worker.postMessage = (message, transfer) => {
		workerPosts.push(message);
		post(message, transfer);
	};
	return { page: port1 as unknown as PortLike, worker, workerPosts };
}

async function bridge() {
	const { page, worker, workerPosts } = ports();
	let links = new FakeLinks('me');
	let first = true;
	const stopServing = serveLinks(page, () => {
		if (!first) links = new FakeLinks('me');
		first = false;
		return links;
	});
	const network = new PortNetwork({ port: worker, self: 'me', settings: SETTINGS });
	const seen = { packets: [] as [string, Uint8Array[]][], links: [] as LinkStatus[] };
	await network.start({
		packets: (from, packets) => void seen.packets.push([from, packets]),
		link: (status) => void (status.rttMs === null && seen.links.push(status)),
		violation: () => undefined
	});
	ends.push(stopServing, () => network.stop());
	return { network, links, seen, workerPosts, page, worker };
}

function noEvents() {
	return { packets: () => undefined, link: () => undefined, violation: () => undefined };
}

function hasFrames(message: unknown): boolean {
	return (message as { items: { kind: string }[] }).items.some(({ kind }) => kind === 'frames');
}

class FakeLinks implements LinkCarrier {
	readonly self: string;
	events!: CarrierEvents;
	peers: string[] = [];
	sent: OutgoingFrame[] = [];
	closed: [string, number, string][] = [];
	said: string[] = [];
	stopped = false;

	constructor(self: string) {
		this.self = self;
	}
	async start(events: CarrierEvents): Promise<void> {
		this.events = events;
	}
	setPeers(peers: string[]): void {
		this.peers = peers;
	}
	send(frames: OutgoingFrame[]): void {
		this.sent.push(...frames);
	}
	acknowledged(peer: string, session: number, bytes: number): void {
		this.said.push(`${peer} ${session} has ${bytes}`);
	}
	doubt(peer: string, session: number): void {
		this.said.push(`${peer} ${session} is doubted`);
	}
	close(peer: string, session: number, reason: string): void {
		this.closed.push([peer, session, reason]);
	}
	tick(): void {}
	async stop(): Promise<void> {
		this.stopped = true;
	}

	/** What was sent to a peer, without the links' own pings. */
	nodePackets(peer: string): Uint8Array[] {
		const decoder = new FrameDecoder();
		return this.sent
			.filter(({ to }) => to.includes(peer))
			.flatMap(({ bytes }) => decoder.push(bytes).flat())
			.filter((packet) => packet[0] !== 0x92);
	}
}
