/** What a node knows of the others from what they last said: liveness and heights, never safety. */
import type { Heartbeat } from '../../wire/gen/tabwave/v1/wire_pb.js';

export interface PeerView {
	finalHeight: number;
	view: number;
	epoch: number;
	syncing: boolean;
	/** Milliseconds of this node's clock. */
	lastHeardMs: number;
}

/** A class of sixty in both tiers, several times over. */
export const MAX_PEERS = 512;

export class Peers {
	readonly #peers = new Map<string, PeerView>();

	heard(peer: string, nowMs: number): void {
		const known = this.#peers.get(peer);
		if (known) known.lastHeardMs = nowMs;
		else this.#add(peer, { finalHeight: 0, view: 0, epoch: 0, syncing: false, lastHeardMs: nowMs });
	}

	heartbeat(peer: string, heartbeat: Heartbeat, nowMs: number): void {
		const { finalHeight, view, epoch, syncing } = heartbeat;
		this.#add(peer, { finalHeight, view, epoch, syncing, lastHeardMs: nowMs });
	}

	/** What a peer has just said shows that it holds this height, or claims to. */
	holds(peer: string, finalHeight: number): void {
		const known = this.#peers.get(peer);
		if (known) known.finalHeight = Math.max(known.finalHeight, finalHeight);
	}

	get(peer: string): PeerView | undefined {
		return this.#peers.get(peer);
	}

	isAlive(peer: string, nowMs: number, awayMs: number): boolean {
		const known = this.#peers.get(peer);
		return known !== undefined && nowMs - known.lastHeardMs < awayMs;
	}

	/** Peers that say they hold more than `height`, highest first. */
	above(height: number, nowMs: number, awayMs: number): { peer: string; finalHeight: number }[] {
		return [...this.#peers]
			.filter(([, view]) => view.finalHeight > height && nowMs - view.lastHeardMs < awayMs)
			.map(([peer, { finalHeight }]) => ({ peer, finalHeight }))
			.sort((a, b) => b.finalHeight - a.finalHeight);
	}

	#add(peer: string, view: PeerView): void {
		this.#peers.delete(peer);
		this.#peers.set(peer, view);
		if (this.#peers.size > MAX_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
	}
}
