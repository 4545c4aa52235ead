/**
 * The market as final blocks show it: access points, bids that stand or are committed to, and grants. Views and managers each keep one; it is fed with events, or
 * rebuilt from the state after a reload. A bid expires here by its height alone, before the contract's sweep returns the escrow.
 */
import { decodeGrant } from './contract/grants.ts';
import { AP_PREFIX, BID_PREFIX, GRANT_PREFIX } from './contract/keys.ts';
import {
	decodeAccessPoint,
	decodeBid,
	type AccessPointRecord,
	type BidRecord,
	type GrantEndRecord,
	type GrantRecord
} from './contract/records.ts';
import { HolderBoard } from './radio/holder-board.ts';

/** A row of the ledger's state; a value of null is a deleted key. */
export interface StateRow {
	key: string;
	value: Uint8Array | null;
}

export class MarketState {
	readonly accessPoints = new Map<string, AccessPointRecord>();
	/** Those that were committed to and are not revealed yet are among them. */
	readonly openBids = new Map<string, BidRecord>();
	/** By `ap/channel` of who holds the channel. */
	readonly grants = new Map<string, GrantRecord>();
	readonly holders: HolderBoard;

	constructor(conflictDistancePercent: number) {
		this.holders = new HolderBoard(conflictDistancePercent);
	}

	/** Rows in any order; those of other contracts are skipped. What was known before is forgotten. */
	restore(rows: Iterable<StateRow>): void {
		for (const id of [...this.accessPoints.keys()]) this.holders.remove(id);
		this.accessPoints.clear();
		this.openBids.clear();
		this.grants.clear();
		for (const { key, value } of rows) {
			if (value === null) continue;
			if (key.startsWith(AP_PREFIX)) this.putAccessPoint(decodeAccessPoint(value));
			else if (key.startsWith(BID_PREFIX)) {
				const bid = decodeBid(value);
				if (bid.status === 'open' || bid.status === 'committed') this.openBids.set(bid.id, bid);
			} else if (key.startsWith(GRANT_PREFIX)) this.putGrant(decodeGrant(value));
		}
	}

	putAccessPoint(record: AccessPointRecord): void {
		this.accessPoints.set(record.id, record);
		// What it lent comes back: until then it counts as a holder, as it does in the contract.
		this.holders.put(record, [...record.channels, ...(record.lentChannels ?? [])]);
	}

	putGrant(grant: GrantRecord): void {
		this.grants.set(`${grant.ap}/${grant.channel}`, grant);
	}

	/** A grant that is not known, or was made anew since, stays as it is. */
	renewGrant(grant: GrantRecord): void {
		const known = this.grants.get(`${grant.ap}/${grant.channel}`);
		if (known?.bidId === grant.bidId) this.putGrant(grant);
	}

	endGrant({ grant }: GrantEndRecord): void {
		const key = `${grant.ap}/${grant.channel}`;
		if (this.grants.get(key)?.bidId === grant.bidId) this.grants.delete(key);
	}

	/** Drops the bids whose last height is below this one, and the commitments that nobody revealed until then. @returns them */
	expireBids(height: number): BidRecord[] {
		const expired = [...this.openBids.values()].filter((bid) => bid.expiryHeight < height);
		for (const bid of expired) this.openBids.delete(bid.id);
		return expired;
	}
}
