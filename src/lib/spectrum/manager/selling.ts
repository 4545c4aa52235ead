/** The seller's side: which of the waiting requests to take. */
import { occupancyAfterSelling } from '../access-point.ts';
import type { AccessPointRecord, BidRecord } from '../contract/records.ts';
import type { MarketState } from '../market-state.ts';
import type { AwardableOffer, Market, Mechanism, Seller } from '../mechanisms/mechanism.ts';
import { asksOfSeller, type SellerLimits } from '../mechanisms/valuation.ts';
import { asSeller } from './grants.ts';
import type { Intent } from './submissions.ts';

/**
 * Sellers among these access points, each as it will be when the switches on their way are done.
 * @param limitsOf - an owner's, where they are known
 */
export function sellersAmong(
	records: Iterable<AccessPointRecord>,
	intents: readonly Intent[],
	limitsOf: (owner: string) => SellerLimits | undefined
): Seller[] {
	const sellers: Seller[] = [];
	for (const record of records) {
		const ap = afterSwitches(asSeller(record), intents);
		const asks = asksOfSeller(ap, limitsOf(record.owner));
		if (asks.length > 0) sellers.push({ site: record, idleChannels: ap.idleChannels, asks });
	}
	return sellers;
}

/** @param requests - open bids for own sellers */
export function chooseRequests(
	mechanism: Mechanism,
	state: MarketState,
	sellers: readonly Seller[],
	requests: readonly BidRecord[],
	{ seed, minimumGain }: Pick<Market, 'seed' | 'minimumGain'>
): BidRecord[] {
	const byId = new Map(requests.map((bid) => [bid.id, bid]));
	const offers: AwardableOffer[] = [];
	for (const bid of requests) {
		const site = state.accessPoints.get(bid.buyerAp);
		if (site)
			offers.push({
				buyer: bid.buyerAp,
				seller: bid.sellerAp,
				channel: bid.channel,
				price: bid.price,
				site,
				bidId: bid.id
			});
	}
	const market: Market = { buyers: [], sellers, holders: state.holders, minimumGain, seed };
	return mechanism.award(market, offers).map((offer) => byId.get(offer.bidId!)!);
}

function afterSwitches(record: AccessPointRecord, intents: readonly Intent[]): AccessPointRecord {
	let ap = record;
	for (const intent of intents) {
		if (intent.kind !== 'switch' || intent.seller !== ap.id || !ap.channels.includes(intent.channel))
			continue;
		if (ap.channels.length < 2) break;
		ap = {
			...ap,
			channels: ap.channels.filter((channel) => channel !== intent.channel),
			idleChannels: ap.idleChannels.filter((channel) => channel !== intent.channel),
			occupancyPpm: occupancyAfterSelling(ap.occupancyPpm, ap.channels.length)
		};
	}
	return ap;
}
