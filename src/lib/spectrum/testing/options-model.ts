/**
 * What the contract should do where bids may be sealed and channels granted, as a list of access points, one of bids and one of
 * grants that are looked at whole: no index, no sweep, no bytes. Written from docs/spectrum.md and without the contract's code.
 *
 * Each question says all the reasons for which a call may be refused. Where there is none the call must go through, and is then
 * done to the model as well; where there are several, the contract names one of them.
 */

export interface ModelRules {
	/** Absent: bids are open. */
	sealed?: { commitHeights: number; revealHeights: number; deposit: bigint };
	/** Heights of a grant; absent: channels are held for good. */
	grantHeights?: number;
}

export interface ModelAp {
	id: string;
	owner: string;
	channels: Set<number>;
	idle: Set<number>;
	/** Those that are too close to hold the same channel. */
	neighbours: readonly string[];
}

export type ModelStatus = 'committed' | 'open' | 'taken' | 'expired' | 'replaced' | 'forfeited';

export interface ModelBid {
	id: string;
	buyer: string;
	buyerAp: string;
	sellerAp: string;
	channel: number;
	price: bigint;
	status: ModelStatus;
	/** Of the bid, or of its commitment. */
	height: number;
	/** The last at which it may be taken. */
	lastHeight: number;
	/** Its hash is another buyer's. */
	isCopy: boolean;
	/** The last at which it was open or waited. */
	closedHeight: number;
}

export interface ModelGrant {
	ap: string;
	channel: number;
	grantorAp: string;
	lastHeight: number;
}

/** Asked of a seller, with its price hidden or not. */
export interface Asked {
	sender: string;
	buyerAp: string;
	sellerAp: string;
	channel: number;
	price: bigint;
	/** Of an open bid. */
	lastHeight: number;
	replaces: ModelBid | null;
	isCopy: boolean;
}

/** What a reveal says otherwise than its commitment. */
export type RevealFault = 'none' | 'price' | 'salt' | 'channel' | 'expiry' | 'replaces';

/** A closed bid may be forgotten so many heights later. */
const RETENTION = 64;
/** A sealed bid stands at least so long after its round. */
const STANDS = 128;

export class OptionsModel {
	readonly rules: ModelRules;
	readonly aps: Map<string, ModelAp>;
	readonly balances: Map<string, bigint>;
	readonly bids: ModelBid[] = [];
	grants: ModelGrant[] = [];
	treasury = 0n;
	height: number;

	constructor(rules: ModelRules, aps: readonly ModelAp[], balances: Map<string, bigint>, height: number) {
		this.rules = rules;
		this.aps = new Map(aps.map((ap) => [ap.id, ap]));
		this.balances = balances;
		this.height = height;
	}

	/** A block of this height begins: what is over ends. */
	begin(height: number): void {
		this.height = height;
		for (const bid of this.bids) {
			if (bid.status === 'open' && bid.lastHeight < height) this.#close(bid, 'expired', bid.lastHeight);
			if (bid.status === 'committed' && this.window(bid).last < height) {
				this.#close(bid, 'forfeited', this.window(bid).last);
				this.treasury += this.rules.sealed!.deposit;
			}
		}
		for (const grant of this.grants) if (grant.lastHeight < height) this.#giveBack(grant);
	}

	/** Heights at which a commitment can be revealed, and until which it then stands. */
	window({ height }: Pick<ModelBid, 'height'>): { first: number; last: number; stands: number } {
		const { commitHeights, revealHeights } = this.rules.sealed!;
		const round = Math.floor(height / commitHeights);
		const first = (round + 1) * commitHeights;
		const last = first + revealHeights - 1;
		return { first, last, stands: last + Math.ceil(STANDS / commitHeights) * commitHeights + 1 };
	}

	escrowOf({ status, price }: ModelBid): bigint {
		if (status === 'open') return price;
		return status === 'committed' ? this.rules.sealed!.deposit : 0n;
	}

	/** A bid, or a commitment. */
	reasonsToAsk({ sender, buyerAp, sellerAp, channel, price, replaces }: Asked): string[] {
		const reasons = this.#reasonsToMove(buyerAp, sellerAp, channel);
		if (buyerAp === sellerAp) reasons.push('SameAp');
		if (this.#ap(buyerAp).owner !== sender) reasons.push('NotBuyerOwner');
		const isReplaceable =
			replaces?.status === 'open' && replaces.buyer === sender && replaces.buyerAp === buyerAp;
		if (replaces && !isReplaceable) reasons.push('NotReplaceable');
		const funds = this.balances.get(sender)! + (replaces && isReplaceable ? replaces.price : 0n);
		if (funds < (this.rules.sealed?.deposit ?? price)) reasons.push('Unfunded');
		return reasons;
	}

	ask(id: string, asked: Asked): void {
		const { sender, replaces, ...rest } = asked;
		if (replaces) this.#close(replaces, 'replaced');
		const status = this.rules.sealed ? 'committed' : 'open';
		const bid: ModelBid = { ...rest, id, buyer: sender, status, height: this.height, closedHeight: Infinity };
		this.#pay(sender, this.escrowOf(bid));
		this.bids.push(bid);
	}

	reasonsToReveal(sender: string, bid: ModelBid, fault: RevealFault): string[] {
		const reasons = this.#reasonsToSpeakFor(sender, bid);
		const { first, last } = this.window(bid);
		if (this.height < first) reasons.push('RevealTooEarly');
		if (this.height > last || bid.status === 'forfeited') reasons.push('RevealTooLate');
		else if (bid.status !== 'committed') reasons.push('AlreadyRevealed');
		if (bid.isCopy || fault === 'price' || fault === 'salt') reasons.push('CommitmentMismatch');
		if (fault === 'channel') reasons.push('BidMismatch');
		if (fault === 'expiry') reasons.push('ExpiryOutOfRange');
		if (fault === 'replaces') reasons.push('NotReplaceable');
		if (bid.price > this.rules.sealed!.deposit + this.balances.get(bid.buyer)!) reasons.push('Unfunded');
		return reasons;
	}

	reveal(bid: ModelBid): void {
		this.#pay(bid.buyer, bid.price - this.rules.sealed!.deposit);
		bid.status = 'open';
		bid.lastHeight = this.window(bid).stands;
	}

	reasonsAgainstRound(sender: string, bid: ModelBid): string[] {
		const reasons = this.#reasonsToSpeakFor(sender, bid);
		const isWaiting = bid.status === 'committed' || bid.status === 'forfeited';
		if (!isWaiting) reasons.push('AlreadyRevealed');
		else if (this.height >= this.window(bid).first) reasons.push('RoundEnded');
		return reasons;
	}

	reasonsToSwitch(sender: string, bid: ModelBid): string[] {
		const { buyerAp, sellerAp, channel, status } = bid;
		const reasons = this.#reasonsToMove(buyerAp, sellerAp, channel);
		if (this.#ap(sellerAp).owner !== sender) reasons.push('NotSellerOwner');
		if (status !== 'open') reasons.push(WHY_CLOSED[status]);
		if (this.#isForgettable(bid)) reasons.push('UnknownBid');
		const granted = this.grants.filter(({ ap }) => ap === sellerAp).length;
		if (this.#ap(sellerAp).channels.size - granted < 2) reasons.push('LastChannel');
		for (const near of this.#ap(buyerAp).neighbours)
			if (near !== sellerAp && this.#keeps(near, channel)) reasons.push('Conflict');
		return reasons;
	}

	switch(bid: ModelBid): void {
		const { buyerAp, sellerAp, channel, price } = bid;
		this.#close(bid, 'taken');
		this.#pay(this.#ap(sellerAp).owner, -price);
		this.#take(sellerAp, channel);
		this.#ap(buyerAp).channels.add(channel);
		const { grantHeights } = this.rules;
		if (grantHeights !== undefined)
			this.grants.push({ ap: buyerAp, channel, grantorAp: sellerAp, lastHeight: this.height + grantHeights });
	}

	reasonsAgainstHeartbeat(sender: string, names: readonly Pick<ModelGrant, 'ap' | 'channel'>[]): string[] {
		const reasons = names.flatMap((name) => this.reasonsAgainstEnd(sender, name));
		const named = new Set(names.map(({ ap, channel }) => `${ap}/${channel}`));
		if (named.size < names.length) reasons.push('GrantNamedTwice');
		return reasons;
	}

	heartbeat(names: readonly Pick<ModelGrant, 'ap' | 'channel'>[]): void {
		for (const name of names) this.grantOf(name)!.lastHeight = this.height + this.rules.grantHeights!;
	}

	/** Relinquishing. */
	reasonsAgainstEnd(sender: string, name: Pick<ModelGrant, 'ap' | 'channel'>): string[] {
		if (!this.grantOf(name)) return ['UnknownGrant'];
		return this.#ap(name.ap).owner === sender ? [] : ['NotHolderOwner'];
	}

	end(name: Pick<ModelGrant, 'ap' | 'channel'>): void {
		this.#giveBack(this.grantOf(name)!);
	}

	grantOf({ ap, channel }: Pick<ModelGrant, 'ap' | 'channel'>): ModelGrant | undefined {
		return this.grants.find((grant) => grant.ap === ap && grant.channel === channel);
	}

	lentBy(ap: string): number[] {
		return this.grants.filter(({ grantorAp }) => grantorAp === ap).map(({ channel }) => channel);
	}

	#reasonsToMove(buyerAp: string, sellerAp: string, channel: number): string[] {
		const [buyer, seller] = [this.#ap(buyerAp), this.#ap(sellerAp)];
		const reasons: string[] = [];
		if (!seller.channels.has(channel)) reasons.push('NotHeld');
		else if (!seller.idle.has(channel)) reasons.push('NotIdle');
		if (this.grantOf({ ap: sellerAp, channel })) reasons.push('Granted');
		if (buyer.channels.has(channel)) reasons.push('AlreadyHeld');
		if (this.lentBy(buyerAp).includes(channel)) reasons.push('Lent');
		return reasons;
	}

	#reasonsToSpeakFor(sender: string, bid: ModelBid): string[] {
		return [
			...(bid.buyer === sender ? [] : ['NotBuyerOwner']),
			...(this.#isForgettable(bid) ? ['UnknownCommitment'] : [])
		];
	}

	/** Holds it, or has lent it. */
	#keeps(ap: string, channel: number): boolean {
		return this.#ap(ap).channels.has(channel) || this.lentBy(ap).includes(channel);
	}

	#isForgettable({ closedHeight }: ModelBid): boolean {
		return closedHeight + RETENTION < this.height;
	}

	/** What it holds in escrow goes back to its buyer, or to whoever is paid by the caller. */
	#close(bid: ModelBid, status: ModelStatus, height = this.height): void {
		if (status === 'expired' || status === 'replaced') this.#pay(bid.buyer, -bid.price);
		bid.status = status;
		bid.closedHeight = height;
	}

	#giveBack(grant: ModelGrant): void {
		this.grants = this.grants.filter((other) => other !== grant);
		this.#take(grant.ap, grant.channel);
		this.#ap(grant.grantorAp).channels.add(grant.channel);
		this.#ap(grant.grantorAp).idle.add(grant.channel);
	}

	#take(ap: string, channel: number): void {
		this.#ap(ap).channels.delete(channel);
		this.#ap(ap).idle.delete(channel);
	}

	#pay(who: string, amount: bigint): void {
		this.balances.set(who, this.balances.get(who)! - amount);
	}

	#ap(id: string): ModelAp {
		return this.aps.get(id)!;
	}
}

const WHY_CLOSED: Record<Exclude<ModelStatus, 'open'>, string> = {
	committed: 'NotRevealed',
	forfeited: 'NotRevealed',
	taken: 'BidTaken',
	expired: 'BidExpired',
	replaced: 'BidReplaced'
};
