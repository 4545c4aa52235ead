/**
 * The default: the highest bid first, each to the cheapest seller that it can buy from without a conflict, seen over the whole
 * market at once. Both sides gain: the price lies in the middle between value and ask. A seller of several channels asks for
 * each what the last of them costs it, so that it can take its bids in any order.
 */
import { awardHighest } from './award.ts';
import {
	clearByRound,
	type Buyer,
	type Market,
	type Mechanism,
	type Offer,
	type Seller
} from './mechanism.ts';
import { TradingFloor, byDistance, byValue, compare } from './trading-floor.ts';

export const greedyMechanism: Mechanism = {
	name: 'greedy',
	offers,
	award: awardHighest,
	clear: (market) => clearByRound(greedyMechanism, market)
};

function offers(market: Market): Offer[] {
	const floor = new TradingFloor(market);
	const matches: Match[] = [];
	const lastAsk = new Map<Seller, bigint>();
	for (const buyer of [...market.buyers].sort(byValue(market))) {
		const match = cheapestMatch(market, floor, buyer);
		if (!match) continue;
		floor.give(match.seller, buyer.site, match.channel);
		lastAsk.set(match.seller, match.ask);
		matches.push(match);
	}
	// Later buyers of a seller have lower values and still pass its last ask: so does every price below.
	return matches.map(({ buyer, seller, channel }) => ({
		buyer: buyer.site.id,
		seller: seller.site.id,
		channel,
		price: (buyer.value + lastAsk.get(seller)!) / 2n
	}));
}

interface Match {
	buyer: Buyer;
	seller: Seller;
	channel: number;
	ask: bigint;
}

function cheapestMatch(market: Market, floor: TradingFloor, buyer: Buyer): Match | undefined {
	const nearer = byDistance(market, buyer.site);
	const affordable = market.sellers
		.map((seller) => ({ seller, ask: floor.ask(seller) }))
		.filter((entry): entry is { seller: Seller; ask: bigint } => entry.ask !== undefined)
		.filter(
			({ seller, ask }) => seller.site.band === buyer.site.band && ask + market.minimumGain <= buyer.value
		)
		.sort((a, b) => compare(a.ask, b.ask) || nearer(a.seller, b.seller));
	for (const { seller, ask } of affordable) {
		const channel = floor.feasibleChannel(buyer.site, seller);
		if (channel !== undefined) return { buyer, seller, channel, ask };
	}
	return undefined;
}
