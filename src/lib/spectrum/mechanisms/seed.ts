/**
 * The seed's mechanism: each buyer asks its nearest seller and offers all that a channel is worth to it, the seller takes the
 * highest bid. First price, so not truthful; buyers do not look at each other, so many ask in vain.
 */
import { awardHighest } from './award.ts';
import { clearByRound, type Market, type Mechanism, type Offer } from './mechanism.ts';
import { TradingFloor, byDistance, byValue } from './trading-floor.ts';

export const seedMechanism: Mechanism = {
	name: 'seed',
	offers,
	award: awardHighest,
	clear: (market) => clearByRound(seedMechanism, market)
};

function offers(market: Market): Offer[] {
	const floor = new TradingFloor(market);
	const made: Offer[] = [];
	for (const buyer of [...market.buyers].sort(byValue(market))) {
		for (const seller of [...market.sellers].sort(byDistance(market, buyer.site))) {
			const ask = floor.ask(seller);
			if (ask === undefined || buyer.value < ask + market.minimumGain) continue;
			const channel = floor.feasibleChannel(buyer.site, seller);
			if (channel === undefined) continue;
			made.push({ buyer: buyer.site.id, seller: seller.site.id, channel, price: buyer.value });
			break;
		}
	}
	return made;
}
