/**
 * What people see of the market, from final blocks: access points, bids, trades, measures. The shapes are those of the client
 * API (node/api.ts), except for what only the node knows: nicknames, and which access points are its own.
 */
import { decodeEvents, type RawEvent, type SpectrumEvent } from '../contract/events.ts';
import type {
	AccessPointRecord,
	BidRecord,
	GrantEndRecord,
	GrantRecord,
	UpdateRecord
} from '../contract/records.ts';
import { MarketState, type StateRow } from '../market-state.ts';
import type { Market } from '../mechanisms/mechanism.ts';
import { conflictingPairs, jainIndex, percentile } from './metrics.ts';
import { gainOfTrade, presentMarket } from './yardstick.ts';

/** Lists that a page shows, and a tab that is open for a day keeps. */
export const MAX_KEPT_TRADES = 1000;
export const MAX_KEPT_BIDS = 2000;
/** Of the latest trades, for percentiles. */
const MAX_LATENCIES = 1000;
/** Of the latest trades, for the yardstick. */
const MAX_GAINS = 1000;

export type ApView = Omit<AccessPointRecord, 'changedHeight' | 'lentChannels' | 'grantedChannels'> & {
	/** Height at which it last changed. */
	height: number;
};

export interface BidView {
	id: string;
	buyerAp: string;
	sellerAp: string;
	channel: number;
	/** Decimal string; empty while it is committed, and where it was forfeited: nobody knows it. */
	price: string;
	buyer: string;
	/** Of a commitment: the last height at which it can be revealed. */
	expiryHeight: number;
	/** A bid that its buyer replaced counts as expired; `revealed` is a sealed bid that stands as an open one. */
	state: 'open' | 'taken' | 'expired' | 'committed' | 'revealed' | 'forfeited';
	transactionId: string;
	height: number;
	/** By which its buyer chose the seller. */
	mechanism: string;
}

export interface TradeView {
	id: string;
	bidId: string;
	buyerAp: string;
	sellerAp: string;
	buyer: string;
	seller: string;
	channel: number;
	/** Decimal string. */
	price: string;
	mechanism: string;
	height: number;
	time: number;
	transactionId: string;
	/** Both access points as this trade left them. */
	buyerAfter: LoadView;
	sellerAfter: LoadView;
}

export type GrantView = GrantRecord;

/** What an access point holds, and how busy it is. */
export type LoadView = Pick<AccessPointRecord, 'channels' | 'idleChannels' | 'occupancyPpm'>;

export interface MetricsView {
	aps: number;
	/** Ever seen, open and closed. */
	bids: number;
	trades: number;
	/** Decimal string. */
	revenue: string;
	/** Must be 0. */
	conflictingPairs: number;
	jainIndex: number;
	bidToFinalMs: { p50: number; p95: number } | null;
	meanOccupancyPpm: number;
	conflictDistancePercent: number;
}

/** A final block, as far as this view needs it. */
export interface ViewBlock {
	height: number;
	timeMs: number;
	/** Transactions whose receipt is OK, and others too: those have no events. */
	transactions: { id: string; events: RawEvent[] }[];
	/** Events of the block itself (the receipt without a transaction id). */
	events?: RawEvent[];
}

/** What a block changed, for pushing to a page. */
export interface ViewChange {
	accessPoints: ApView[];
	trades: TradeView[];
}

export class SpectrumView {
	readonly #state: MarketState;
	readonly #percent: number;
	/** In order of arrival. */
	readonly #bids = new Map<string, BidView>();
	#trades: TradeView[] = [];
	#latenciesMs: number[] = [];
	/** What trades gained that this view saw happen; the oldest first. */
	#gains: { timeMs: number; gain: bigint }[] = [];
	#bidCount = 0;
	#tradeCount = 0;
	#revenue = 0n;
	#height = 0;
	/** Counting pairs costs milliseconds with hundreds of access points, and pages ask often. */
	#pairs: number | null = null;

	constructor(conflictDistancePercent: number) {
		this.#percent = conflictDistancePercent;
		this.#state = new MarketState(conflictDistancePercent);
	}

	/** Access points and open bids of the final state; trades come with the blocks that hold them. */
	restore(rows: Iterable<StateRow>, height: number): void {
		this.#state.restore(rows);
		this.#height = height;
		this.#pairs = null;
		this.#bids.clear();
		for (const bid of this.#state.openBids.values()) this.#keepBid(bid);
	}

	/** @throws RecordError where an event is unreadable */
	apply(block: ViewBlock): ViewChange {
		const change: ViewChange = { accessPoints: [], trades: [] };
		this.#height = block.height;
		for (const { id, status } of this.#state.expireBids(block.height))
			this.#closeBid(id, status === 'committed' ? 'forfeited' : 'expired');
		for (const event of decodeEvents(block.events ?? [])) this.#applyEvent(event, block, '', change);
		for (const { id, events } of block.transactions)
			for (const event of decodeEvents(events)) this.#applyEvent(event, block, id, change);
		return change;
	}

	/** Trades of an older block, for a view that was restored at a later height: newest block first. */
	addOlderTrades(block: ViewBlock): void {
		for (const { id, events } of [...block.transactions].reverse())
			for (const event of decodeEvents(events)) {
				if (isNewBid(event)) this.#bidCount++;
				if (event.kind !== 'UpdateAPChannelInfo') continue;
				this.#count(event.update, block.timeMs);
				if (this.#trades.length < MAX_KEPT_TRADES) this.#trades.push(tradeView(event.update, block, id));
			}
	}

	/** In order of registration. */
	accessPoints(owner?: string): ApView[] {
		const records = [...this.#state.accessPoints.values()];
		return (owner === undefined ? records : records.filter((record) => record.owner === owner)).map(apView);
	}

	accessPoint(id: string): ApView | undefined {
		const record = this.#state.accessPoints.get(id);
		return record && apView(record);
	}

	/** Newest first. */
	bids(limit = MAX_KEPT_BIDS): BidView[] {
		return [...this.#bids.values()].reverse().slice(0, limit);
	}

	/** Newest first. */
	trades(limit = MAX_KEPT_TRADES): TradeView[] {
		return this.#trades.slice(0, limit);
	}

	/** Those that end first come first. */
	grants(): GrantView[] {
		return [...this.#state.grants.values()].sort((a, b) => a.expiryHeight - b.expiryHeight);
	}

	/** Pairs of ids for the map; must be empty. */
	conflictingPairs(): [string, string][] {
		return conflictingPairs([...this.#state.accessPoints.values()], this.#percent);
	}

	metrics(): MetricsView {
		const records = [...this.#state.accessPoints.values()];
		const p50 = percentile(this.#latenciesMs, 50);
		const p95 = percentile(this.#latenciesMs, 95);
		const occupancy = records.reduce((sum, record) => sum + record.occupancyPpm, 0);
		this.#pairs ??= this.conflictingPairs().length;
		return {
			aps: records.length,
			bids: this.#bidCount,
			trades: this.#tradeCount,
			revenue: this.#revenue.toString(),
			conflictingPairs: this.#pairs,
			jainIndex: jainIndex(records.map((record) => record.channels.length)),
			bidToFinalMs: p50 === null || p95 === null ? null : { p50, p95 },
			meanOccupancyPpm: records.length === 0 ? 0 : Math.round(occupancy / records.length),
			conflictDistancePercent: this.#percent
		};
	}

	get height(): number {
		return this.#height;
	}

	/** The market as it stands, as a mechanism takes it. */
	market(): Market {
		return presentMarket(this.#state);
	}

	/** Welfare of the trades that this view saw become final at this time (of blocks) and later. */
	gainedSince(timeMs: number): bigint {
		return this.#gains.reduce((sum, trade) => (trade.timeMs >= timeMs ? sum + trade.gain : sum), 0n);
	}

	#applyEvent(event: SpectrumEvent, block: ViewBlock, transactionId: string, change: ViewChange): void {
		switch (event.kind) {
			case 'IssueAPChannelInfo':
				this.#put(event.accessPoint, change);
				break;
			case 'IssueBidingCommitInfo':
			case 'IssueBidingPriceInfo':
				this.#state.openBids.set(event.bid.id, event.bid);
				if (isNewBid(event)) this.#bidCount++;
				this.#keepBid(event.bid);
				break;
			case 'BidReplaced':
				this.#closeBid(event.bid.id, 'expired');
				break;
			case 'BidsExpired':
				for (const id of event.bidIds) this.#closeBid(id, 'expired');
				break;
			case 'BidsForfeited':
				for (const id of event.bidIds) this.#closeBid(id, 'forfeited');
				break;
			case 'GrantsRenewed':
				for (const grant of event.grants) this.#state.putGrant(grant);
				break;
			case 'GrantExpired':
			case 'GrantRelinquished':
				this.#endGrant(event.end, change);
				break;
			case 'UpdateAPChannelInfo': {
				const trade = tradeView(event.update, block, transactionId);
				this.#gained(event.update, block.timeMs);
				this.#put(event.update.buyerAp, change);
				this.#put(event.update.sellerAp, change);
				if (event.update.grant) this.#state.putGrant(event.update.grant);
				this.#closeBid(event.update.bid.id, 'taken');
				this.#count(event.update, block.timeMs);
				this.#trades.unshift(trade);
				this.#trades.length = Math.min(this.#trades.length, MAX_KEPT_TRADES);
				change.trades.push(trade);
				break;
			}
		}
	}

	#put(record: AccessPointRecord, change: ViewChange): void {
		this.#state.putAccessPoint(record);
		this.#pairs = null;
		change.accessPoints.push(apView(record));
	}

	/** Before the access points are put as the trade left them. */
	#gained({ buyerAp, sellerAp }: UpdateRecord, timeMs: number): void {
		const { accessPoints } = this.#state;
		const gain = gainOfTrade(accessPoints.get(buyerAp.id), accessPoints.get(sellerAp.id));
		if (gain === undefined) return;
		this.#gains.push({ timeMs, gain });
		if (this.#gains.length > MAX_GAINS) this.#gains.shift();
	}

	#endGrant(end: GrantEndRecord, change: ViewChange): void {
		this.#put(end.ap, change);
		this.#put(end.grantorAp, change);
		this.#state.endGrant(end);
	}

	#count(update: UpdateRecord, timeMs: number): void {
		this.#tradeCount++;
		this.#revenue += update.bid.price;
		this.#latenciesMs.push(timeMs - update.bid.timeMs);
		if (this.#latenciesMs.length > MAX_LATENCIES) this.#latenciesMs.shift();
	}

	/** Closed bids make room first. */
	#keepBid(bid: BidRecord): void {
		if (this.#bids.size >= MAX_KEPT_BIDS && !this.#bids.has(bid.id)) {
			const closed = [...this.#bids.values()].find((kept) => kept.state !== 'open');
			this.#bids.delete(closed?.id ?? this.#bids.keys().next().value!);
		}
		this.#bids.set(bid.id, bidView(bid));
	}

	#closeBid(id: string, state: BidView['state']): void {
		this.#state.openBids.delete(id);
		const bid = this.#bids.get(id);
		if (bid) this.#bids.set(id, { ...bid, state });
	}
}

function apView({
	changedHeight,
	lentChannels: _lentChannels,
	grantedChannels: _grantedChannels,
	...record
}: AccessPointRecord): ApView {
	return { ...record, height: changedHeight };
}

/** A bid that is revealed was counted when it was committed to. */
function isNewBid(event: SpectrumEvent): boolean {
	return (
		event.kind === 'IssueBidingCommitInfo' ||
		(event.kind === 'IssueBidingPriceInfo' && event.bid.commitment === undefined)
	);
}

function stateOf({ status, commitment }: BidRecord): BidView['state'] {
	if (status === 'replaced') return 'expired';
	return status === 'open' && commitment ? 'revealed' : status;
}

function bidView(bid: BidRecord): BidView {
	return {
		id: bid.id,
		buyerAp: bid.buyerAp,
		sellerAp: bid.sellerAp,
		channel: bid.channel,
		price: bid.status === 'committed' ? '' : bid.price.toString(),
		buyer: bid.buyer,
		expiryHeight: bid.expiryHeight,
		state: stateOf(bid),
		transactionId: bid.id,
		height: bid.height,
		mechanism: bid.mechanism
	};
}

function tradeView(update: UpdateRecord, block: ViewBlock, transactionId: string): TradeView {
	return {
		id: transactionId,
		bidId: update.bid.id,
		buyerAp: update.bid.buyerAp,
		sellerAp: update.bid.sellerAp,
		buyer: update.bid.buyer,
		seller: update.seller,
		channel: update.bid.channel,
		price: update.bid.price.toString(),
		mechanism: update.mechanism,
		height: block.height,
		time: block.timeMs,
		transactionId,
		buyerAfter: loadView(update.buyerAp),
		sellerAfter: loadView(update.sellerAp)
	};
}

function loadView({ channels, idleChannels, occupancyPpm }: AccessPointRecord): LoadView {
	return { channels, idleChannels, occupancyPpm };
}
