/** A bid or a trade, as what is asked about it has it: why this seller? */
import { formatInteger } from '../format.ts';
import type { BidInfo, TradeInfo } from '../types.ts';

export interface Deal {
	bidId: string;
	buyerAp: string;
	sellerAp: string;
	channel: number;
	price: string;
	mechanism: string;
	/** Of the block with the bid: it was made from what was final below it. */
	bidHeight: number;
	/** null while nobody took it. */
	trade: TradeInfo | null;
}

/** A price that is sealed, and so not known, is empty. */
export function priceText(price: string): string {
	return price === '' ? '–' : formatInteger(price);
}

/** @param bid - null where it is too old to be kept */
export function dealOfTrade(trade: TradeInfo, bid: BidInfo | null): Deal {
	return {
		bidId: trade.bidId,
		buyerAp: trade.buyerAp,
		sellerAp: trade.sellerAp,
		channel: trade.channel,
		price: trade.price,
		mechanism: trade.mechanism,
		bidHeight: bid?.height ?? trade.height,
		trade
	};
}

export function dealOfBid(bid: BidInfo, trades: readonly TradeInfo[]): Deal {
	const trade = trades.find(({ bidId }) => bidId === bid.id) ?? null;
	return {
		bidId: bid.id,
		buyerAp: bid.buyerAp,
		sellerAp: bid.sellerAp,
		channel: bid.channel,
		price: bid.price,
		mechanism: bid.mechanism,
		bidHeight: bid.height,
		trade
	};
}

/** `seller/channel` of bids that were open when the deal's bid was made. */
export function openBidsAt(
	deal: Deal,
	bids: readonly BidInfo[],
	trades: readonly Pick<TradeInfo, 'bidId' | 'height'>[]
): Set<string> {
	const takenAt = new Map(trades.map(({ bidId, height }) => [bidId, height]));
	const open = new Set<string>();
	for (const bid of bids) {
		if (bid.id === deal.bidId || bid.height >= deal.bidHeight) continue;
		// One that its buyer replaced counts until it would have expired: when it was replaced is not told.
		const until =
			bid.state === 'open' ? Infinity : bid.state === 'taken' ? (takenAt.get(bid.id) ?? 0) : bid.expiryHeight;
		if (until >= deal.bidHeight && !(bid.buyerAp === deal.buyerAp))
			open.add(`${bid.sellerAp}/${bid.channel}`);
	}
	return open;
}
