/**
 * A member's eye on the active Booter: does the head move while there is work, do its partition's blocks get their turn, does
 * it say one thing at a time? What it finds is shown (`status().stuck`) and complained of to the other replicas.
 */
import { toHex } from '../../crypto/hex.ts';
import type { BlockCertificate, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { passableHeights, type Grievance } from './complaint.ts';

export interface BooterWatchInit {
	/** Milliseconds for which the head may stand still, or a block wait, before it is the Booter's fault. */
	patienceMs: number;
	/** Milliseconds between two complaints of one thing. */
	repeatMs: number;
	/** Of genesis. */
	maxRoundsInFlight: number;
}

/** What a member sees. */
export interface BooterView {
	/** Id of the Booter that is active as far as the member knows. */
	booter: string;
	finalHeight: number;
	/** Partitions with a vote. */
	activePartitions: number;
	/** An order is open here. */
	isOrderOpen: boolean;
	/** The oldest certified block of the own partition that neither the ledger nor the open order holds. */
	waiting: BlockCertificate | null;
	equivocation: { first: Signed; second: Signed } | null;
}

export class BooterWatch {
	readonly #init: BooterWatchInit;
	/** Since when there is work and the head stands. */
	#still: { height: number; sinceMs: number } | null = null;
	#waiting: { id: string; sinceMs: number; sinceHeight: number } | null = null;
	#grievance: Grievance | null = null;
	#complainedMs = -Infinity;

	constructor(init: BooterWatchInit) {
		this.#init = init;
	}

	/** What this member has against the Booter now; null for nothing. */
	get grievance(): Grievance | null {
		return this.#grievance;
	}

	/** @returns what to complain of now: when it is new, and again while it lasts */
	look(view: BooterView, nowMs: number): Grievance | null {
		const before = this.#grievance;
		this.#observe(view, nowMs);
		this.#grievance = this.#equivocates(view) ?? this.#censors(view, nowMs) ?? this.#stalls(view, nowMs);
		if (!this.#grievance) return null;
		const isNew = before?.name !== this.#grievance.name || before.booter !== view.booter;
		if (!isNew && nowMs - this.#complainedMs < this.#init.repeatMs) return null;
		this.#complainedMs = nowMs;
		return this.#grievance;
	}

	#observe({ finalHeight, isOrderOpen, waiting }: BooterView, nowMs: number): void {
		if (!isOrderOpen && !waiting) this.#still = null;
		else if (this.#still?.height !== finalHeight) this.#still = { height: finalHeight, sinceMs: nowMs };
		const id = waiting && toHex(waiting.blockId);
		if (id === null) this.#waiting = null;
		else if (this.#waiting?.id !== id) this.#waiting = { id, sinceMs: nowMs, sinceHeight: finalHeight };
	}

	#equivocates({ booter, finalHeight, equivocation }: BooterView): Grievance | null {
		if (!equivocation || toHex(equivocation.first.sender) !== booter) return null;
		const nexts = [equivocation.first, equivocation.second];
		return { name: 'BooterEquivocates', booter, waiting: null, sinceHeight: finalHeight, nexts };
	}

	/** Blocks of others pass this partition's by, in time and in heights: either alone may have other causes. */
	#censors({ booter, finalHeight, activePartitions, waiting }: BooterView, nowMs: number): Grievance | null {
		const mine = this.#waiting;
		if (!mine || nowMs - mine.sinceMs < this.#init.patienceMs) return null;
		const passed = finalHeight - mine.sinceHeight;
		if (passed <= passableHeights(activePartitions, this.#init.maxRoundsInFlight)) return null;
		return { name: 'BooterCensors', booter, waiting, sinceHeight: mine.sinceHeight, nexts: [] };
	}

	#stalls({ booter, finalHeight, waiting }: BooterView, nowMs: number): Grievance | null {
		if (!this.#still || nowMs - this.#still.sinceMs < this.#init.patienceMs) return null;
		return { name: 'BooterStalls', booter, waiting, sinceHeight: finalHeight, nexts: [] };
	}
}
