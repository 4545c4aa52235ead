import { LedgerError } from '../../ledger/errors.ts';

/** An order that no honest member votes for, because of one of its entries: without it the rest may hold. */
export class EntryError extends LedgerError {
	/** 32 bytes: the entry's id. */
	readonly entry: Uint8Array;
	constructor(entry: Uint8Array, cause: LedgerError) {
		super(cause.reason, cause.message);
		this.cause = cause;
		this.entry = entry;
	}
}
