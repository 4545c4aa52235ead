/**
 * The seed's rule for sellers: the highest bid first, each channel to one buyer. A bid for a channel that somebody near the buyer
 * still holds waits for that one's own sale, and is looked at again after it.
 */
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
	let waiting = highestFirst;
	for (;;) {
		const still: AwardableOffer[] = [];
		for (const offer of waiting) {
			const seller = floor.seller(offer.seller);
			if (!seller || served.has(offer.buyer)) continue;
			const ask = floor.ask(seller);
			if (ask === undefined || offer.price < ask) continue;
			if (!floor.isFeasible(offer.site, seller, offer.channel)) {
				still.push(offer);
				continue;
			}
			floor.give(seller, offer.site, offer.channel);
			served.add(offer.buyer);
			taken.push(offer);
		}
		if (still.length === waiting.length) break;
		waiting = still;
	}
	return taken;
}
