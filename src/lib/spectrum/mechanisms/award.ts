/** The seed's rule for sellers: the highest bid first, each channel to one buyer. */
import type { AwardableOffer, Market } from './mechanism.ts';
import { TradingFloor, compare, compareIds } from './trading-floor.ts';

export function awardHighest(market: Market, offers: readonly AwardableOffer[]): AwardableOffer[] {
	const floor = new TradingFloor(market);
	const served = new Set<string>();
	const taken: AwardableOffer[] = [];
	const highestFirst = [...offers].sort(
		(a, b) =>
			compare(b.price, a.price) ||
			compareIds(a.buyer, b.buyer, market.seed) ||
			compareIds(a.bidId ?? '', b.bidId ?? '', market.seed)
	);
	for (const offer of highestFirst) {
		const seller = floor.seller(offer.seller);
		if (!seller || served.has(offer.buyer)) continue;
		const ask = floor.ask(seller);
		if (ask === undefined || offer.price < ask || !floor.isFeasible(offer.site, seller, offer.channel))
			continue;
		floor.give(seller, offer.site, offer.channel);
		served.add(offer.buyer);
		taken.push(offer);
	}
	return taken;
}
