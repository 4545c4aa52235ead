/**
 * Double auctions over one kind of good: many sellers of one unit each, many buyers of one unit each. Pure, in integers; who is
 * equal is ordered by the caller, never by what somebody bids.
 *
 * McAfee, "A Dominant Strategy Double Auction", Journal of Economic Theory 56 (1992). Zhou and Zheng, "TRUST: A General
 * Framework for Truthful Double Spectrum Auctions", INFOCOM 2009, section IV.
 */

export interface Clearing {
	/** How many of the highest bids and of the lowest asks trade. */
	trades: number;
	/** What each of these buyers pays. */
	pays: bigint;
	/** What each of these sellers receives: never more than a buyer pays. */
	receives: bigint;
}

/**
 * McAfee's auction: one price where the first pair that does not trade gives one that all traders accept, and otherwise one
 * trade less, at the prices of the pair that is given up. Where all of one side trade there is no such pair; the bounds of what
 * values are possible, which McAfee puts there, are not known here, so that a trade less is made.
 * @param bids - descending
 * @param asks - ascending
 */
export function mcAfee(bids: readonly bigint[], asks: readonly bigint[]): Clearing {
	const efficient = efficientTrades(bids, asks);
	const [bid, ask] = [bids[efficient], asks[efficient]];
	if (efficient > 0 && bid !== undefined && ask !== undefined) {
		const price = (bid + ask) / 2n;
		if (asks[efficient - 1]! <= price && price <= bids[efficient - 1]!)
			return { trades: efficient, pays: price, receives: price };
	}
	return reduced(bids, asks, efficient);
}

/** TRUST's winner determination: always one trade less, at the prices of the pair that is given up. */
export function tradeReduction(bids: readonly bigint[], asks: readonly bigint[]): Clearing {
	return reduced(bids, asks, efficientTrades(bids, asks));
}

/** The most pairs of the highest bids and the lowest asks of which each gains. */
export function efficientTrades(bids: readonly bigint[], asks: readonly bigint[]): number {
	let trades = 0;
	while (trades < bids.length && trades < asks.length && bids[trades]! >= asks[trades]!) trades++;
	return trades;
}

const NO_TRADE: Clearing = { trades: 0, pays: 0n, receives: 0n };

function reduced(bids: readonly bigint[], asks: readonly bigint[], efficient: number): Clearing {
	if (efficient < 2) return NO_TRADE;
	return { trades: efficient - 1, pays: bids[efficient - 1]!, receives: asks[efficient - 1]! };
}
