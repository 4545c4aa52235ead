/**
 * Trades of simulated tabs: each has one access point, asks its neighbours for channels, and sells what it can do without. Nobody
 * waits for what is final: many calls are refused, and two bids for one channel are common.
 */
import type { TabwaveNode } from '#lib/node/node.ts';
import {
	bidArguments,
	issueArguments,
	parseBidArguments,
	switchArguments,
	type SwitchArguments
} from '#lib/spectrum/contract/arguments.ts';
import { apKey } from '#lib/spectrum/contract/keys.ts';
import { decodeAccessPoint, type AccessPointRecord } from '#lib/spectrum/contract/records.ts';
import { accessPoint, northOf } from '#lib/spectrum/testing/access-points.ts';
import { SPECTRUM_CONTRACT } from '#lib/spectrum/contract/spectrum-contract.ts';
import { pick, seededRandom, type Random } from './random.ts';
import type { Tab } from './world.ts';

export type Call = Parameters<TabwaveNode['submit']>[0];

const MARKET_SALT = 0x3a4e7;

/** Each reaches 50 m, so that next neighbours conflict and others do not: some registrations are refused, and some switches. */
const DISTANCE_M = 95;
/** A registration that was refused is tried again now and then, with other channels. */
const REGISTER_SHARE = 0.3;
const CHANNELS = [36, 40, 44, 48, 52, 56, 60, 64];
const MECHANISM = 'greedy';
/** Bids that a seller may still take. */
const MAX_BIDS = 40;

export class Market {
	readonly #random: Random;
	/** Names of tabs that have asked for an access point. */
	readonly #tried = new Set<string>();
	#bids: Omit<SwitchArguments, 'mechanism'>[] = [];

	/** @param seed what trades are made is decided apart from all else */
	constructor(seed: number) {
		this.#random = seededRandom(seed ^ MARKET_SALT);
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
		return call(
			'IssueBidingPriceInfo',
			bidArguments({
				buyerAp: own.id,
				sellerAp: seller.id,
				channel: pick(random, seller.idleChannels),
				price: BigInt(1 + Math.floor(random() * 1000)),
				expiryHeight: chain.head.height + 2 + Math.floor(random() * 60),
				mechanism: MECHANISM,
				replaces: ''
			})
		);
	}

	/** A bid is on its way, under this id. */
	submitted({ function: name, arguments: bytes }: Call, id: string): void {
		if (name !== 'IssueBidingPriceInfo') return;
		const { buyerAp, sellerAp, channel } = parseBidArguments(bytes);
		this.#bids.push({ bidId: id, buyerAp, sellerAp, channel });
		if (this.#bids.length > MAX_BIDS) this.#bids.shift();
	}

	#newAccessPoint(index: number) {
		const channels = CHANNELS.filter(() => this.#random() < 0.3).slice(0, 4);
		if (channels.length === 0) channels.push(pick(this.#random, CHANNELS));
		return accessPoint(`tab${index + 1}`, {
			...northOf(index * DISTANCE_M),
			channels,
			idleChannels: channels.slice(1),
			occupancyPpm: 100_000
		});
	}
}

function call(name: string, bytes: Uint8Array): Call {
	return { contract: SPECTRUM_CONTRACT, function: name, arguments: bytes };
}
