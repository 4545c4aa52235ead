/**
 * Trades of simulated tabs: each has one access point, asks its neighbours for channels, and sells what it can do without. Nobody
 * waits for what is final: many calls are refused, and two bids for one channel are common. Where genesis seals bids, they commit
 * and reveal (sealed-bidders.ts); where it grants channels, they keep them alive or do not (grant-holders.ts).
 */
import {
	bidArguments,
	issueArguments,
	parseBidArguments,
	parseCommitArguments,
	switchArguments,
	type SwitchArguments
} from '#lib/spectrum/contract/arguments.ts';
import { apKey } from '#lib/spectrum/contract/keys.ts';
import type { SpectrumParameters } from '#lib/spectrum/contract/parameters.ts';
import { decodeAccessPoint, type AccessPointRecord } from '#lib/spectrum/contract/records.ts';
import { accessPoint, northOf } from '#lib/spectrum/testing/access-points.ts';
import { GrantHolders } from './grant-holders.ts';
import { marketCall as call, type Call } from './market-call.ts';
import { pick, seededRandom, type Random } from './random.ts';
import { SealedBidders } from './sealed-bidders.ts';
import type { Tab } from './world.ts';

const MARKET_SALT = 0x3a4e7;

/** Each reaches 50 m, so that next neighbours conflict and others do not: some registrations are refused, and some switches. */
const DISTANCE_M = 95;
/** A registration that was refused is tried again now and then, with other channels. */
const REGISTER_SHARE = 0.3;
/** How much of the band an access point begins with, and how far one pair of neighbours is from the next. */
const CROWDED = { share: 0.3, most: 4, gapM: 0 };
/** Where a trade takes several steps, more of them are possible. */
const SPACIOUS = { share: 0.5, most: 5, gapM: 60 };
const CHANNELS = [36, 40, 44, 48, 52, 56, 60, 64];
const MECHANISM = 'greedy';
/** Bids that a seller may still take. */
const MAX_BIDS = 40;

export class Market {
	readonly #random: Random;
	/** Names of tabs that have asked for an access point. */
	readonly #tried = new Set<string>();
	#bids: Omit<SwitchArguments, 'mechanism'>[] = [];
	readonly #bidders: SealedBidders | null;
	readonly #holders: GrantHolders | null;

	/** @param seed what trades are made is decided apart from all else */
	constructor(seed: number, { sealedBids, grants }: SpectrumParameters) {
		this.#random = seededRandom(seed ^ MARKET_SALT);
		this.#bidders = sealedBids ? new SealedBidders(seed, sealedBids) : null;
		this.#holders = grants ? new GrantHolders(seed, grants) : null;
	}

	/** What commitments hide, by id; null for what nothing opens. */
	get hidden(): ReadonlyMap<string, bigint | null> {
		return this.#bidders?.hidden ?? new Map();
	}

	/** What a tab would do next, as far as it sees; null for nothing. */
	call(tab: Tab, tabs: readonly Tab[]): Call | null {
		const random = this.#random;
		const { chain } = tab.running!.node;
		const read = (one: Tab): AccessPointRecord | null => {
			const bytes = chain.state.get(apKey(one.name));
			return bytes ? decodeAccessPoint(bytes) : null;
		};
		const own = read(tab);
		if (!own) {
			if (this.#tried.has(tab.name) && random() > REGISTER_SHARE) return null;
			this.#tried.add(tab.name);
			return call('IssueAPChannelInfo', issueArguments(this.#newAccessPoint(tabs.indexOf(tab))));
		}
		const waiting = this.#holders?.next(own, chain) ?? this.#bidders?.next(tab, chain);
		if (waiting) return waiting;
		const asked = this.#bids.filter(({ sellerAp }) => sellerAp === own.id);
		if (asked.length > 0 && random() < 0.6) {
			const bid = pick(random, asked);
			// Left in the list now and then: it is sold twice, or tried to be.
			if (random() < 0.7) this.#bids = this.#bids.filter((other) => other !== bid);
			return call('IssueChannelSwitchInfo', switchArguments({ ...bid, mechanism: MECHANISM }));
		}
		if (random() < 0.2) {
			const { id, name, idleChannels, channels } = own;
			const idle = idleChannels.length > 0 ? idleChannels.slice(1) : channels.slice(1);
			return call(
				'IssueAPChannelInfo',
				issueArguments(accessPoint(id, { ...own, name, idleChannels: idle }))
			);
		}
		const seller = read(pick(random, tabs));
		if (!seller || seller.id === own.id || seller.idleChannels.length === 0) return null;
		const question = {
			buyerAp: own.id,
			sellerAp: seller.id,
			channel: pick(random, seller.idleChannels),
			price: BigInt(1 + Math.floor(random() * 1000))
		};
		if (this.#bidders) return this.#bidders.commit(tab, question, chain);
		const expiryHeight = chain.head.height + 2 + Math.floor(random() * 60);
		return call(
			'IssueBidingPriceInfo',
			bidArguments({ ...question, expiryHeight, mechanism: MECHANISM, replaces: '' })
		);
	}

	/** A bid or a commitment is on its way, under this id. */
	submitted({ function: name, arguments: bytes }: Call, id: string): void {
		if (name === 'IssueBidingCommitInfo') {
			this.#bidders?.committed(bytes, id);
			// Some sellers would take what they cannot know the price of.
			if (this.#random() < 0.05) this.#ask(id, parseCommitArguments(bytes));
		} else if (name === 'IssueBidingPriceInfo') {
			const bid = parseBidArguments(bytes);
			this.#ask(bid.reveals?.commitment ?? id, bid);
		}
	}

	#ask(bidId: string, { buyerAp, sellerAp, channel }: Omit<SwitchArguments, 'bidId' | 'mechanism'>): void {
		this.#bids.push({ bidId, buyerAp, sellerAp, channel });
		if (this.#bids.length > MAX_BIDS) this.#bids.shift();
	}

	#newAccessPoint(index: number) {
		const { share, most, gapM } = this.#bidders || this.#holders ? SPACIOUS : CROWDED;
		const channels = CHANNELS.filter(() => this.#random() < share).slice(0, most);
		if (channels.length === 0) channels.push(pick(this.#random, CHANNELS));
		return accessPoint(`tab${index + 1}`, {
			...northOf(index * DISTANCE_M + Math.floor(index / 2) * gapM),
			channels,
			idleChannels: channels.slice(1),
			occupancyPpm: 100_000
		});
	}
}
