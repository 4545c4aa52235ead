/** Balances in state, under `account/<name>`. Money moves; only {@link creditNewcomer} makes it (R22's membership entry). */
import { fromBinary } from '@bufbuild/protobuf';
import { AccountStateSchema } from '../wire/gen/tabwave/v1/contracts_pb.js';
import { Refused, type Accounts } from './contract.ts';
import type { Overlay, StateReader } from './state.ts';

export const ACCOUNT_PREFIX = 'account/';
/** Sums of balances stay far below 2^64. */
export const MAX_AMOUNT = 2n ** 62n;

/** Field 1, a varint. */
const BALANCE_TAG = 0x08;

/** Balances by the bytes that say them: a busy account is read at each of its transfers. */
const balances = new WeakMap<Uint8Array, bigint>();

export function readBalance(state: Pick<StateReader, 'get'>, account: string): bigint {
	const value = state.get(ACCOUNT_PREFIX + account);
	if (!value) return 0n;
	const known = balances.get(value);
	if (known !== undefined) return known;
	const { balance } = fromBinary(AccountStateSchema, value);
	balances.set(value, balance);
	return balance;
}

export function accountsOver(state: Overlay): Accounts {
	return {
		balance: (account) => readBalance(state, account),
		transfer(from, to, amount) {
			if (amount <= 0n || amount > MAX_AMOUNT)
				throw new Refused('InvalidAmount', `an amount must be between 1 and ${MAX_AMOUNT}, not ${amount}`);
			const held = readBalance(state, from);
			if (held < amount)
				throw new Refused('InsufficientBalance', `the account holds ${held}, ${amount} are needed`);
			if (from === to) return;
			writeBalance(state, from, held - amount);
			writeBalance(state, to, readBalance(state, to) + amount);
		}
	};
}

/** Credits an identity that is admitted for the first time. @returns whether it was the first time */
export function creditNewcomer(state: Overlay, account: string, initialBalance: bigint): boolean {
	const key = `admitted/${account}`;
	if (state.get(key)) return false;
	state.set(key, Uint8Array.of(1));
	if (initialBalance > 0n) writeBalance(state, account, readBalance(state, account) + initialBalance);
	return true;
}

function writeBalance(state: Overlay, account: string, balance: bigint): void {
	if (balance === 0n) {
		state.delete(ACCOUNT_PREFIX + account);
		return;
	}
	const value = accountState(balance);
	balances.set(value, balance);
	state.set(ACCOUNT_PREFIX + account, value);
}

/**
 * An encoded AccountState, byte for byte as protobuf-es writes it. That one takes a new buffer of kilobytes for each message, which was
 * a tenth of what a node does that executes full blocks.
 */
export function accountState(balance: bigint): Uint8Array {
	const bytes = [BALANCE_TAG];
	let rest = balance;
	for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
	bytes.push(Number(rest));
	return Uint8Array.from(bytes);
}
