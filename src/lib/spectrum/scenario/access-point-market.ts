/** The market that access points make: who is busy buys, who is idle sells, each for what a channel is worth to it. */
import {
	BUY_AT_PPM,
	MAX_CHANNELS_PER_AP,
	occupancyAfterBuying,
	occupancyAfterSelling,
	type OwnAccessPoint
} from '../access-point.ts';
import { MINIMUM_GAIN } from '../manager/limits.ts';
import type { Market, Offer } from '../mechanisms/mechanism.ts';
import { asksOfSeller, valueToBuyer } from '../mechanisms/valuation.ts';
import { HolderBoard } from '../radio/holder-board.ts';

export interface MarketOptions {
	conflictDistancePercent: number;
	seed: number;
}

export function marketOf(accessPoints: readonly OwnAccessPoint[], options: MarketOptions): Market {
	const holders = new HolderBoard(options.conflictDistancePercent);
	for (const ap of accessPoints) holders.put(ap, ap.channels);
	return {
		buyers: accessPoints
			.filter((ap) => ap.occupancyPpm >= BUY_AT_PPM && ap.channels.length < MAX_CHANNELS_PER_AP)
			.map((site) => ({ site, value: valueToBuyer(site) })),
		sellers: accessPoints
			.map((site) => ({ site, idleChannels: site.idleChannels, asks: asksOfSeller(site) }))
			.filter(({ asks }) => asks.length > 0),
		holders,
		minimumGain: MINIMUM_GAIN,
		seed: options.seed
	};
}

/** The access points as the contract leaves them: the channel moves, its load goes along. */
export function withTrades(
	accessPoints: readonly OwnAccessPoint[],
	trades: readonly Offer[]
): OwnAccessPoint[] {
	const byId = new Map(accessPoints.map((ap) => [ap.id, ap]));
	for (const { buyer, seller, channel } of trades) {
		const bought = byId.get(buyer)!;
		const sold = byId.get(seller)!;
		byId.set(buyer, {
			...bought,
			channels: [...bought.channels, channel].sort((a, b) => a - b),
			occupancyPpm: occupancyAfterBuying(bought.occupancyPpm, bought.channels.length)
		});
		byId.set(seller, {
			...sold,
			channels: sold.channels.filter((held) => held !== channel),
			idleChannels: sold.idleChannels.filter((idle) => idle !== channel),
			occupancyPpm: occupancyAfterSelling(sold.occupancyPpm, sold.channels.length)
		});
	}
	return accessPoints.map(({ id }) => byId.get(id)!);
}
