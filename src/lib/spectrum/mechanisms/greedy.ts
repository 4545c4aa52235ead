/**
 * The default: the highest bid first, each to the cheapest seller that it can buy from without a conflict, seen over the whole
 * market at once. Both sides gain: the price lies in the middle between value and ask.
 */
import { awardHighest } from './award.ts';
import type { Market, Mechanism, Offer, Seller } from './mechanism.ts';
import { TradingFloor, byDistance, byValue, compare } from './trading-floor.ts';

export const greedyMechanism: Mechanism = { name: 'greedy', offers, award: awardHighest };

function offers(market: Market): Offer[] {
	const floor = new TradingFloor(market);
	const made: Offer[] = [];
	for (const buyer of [...market.buyers].sort(byValue(market))) {
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
			if (channel === undefined) continue;
			floor.give(seller, buyer.site, channel);
			made.push({ buyer: buyer.site.id, seller: seller.site.id, channel, price: (buyer.value + ask) / 2n });
			break;
		}
	}
	return made;
}
