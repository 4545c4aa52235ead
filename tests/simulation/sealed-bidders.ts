/**
 * Buyers where bids are sealed: they commit and reveal, and do all that a buyer may get wrong or try. Some forget, some are early,
 * late or tell another price, some copy the commitment of another and try to open it with what its owner reveals.
 */
import type { Chain } from '#lib/consensus/ordering/chain.ts';
import { bidArguments, commitArguments, roundArguments } from '#lib/spectrum/contract/arguments.ts';
import { bidKey } from '#lib/spectrum/contract/keys.ts';
import type { SealedBidRules } from '#lib/spectrum/contract/parameters.ts';
import { decodeBid, type BidRecord } from '#lib/spectrum/contract/records.ts';
import { revealWindow, sealedBidHash, type SealedBid } from '#lib/spectrum/contract/sealed-bid.ts';
import { marketCall, type Call } from './market-call.ts';
import { pick, seededRandom, type Random } from './random.ts';
import type { Tab } from './world.ts';

const BIDDERS_SALT = 0x5ea1ed;
/** Commitments that their buyers still think of. */
const MAX_ENVELOPES = 64;
const SALT_BYTES = 16;
const MECHANISM = 'greedy';

const PLANS = ['reveal', 'reveal', 'reveal', 'early', 'forget', 'late', 'wrong', 'wrong'] as const;
type Plan = (typeof PLANS)[number];

interface Envelope {
	/** Of the commitment. */
	id: string;
	/** Name of the tab. */
	owner: string;
	bid: SealedBid;
	plan: Plan;
	/** Its hash is another buyer's: nothing opens it. */
	isCopy: boolean;
}

export class SealedBidders {
	readonly #random: Random;
	readonly #rules: SealedBidRules;
	#envelopes: Envelope[] = [];
	/** By arguments, until they have an id. */
	readonly #sent = new WeakMap<Uint8Array, Omit<Envelope, 'id'>>();
	/** What commitments hide, by id; null for what nothing opens. */
	readonly hidden = new Map<string, bigint | null>();

	constructor(seed: number, rules: SealedBidRules) {
		this.#random = seededRandom(seed ^ BIDDERS_SALT);
		this.#rules = rules;
	}

	/** Hides a price. */
	commit(tab: Tab, asked: Pick<SealedBid, 'buyerAp' | 'sellerAp' | 'channel' | 'price'>, chain: Chain): Call {
		const random = this.#random;
		const salt = Uint8Array.from({ length: SALT_BYTES }, () => Math.floor(random() * 256));
		const bid: SealedBid = { ...asked, buyer: tab.id, mechanism: MECHANISM, salt };
		const others = this.#envelopes.filter(
			({ owner, isCopy, bid: { sellerAp } }) => owner !== tab.name && !isCopy && sellerAp !== asked.buyerAp
		);
		const copied = others.length > 0 && random() < 0.2 ? pick(random, others) : null;
		// All that can be seen of it, and in the end what its owner reveals.
		const kept = copied ? { ...copied.bid, buyer: tab.id, buyerAp: asked.buyerAp } : bid;
		const stands = random() < 0.3 ? this.#standing(tab, chain) : '';
		const { buyerAp, sellerAp, channel } = kept;
		const note = new Uint8Array(0);
		const hash = sealedBidHash(copied ? copied.bid : bid);
		const args = commitArguments({ buyerAp, sellerAp, channel, hash, note, replaces: stands });
		const plan = copied ? 'reveal' : pick(random, PLANS);
		this.#sent.set(args, { owner: tab.name, bid: kept, plan, isCopy: copied !== null });
		return marketCall('IssueBidingCommitInfo', args);
	}

	/** What becomes of its commitments; null for nothing now. */
	next(tab: Tab, chain: Chain): Call | null {
		const own = this.#envelopes.filter(({ owner }) => owner === tab.name);
		const first = Math.floor(this.#random() * own.length);
		for (const envelope of [...own.slice(first), ...own.slice(0, first)]) {
			const call = this.#step(envelope, chain);
			if (call) return call;
		}
		return null;
	}

	#step(envelope: Envelope, { head, state }: Chain): Call | null {
		const random = this.#random;
		const bytes = state.get(bidKey(envelope.id));
		if (!bytes) return null;
		const record = decodeBid(bytes);
		const { firstReveal, lastReveal } = revealWindow(this.#rules, record.height);
		const height = head.height + 1;
		if (record.status !== 'committed' || height > lastReveal) return this.#afterwards(envelope, record);
		if (height < firstReveal) {
			if (envelope.plan === 'early') {
				envelope.plan = 'reveal';
				return this.#reveal(envelope, record);
			}
			return random() < 0.1 ? marketCall('IssueBidingRoundInfo', roundArguments(envelope.id)) : null;
		}
		if (envelope.plan === 'forget' || envelope.plan === 'late') return null;
		if (envelope.plan !== 'wrong') return this.#reveal(envelope, record);
		envelope.plan = 'reveal';
		return this.#revealWrongly(envelope, record);
	}

	/** The commitment that was made by these arguments is on its way under this id. */
	committed(args: Uint8Array, id: string): void {
		const envelope = this.#sent.get(args);
		if (!envelope) return;
		this.hidden.set(id, envelope.isCopy ? null : envelope.bid.price);
		this.#envelopes.push({ ...envelope, id });
		if (this.#envelopes.length > MAX_ENVELOPES) this.#envelopes.shift();
	}

	/** It is forfeited, or stands as a bid: some try again all the same. */
	#afterwards(envelope: Envelope, record: BidRecord): Call | null {
		const random = this.#random;
		const isLate = record.status === 'forfeited' || record.status === 'committed';
		// Who stands may be replaced later, and is thought of for that long.
		if (isLate || random() < 0.05) this.#envelopes = this.#envelopes.filter((other) => other !== envelope);
		if (isLate && random() < 0.3) return marketCall('IssueBidingRoundInfo', roundArguments(envelope.id));
		return isLate || random() < 0.1 ? this.#reveal(envelope, record) : null;
	}

	#reveal({ id, bid }: Envelope, record: BidRecord, fields: Partial<SealedBid> = {}): Call {
		const { buyerAp, sellerAp, channel, price, mechanism, salt } = { ...bid, ...fields };
		const { standsUntil } = revealWindow(this.#rules, record.height);
		const reveals = { commitment: id, salt };
		const asked = { buyerAp, sellerAp, channel, price, expiryHeight: standsUntil, mechanism, replaces: '' };
		return marketCall('IssueBidingPriceInfo', bidArguments({ ...asked, reveals }));
	}

	#revealWrongly(envelope: Envelope, record: BidRecord): Call {
		const { bid, owner } = envelope;
		const others = this.#envelopes.filter((other) => other.owner !== owner);
		switch (pick(this.#random, ['price', 'salt', 'channel', 'owner'] as const)) {
			case 'price':
				return this.#reveal(envelope, record, { price: bid.price + 1n });
			case 'salt':
				return this.#reveal(envelope, record, { salt: bid.salt.map((byte) => byte ^ 1) });
			case 'channel':
				return this.#reveal(envelope, record, { channel: bid.channel + 4 });
			case 'owner':
				return this.#reveal(others.length > 0 ? pick(this.#random, others) : envelope, record);
		}
	}

	/** A bid of its own that stands, to be replaced; empty for none. */
	#standing(tab: Tab, { state }: Chain): string {
		const stands = this.#envelopes.find(({ id, owner }) => {
			const bytes = owner === tab.name ? state.get(bidKey(id)) : undefined;
			return bytes !== undefined && decodeBid(bytes).status === 'open';
		});
		return stands?.id ?? '';
	}
}
