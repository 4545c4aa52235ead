/**
 * McAfee's double auction in each zone of the market (zones.ts). Unit supply: a seller puts up one channel a round, for its first
 * ask. Truthful for both sides, nobody loses, and the auctioneer never pays in; the price is one trade a zone at most.
 */
import { awardHighest } from './award.ts';
import { mcAfee, type Clearing } from './double-auction.ts';
import type { Market, Mechanism, Offer, Outcome } from './mechanism.ts';
import { Options } from './options.ts';
import { compare } from './trading-floor.ts';
import { zonesOf } from './zones.ts';

export const mcAfeeMechanism: Mechanism = {
	name: 'mcafee',
	offers: (market) => clearMcAfee(market).trades,
	award: awardHighest,
	clear: (market) => clearMcAfee(market)
};

/** @param options - of this market, where they are known already */
export function clearMcAfee(market: Market, options = new Options(market)): Outcome {
	return clearZones(market, options, (buyers) => buyers.map((buyer) => [buyer]), mcAfee);
}

/**
 * One double auction a zone, in which groups of buyers that share a channel bid as one: with their number times the least of
 * their bids, so that none of them pays more than it bid (TRUST).
 */
export function clearZones(
	market: Market,
	options: Options,
	groupsOf: (buyers: readonly number[]) => number[][],
	auction: (bids: readonly bigint[], asks: readonly bigint[]) => Clearing
): Outcome {
	const trades: Offer[] = [];
	const receipts = new Map<string, bigint>();
	for (const zone of zonesOf(options)) {
		const groups = groupsOf(zone.buyers)
			.map((members) => ({ members, bid: groupBid(options, members) }))
			.sort((a, b) => compare(b.bid, a.bid) || a.members[0]! - b.members[0]!);
		// What a trade must gain at least is put on top of the ask, and taken off again from what the seller receives.
		const units = zone.units
			.map((unit) => ({ unit, ask: options.units[unit]!.seller.asks[0]! + market.minimumGain }))
			.sort((a, b) => compare(a.ask, b.ask) || a.unit - b.unit);
		const clearing = auction(
			groups.map(({ bid }) => bid),
			units.map(({ ask }) => ask)
		);
		for (let i = 0; i < clearing.trades; i++) {
			const { seller, channel } = options.units[units[i]!.unit]!;
			const { members } = groups[i]!;
			for (const buyer of members)
				trades.push({
					buyer: options.buyers[buyer]!.site.id,
					seller: seller.site.id,
					channel,
					price: dividedUp(clearing.pays, members.length)
				});
			receipts.set(seller.site.id, clearing.receives - market.minimumGain);
		}
	}
	return { trades, receipts };
}

function groupBid(options: Options, members: readonly number[]): bigint {
	const bids = members.map((buyer) => options.buyers[buyer]!.value).sort(compare);
	return bids[0]! * BigInt(members.length);
}

/** Rounded up: the auctioneer never pays in. It is still at most the least bid, which is whole. */
function dividedUp(amount: bigint, parts: number): bigint {
	return (amount + BigInt(parts) - 1n) / BigInt(parts);
}
