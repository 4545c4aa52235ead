/** What SQLite's errors mean for a store, and what a person can do about them. */
import { StoreError } from '#lib/storage/ledger-store.ts';

/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;

export function storeErrorOf(cause: unknown, what: string): StoreError {
	if (cause instanceof StoreError) return cause;
	const { errcode = 0, message = String(cause) } = cause as { errcode?: number; message?: string };
	switch (errcode & 0xff) {
		case SQLITE_BUSY:
			return new StoreError('lost', `${what}: another process runs on this file; stop it first`, { cause });
		case SQLITE_FULL:
			return new StoreError('full', `${what}: the disk is full; free some space and start again`, { cause });
		case SQLITE_CANTOPEN:
			return new StoreError(
				'lost',
				`${what}: the file cannot be opened; check that its folder exists and is writable`,
				{
					cause
				}
			);
		default:
			return new StoreError('corrupt', `${what}: ${message}`, { cause });
	}
}
