/**
 * TRUST (Zhou and Zheng, INFOCOM 2009): a double auction in which buyers that do not disturb each other share a channel. They are
 * put into groups by the conflict graph alone, each group bids as one, and the auction gives up one trade.
 *
 * Where a channel has one holder after a trade, as on the chain, a group is one buyer (`Market.reuse`).
 */
import { awardHighest } from './award.ts';
import { tradeReduction } from './double-auction.ts';
import { clearZones } from './mcafee.ts';
import type { Market, Mechanism, Outcome } from './mechanism.ts';
import { Options } from './options.ts';

export const trustMechanism: Mechanism = {
	name: 'trust',
	offers: (market) => clearTrust({ ...market, reuse: false }).trades,
	award: awardHighest,
	clear: (market) => clearTrust(market)
};

/** @param options - of this market, where they are known already */
export function clearTrust(market: Market, options = new Options(market)): Outcome {
	return clearZones(
		market,
		options,
		(buyers) => (market.reuse ? independentSets(options, buyers) : buyers.map((buyer) => [buyer])),
		tradeReduction
	);
}

/** Each buyer into the first group in which it disturbs nobody. */
function independentSets(options: Options, buyers: readonly number[]): number[][] {
	const groups: number[][] = [];
	for (const buyer of buyers) {
		const group = groups.find((members) => !members.some((member) => options.clash(member, buyer)));
		if (group) group.push(buyer);
		else groups.push([buyer]);
	}
	return groups;
}
