/** R7: who looks alive, from what was heard and from the links. It moves liveness only, never safety. */
import type { Peers } from './peers.ts';

/** Heartbeats that a member may miss before it looks dead. Not a whole number: the last one in time may be on its way. */
const MISSED_HEARTBEATS = 2.25;

export class Liveness {
	readonly #peers: Peers;
	readonly #heartbeatMs: number;
	/** Peers whose link is down: a closed tab is known before its silence is long. */
	readonly #unlinked = new Set<string>();
	/** Silence counts from here: a node that was not running itself has heard nobody. */
	#awakeSinceMs = 0;
	#lastTickMs = 0;

	constructor(peers: Peers, heartbeatMs: number) {
		this.#peers = peers;
		this.#heartbeatMs = heartbeatMs;
	}

	/** Ticks come far more often than heartbeats; a long pause between two means that this node was frozen. */
	tick(nowMs: number): void {
		if (nowMs - this.#lastTickMs > this.#heartbeatMs) this.awake(nowMs);
		this.#lastTickMs = nowMs;
	}

	/** This node, or its partition, begins anew. */
	awake(nowMs: number): void {
		this.#awakeSinceMs = nowMs;
	}

	link(peer: string, isUp: boolean): void {
		if (isUp) this.#unlinked.delete(peer);
		else this.#unlinked.add(peer);
	}

	/** Heard of lately, and linked. */
	looksAlive(peer: string, nowMs: number): boolean {
		const known = this.#peers.get(peer);
		const silentMs = nowMs - Math.max(known?.lastHeardMs ?? 0, this.#awakeSinceMs);
		return !this.#unlinked.has(peer) && silentMs < MISSED_HEARTBEATS * this.#heartbeatMs;
	}
}
