/** R10: who works in a lower view is answered with the LeaderChange of the higher one. */
import type { HeldLeaderChange } from '../../consensus/pbft/pbft.ts';

/** Heartbeats between two answers to one peer, and before the first: the LeaderChange itself is on its way. */
const PATIENCE_HEARTBEATS = 2;

export class LeaderReports {
	readonly #heartbeatMs: number;
	/** When each peer was last told, or counts as told. */
	readonly #toldMs = new Map<string, number>();
	#beganMs = 0;

	constructor(heartbeatMs: number) {
		this.#heartbeatMs = heartbeatMs;
	}

	/** A view has begun: its leader tells everyone by itself. */
	begun(nowMs: number): void {
		this.#toldMs.clear();
		this.#beganMs = nowMs;
	}

	/** @returns whether the peer, whose heartbeat carries `view`, is to be told now. Peers are the members and the Booter. */
	isDue(peer: string, view: number, held: HeldLeaderChange | null, nowMs: number): boolean {
		if (!held || view >= held.view) return false;
		const lastMs = this.#toldMs.get(peer) ?? this.#beganMs;
		if (nowMs - lastMs < PATIENCE_HEARTBEATS * this.#heartbeatMs) return false;
		this.#toldMs.set(peer, nowMs);
		return true;
	}
}
