/**
 * A second book beside the contract's: who holds which channel, by the events of final blocks alone. No channel is held twice, none
 * is sold by who does not hold it. A granted channel counts where it is, is kept free where it came from, is not sold on, and goes
 * back there once: when it is relinquished, or in the first block after its last height. Bids are in escrow-book.ts.
 */
import { GENESIS_DEFAULTS } from '#lib/ledger/genesis.ts';
import type { Chain, CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import { decodeEvents, type SpectrumEvent } from '#lib/spectrum/contract/events.ts';
import { decodeGrant } from '#lib/spectrum/contract/grants.ts';
import { AP_PREFIX, GRANT_PREFIX } from '#lib/spectrum/contract/keys.ts';
import { MAX_EXPIRED_GRANTS_PER_BLOCK } from '#lib/spectrum/contract/limits.ts';
import { spectrumParameters, type SpectrumParameters } from '#lib/spectrum/contract/parameters.ts';
import {
	decodeAccessPoint,
	type AccessPointRecord,
	type GrantEndRecord,
	type GrantRecord,
	type UpdateRecord
} from '#lib/spectrum/contract/records.ts';
import { tooClose } from '#lib/spectrum/radio/distance.ts';
import { EscrowBook } from './escrow-book.ts';

/** What somebody tries who is late, early, or not concerned: over many seeds each of them happens. */
const REFUSALS = [
	'AlreadyRevealed',
	'BidMismatch',
	'CommitmentMismatch',
	'Granted',
	'NotBuyerOwner',
	'NotHolderOwner',
	'NotRevealed',
	'RevealTooEarly',
	'RevealTooLate',
	'RoundEnded',
	'UnknownGrant'
] as const;

interface Holder {
	site: AccessPointRecord;
	channels: Set<number>;
	/** Granted to others. */
	lent: Set<number>;
}

export class MarketChecker {
	readonly #rules: SpectrumParameters;
	readonly #bids: EscrowBook;
	/** By access point. */
	readonly #held = new Map<string, Holder>();
	/** By holder and channel. */
	readonly #grants = new Map<string, GrantRecord>();
	#height = 0;
	/** Something has changed since the book was last compared with a state. */
	#isOpen = false;
	readonly #counts = {
		accessPoints: 0,
		switches: 0,
		books: 0,
		grants: 0,
		renewals: 0,
		grantsExpired: 0,
		grantsGivenBack: 0
	};
	/** Calls that the contract has refused, by name. */
	readonly refused: Record<string, number> = Object.fromEntries(REFUSALS.map((code) => [code, 0]));

	/** @param hidden prices in commitments, as far as they are known; null for what nothing opens */
	constructor(
		rules: SpectrumParameters = spectrumParameters(GENESIS_DEFAULTS),
		hidden: ReadonlyMap<string, bigint | null> = new Map()
	) {
		this.#rules = rules;
		this.#bids = new EscrowBook(rules.sealedBids, hidden);
	}

	get counts() {
		return { ...this.#counts, ...this.#bids.counts };
	}

	/** Each height once, in order. @returns what is wrong with it, or null */
	committed({ height, receipts, change }: CommittedBlock): string | null {
		this.#height = height;
		for (const { error } of receipts) if (Object.hasOwn(this.refused, error)) this.refused[error]! += 1;
		// What the contract does at the start of a block stands last in it.
		const isOwn = ({ transactionId }: (typeof receipts)[number]): boolean => transactionId.length === 0;
		const begun = decodeEvents(receipts.filter(isOwn).flatMap(({ events }) => events));
		const called = decodeEvents(receipts.filter((one) => !isOwn(one)).flatMap(({ events }) => events));
		if (begun.length + called.length > 0) this.#isOpen = true;
		const wrong =
			this.#all(begun) ??
			// No contract runs in a change of members.
			(change ? null : this.#swept(begun)) ??
			this.#all(called);
		return wrong && `${wrong} at height ${height}`;
	}

	/** Compares with the state of a chain at the book's height. @returns what is wrong with it, or null */
	state({ head, state }: Chain): string | null {
		if (!this.#isOpen || head.height !== this.#height) return null;
		this.#isOpen = false;
		this.#counts.books += 1;
		let known = 0;
		let grants = 0;
		for (const { key, value } of state.rows()) {
			if (!value) continue;
			if (key.startsWith(AP_PREFIX)) {
				known += 1;
				const wrong = this.#compare(decodeAccessPoint(value));
				if (wrong) return wrong;
			} else if (key.startsWith(GRANT_PREFIX)) {
				grants += 1;
				const { ap, channel, grantorAp, expiryHeight } = decodeGrant(value);
				const grant = this.#grants.get(nameOf({ ap, channel }));
				if (grant?.grantorAp !== grantorAp || grant.expiryHeight !== expiryHeight)
					return `the grant of channel ${channel} to ${ap} is not as it was given and renewed`;
			}
		}
		if (known !== this.#held.size) return `${known} access points of ${this.#held.size} are in the state`;
		if (grants !== this.#grants.size) return `${grants} grants of ${this.#grants.size} are in the state`;
		return this.#bids.state(state);
	}

	#compare({ id, channels, lentChannels = [], grantedChannels = [] }: AccessPointRecord): string | null {
		const held = this.#held.get(id);
		const granted = channels.filter((channel) => this.#grants.has(nameOf({ ap: id, channel })));
		for (const [what, found, expected] of [
			['holds', channels, held?.channels ?? new Set()],
			['has lent', lentChannels, held?.lent ?? new Set()],
			['holds by grants', grantedChannels, new Set(granted)]
		] as const)
			if (!isSame(found, expected))
				return `${id} ${what} channels ${found.join(', ')}, and by its events ${[...expected].join(', ')}`;
		return null;
	}

	#all(events: readonly SpectrumEvent[]): string | null {
		for (const event of events) {
			const wrong = this.#take(event);
			if (wrong) return wrong;
		}
		return null;
	}

	#take(event: SpectrumEvent): string | null {
		switch (event.kind) {
			case 'IssueAPChannelInfo':
				return this.#issued(event.accessPoint);
			case 'IssueBidingCommitInfo':
				return this.#bids.committed(event.bid, this.#height);
			case 'IssueBidingPriceInfo':
				return this.#bids.asked(event.bid, this.#height);
			case 'BidReplaced':
				return this.#bids.replaced(event.bid);
			case 'BidsExpired':
				return this.#bids.expired(event.bidIds, this.#height);
			case 'BidsForfeited':
				return this.#bids.forfeited(event.bidIds, this.#height);
			case 'UpdateAPChannelInfo':
				return this.#switched(event.update);
			case 'GrantsRenewed':
				return event.grants.reduce<string | null>((wrong, grant) => wrong ?? this.#renewed(grant), null);
			case 'GrantExpired':
				this.#counts.grantsExpired += 1;
				return this.#ended(event.end, 'expires');
			case 'GrantRelinquished':
				this.#counts.grantsGivenBack += 1;
				return this.#ended(event.end, 'is given back');
		}
	}

	/** What is over has gone back: bids and commitments all of them, of grants so many a block. */
	#swept(begun: readonly SpectrumEvent[]): string | null {
		const ended = begun.filter(({ kind }) => kind === 'GrantExpired').length;
		if (ended < MAX_EXPIRED_GRANTS_PER_BLOCK)
			for (const { ap, channel, expiryHeight } of this.#grants.values())
				if (expiryHeight < this.#height)
					return `${ap} holds channel ${channel} after its grant's last height ${expiryHeight}`;
		return this.#bids.swept(this.#height);
	}

	#issued(record: AccessPointRecord): string | null {
		const known = this.#held.get(record.id);
		if (known)
			return isSame(record.channels, known.channels) ? null : `${record.id} changes its channels by itself`;
		this.#counts.accessPoints += 1;
		this.#held.set(record.id, { site: record, channels: new Set(), lent: new Set() });
		return record.channels.reduce<string | null>(
			(wrong, channel) => wrong ?? this.#give(record.id, channel),
			null
		);
	}

	#switched({ bid, buyerAp, sellerAp, grant }: UpdateRecord): string | null {
		const { channel } = bid;
		this.#counts.switches += 1;
		const wrong = this.#bids.taken(bid, this.#height);
		if (wrong) return wrong;
		if (this.#grants.has(nameOf({ ap: sellerAp.id, channel })))
			return `${sellerAp.id} sells channel ${channel}, which it holds by a grant`;
		const seller = this.#held.get(sellerAp.id);
		if (!seller?.channels.delete(channel))
			return `${sellerAp.id} sells channel ${channel}, which it does not hold`;
		if ((grant === undefined) !== (this.#rules.grants === undefined))
			return `${sellerAp.id} sells channel ${channel} ${grant ? 'as' : 'without'} a grant`;
		if (grant) {
			const last = this.#height + this.#rules.grants!.heartbeatHeights;
			if (
				nameOf(grant) !== nameOf({ ap: buyerAp.id, channel }) ||
				grant.grantorAp !== sellerAp.id ||
				grant.expiryHeight !== last
			)
				return `the grant of channel ${channel} to ${buyerAp.id} is another than it was sold as`;
			this.#counts.grants += 1;
			seller.lent.add(channel);
			this.#grants.set(nameOf(grant), grant);
		}
		return this.#give(buyerAp.id, channel, sellerAp.id);
	}

	#renewed(grant: GrantRecord): string | null {
		const { ap, channel, expiryHeight } = grant;
		const known = this.#grants.get(nameOf(grant));
		this.#counts.renewals += 1;
		if (!known || known.expiryHeight < this.#height)
			return `${ap} renews channel ${channel}, of which it has no grant any more`;
		if (expiryHeight !== this.#height + this.#rules.grants!.heartbeatHeights)
			return `${ap} renews channel ${channel} until ${expiryHeight}`;
		this.#grants.set(nameOf(grant), grant);
		return null;
	}

	#ended(
		{ grant: { ap, channel, grantorAp } }: GrantEndRecord,
		how: 'expires' | 'is given back'
	): string | null {
		const known = this.#grants.get(nameOf({ ap, channel }));
		if (known?.grantorAp !== grantorAp)
			return `channel ${channel} of ${ap} goes back to ${grantorAp}, which has not granted it`;
		if (how === 'expires' && known.expiryHeight >= this.#height)
			return `the grant of channel ${channel} to ${ap} ends before its last height ${known.expiryHeight}`;
		this.#grants.delete(nameOf(known));
		this.#held.get(ap)!.channels.delete(channel);
		this.#held.get(grantorAp)!.lent.delete(channel);
		return this.#give(grantorAp, channel);
	}

	/** @param seller gives it up, and may be near */
	#give(to: string, channel: number, seller?: string): string | null {
		const receiver = this.#held.get(to);
		if (!receiver) return `${to} is given channel ${channel}, and is not known`;
		for (const [id, { site, channels, lent }] of this.#held)
			if (
				id !== seller &&
				(channels.has(channel) || lent.has(channel)) &&
				(id === to || tooClose(receiver.site, site, this.#rules.conflictDistancePercent))
			)
				return `channel ${channel} is held twice, by ${id} and ${to}`;
		receiver.channels.add(channel);
		return null;
	}
}

function nameOf({ ap, channel }: { ap: string; channel: number }): string {
	return `${ap}/${channel}`;
}

function isSame(list: readonly number[], set: ReadonlySet<number>): boolean {
	return list.length === set.size && list.every((channel) => set.has(channel));
}
