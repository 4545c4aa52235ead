/**
 * A second book beside the contract's: who holds which channel, by the events of final blocks alone. No channel is held twice, none
 * is sold by who does not hold it, and what is in escrow is what open bids have paid.
 */
import { ACCOUNT_PREFIX, readBalance } from '#lib/ledger/accounts.ts';
import { ESCROW_PREFIX } from '#lib/ledger/contract.ts';
import { GENESIS_DEFAULTS } from '#lib/ledger/genesis.ts';
import type { Chain, CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import { decodeEvents } from '#lib/spectrum/contract/events.ts';
import { AP_PREFIX, BID_PREFIX, escrowAccount } from '#lib/spectrum/contract/keys.ts';
import {
	decodeAccessPoint,
	decodeBid,
	type AccessPointRecord,
	type UpdateRecord
} from '#lib/spectrum/contract/records.ts';
import { tooClose } from '#lib/spectrum/radio/distance.ts';

const { conflictDistancePercent } = GENESIS_DEFAULTS;

export class MarketChecker {
	/** By access point. */
	readonly #held = new Map<string, { site: AccessPointRecord; channels: Set<number> }>();
	#height = 0;
	/** Something has changed since the book was last compared with a state. */
	#isOpen = false;
	readonly counts = { accessPoints: 0, bids: 0, switches: 0, books: 0 };

	/** Each height once, in order. @returns what is wrong with it, or null */
	committed({ height, receipts }: CommittedBlock): string | null {
		this.#height = height;
		for (const event of decodeEvents(receipts.flatMap(({ events }) => events))) {
			this.#isOpen = true;
			const wrong =
				event.kind === 'IssueAPChannelInfo'
					? this.#issued(event.accessPoint)
					: event.kind === 'UpdateAPChannelInfo'
						? this.#switched(event.update)
						: null;
			if (wrong) return `${wrong} at height ${height}`;
			if (event.kind === 'IssueBidingPriceInfo') this.counts.bids += 1;
		}
		return null;
	}

	/** Compares with the state of a chain at the book's height. @returns what is wrong with it, or null */
	state({ head, state }: Chain): string | null {
		if (!this.#isOpen || head.height !== this.#height) return null;
		this.#isOpen = false;
		this.counts.books += 1;
		let known = 0;
		let escrow = 0n;
		for (const { key, value } of state.rows()) {
			if (!value) continue;
			if (key.startsWith(AP_PREFIX)) {
				known += 1;
				const { id, channels } = decodeAccessPoint(value);
				const held = this.#held.get(id)?.channels;
				if (held?.size !== channels.length || !channels.every((channel) => held.has(channel)))
					return `${id} holds channels ${channels.join(', ')}, and was given ${[...(held ?? [])].join(', ')}`;
			} else if (key.startsWith(BID_PREFIX)) {
				const bid = decodeBid(value);
				const paid = readBalance(state, escrowAccount(bid.id));
				if (paid !== (bid.status === 'open' ? bid.price : 0n))
					return `the bid ${bid.id.slice(0, 8)} of ${bid.price} is ${bid.status}, with ${paid} in escrow`;
				escrow -= paid;
			} else if (key.startsWith(ACCOUNT_PREFIX + ESCROW_PREFIX))
				escrow += readBalance(state, key.slice(ACCOUNT_PREFIX.length));
		}
		if (known !== this.#held.size) return `${known} access points of ${this.#held.size} are in the state`;
		return escrow === 0n ? null : `${escrow} more in escrow than open bids have paid`;
	}

	#issued(record: AccessPointRecord): string | null {
		const known = this.#held.get(record.id);
		if (known)
			return known.channels.size === record.channels.length &&
				record.channels.every((channel) => known.channels.has(channel))
				? null
				: `${record.id} changes its channels by itself`;
		this.counts.accessPoints += 1;
		this.#held.set(record.id, { site: record, channels: new Set() });
		return record.channels.reduce<string | null>(
			(wrong, channel) => wrong ?? this.#give(record, channel),
			null
		);
	}

	#switched({ bid: { channel }, buyerAp, sellerAp }: UpdateRecord): string | null {
		this.counts.switches += 1;
		if (!this.#held.get(sellerAp.id)?.channels.delete(channel))
			return `${sellerAp.id} sells channel ${channel}, which it does not hold`;
		return this.#give(buyerAp, channel);
	}

	#give(site: AccessPointRecord, channel: number): string | null {
		for (const [id, held] of this.#held)
			if (
				held.channels.has(channel) &&
				(id === site.id || tooClose(site, held.site, conflictDistancePercent))
			)
				return `channel ${channel} is held twice, by ${id} and ${site.id}`;
		this.#held.get(site.id)!.channels.add(channel);
		return null;
	}
}
