/**
 * The in-memory twin of the network, for tests and simulations of everything above it. Deterministic: what happens is
 * decided by the order of calls and by the scheduler alone; no clock, no randomness.
 *
 *     const hub = new MemoryHub();
 *     const a = hub.network('aa');            // a link forms once both have started and one of them wants the other
 */
import { NetworkError } from './link-carrier.ts';
import { MAX_SEND_QUEUE_BYTES } from './network-limits.ts';
import type { LinkPath, LinkStatus, Network, NetworkEvents, NodeId } from './network.ts';

/** Runs `task` later, tasks of the same link in the order in which they were handed in. */
export type Schedule = (task: () => void, about: { from: NodeId; to: NodeId; bytes: number }) => void;

export class MemoryHub {
	#schedule: Schedule;
	#nodes = new Map<NodeId, MemoryNetwork>();
	#cut = new Set<string>();
	#paths = new Map<string, Exclude<LinkPath, 'down'>>();

	constructor(schedule: Schedule = (task) => queueMicrotask(task)) {
		this.#schedule = schedule;
	}

	/** @throws NetworkError where a network with this id is started already: one identity, one node (R25) */
	network(id: NodeId): MemoryNetwork {
		return new MemoryNetwork(id, this.#internals);
	}

	/** Takes the link between a and b away until `heal`; what is on its way is lost. */
	cut(a: NodeId, b: NodeId): void {
		this.#cut.add(pairOf(a, b));
		this.#settle(a, b, true);
	}

	heal(a: NodeId, b: NodeId): void {
		this.#cut.delete(pairOf(a, b));
		this.#settle(a, b, false);
	}

	/** Says how the link between a and b is made; 'direct' unless told. An existing link changes at once. */
	setPath(a: NodeId, b: NodeId, path: Exclude<LinkPath, 'down'>): void {
		this.#paths.set(pairOf(a, b), path);
		this.#settle(a, b, true);
	}

	/** Breaks the framing on behalf of `from`: `to` sees a violation and the link closes. */
	violate(from: NodeId, to: NodeId, error: Error): void {
		this.#nodes.get(to)?.events?.violation(from, error);
		this.#settle(from, to, true);
	}

	#internals: HubInternals = {
		started: (network) => {
			if (this.#nodes.has(network.self))
				throw new NetworkError('NetworkAlreadyStarted', `node ${network.self} is on this hub already`);
			this.#nodes.set(network.self, network);
			for (const other of this.#nodes.keys()) this.#settle(network.self, other, false);
		},
		stopped: (network) => {
			if (this.#nodes.get(network.self) !== network) return;
			this.#nodes.delete(network.self);
			for (const other of this.#nodes.keys()) this.#settle(network.self, other, true);
		},
		wantsChanged: (network, peers) => {
			for (const peer of peers) this.#settle(network.self, peer, false);
		},
		deliver: (from, link, packets) => {
			const bytes = packets.reduce((sum, packet) => sum + packet.length, 0);
			if (link.queuedBytes + bytes > MAX_SEND_QUEUE_BYTES) return false;
			link.queuedBytes += bytes;
			// Copies: on a real link sender and receiver share no memory.
			const copies = packets.map((packet) => packet.slice());
			this.#schedule(
				() => {
					link.queuedBytes -= bytes;
					const receiver = this.#nodes.get(link.to);
					if (link.open && receiver) receiver.events?.packets(from, copies);
				},
				{ from, to: link.to, bytes }
			);
			return true;
		}
	};

	/** Opens or closes the link of a pair, as the wishes, cuts and starts now ask. */
	#settle(a: NodeId, b: NodeId, reset: boolean): void {
		if (a === b) return;
		const [one, other] = [this.#nodes.get(a), this.#nodes.get(b)];
		const wanted =
			one !== undefined &&
			other !== undefined &&
			(one.wanted.has(b) || other.wanted.has(a)) &&
			!this.#cut.has(pairOf(a, b));
		const path = this.#paths.get(pairOf(a, b)) ?? 'direct';
		if (reset || !wanted) {
			one?.setLink(b, null);
			other?.setLink(a, null);
		}
		if (!wanted) return;
		one.setLink(b, path);
		other.setLink(a, path);
	}
}

/** Made by {@link MemoryHub.network}. */
export class MemoryNetwork implements Network {
	readonly self: NodeId;
	readonly wanted = new Set<NodeId>();
	events: NetworkEvents | null = null;
	/** Packets that were not sent: no link, or a full queue. */
	droppedPackets = 0;
	#hub: HubInternals;
	#links = new Map<NodeId, MemoryLink>();

	constructor(self: NodeId, hub: HubInternals) {
		this.self = self;
		this.#hub = hub;
	}

	async start(events: NetworkEvents): Promise<void> {
		if (this.events) throw new NetworkError('NetworkAlreadyStarted', 'a network starts once');
		this.events = events;
		this.#hub.started(this);
	}

	setPeers(peers: NodeId[]): void {
		const before = [...this.wanted];
		this.wanted.clear();
		for (const peer of peers) if (peer !== this.self) this.wanted.add(peer);
		if (this.events) this.#hub.wantsChanged(this, [...before, ...this.wanted]);
	}

	send(to: NodeId, packets: Uint8Array[]): void {
		if (packets.length === 0) return;
		const link = this.#links.get(to);
		if (!this.events || !link || !this.#hub.deliver(this.self, link, packets))
			this.droppedPackets += packets.length;
	}

	links(): LinkStatus[] {
		const up = [...this.#links].map(([peer, { path }]) => ({ peer, path, rttMs: 0 }));
		const down = [...this.wanted].filter((peer) => !this.#links.has(peer));
		return [...up, ...down.map((peer) => ({ peer, path: 'down' as const, rttMs: null }))];
	}

	async stop(): Promise<void> {
		this.events = null;
		for (const link of this.#links.values()) link.open = false;
		this.#links.clear();
		this.#hub.stopped(this);
	}

	/** For the hub: the link to `peer` is up on this path, or down. */
	setLink(peer: NodeId, path: Exclude<LinkPath, 'down'> | null): void {
		const link = this.#links.get(peer);
		if ((link?.path ?? null) === path) return;
		if (link) link.open = false;
		if (path === null) this.#links.delete(peer);
		else this.#links.set(peer, { to: peer, path, open: true, queuedBytes: 0 });
		const status = { peer, path: path ?? 'down', rttMs: path === null ? null : 0 } as const;
		this.events?.link(status, path === null ? 'down' : 'up');
	}
}

interface MemoryLink {
	to: NodeId;
	path: Exclude<LinkPath, 'down'>;
	/** What was sent on a link that has ended never arrives. */
	open: boolean;
	queuedBytes: number;
}

interface HubInternals {
	started(network: MemoryNetwork): void;
	stopped(network: MemoryNetwork): void;
	wantsChanged(network: MemoryNetwork, peers: NodeId[]): void;
	/** @returns false where the link's queue is full */
	deliver(from: NodeId, link: MemoryLink, packets: Uint8Array[]): boolean;
}

function pairOf(a: NodeId, b: NodeId): string {
	return a < b ? `${a} ${b}` : `${b} ${a}`;
}
