/** Keys of the contract's state, and the escrow accounts of its bids. */
import { ESCROW_PREFIX } from '../../ledger/contract.ts';

export const STATE_PREFIX = 'spectrum/';
export const AP_PREFIX = 'spectrum/ap/';
export const BID_PREFIX = 'spectrum/bid/';
export const EXPIRY_PREFIX = 'spectrum/expiry/';
export const CELL_PREFIX = 'spectrum/cell/';
export const OWNER_PREFIX = 'spectrum/owner/';
export const SCHEDULE_KEY = 'spectrum/expiry/next';
export const GRANT_PREFIX = 'spectrum/grant/';
export const GRANT_LIST_KEY = 'spectrum/grants';
/** Deposits of commitments that were not revealed. Nobody has the key of this account. */
export const TREASURY = `${ESCROW_PREFIX}spectrum:treasury`;

export function apKey(id: string): string {
	return AP_PREFIX + id;
}

/** @param id - transaction id, lower-case hex */
export function bidKey(id: string): string {
	return BID_PREFIX + id;
}

export function expiryKey(height: number): string {
	return EXPIRY_PREFIX + height;
}

export function ownerKey(account: string): string {
	return OWNER_PREFIX + account;
}

/** @param ap - the access point that holds the channel */
export function grantKey(ap: string, channel: number): string {
	return `${GRANT_PREFIX}${ap}/${channel}`;
}

export function escrowAccount(bidId: string): string {
	return `${ESCROW_PREFIX}spectrum:${bidId}`;
}
