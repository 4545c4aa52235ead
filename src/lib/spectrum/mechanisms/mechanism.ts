/**
 * What a market mechanism is. Two steps, because on a chain two sides act: buyers make offers, sellers take some of them. A
 * mechanism is pure: the same market gives the same answer on every node, so that managers that see the same height agree
 * without talking. Prices and values are integers in the ledger's smallest unit.
 */
import type { Site } from '../access-point.ts';
import type { ChannelHolders } from '../radio/holder-board.ts';

export interface Buyer {
	site: Site;
	/** The most it would pay for one channel more; it buys at most one a round. */
	value: bigint;
}

export interface Seller {
	site: Site;
	/** Channels it may give away, ascending. */
	idleChannels: readonly number[];
	/** The least it takes for the first, second, … channel it gives away, ascending; as many as it would give away now. */
	asks: readonly bigint[];
}

export interface Market {
	buyers: readonly Buyer[];
	sellers: readonly Seller[];
	/** Who holds what now, buyers, sellers and everyone else. Never changed by a mechanism. */
	holders: ChannelHolders;
	/** `seller id/channel` that nobody may ask for, for example because a bid for it is open. */
	reserved?: ReadonlySet<string>;
	/** `buyer id/seller id` pairs that may not trade, for example because this seller did not answer this buyer. */
	avoided?: ReadonlySet<string>;
	/** A trade must be worth at least this more than the ask. */
	minimumGain: bigint;
	/** Breaks ties between equals. */
	seed: number;
	/**
	 * A channel may go to several buyers at once that are not in each other's way. The chain moves a channel to one holder, so
	 * only studies set it; mechanisms without reuse in them do not look at it.
	 */
	reuse?: boolean;
}

/** What one round comes to, with the whole market in one hand. */
export interface Outcome {
	/** The price is what the buyer pays. */
	trades: Offer[];
	/** What each seller that trades receives for all of it: at most what its buyers pay. The rest is the auctioneer's. */
	receipts: Map<string, bigint>;
}

export interface Offer {
	buyer: string;
	seller: string;
	channel: number;
	price: bigint;
}

export interface Mechanism {
	/** Recorded on the chain with each bid and each trade (MECHANISM_PATTERN). */
	readonly name: string;
	/** What the buyers ask for: at most one offer a buyer, in the order in which they were decided. Price ≤ value. */
	offers(market: Market): Offer[];
	/**
	 * Which offers the sellers take, all of them on the table at once: price ≥ ask, no channel twice, no conflicting pair.
	 * `buyers` of the market is not read: a seller knows no values.
	 */
	award(market: Market, offers: readonly AwardableOffer[]): AwardableOffer[];
	/**
	 * The whole auction as it is published, with an auctioneer between the sides. On the chain there is none: a seller receives
	 * what its buyer pays, so what an auctioneer would keep (in `mcafee` and `trust`, where a trade is given up) is the seller's.
	 */
	clear(market: Market): Outcome;
}

/** An offer with the buyer's place, which decides about conflicts. */
export interface AwardableOffer extends Offer {
	site: Site;
	/** Id of the bid on the chain, where it is there already. */
	bidId?: string;
}

/** One round of the whole market at once, as a study or a test runs it. */
export function runRound(mechanism: Mechanism, market: Market): AwardableOffer[] {
	const sites = new Map(market.buyers.map((buyer) => [buyer.site.id, buyer.site]));
	const offers = mechanism.offers(market).map((offer) => ({ ...offer, site: sites.get(offer.buyer)! }));
	return mechanism.award(market, offers);
}

/** The outcome where there is no auctioneer: everything that is paid is received. */
export function clearByRound(mechanism: Mechanism, market: Market): Outcome {
	const trades = runRound(mechanism, market).map(({ buyer, seller, channel, price }) => ({
		buyer,
		seller,
		channel,
		price
	}));
	const receipts = new Map<string, bigint>();
	for (const { seller, price } of trades) receipts.set(seller, (receipts.get(seller) ?? 0n) + price);
	return { trades, receipts };
}
