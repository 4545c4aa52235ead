/** What a buyer has to do for its sealed bids: reveal them in time, and move a chain on that stands still before it may. */
import { roundArguments } from '../contract/arguments.ts';
import type { SealedBidRules } from '../contract/parameters.ts';
import type { BidRecord } from '../contract/records.ts';
import type { MarketState } from '../market-state.ts';
import { RETRY_MS } from './limits.ts';
import { STILL_MS, Sealing } from './sealing.ts';
import type { Intent } from './submissions.ts';

/** Something to submit where it is not on its way already. */
export interface Due {
	intent: Intent;
	args: Uint8Array;
}

export interface Now {
	/** Of the last final block. */
	height: number;
	nowMs: number;
	/** What is on its way. */
	intents: readonly Intent[];
}

export class RoundPlayer {
	readonly #self: string;
	readonly #state: MarketState;
	readonly #sealing: Sealing;
	/** When a reveal that was refused is tried again, by bid; bounded by the own commitments. */
	readonly #retryMs = new Map<string, number>();
	#height = -1;
	/** Since when the chain has that height. */
	#heightMs = 0;

	constructor(self: string, state: MarketState, rules: SealedBidRules, key: Uint8Array) {
		this.#self = self;
		this.#state = state;
		this.#sealing = new Sealing(self, rules, key);
	}

	/** @param height - of the last final block */
	commitment(bid: Parameters<Sealing['commitment']>[0], replaces: string, height: number): Uint8Array {
		return this.#sealing.commitment(bid, replaces, height);
	}

	/** Money that the reveals of all commitments will take. */
	owed(): bigint {
		return this.#sealing.owed(this.#committed());
	}

	due({ height, nowMs }: Now): Due[] {
		if (height !== this.#height) this.#heightMs = nowMs;
		this.#height = height;
		const due: Due[] = [];
		const committed = this.#committed();
		for (const bid of committed) {
			const { firstReveal, lastReveal } = this.#sealing.window(bid);
			// What is submitted now comes into the next block or a later one: only then has the last commitment of the round been made.
			if (height + 1 < firstReveal) this.#moveOn(bid, nowMs, due);
			else if (height < lastReveal && nowMs >= (this.#retryMs.get(bid.id) ?? 0)) this.#reveal(bid, due);
		}
		for (const id of this.#retryMs.keys())
			if (!committed.some((bid) => bid.id === id)) this.#retryMs.delete(id);
		return due;
	}

	/** @param error - the receipt's code, null where the reveal is lost: it is made again at once */
	failed(bidId: string, error: string | null, nowMs: number): void {
		// Money may come in; nothing else that the contract refuses gets better.
		if (error !== null) this.#retryMs.set(bidId, error === 'Unfunded' ? nowMs + RETRY_MS : Infinity);
	}

	#committed(): BidRecord[] {
		return [...this.#state.openBids.values()].filter(
			(bid) => bid.status === 'committed' && bid.buyer === this.#self
		);
	}

	#reveal(bid: BidRecord, due: Due[]): void {
		const hidden = this.#sealing.open(bid);
		// Made with another key than this one: nobody here can reveal it.
		if (hidden)
			due.push({ intent: { kind: 'reveal', bidId: bid.id }, args: this.#sealing.reveal(bid, hidden) });
	}

	#moveOn(bid: BidRecord, nowMs: number, due: Due[]): void {
		const isMoving = nowMs - this.#heightMs < STILL_MS;
		if (isMoving || due.some(({ intent }) => intent.kind === 'round')) return;
		due.push({ intent: { kind: 'round', bidId: bid.id }, args: roundArguments(bid.id) });
	}
}
