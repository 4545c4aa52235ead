/**
 * The market as final blocks show it: access points and open bids. Views and managers each keep one; it is fed with events, or
 * rebuilt from the state after a reload. A bid expires here by its height alone, before the contract's sweep returns the escrow.
 */
import { AP_PREFIX, BID_PREFIX } from './contract/keys.ts';
import { decodeAccessPoint, decodeBid, type AccessPointRecord, type BidRecord } from './contract/records.ts';
import { HolderBoard } from './radio/holder-board.ts';

/** A row of the ledger's state; a value of null is a deleted key. */
export interface StateRow {
	key: string;
	value: Uint8Array | null;
}

export class MarketState {
	readonly accessPoints = new Map<string, AccessPointRecord>();
	readonly openBids = new Map<string, BidRecord>();
	readonly holders: HolderBoard;

	constructor(conflictDistancePercent: number) {
		this.holders = new HolderBoard(conflictDistancePercent);
	}

	/** Rows in any order; those of other contracts are skipped. What was known before is forgotten. */
	restore(rows: Iterable<StateRow>): void {
		for (const id of [...this.accessPoints.keys()]) this.holders.remove(id);
		this.accessPoints.clear();
		this.openBids.clear();
		for (const { key, value } of rows) {
			if (value === null) continue;
			if (key.startsWith(AP_PREFIX)) this.putAccessPoint(decodeAccessPoint(value));
			else if (key.startsWith(BID_PREFIX)) {
				const bid = decodeBid(value);
				if (bid.status === 'open') this.openBids.set(bid.id, bid);
			}
		}
	}

	putAccessPoint(record: AccessPointRecord): void {
		this.accessPoints.set(record.id, record);
		this.holders.put(record, record.channels);
	}

	/** Drops the bids whose last height is below this one. @returns them */
	expireBids(height: number): BidRecord[] {
		const expired = [...this.openBids.values()].filter((bid) => bid.expiryHeight < height);
		for (const bid of expired) this.openBids.delete(bid.id);
		return expired;
	}
}
