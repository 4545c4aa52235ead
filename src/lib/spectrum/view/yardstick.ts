/**
 * The optimum as a yardstick: what could still be gained on the market as it stands, beside what trades have gained. Welfare is counted as
 * mechanisms count it: the buyer's value less the seller's ask, less the least gain that a manager acts for.
 */
import { BUY_AT_PPM, MAX_CHANNELS_PER_AP } from '../access-point.ts';
import type { AccessPointRecord } from '../contract/records.ts';
import { MINIMUM_GAIN } from '../manager/limits.ts';
import type { MarketState } from '../market-state.ts';
import type { Market, Seller } from '../mechanisms/mechanism.ts';
import { asksOfSeller, valueToBuyer } from '../mechanisms/valuation.ts';

/** Every access point that needs a channel, and every one that can do without, whatever is on its way between them. */
export function presentMarket(state: MarketState): Market {
	const records = [...state.accessPoints.values()];
	const sellers: Seller[] = [];
	for (const site of records) {
		const asks = asksOfSeller(site);
		if (asks.length > 0) sellers.push({ site, idleChannels: site.idleChannels, asks });
	}
	return {
		buyers: records
			.filter(
				({ occupancyPpm, channels }) => occupancyPpm >= BUY_AT_PPM && channels.length < MAX_CHANNELS_PER_AP
			)
			.map((site) => ({ site, value: valueToBuyer(site) })),
		sellers,
		holders: state.holders,
		minimumGain: MINIMUM_GAIN,
		seed: 0
	};
}

/** What a trade gained, from both access points as they were before it; undefined where one of them was not known. */
export function gainOfTrade(
	buyer: AccessPointRecord | undefined,
	seller: AccessPointRecord | undefined
): bigint | undefined {
	const ask = seller && asksOfSeller(seller)[0];
	// A seller whose demand rose before its switch was final sold at what it would not sell for any more.
	return buyer && ask !== undefined ? valueToBuyer(buyer) - ask - MINIMUM_GAIN : undefined;
}

/** No allocation gains more: the highest values with the lowest asks, as if everybody could buy from everybody. */
export function relaxedBound({ buyers, sellers, minimumGain }: Market): bigint {
	const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
	const values = buyers.map(({ value }) => value).sort((a, b) => ascending(b, a));
	const asks = sellers.flatMap((seller) => seller.asks).sort(ascending);
	let welfare = 0n;
	for (let i = 0; i < Math.min(values.length, asks.length); i++) {
		const gain = values[i]! - asks[i]! - minimumGain;
		if (gain <= 0n) break;
		welfare += gain;
	}
	return welfare;
}
