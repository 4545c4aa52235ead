/**
 * Whoever made a transaction may be gone, or have given it to this member alone: what stays too long in a member's pool is handed to the
 * leader. One that does nothing meanwhile lacks it, and is told before it counts as overdue (R8).
 */
import type { Pbft } from '../../consensus/pbft/pbft.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import { HAND_ON_SHARE } from '../timing.ts';
import type { Pool } from './pool.ts';
import { Resends } from './resends.ts';

/** A transaction that waited for so long is handed to a leader that is busy with others. */
export const HAND_ON_MS = 5000;

export interface HandOnInit {
	pool: Pick<Pool, 'olderThan'>;
	viewTimeoutMs: number;
	/** Transactions handed on at once. */
	limit: number;
	/** This node's rounds; null while it is no member. */
	lower(): Pick<Pbft, 'isLeader' | 'leader' | 'rounds'> | null;
	/** What this node made itself goes to all members, again and again. */
	isOwn(id: string): boolean;
	give(leader: string, transactions: ParsedTransaction[]): void;
}

export class HandOn {
	readonly #init: HandOnInit;
	/** To the leader of this view. */
	readonly #handed = new Resends();

	constructor(init: HandOnInit) {
		this.#init = init;
	}

	/** Another leader has been told of nothing. */
	viewBegun(): void {
		this.#handed.forget();
	}

	look(nowMs: number): void {
		const { pool, viewTimeoutMs, limit, lower, isOwn, give } = this.#init;
		const pbft = lower();
		if (!pbft || pbft.isLeader) return;
		const isIdle = pbft.rounds().length === 0;
		const patienceMs = isIdle ? HAND_ON_SHARE * viewTimeoutMs : HAND_ON_MS;
		const old = pool.olderThan(nowMs - patienceMs, limit).filter(({ id }) => !isOwn(id));
		const due = this.#handed.due(old, limit, nowMs, HAND_ON_MS, 0);
		if (due.length > 0) give(pbft.leader, due);
	}
}
