/** A network of virtual time: each frame may be late, lost, doubled or overtaken, as the seed says. */
import type { LinkStatus, Network, NetworkEvents, NodeId } from '#lib/network/network.ts';
import { between, type Random } from './random.ts';
import { live, type Life, type VirtualTime } from './virtual-time.ts';

export interface NetworkFaults {
	/** Share of frames that are lost, 0…1. */
	loss: number;
	duplication: number;
	minDelayMs: number;
	maxDelayMs: number;
	/** Frames of one link may overtake each other. */
	reordering: boolean;
}

export class SimulatedHub {
	readonly #time: VirtualTime;
	readonly #random: Random;
	readonly #nodes = new Map<NodeId, SimulatedNetwork>();
	readonly #lastArrivalMs = new Map<string, number>();
	/** How many faults keep a direction silent, or a link down. */
	readonly #cuts = new Map<string, number>();
	readonly #unlinked = new Map<string, number>();
	readonly counts = { sent: 0, lost: 0, cut: 0, doubled: 0, delivered: 0, bytes: 0 };
	faults: NetworkFaults;

	constructor(time: VirtualTime, random: Random, faults: NetworkFaults) {
		this.#time = time;
		this.#random = random;
		this.faults = faults;
	}

	/** @param always peers that this node is linked to whether it asks or not: the Booter */
	network(self: NodeId, always: NodeId[], life: Life): SimulatedNetwork {
		return new SimulatedNetwork(self, always, this, life);
	}

	/** What `from` sends to `to` is lost, until as many `mend`s. */
	cut(from: NodeId, to: NodeId): void {
		change(this.#cuts, `${from}>${to}`, 1);
	}

	mend(from: NodeId, to: NodeId): void {
		change(this.#cuts, `${from}>${to}`, -1);
	}

	/** The link between two is down, until as many `relink`s. */
	unlink(one: NodeId, other: NodeId): void {
		change(this.#unlinked, pairOf(one, other), 1);
		this.settle();
	}

	relink(one: NodeId, other: NodeId): void {
		change(this.#unlinked, pairOf(one, other), -1);
		this.settle();
	}

	started(network: SimulatedNetwork): void {
		this.#nodes.set(network.self, network);
		this.settle();
	}

	stopped(network: SimulatedNetwork): void {
		if (this.#nodes.get(network.self) === network) this.#nodes.delete(network.self);
		this.settle();
	}

	/** Links follow the wishes of those that run. */
	settle(): void {
		for (const network of this.#nodes.values())
			for (const other of this.#nodes.values())
				if (other !== network)
					network.setLink(
						other.self,
						(network.wants(other.self) || other.wants(network.self)) &&
							!this.#unlinked.has(pairOf(network.self, other.self))
					);
		for (const network of this.#nodes.values()) network.dropLinksTo((peer) => !this.#nodes.has(peer));
	}

	send(from: NodeId, to: NodeId, packets: Uint8Array[]): void {
		this.counts.sent += 1;
		for (const packet of packets) this.counts.bytes += packet.length;
		if (this.#cuts.has(`${from}>${to}`)) {
			this.counts.cut += 1;
			return;
		}
		const random = this.#random;
		if (random() < this.faults.loss) {
			this.counts.lost += 1;
			return;
		}
		this.#deliver(from, to, packets);
		if (random() < this.faults.duplication) {
			this.counts.doubled += 1;
			this.#deliver(from, to, packets);
		}
	}

	#deliver(from: NodeId, to: NodeId, packets: Uint8Array[]): void {
		const { minDelayMs, maxDelayMs, reordering } = this.faults;
		let arrivalMs = this.#time.nowMs + between(this.#random, minDelayMs, maxDelayMs);
		if (!reordering) {
			const link = `${from}>${to}`;
			arrivalMs = Math.max(arrivalMs, this.#lastArrivalMs.get(link) ?? 0);
			this.#lastArrivalMs.set(link, arrivalMs);
		}
		this.#time.after(arrivalMs - this.#time.nowMs, () => {
			const receiver = this.#nodes.get(to);
			if (!receiver?.isLinked(from)) return;
			this.counts.delivered += 1;
			receiver.live(() => receiver.events?.packets(from, packets));
		});
	}
}

export class SimulatedNetwork implements Network {
	readonly self: NodeId;
	readonly #always: NodeId[];
	readonly #hub: SimulatedHub;
	readonly #life: Life;
	#wanted = new Set<NodeId>();
	readonly #links = new Set<NodeId>();
	events: NetworkEvents | null = null;

	constructor(self: NodeId, always: NodeId[], hub: SimulatedHub, life: Life) {
		this.self = self;
		this.#always = always;
		this.#hub = hub;
		this.#life = life;
	}

	/** What comes to a frozen program waits for it. */
	live(run: () => void): void {
		live(this.#life, run);
	}

	async start(events: NetworkEvents): Promise<void> {
		this.events = events;
		this.#hub.started(this);
	}

	setPeers(peers: NodeId[]): void {
		this.#wanted = new Set(peers);
		if (this.events) this.#hub.settle();
	}

	send(to: NodeId, packets: Uint8Array[]): void {
		if (this.events && this.#links.has(to)) this.#hub.send(this.self, to, packets);
	}

	links(): LinkStatus[] {
		return [...this.#links].map((peer) => ({ peer, path: 'direct', rttMs: 1 }));
	}

	async stop(): Promise<void> {
		this.events = null;
		this.#hub.stopped(this);
	}

	wants(peer: NodeId): boolean {
		return this.#wanted.has(peer) || this.#always.includes(peer);
	}

	isLinked(peer: NodeId): boolean {
		return this.#links.has(peer);
	}

	setLink(peer: NodeId, isUp: boolean): void {
		if (this.#links.has(peer) === isUp) return;
		if (isUp) this.#links.add(peer);
		else this.#links.delete(peer);
		const status = { peer, path: isUp ? 'direct' : 'down', rttMs: isUp ? 1 : null } as const;
		this.live(() => this.events?.link(status, isUp ? 'up' : 'down'));
	}

	dropLinksTo(isGone: (peer: NodeId) => boolean): void {
		for (const peer of [...this.#links]) if (isGone(peer)) this.setLink(peer, false);
	}
}

function pairOf(one: NodeId, other: NodeId): string {
	return one < other ? `${one} ${other}` : `${other} ${one}`;
}

function change(counts: Map<string, number>, key: string, by: number): void {
	const sum = (counts.get(key) ?? 0) + by;
	if (sum === 0) counts.delete(key);
	else counts.set(key, sum);
}
