/**
 * What the client API is given, read. Callers are pages, consoles and programs in other languages: a type says nothing at
 * run time. All of it throws ApiError `InvalidArgument`, but for the invitation.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { isNickname } from '../../consensus/membership/change.ts';
import { fromHex, HexError, toHex } from '../../crypto/hex.ts';
import { MAX_AMOUNT } from '../../ledger/accounts.ts';
import { ESCROW_PREFIX } from '../../ledger/contract.ts';
import { SignedInvitationSchema, type SignedInvitation } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { ManagerSettings } from '../../spectrum/manager/settings.ts';
import { ApiError } from '../api.ts';
import { base64UrlToBytes } from './base64url.ts';

const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;
/** A contract's own accounts have longer names than keys. */
const MAX_ACCOUNT_LENGTH = 160;
/** Partitions count from 1; 0 is no wish. */
const MAX_PARTITION = 0xffff_ffff;

/** Options that were left out, or are null, are none. */
export function optionsOf<T extends object>(options: T | null | undefined): Partial<T> {
	if (options === null || options === undefined) return {};
	if (typeof options !== 'object') throw invalid('options are an object');
	return options;
}

export function textOf(value: unknown, what: string): string {
	if (typeof value !== 'string') throw invalid(`${what} is text`);
	return value;
}

/** Upper case is read, lower case is what everything here speaks. */
export function hexBytes(value: unknown, bytes: number): Uint8Array {
	try {
		return fromHex(textOf(value, 'an id').toLowerCase(), bytes);
	} catch (error) {
		if (error instanceof HexError) throw invalid(error.message);
		throw error;
	}
}

export function hexOf(value: unknown, bytes: number): string {
	return toHex(hexBytes(value, bytes));
}

/** A key in hex, or a contract's escrow. */
export function accountOf(value: unknown): string {
	const id = textOf(value, 'an account');
	return id.length <= MAX_ACCOUNT_LENGTH && id.startsWith(ESCROW_PREFIX) ? id : hexOf(id, 32);
}

export function amountOf(value: unknown): bigint {
	if ((typeof value !== 'string' && typeof value !== 'number') || !/^\d{1,19}$/.test(String(value)))
		throw invalid('an amount is a whole number in the smallest unit');
	const amount = BigInt(value);
	if (amount <= 0n || amount > MAX_AMOUNT) throw invalid(`an amount is between 1 and ${MAX_AMOUNT}`);
	return amount;
}

export function heightOf(value: unknown): number {
	return wholeOf(value, 0, Number.MAX_SAFE_INTEGER, 'a height');
}

export function partitionOf(value: unknown): number {
	return wholeOf(value, 0, MAX_PARTITION, 'a partition');
}

export function seedOf(value: unknown): number {
	return wholeOf(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'a seed');
}

export function nicknameOf(value: unknown): string {
	if (typeof value !== 'string' || !isNickname(value))
		throw invalid('a nickname has 1 to 32 printable characters');
	return value;
}

/** A page of a list, newest first. */
export function pageOf(options: { beforeHeight?: unknown; limit?: unknown }): {
	beforeHeight: number | undefined;
	limit: number;
} {
	const { beforeHeight, limit = DEFAULT_PAGE } = options;
	return {
		beforeHeight: beforeHeight === undefined ? undefined : heightOf(beforeHeight),
		limit: Math.min(wholeOf(limit, 1, Number.MAX_SAFE_INTEGER, 'a limit'), MAX_PAGE)
	};
}

/** Of a list; undefined for all of it. */
export function limitOf(value: unknown): number | undefined {
	return value === undefined ? undefined : wholeOf(value, 1, Number.MAX_SAFE_INTEGER, 'a limit');
}

const SHARES = ['buyAtPpm', 'sellAtPpm', 'sellerCapPpm'] as const;
const MANAGER_FIELDS: readonly string[] = [...SHARES, 'minimumGain'];

/** What is given and is a number or an amount at all; whether they go together is for the manager. @throws ApiError also `ManagerSettings` */
export function managerSettingsOf(value: unknown): Partial<ManagerSettings> {
	const options = optionsOf(value as Record<string, unknown>);
	const stranger = Object.keys(options).find((name) => !MANAGER_FIELDS.includes(name));
	if (stranger !== undefined)
		throw invalid(`a manager has ${MANAGER_FIELDS.join(', ')}, and no ${stranger.slice(0, 40)}`);
	const settings: Partial<ManagerSettings> = {};
	for (const name of SHARES) {
		const share = options[name];
		if (share === undefined) continue;
		if (typeof share !== 'number')
			throw new ApiError('ManagerSettings', `${name} is a number of parts per million`);
		settings[name] = share;
	}
	const { minimumGain } = options;
	if (minimumGain === undefined) return settings;
	if (
		(typeof minimumGain !== 'string' && typeof minimumGain !== 'number') ||
		!/^\d{1,19}$/.test(String(minimumGain))
	)
		throw new ApiError('ManagerSettings', 'minimumGain is a whole amount of 0 or more');
	return { ...settings, minimumGain: BigInt(minimumGain) };
}

/** @throws ApiError `InvitationInvalid` */
export function invitationOf(value: unknown): SignedInvitation {
	try {
		return fromBinary(SignedInvitationSchema, base64UrlToBytes(textOf(value, 'an invitation')));
	} catch {
		throw new ApiError('InvitationInvalid', 'the invitation cannot be read; ask for a new link');
	}
}

function wholeOf(value: unknown, low: number, high: number, what: string): number {
	if (!Number.isSafeInteger(value) || (value as number) < low || (value as number) > high)
		throw invalid(`${what} is a whole number${low < 0 ? '' : ` of ${low} or more`}`);
	return value as number;
}

function invalid(message: string): ApiError {
	return new ApiError('InvalidArgument', message);
}
