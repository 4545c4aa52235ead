/** The buyer's side: which sellers to ask, at what price, and when to stop waiting for an answer. */
import { MAX_CHANNELS_PER_AP } from '../access-point.ts';
import type { AccessPointRecord, BidRecord } from '../contract/records.ts';
import type { MarketState } from '../market-state.ts';
import type { Buyer, Mechanism, Offer, Seller } from '../mechanisms/mechanism.ts';
import { asksOfSeller, valueToBuyer, type SellerLimits } from '../mechanisms/valuation.ts';
import { ANSWER_PATIENCE_MS, MAX_BIDS_PER_NODE } from './limits.ts';
import type { Patience } from './patience.ts';
import { sellersAmong } from './selling.ts';
import { DEFAULT_SETTINGS, type ManagerSettings } from './settings.ts';
import type { Intent } from './submissions.ts';

export interface BuyingInput {
	self: string;
	state: MarketState;
	/** SelfAPs on the chain. */
	ownRecords: readonly AccessPointRecord[];
	/** What is on its way. */
	intents: readonly Intent[];
	patience: Patience;
	/** When this manager first saw an open bid, by id. */
	seenMs: ReadonlyMap<string, number>;
	mechanism: Mechanism;
	/** Of this node; of others nobody knows any but the defaults. */
	settings: ManagerSettings;
	seed: number;
	nowMs: number;
	balance: bigint | undefined;
}

export interface PlannedBid {
	offer: Offer;
	/** The buyer's open bid that this one takes the place of, or empty. */
	replaces: string;
}

/**
 * All buyers that may bid now are matched at once, those of other nodes among them, so that managers at one height do not ask
 * the same seller; only the own ones' offers are made.
 */
export function planBids(input: BuyingInput): PlannedBid[] {
	const replaceable = new Map<string, string>();
	const own = ownBuyers(input, replaceable);
	if (own.length === 0) return [];
	const { state, patience, intents, mechanism } = input;
	const reserved = reservedChannels(input, new Set(replaceable.values()));
	const offers = mechanism.offers({
		buyers: [...own, ...otherBuyers(input)],
		sellers: withoutPromised(
			sellersAmong(
				[...state.accessPoints.values()].filter((ap) => !patience.avoidsOwner(ap.owner)),
				intents,
				(owner) => (owner === input.self ? input.settings : undefined)
			),
			reserved
		),
		holders: state.holders,
		reserved,
		avoided: patience.pairs(),
		minimumGain: input.settings.minimumGain,
		seed: input.seed
	});
	const ownIds = new Set(own.map((buyer) => buyer.site.id));
	return withinBounds(
		offers
			.filter((offer) => ownIds.has(offer.buyer))
			.map((offer) => ({ offer, replaces: replaceable.get(offer.buyer) ?? '' })),
		input
	);
}

function ownBuyers(input: BuyingInput, replaceable: Map<string, string>): Buyer[] {
	const openBids = new Map<string, BidRecord>();
	for (const bid of input.state.openBids.values())
		if (bid.buyer === input.self) openBids.set(bid.buyerAp, bid);
	const bidding = new Set(input.intents.map((intent) => (intent.kind === 'bid' ? intent.ap : '')));
	const buyers: Buyer[] = [];
	for (const record of input.ownRecords) {
		if (!isBuyer(record, input.settings) || bidding.has(record.id)) continue;
		const bid = openBids.get(record.id);
		if (bid && !isGivenUp(bid, record, input)) continue;
		if (bid) replaceable.set(record.id, bid.id);
		buyers.push({ site: record, value: valueToBuyer(record) });
	}
	return buyers;
}

function otherBuyers({ self, state, patience, nowMs }: BuyingInput): Buyer[] {
	const haveBid = new Set([...state.openBids.values()].map((bid) => bid.buyerAp));
	const buyers: Buyer[] = [];
	for (const record of state.accessPoints.values()) {
		if (record.owner === self) continue;
		if (!isBuyer(record, DEFAULT_SETTINGS) || haveBid.has(record.id)) patience.isServed(record.id);
		else if (patience.isExpected(record.id, nowMs))
			buyers.push({ site: record, value: valueToBuyer(record) });
	}
	return buyers;
}

function isBuyer(record: AccessPointRecord, { buyAtPpm }: ManagerSettings): boolean {
	return record.occupancyPpm >= buyAtPpm && record.channels.length < MAX_CHANNELS_PER_AP;
}

/** Whether to look for another seller: this one cannot sell any more, or lets us wait too long. */
function isGivenUp(
	bid: BidRecord,
	buyer: AccessPointRecord,
	{ state, patience, intents, seenMs, self, settings, nowMs }: BuyingInput
): boolean {
	if (intents.some((intent) => intent.kind === 'switch' && intent.bidId === bid.id)) return false;
	// A round has its end, and what was committed to is revealed.
	if (bid.status === 'committed') return false;
	const seller = state.accessPoints.get(bid.sellerAp);
	const limits = seller?.owner === self ? settings : undefined;
	if (!seller || !canStillSell(bid, buyer, seller, state, limits)) {
		patience.avoidPair(bid.buyerAp, bid.sellerAp, nowMs);
		return true;
	}
	if (nowMs - (seenMs.get(bid.id) ?? nowMs) < ANSWER_PATIENCE_MS) return false;
	patience.avoidPair(bid.buyerAp, bid.sellerAp, nowMs);
	if (seller.owner !== self) patience.avoidOwner(seller.owner, nowMs);
	return true;
}

function canStillSell(
	bid: BidRecord,
	buyer: AccessPointRecord,
	seller: AccessPointRecord,
	state: MarketState,
	limits: SellerLimits | undefined
): boolean {
	const ask = asksOfSeller(seller, limits)[0];
	// One near the buyer that somebody asks for the same channel is about to give it up: mechanisms reckon with that.
	const isPromised = (id: string): boolean =>
		[...state.openBids.values()].some((other) => other.sellerAp === id && other.channel === bid.channel);
	return (
		ask !== undefined &&
		bid.price >= ask &&
		seller.idleChannels.includes(bid.channel) &&
		!buyer.channels.includes(bid.channel) &&
		state.holders.conflicting(buyer, bid.channel, (id) => id === seller.id || isPromised(id)) === undefined
	);
}

/** Channels that a live bid already asks for. One that its seller leaves unanswered blocks nobody. */
function reservedChannels(
	{ state, intents, seenMs, nowMs }: BuyingInput,
	replaced: ReadonlySet<string>
): Set<string> {
	const reserved = new Set<string>();
	for (const bid of state.openBids.values())
		if (!replaced.has(bid.id) && nowMs - (seenMs.get(bid.id) ?? nowMs) < ANSWER_PATIENCE_MS)
			reserved.add(`${bid.sellerAp}/${bid.channel}`);
	for (const intent of intents) if (intent.kind === 'bid') reserved.add(`${intent.seller}/${intent.channel}`);
	return reserved;
}

/** What live bids ask of a seller costs it its first asks; the next buyer has to pay the one after them. */
function withoutPromised(sellers: readonly Seller[], reserved: ReadonlySet<string>): Seller[] {
	return sellers.map((seller) => {
		const promised = seller.idleChannels.filter((channel) =>
			reserved.has(`${seller.site.id}/${channel}`)
		).length;
		return promised === 0 ? seller : { ...seller, asks: seller.asks.slice(promised) };
	});
}

function withinBounds(planned: PlannedBid[], { state, self, intents, balance }: BuyingInput): PlannedBid[] {
	let bids = [...state.openBids.values()].filter((bid) => bid.buyer === self).length;
	let money = balance;
	for (const intent of intents) {
		if (intent.kind !== 'bid') continue;
		bids++;
		if (money !== undefined) money -= intent.price;
	}
	return planned.filter(({ offer, replaces }) => {
		if (replaces === '' && bids >= MAX_BIDS_PER_NODE) return false;
		if (money !== undefined && offer.price > money) return false;
		if (money !== undefined) money -= offer.price;
		if (replaces === '') bids++;
		return true;
	});
}
