/**
 * R7: who looks alive, from what was heard and from the links. It moves liveness only, never safety.
 *
 * A tab on a machine that is too busy stands still for a second or two and comes back. Who is found to do that is waited for longer:
 * the timeout of an eventually perfect failure detector grows with its wrong suspicions (Chandra and Toueg, "Unreliable failure
 * detectors for reliable distributed systems", JACM 1996), and falls again here, since machines become idle again. It never exceeds
 * the view timeout (R8), so whoever stalls on purpose gains what a leader has that does not finish its rounds.
 */
import type { Timing } from '../timing.ts';
import { MAX_PEERS } from './peers.ts';

/** Heartbeats that a member may miss before it looks dead. Not a whole number: the last one in time may be on its way. */
const MISSED_HEARTBEATS = 2.25;
/** Who has just stalled is waited for twice as long; each further stall that still counts adds as much. */
const PATIENCE_PER_STALL = 2;
/** A stall counts half after this many heartbeats: five seconds where they are 500 ms apart. */
const STALLS_HALVE_AFTER_HEARTBEATS = 10;

interface Heard {
	lastMs: number;
	/** The link went down since: such a silence says nothing of the peer. */
	wasUnlinked: boolean;
	/** Silences that ended by themselves, older ones counting less; as of `lastMs`. */
	stalls: number;
}

export class Liveness {
	readonly #heartbeatMs: number;
	readonly #patienceMs: number;
	readonly #maxPatienceMs: number;
	readonly #heard = new Map<string, Heard>();
	/** Peers whose link is down: a closed tab is known before its silence is long. */
	readonly #unlinked = new Set<string>();
	/** Silence counts from here: a node that was not running itself has heard nobody. */
	#awakeSinceMs = 0;
	#lastTickMs = 0;

	constructor({ heartbeatMs, viewTimeoutMs }: Pick<Timing, 'heartbeatMs' | 'viewTimeoutMs'>) {
		this.#heartbeatMs = heartbeatMs;
		this.#patienceMs = MISSED_HEARTBEATS * heartbeatMs;
		this.#maxPatienceMs = Math.max(this.#patienceMs, viewTimeoutMs);
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

	/** Something has come from a peer. */
	heard(peer: string, nowMs: number): void {
		const before = this.#heard.get(peer);
		const heard: Heard = { lastMs: nowMs, wasUnlinked: false, stalls: 0 };
		if (before) {
			const silentMs = before.wasUnlinked ? 0 : this.#silentMs(before, nowMs);
			// Who was silent for longer was away: it is to be passed over as soon the next time.
			const hasStalled = silentMs >= this.#patienceMs && silentMs < this.#maxPatienceMs;
			heard.stalls = this.#stalls(before, nowMs) + Number(hasStalled);
		}
		this.#heard.delete(peer);
		this.#heard.set(peer, heard);
		if (this.#heard.size > MAX_PEERS) this.#heard.delete(this.#heard.keys().next().value!);
	}

	link(peer: string, isUp: boolean): void {
		if (isUp) this.#unlinked.delete(peer);
		else {
			this.#unlinked.add(peer);
			const heard = this.#heard.get(peer);
			if (heard) heard.wasUnlinked = true;
		}
	}

	/** Heard of lately, and linked. */
	looksAlive(peer: string, nowMs: number): boolean {
		const heard = this.#heard.get(peer);
		return !this.#unlinked.has(peer) && this.#silentMs(heard, nowMs) < this.#patienceOf(heard, nowMs);
	}

	#silentMs(heard: Heard | undefined, nowMs: number): number {
		return nowMs - Math.max(heard?.lastMs ?? 0, this.#awakeSinceMs);
	}

	/** A tab that was frozen once is like any other when the stall counts half. */
	#patienceOf(heard: Heard | undefined, nowMs: number): number {
		const stalls = heard ? this.#stalls(heard, nowMs) : 0;
		return Math.min(this.#maxPatienceMs, this.#patienceMs * Math.max(1, PATIENCE_PER_STALL * stalls));
	}

	#stalls({ stalls, lastMs }: Heard, nowMs: number): number {
		const sinceMs = Math.max(0, nowMs - lastMs);
		return stalls * 0.5 ** (sinceMs / (STALLS_HALVE_AFTER_HEARTBEATS * this.#heartbeatMs));
	}
}
