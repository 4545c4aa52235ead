/** The state of one round: what was given away in it so far, and what may still be. Shared by all mechanisms. */
import { squaredDistanceCm2 } from '../radio/distance.ts';
import { HolderDraft } from '../radio/holder-board.ts';
import { hash32 } from '../random.ts';
import type { Site } from '../access-point.ts';
import type { Buyer, Market, Seller } from './mechanism.ts';

export class TradingFloor {
	readonly #market: Market;
	readonly #draft: HolderDraft;
	readonly #sellers: Map<string, Seller>;
	/** Channels each seller gave away in this round. */
	readonly #given = new Map<string, Set<number>>();

	constructor(market: Market) {
		this.#market = market;
		this.#draft = new HolderDraft(market.holders);
		this.#sellers = new Map(market.sellers.map((seller) => [seller.site.id, seller]));
	}

	seller(id: string): Seller | undefined {
		return this.#sellers.get(id);
	}

	/** What the seller takes for one channel more; undefined where it gives no more away. */
	ask(seller: Seller): bigint | undefined {
		return seller.asks[this.#given.get(seller.site.id)?.size ?? 0];
	}

	/** The first channel that may go from seller to buyer now. */
	feasibleChannel(buyer: Site, seller: Seller): number | undefined {
		return seller.idleChannels.find((channel) => this.isFeasible(buyer, seller, channel));
	}

	isFeasible(buyer: Site, seller: Seller, channel: number): boolean {
		const from = seller.site.id;
		return (
			buyer.band === seller.site.band &&
			buyer.id !== from &&
			!this.#market.reserved?.has(`${from}/${channel}`) &&
			!this.#market.avoided?.has(`${buyer.id}/${from}`) &&
			seller.idleChannels.includes(channel) &&
			this.#draft.holds(from, channel) &&
			!this.#given.get(from)?.has(channel) &&
			!this.#draft.holds(buyer.id, channel) &&
			this.#draft.conflicting(buyer, channel, (id) => id === from) === undefined
		);
	}

	give(seller: Seller, buyer: Site, channel: number): void {
		const id = seller.site.id;
		this.#draft.transfer(channel, id, buyer);
		const given = this.#given.get(id);
		if (given) given.add(channel);
		else this.#given.set(id, new Set([channel]));
	}
}

/** Highest value first; equals in an order that the seed decides. */
export function byValue(market: Market): (a: Buyer, b: Buyer) => number {
	return (a, b) => compare(b.value, a.value) || compareIds(a.site.id, b.site.id, market.seed);
}

/** Nearest first. */
export function byDistance(market: Market, buyer: Site): (a: Seller, b: Seller) => number {
	const distance = new Map(market.sellers.map((seller) => [seller, squaredDistanceCm2(seller.site, buyer)]));
	return (a, b) => distance.get(a)! - distance.get(b)! || compareIds(a.site.id, b.site.id, market.seed);
}

export function compareIds(a: string, b: string, seed: number): number {
	return hash32(a, seed) - hash32(b, seed) || (a < b ? -1 : a > b ? 1 : 0);
}

export function compare(a: bigint, b: bigint): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
