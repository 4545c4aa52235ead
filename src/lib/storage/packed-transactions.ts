/**
 * The transaction rows of one block as one record with keys to find them by. In Chromium a block of 500 takes 6 ms so,
 * and 70–110 ms as 500 rows with the same indexes, which four tabs of one machine could not pay at full rate.
 */
import type { TransactionRow } from './query-tables.ts';

/** What IndexedDB holds for a block. Its keys only narrow the search: rows are compared in full when unpacked. */
export interface PackedTransactions {
	height: number;
	/** Beginnings of the ids. */
	idKeys: string[];
	/** [beginning of the account, height] of each account that a row names. */
	accountKeys: [string, number][];
	/** [contract, height] */
	contractKeys: [string, number][];
	/** [contract, function, height] */
	functionKeys: [string, string, number][];
	rows: PackedRows;
}

/** One entry a row in each list but the tables, in order of index. */
interface PackedRows {
	indexes: Uint32Array;
	ids: string[];
	partition: Uint32Array;
	/** Into `callTable`. */
	calls: Uint32Array;
	callTable: [contract: string, fn: string][];
	/** How many of `accounts` each row has. */
	accountCounts: Uint32Array;
	/** Into `accountTable`, row after row. */
	accounts: Uint32Array;
	accountTable: string[];
	/** Into {@link STATUSES}. */
	statuses: Uint8Array;
}

const STATUSES: TransactionRow['status'][] = ['ok', 'failed', 'skipped'];

/** Digits of an id in a key: keys of 64 bits hardly ever meet, and take a quarter of the room. */
const KEY_DIGITS = 16;

export function searchKey(id: string): string {
	return id.slice(0, KEY_DIGITS);
}

/** @param rows of one block, in any order, each account of a row once */
export function pack(height: number, rows: TransactionRow[]): PackedTransactions {
	const ordered = [...rows].sort((a, b) => a.index - b.index);
	const callTable = new Numbering<[string, string]>(([contract, fn]) => JSON.stringify([contract, fn]));
	const accountTable = new Numbering<string>((account) => account);
	const accounts = ordered.flatMap((row) => row.accounts.map((account) => accountTable.numberOf(account)));
	const calls = ordered.map((row) => callTable.numberOf([row.contract, row.function]));
	return {
		height,
		idKeys: unique(ordered.map(({ id }) => searchKey(id))),
		accountKeys: unique(accountTable.values.map(searchKey)).map((key) => [key, height]),
		contractKeys: unique(callTable.values.map(([contract]) => contract)).map((contract) => [
			contract,
			height
		]),
		functionKeys: callTable.values.map(([contract, fn]) => [contract, fn, height]),
		rows: {
			indexes: Uint32Array.from(ordered, ({ index }) => index),
			ids: ordered.map(({ id }) => id),
			partition: Uint32Array.from(ordered, ({ partition }) => partition),
			calls: Uint32Array.from(calls),
			callTable: callTable.values,
			accountCounts: Uint32Array.from(ordered, (row) => row.accounts.length),
			accounts: Uint32Array.from(accounts),
			accountTable: accountTable.values,
			statuses: Uint8Array.from(ordered, ({ status }) => STATUSES.indexOf(status))
		}
	};
}

/** Lowest index first. */
export function unpack({ height, rows }: PackedTransactions): TransactionRow[] {
	let nextAccount = 0;
	return rows.ids.map((id, i) => {
		const from = nextAccount;
		nextAccount += rows.accountCounts[i]!;
		const [contract, fn] = rows.callTable[rows.calls[i]!]!;
		return {
			height,
			index: rows.indexes[i]!,
			id,
			partition: rows.partition[i]!,
			contract,
			function: fn,
			accounts: Array.from(rows.accounts.subarray(from, nextAccount), (at) => rows.accountTable[at]!),
			status: STATUSES[rows.statuses[i]!]!
		};
	});
}

/** Numbers values from 0 in the order in which they first come. */
class Numbering<T> {
	readonly values: T[] = [];
	readonly #numbers = new Map<string, number>();
	readonly #keyOf: (value: T) => string;

	constructor(keyOf: (value: T) => string) {
		this.#keyOf = keyOf;
	}

	numberOf(value: T): number {
		const key = this.#keyOf(value);
		const known = this.#numbers.get(key);
		if (known !== undefined) return known;
		this.#numbers.set(key, this.values.length);
		return this.values.push(value) - 1;
	}
}

function unique(values: string[]): string[] {
	return [...new Set(values)];
}
