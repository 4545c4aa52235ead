/**
 * The manager of one node: it issues the access points of the node's database, bids for those that are too busy, and answers
 * bids for those that are idle. It does no I/O: the node feeds it with final events and its AP database, calls `tick`, signs and
 * submits what comes back, and stores the rows.
 *
 * This is the seed's version 2: no global state machine. Each kind of event goes into a pool of its own; a tick's callbacks take
 * what the manager waits for now and leave the rest until it expires. Requests for a channel of an AP that is not selling stay
 * in their pool and are taken when it does, if they still stand.
 *
 *     manager.restore(rows, height)            // once, before the first tick, and after a gap
 *     manager.onOwnAccessPoints(database)      // whenever the AP database changed
 *     manager.onEvents(events, height)         // every final block, in order
 *     manager.onOutcome({ key, status })       // what became of a submission
 *     manager.tick({ height, nowMs, balance }) // after each final block, and about once a second
 */
import type { OwnAccessPoint } from '../access-point.ts';
import { bidArguments, issueArguments, switchArguments } from '../contract/arguments.ts';
import { decodeEvents, type RawEvent, type SpectrumEvent } from '../contract/events.ts';
import type { GrantRules, SealedBidRules } from '../contract/parameters.ts';
import type { AccessPointRecord, BidRecord, UpdateRecord } from '../contract/records.ts';
import { MarketState, type StateRow } from '../market-state.ts';
import type { Mechanism } from '../mechanisms/mechanism.ts';
import { DEFAULT_MECHANISM, mechanismNamed } from '../mechanisms/registry.ts';
import { hash32 } from '../random.ts';
import { planBids } from './buying.ts';
import { GrantKeeper } from './grant-keeper.ts';
import { EventPool } from './event-pool.ts';
import {
	BID_EXPIRY_SPREAD,
	BID_WINDOW,
	BUY_INTERVAL_MS,
	EVENT_LIFETIME_HEIGHTS,
	MAX_POOL_EVENTS,
	MAX_SUBMISSIONS_PER_TICK
} from './limits.ts';
import { Patience } from './patience.ts';
import { Registrar } from './registrar.ts';
import { RoundPlayer } from './round-player.ts';
import { REVEAL_PATIENCE_MS, awaitsOthers } from './sealing.ts';
import { chooseRequests, sellersAmong } from './selling.ts';
import { checkedSettings, type ManagerSettings } from './settings.ts';
import { Submissions, keyOf, type Intent, type Outcome, type Submission } from './submissions.ts';

export interface SpectrumManagerInit {
	/** This node's account, lower-case hex. */
	self: string;
	/** Of the chain's genesis. */
	conflictDistancePercent: number;
	/** Of the chain's genesis; absent where bids are open. */
	sealedBids?: SealedBidRules;
	/** 32 bytes that only this node knows, for the salts of its sealed bids. Without it, it does not bid where bids are sealed. */
	sealKey?: Uint8Array;
	/** Of the chain's genesis; absent where channels are held for good. */
	grants?: GrantRules;
	/** @throws UnknownMechanismError */
	mechanism?: string;
	/** When it acts; the defaults where it is not said. @throws ManagerSettingsError */
	settings?: Partial<ManagerSettings>;
	/** Breaks ties; the same on all nodes, so that managers at one height choose alike. */
	seed?: number;
	/**
	 * Mechanisms by name, where this node has more than mechanismNamed knows: `optimal` needs a solver (OptimalPlanner).
	 * @throws UnknownMechanismError
	 */
	mechanismNamed?: (name: string) => Mechanism;
}

export interface TickInput {
	/** Height of the last final block. */
	height: number;
	/** The node's clock; only differences count. */
	nowMs: number;
	/** What the own account holds now; without it, bids are not bounded by money. */
	balance?: bigint;
}

export interface TickResult {
	submit: Submission[];
	/** Rows of the AP database to write. */
	store: OwnAccessPoint[];
}

export interface ManagerStatus {
	mechanism: string;
	ownOnChain: number;
	knownAccessPoints: number;
	openBids: number;
	/** Bids for own sellers that wait. */
	requests: number;
	pending: number;
	/** Events that found a pool full since the last `restore`. Not 0: call it. */
	droppedEvents: number;
	givenUp: { id: string; reason: string }[];
}

export class SpectrumManager {
	readonly #self: string;
	readonly #seed: number;
	#settings: ManagerSettings;
	readonly #state: MarketState;
	readonly #registrar: Registrar;
	readonly #submissions = new Submissions();
	readonly #patience = new Patience();
	/** When this manager first saw each open bid. */
	readonly #seenMs = new Map<string, number>();
	/** Bids of a restored state: they count as seen at the next tick, which knows the time. */
	readonly #unseen = new Set<string>();
	readonly #pools = {
		issued: new EventPool<AccessPointRecord>(MAX_POOL_EVENTS),
		bids: new EventPool<BidRecord>(MAX_POOL_EVENTS),
		closed: new EventPool<string>(MAX_POOL_EVENTS),
		/** Switches, and grants that go on or end: one pool, since of two of one block the later one counts. */
		updates: new EventPool<ChannelEvent>(MAX_POOL_EVENTS),
		/** Bids for own sellers, until a seller waits for them. */
		requests: new EventPool<BidRecord>(MAX_POOL_EVENTS)
	};
	readonly #mechanismNamed: (name: string) => Mechanism;
	/** Where bids are sealed. */
	readonly #rounds: RoundPlayer | undefined;
	/** Where channels are held as grants. */
	readonly #grantKeeper: GrantKeeper | undefined;
	readonly #sealedBids: SealedBidRules | undefined;
	#mechanism: Mechanism;
	#nowMs = 0;
	/** When buyers look for sellers next. */
	#nextBuyMs = Number.NEGATIVE_INFINITY;

	constructor(init: SpectrumManagerInit) {
		this.#self = init.self;
		this.#seed = init.seed ?? 0;
		this.#settings = checkedSettings(init.settings);
		this.#state = new MarketState(init.conflictDistancePercent);
		this.#registrar = new Registrar(init.self, this.#state);
		const { sealedBids, sealKey, grants } = init;
		this.#rounds = sealedBids && sealKey && new RoundPlayer(init.self, this.#state, sealedBids, sealKey);
		this.#sealedBids = sealedBids;
		this.#grantKeeper = grants && new GrantKeeper(this.#state, grants);
		this.#mechanismNamed = init.mechanismNamed ?? mechanismNamed;
		this.#mechanism = this.#mechanismNamed(init.mechanism ?? DEFAULT_MECHANISM);
	}

	/** @throws UnknownMechanismError */
	setMechanism(name: string): void {
		this.#mechanism = this.#mechanismNamed(name);
	}

	get settings(): ManagerSettings {
		return this.#settings;
	}

	/** From the next tick on; what is not given stays. Bids that stand are not taken back. @throws ManagerSettingsError */
	setSettings(part: Partial<ManagerSettings>): void {
		this.#settings = checkedSettings(part, this.#settings);
	}

	/** Rebuilds the view of the chain from the final state. Events that wait are dropped: they are in that state already. */
	restore(rows: Iterable<StateRow>): void {
		this.#state.restore(rows);
		for (const pool of Object.values(this.#pools)) pool.clear();
		this.#seenMs.clear();
		for (const bid of this.#state.openBids.values()) {
			if (bid.status === 'open') this.#pools.requests.add(bid, bid.expiryHeight);
			this.#unseen.add(bid.id);
		}
	}

	onOwnAccessPoints(accessPoints: readonly OwnAccessPoint[]): void {
		this.#registrar.setOwn(accessPoints);
	}

	/** The events of one final block, its own and its transactions', in order. @throws RecordError where an event is unreadable */
	onEvents(events: Iterable<RawEvent>, height: number): void {
		const lastHeight = height + EVENT_LIFETIME_HEIGHTS;
		for (const event of decodeEvents(events))
			switch (event.kind) {
				case 'IssueAPChannelInfo':
					this.#pools.issued.add(event.accessPoint, lastHeight);
					break;
				case 'IssueBidingCommitInfo':
				case 'IssueBidingPriceInfo':
					this.#pools.bids.add(event.bid, event.bid.expiryHeight);
					break;
				case 'BidReplaced':
					this.#pools.closed.add(event.bid.id, lastHeight);
					break;
				case 'BidsExpired':
				case 'BidsForfeited':
					for (const id of event.bidIds) this.#pools.closed.add(id, lastHeight);
					break;
				default:
					this.#pools.updates.add(event, lastHeight);
			}
	}

	/** A success of what makes a bid or changes an access point shows as an event; failures are learnt here. */
	onOutcome({ key, status, error }: Outcome): void {
		if (status === 'ok') {
			this.#submissions.succeeded(key);
			return;
		}
		const intent = this.#submissions.close(key);
		if (intent) this.#onFailure(intent, status === 'failed' ? (error ?? 'ContractFault') : null);
	}

	tick({ height, nowMs, balance }: TickInput): TickResult {
		this.#nowMs = nowMs;
		this.#takeEvents();
		this.#expire(height);
		const submit: Submission[] = [];
		// First what has a last height.
		this.#play(height, submit);
		this.#issue(height, submit);
		this.#sell(height, submit);
		this.#buy(height, balance, submit);
		return { submit, store: this.#registrar.rowsToStore() };
	}

	/** For who stops: what the chain has changed of its own access points since the last tick; nothing is acted on. */
	lastRows(): OwnAccessPoint[] {
		this.#takeEvents();
		return this.#registrar.rowsToStore();
	}

	status(): ManagerStatus {
		return {
			mechanism: this.#mechanism.name,
			ownOnChain: this.#registrar.ownRecords().length,
			knownAccessPoints: this.#state.accessPoints.size,
			openBids: this.#state.openBids.size,
			requests: this.#pools.requests.size,
			pending: this.#submissions.size,
			droppedEvents: Object.values(this.#pools).reduce((sum, pool) => sum + pool.dropped, 0),
			givenUp: this.#registrar.givenUp()
		};
	}

	/** The callbacks, one a pool. Descriptions before switches: in one block a switch always comes last (ChannelsFixed). */
	#takeEvents(): void {
		for (const id of this.#unseen) this.#seenMs.set(id, this.#nowMs);
		this.#unseen.clear();
		for (const record of this.#pools.issued.take(() => true)) {
			this.#learn(record);
			if (record.owner !== this.#self) continue;
			this.#submissions.close(`issue/${record.id}`);
			this.#registrar.succeeded(record);
		}
		for (const bid of this.#pools.bids.take(() => true)) this.#onBid(bid);
		for (const id of this.#pools.closed.take(() => true)) this.#closeBid(id);
		for (const event of this.#pools.updates.take(() => true)) this.#onChannels(event);
	}

	#onChannels(event: ChannelEvent): void {
		if (event.kind === 'UpdateAPChannelInfo') this.#onSwitch(event.update);
		else if (event.kind === 'GrantsRenewed') for (const grant of event.grants) this.#state.renewGrant(grant);
		else {
			this.#learn(event.end.ap);
			this.#learn(event.end.grantorAp);
			this.#state.endGrant(event.end);
		}
	}

	#onSwitch({ bid, seller, buyerAp, sellerAp, grant }: UpdateRecord): void {
		this.#learn(buyerAp);
		this.#learn(sellerAp);
		if (grant) this.#state.putGrant(grant);
		this.#closeBid(bid.id);
		this.#submissions.close(`switch/${bid.id}`);
		this.#patience.heardFrom(seller);
	}

	#learn(record: AccessPointRecord): void {
		const known = this.#state.accessPoints.get(record.id);
		if (!known || known.changedHeight <= record.changedHeight) this.#state.putAccessPoint(record);
	}

	#onBid(bid: BidRecord): void {
		this.#state.openBids.set(bid.id, bid);
		this.#seenMs.set(bid.id, this.#nowMs);
		if (bid.buyer === this.#self) this.#submissions.close(`bid/${bid.buyerAp}`);
		if (bid.status === 'open') this.#pools.requests.add(bid, bid.expiryHeight);
	}

	#closeBid(id: string): void {
		this.#state.openBids.delete(id);
		this.#seenMs.delete(id);
	}

	#expire(height: number): void {
		for (const pool of Object.values(this.#pools)) pool.expire(height);
		this.#patience.expire(this.#nowMs);
		for (const bid of this.#state.expireBids(height)) {
			this.#seenMs.delete(bid.id);
			if (bid.buyer === this.#self) this.#patience.avoidPair(bid.buyerAp, bid.sellerAp, this.#nowMs);
		}
		for (const intent of this.#submissions.expire(height, this.#nowMs)) this.#onFailure(intent, null);
	}

	/** @param error - the receipt's code, null where there is none */
	#onFailure(intent: Intent, error: string | null): void {
		if (intent.kind === 'issue') this.#registrar.failed(intent.ap, error, this.#nowMs);
		// A bid without a receipt may be made again at once; one that was refused would be refused again.
		else if (intent.kind === 'bid' && error !== null)
			this.#patience.avoidPair(intent.ap, intent.seller, this.#nowMs);
		else if (intent.kind === 'switch') this.#onSwitchFailure(intent.bidId, error);
		else if (intent.kind === 'reveal') this.#rounds?.failed(intent.bidId, error, this.#nowMs);
		else if (intent.kind === 'heartbeat' || intent.kind === 'relinquish')
			this.#grantKeeper?.failed(error, this.#nowMs);
	}

	#onSwitchFailure(bidId: string, error: string | null): void {
		const bid = this.#state.openBids.get(bidId);
		if (!bid) return;
		// Lost on its way: the request waits again. Refused: the contract has the last word.
		if (error === null) this.#pools.requests.add(bid, bid.expiryHeight);
	}

	/** Reveals, rounds, heartbeats and what is given back. */
	#play(height: number, submit: Submission[]): void {
		const own = this.#registrar.ownRecords();
		const now = { height, nowMs: this.#nowMs, intents: this.#submissions.intents() };
		const due = [...(this.#rounds?.due(now) ?? []), ...(this.#grantKeeper?.due(now, own) ?? [])];
		for (const { intent, args } of due)
			if (!this.#submissions.has(keyOf(intent)) && !this.#submit(intent, args, height, submit)) return;
	}

	#issue(height: number, submit: Submission[]): void {
		const due = this.#registrar.due(this.#nowMs, (id) => this.#submissions.has(`issue/${id}`));
		for (const accessPoint of due)
			if (!this.#submit({ kind: 'issue', ap: accessPoint.id }, issueArguments(accessPoint), height, submit))
				return;
	}

	#sell(height: number, submit: Submission[]): void {
		const sellers = sellersAmong(
			this.#registrar.ownRecords(),
			this.#submissions.intents(),
			() => this.#settings
		);
		const selling = new Set(sellers.map((seller) => seller.site.id));
		// What is not an own AP's, or closed, leaves the pool; what an own AP does not wait for now stays.
		this.#pools.requests.take(
			(bid) => !this.#state.openBids.has(bid.id) || this.#registrar.ownRecord(bid.sellerAp) === undefined
		);
		const requests = this.#pools.requests
			.waiting()
			.filter(
				(bid) =>
					selling.has(bid.sellerAp) &&
					bid.expiryHeight > height &&
					!this.#submissions.has(`switch/${bid.id}`) &&
					!this.#awaitsReveals(bid)
			);
		if (requests.length === 0) return;
		for (const bid of chooseRequests(this.#mechanism, this.#state, sellers, requests, {
			seed: this.#seed,
			minimumGain: this.#settings.minimumGain
		})) {
			const intent: Intent = { kind: 'switch', bidId: bid.id, seller: bid.sellerAp, channel: bid.channel };
			const args = switchArguments({
				bidId: bid.id,
				buyerAp: bid.buyerAp,
				sellerAp: bid.sellerAp,
				channel: bid.channel,
				mechanism: this.#mechanism.name
			});
			if (!this.#submit(intent, args, height, submit)) return;
			this.#pools.requests.take((request) => request.id === bid.id);
		}
	}

	/** A seller that takes the first bid that is revealed may miss a better one of the same round. */
	#awaitsReveals(bid: BidRecord): boolean {
		const seenMs = this.#seenMs.get(bid.id) ?? this.#nowMs;
		return (
			this.#sealedBids !== undefined &&
			this.#nowMs - seenMs < REVEAL_PATIENCE_MS &&
			awaitsOthers(bid, this.#state.openBids.values(), this.#sealedBids)
		);
	}

	#buy(height: number, balance: bigint | undefined, submit: Submission[]): void {
		const mayBid = !this.#sealedBids || this.#rounds !== undefined;
		if (!mayBid || this.#nowMs < this.#nextBuyMs) return;
		this.#nextBuyMs = this.#nowMs + BUY_INTERVAL_MS;
		const planned = planBids({
			self: this.#self,
			state: this.#state,
			ownRecords: this.#registrar.ownRecords(),
			intents: this.#submissions.intents(),
			patience: this.#patience,
			seenMs: this.#seenMs,
			mechanism: this.#mechanism,
			settings: this.#settings,
			seed: this.#seed,
			nowMs: this.#nowMs,
			balance: balance === undefined ? undefined : balance - (this.#rounds?.owed() ?? 0n)
		});
		for (const { offer, replaces } of planned) {
			const { buyer, seller, channel, price } = offer;
			const bid = { buyerAp: buyer, sellerAp: seller, channel, price, mechanism: this.#mechanism.name };
			const expiryHeight = height + BID_WINDOW + (hash32(buyer, this.#seed) % BID_EXPIRY_SPREAD);
			const args = this.#rounds
				? this.#rounds.commitment(bid, replaces, height)
				: bidArguments({ ...bid, expiryHeight, replaces });
			if (!this.#submit({ kind: 'bid', ap: buyer, seller, channel, price }, args, height, submit)) return;
		}
	}

	/** @returns false where no more can be submitted now */
	#submit(intent: Intent, args: Uint8Array, height: number, submit: Submission[]): boolean {
		if (submit.length >= MAX_SUBMISSIONS_PER_TICK || this.#submissions.isFull) return false;
		const { key, expiryHeight } = this.#submissions.add(intent, height, this.#nowMs);
		submit.push({
			key,
			contract: 'spectrum',
			function: intent.kind === 'bid' && this.#rounds ? 'IssueBidingCommitInfo' : FUNCTIONS[intent.kind],
			arguments: args,
			expiryHeight
		});
		return true;
	}
}

type ChannelEvent = Extract<
	SpectrumEvent,
	{ kind: 'UpdateAPChannelInfo' | 'GrantsRenewed' | 'GrantExpired' | 'GrantRelinquished' }
>;

const FUNCTIONS: Readonly<Record<Intent['kind'], Submission['function']>> = {
	issue: 'IssueAPChannelInfo',
	bid: 'IssueBidingPriceInfo',
	switch: 'IssueChannelSwitchInfo',
	reveal: 'IssueBidingPriceInfo',
	round: 'IssueBidingRoundInfo',
	heartbeat: 'IssueGrantHeartbeatInfo',
	relinquish: 'IssueGrantRelinquishInfo'
};
