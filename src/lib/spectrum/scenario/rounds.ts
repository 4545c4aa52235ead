/** One round of a mechanism after another over the same market: who was served leaves, what was sold moves. */
import { welfareOf } from '../mechanisms/optimal/allocation-model.ts';
import type { Market, Mechanism, Offer } from '../mechanisms/mechanism.ts';
import { tooClose } from '../radio/distance.ts';
import { HolderDraft } from '../radio/holder-board.ts';

export interface Rounds {
	/** Of all rounds, in order. */
	trades: Offer[];
	welfare: bigint;
	/** What sellers received. */
	revenue: bigint;
}

export function runRounds(mechanism: Mechanism, market: Market, rounds = 1): Rounds {
	const result: Rounds = { trades: [], welfare: 0n, revenue: 0n };
	let now = market;
	for (let round = 0; round < rounds; round++) {
		const { trades, receipts } = mechanism.clear(now);
		if (trades.length === 0) break;
		result.trades.push(...trades);
		result.welfare += welfareOf(now, trades);
		for (const receipt of receipts.values()) result.revenue += receipt;
		now = afterTrades(now, trades);
	}
	return result;
}

/** The market that these trades leave. */
export function afterTrades(market: Market, trades: readonly Offer[]): Market {
	const holders = new HolderDraft(market.holders);
	const sites = new Map(market.buyers.map(({ site }) => [site.id, site]));
	const sold = new Map<string, Set<number>>();
	for (const { buyer, seller, channel } of trades) {
		holders.transfer(channel, seller, sites.get(buyer)!);
		const channels = sold.get(seller);
		if (channels) channels.add(channel);
		else sold.set(seller, new Set([channel]));
	}
	const served = new Set(trades.map(({ buyer }) => buyer));
	return {
		...market,
		holders,
		buyers: market.buyers.filter(({ site }) => !served.has(site.id)),
		sellers: market.sellers.map((seller) => {
			const gone = sold.get(seller.site.id);
			if (!gone) return seller;
			return {
				...seller,
				idleChannels: seller.idleChannels.filter((channel) => !gone.has(channel)),
				asks: seller.asks.slice(gone.size)
			};
		})
	};
}

/**
 * Pairs that hold a channel in common too close to each other after these trades, one of them by a trade: looked for pair by pair
 * among all that trade, and among everybody by who held what before. Must be none; one that is seen twice is named twice.
 */
export function conflictsAfter(market: Market, trades: readonly Offer[]): [string, string][] {
	const percent = market.holders.conflictDistancePercent;
	const buyers = new Map(market.buyers.map(({ site }) => [site.id, site]));
	const gone = new Set(trades.map(({ seller, channel }) => `${seller}/${channel}`));
	const pairs: [string, string][] = [];
	trades.forEach(({ buyer, channel }, i) => {
		const site = buyers.get(buyer)!;
		for (const seller of market.sellers)
			if (
				seller.idleChannels.includes(channel) &&
				!gone.has(`${seller.site.id}/${channel}`) &&
				tooClose(site, seller.site, percent)
			)
				pairs.push([buyer, seller.site.id]);
		for (const other of trades.slice(i + 1))
			if (other.channel === channel && tooClose(site, buyers.get(other.buyer)!, percent))
				pairs.push([buyer, other.buyer]);
		const holder = market.holders.conflicting(site, channel, (id) => gone.has(`${id}/${channel}`));
		if (holder !== undefined) pairs.push([buyer, holder]);
	});
	return pairs;
}
