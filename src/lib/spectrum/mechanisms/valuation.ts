/**
 * What a channel is worth, from what the chain knows of an access point, so that every node computes the same: one unit of money
 * for each PPM_PER_UNIT of occupancy that a channel takes off the buyer, or puts on the seller.
 */
import {
	SELLER_CAP_PPM,
	SELL_AT_PPM,
	occupancyAfterBuying,
	occupancyAfterSelling,
	type OwnAccessPoint
} from '../access-point.ts';

type Load = Pick<OwnAccessPoint, 'channels' | 'idleChannels' | 'occupancyPpm'>;

/** 0.1 % of the time: a busy AP with one channel pays up to about 450, of an initial balance of a million. */
export const PPM_PER_UNIT = 1000;

/** How far a seller goes. */
export interface SellerLimits {
	sellAtPpm: number;
	sellerCapPpm: number;
}

const CONTRACT_LIMITS: SellerLimits = { sellAtPpm: SELL_AT_PPM, sellerCapPpm: SELLER_CAP_PPM };

/** Relief that one channel more brings. The first channel of an AP relieves it of all that waits. */
export function valueToBuyer(ap: Load): bigint {
	const relief =
		ap.channels.length === 0
			? ap.occupancyPpm
			: ap.occupancyPpm - occupancyAfterBuying(ap.occupancyPpm, ap.channels.length);
	return BigInt(Math.floor(relief / PPM_PER_UNIT));
}

/**
 * Burden of giving away the first, second, … idle channel, as far as the AP would go: while it stands at or below `sellAtPpm`,
 * keeps a channel, and does not pass `sellerCapPpm`. Ascending, at least 1 each.
 */
export function asksOfSeller(ap: Load, limits: SellerLimits = CONTRACT_LIMITS): bigint[] {
	const asks: bigint[] = [];
	let held = ap.channels.length;
	let occupancy = ap.occupancyPpm;
	while (asks.length < ap.idleChannels.length && held >= 2 && occupancy <= limits.sellAtPpm) {
		const after = occupancyAfterSelling(occupancy, held);
		if (after > limits.sellerCapPpm) break;
		asks.push(BigInt(Math.max(1, Math.ceil((after - occupancy) / PPM_PER_UNIT))));
		occupancy = after;
		held--;
	}
	return asks;
}
