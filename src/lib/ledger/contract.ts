/**
 * What a contract is. Contracts are deterministic (R18): their only inputs are these arguments, block time and the seed
 * among them; all arithmetic is in integers; a refusal is thrown as a {@link Refused} and leaves nothing but a receipt.
 */

/** Reads and writes the overlay of the running transaction. Values are bytes; a missing key is undefined. */
export interface StateView {
	get(key: string): Uint8Array | undefined;
	/** @throws Refused `StateLimit` where the key or the value is too long */
	set(key: string, value: Uint8Array): void;
	delete(key: string): void;
}

/** Balances, in the smallest unit. Nothing here creates money. Accounts are lower-case hex public keys. */
export interface Accounts {
	balance(account: string): bigint;
	/** @throws Refused `InsufficientBalance` */
	transfer(from: string, to: string, amount: bigint): void;
}

export interface CallContext {
	/** Account that signed the transaction. */
	readonly sender: string;
	readonly transactionId: string;
	readonly height: number;
	/** Block time, milliseconds since the epoch. */
	readonly timeMs: number;
	readonly state: StateView;
	readonly accounts: Accounts;
	emit(kind: string, data: Uint8Array): void;
}

/** Work that a contract does at the start of every block that holds transactions, for example to return what has expired. */
export interface BlockContext {
	readonly height: number;
	readonly timeMs: number;
	/** 32 bytes derived from the lower block's id. */
	readonly seed: Uint8Array;
	readonly state: StateView;
	readonly accounts: Accounts;
	emit(kind: string, data: Uint8Array): void;
}

export interface Contract {
	/** Name in transactions, events and the first part of its state keys (`name/…`). */
	readonly name: string;
	readonly functions: Readonly<Record<string, (context: CallContext, args: Uint8Array) => void>>;
	beginBlock?(context: BlockContext): void;
	/** Accounts that a transaction names beside its sender, for the query tables. Never throws. */
	accountsNamed?(fn: string, args: Uint8Array): string[];
	/** A value of this contract's state as plain JSON, for people. Never throws. */
	describeState?(key: string, value: Uint8Array): unknown;
	/** Arguments and events as plain JSON, for people. Never throws. */
	describeCall?(fn: string, args: Uint8Array): unknown;
	describeEvent?(kind: string, data: Uint8Array): unknown;
}

/** A contract's refusal: `code` is stable and goes into the receipt, `message` is for a person. */
export class Refused extends Error {
	override readonly name = 'Refused';
	readonly code: string;
	constructor(code: string, message: string) {
		super(message);
		this.code = code;
	}
}

/**
 * The state keys of escrow accounts start with this; they are no public keys and nobody signs for them. A contract moves
 * money into `escrow:<contract>:<id>` with `accounts.transfer` and out again, so that the sum over all accounts is constant.
 */
export const ESCROW_PREFIX = 'escrow:';
