/** What a manager asked its node to submit and has no outcome of yet. */
import type { GrantName } from '../contract/arguments.ts';
import { MAX_PENDING, PENDING_PATIENCE_MS, TRANSACTION_WINDOW } from './limits.ts';

/** A transaction that the node is to sign and submit. */
export interface Submission {
	/** Names the intent: there is never a second one of the same key on its way. */
	key: string;
	contract: 'spectrum';
	function:
		| 'IssueAPChannelInfo'
		| 'IssueBidingPriceInfo'
		| 'IssueChannelSwitchInfo'
		| 'IssueBidingCommitInfo'
		| 'IssueBidingRoundInfo'
		| 'IssueGrantHeartbeatInfo'
		| 'IssueGrantRelinquishInfo';
	arguments: Uint8Array;
	/** The last height at which it may be included. */
	expiryHeight: number;
}

/** What became of a submission. */
export interface Outcome {
	key: string;
	/** `lost`: it never came into a block: refused by the transaction pool, or past its expiry. */
	status: 'ok' | 'failed' | 'skipped' | 'lost';
	/** The receipt's code where it failed. */
	error?: string | null;
}

/** The intents behind submissions. */
export type Intent =
	| { kind: 'issue'; ap: string }
	| { kind: 'bid'; ap: string; seller: string; channel: number; price: bigint }
	| { kind: 'switch'; bidId: string; seller: string; channel: number }
	| { kind: 'reveal'; bidId: string }
	| { kind: 'round'; bidId: string }
	| { kind: 'heartbeat'; grants: readonly GrantName[] }
	| { kind: 'relinquish'; ap: string; channel: number };

interface Pending {
	intent: Intent;
	lastHeight: number;
	sinceMs: number;
}

export class Submissions {
	readonly #pending = new Map<string, Pending>();

	get size(): number {
		return this.#pending.size;
	}

	has(key: string): boolean {
		return this.#pending.has(key);
	}

	get isFull(): boolean {
		return this.#pending.size >= MAX_PENDING;
	}

	intents(): Intent[] {
		return [...this.#pending.values()].map(({ intent }) => intent);
	}

	add(intent: Intent, height: number, nowMs: number): { key: string; expiryHeight: number } {
		const key = keyOf(intent);
		const expiryHeight = height + TRANSACTION_WINDOW;
		this.#pending.set(key, { intent, lastHeight: expiryHeight, sinceMs: nowMs });
		return { key, expiryHeight };
	}

	/** @returns the intent, where it was on its way */
	close(key: string): Intent | undefined {
		const pending = this.#pending.get(key);
		this.#pending.delete(key);
		return pending?.intent;
	}

	/** Closes what no event closes; the others wait for theirs. */
	succeeded(key: string): void {
		const kind = this.#pending.get(key)?.intent.kind;
		if (kind && EVENTLESS.has(kind)) this.#pending.delete(key);
	}

	/** Gives up what can no longer be included, or waited too long for an outcome. @returns the intents */
	expire(height: number, nowMs: number): Intent[] {
		const expired: Intent[] = [];
		for (const [key, { intent, lastHeight, sinceMs }] of this.#pending) {
			if (lastHeight >= height && nowMs - sinceMs < PENDING_PATIENCE_MS) continue;
			this.#pending.delete(key);
			expired.push(intent);
		}
		return expired;
	}
}

const EVENTLESS: ReadonlySet<Intent['kind']> = new Set(['reveal', 'round', 'heartbeat', 'relinquish']);

export function keyOf(intent: Intent): string {
	switch (intent.kind) {
		case 'switch':
		case 'reveal':
			return `${intent.kind}/${intent.bidId}`;
		case 'round':
			return intent.kind;
		case 'heartbeat':
			return `heartbeat/${intent.grants[0]!.ap}/${intent.grants[0]!.channel}`;
		default:
			return `${intent.kind}/${intent.ap}`;
	}
}
