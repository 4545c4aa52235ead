/**
 * Grants, in the manner of a Spectrum Access System: where genesis says so, a switch grants the channel, and its holder keeps the
 * grant alive by heartbeats. Without one for `heartbeatHeights` it ends, and the channel goes back to the grantor, idle; who needs
 * it no longer relinquishes it. The price stays paid.
 *
 * **Going back never fails.** The grantor stays in the index of holders for as long as the grant lasts, so nobody else near it can
 * take the channel meanwhile, and its place among its channels is kept (checkTransferable counts what it lent).
 *
 * **A granted channel is not sold on** (`Granted`): it would have to come back through every hand. It can only be relinquished.
 *
 * All grants last equally long, so a grant that is made or renewed expires last: they are a list in that order, and what has
 * expired is at its front. No index of a height can be full, and a heartbeat touches its neighbours in the list alone.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Refused, type BlockContext, type CallContext, type StateView } from '../../ledger/contract.ts';
import { GrantListSchema, GrantStateSchema } from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import { MAX_OCCUPANCY_PPM, occupancyAfterBuying, occupancyAfterSelling } from '../access-point.ts';
import { parseHeartbeatArguments, parseRelinquishArguments, type GrantName } from './arguments.ts';
import type { HolderIndex } from './holders.ts';
import { GRANT_LIST_KEY, apKey, grantKey } from './keys.ts';
import { MAX_EXPIRED_GRANTS_PER_BLOCK } from './limits.ts';
import type { GrantRules } from './parameters.ts';
import {
	encodeAccessPoint,
	encodeGrantEnd,
	encodeRenewed,
	grantFromWire,
	grantToWire,
	type AccessPointRecord,
	type GrantRecord
} from './records.ts';
import { readAccessPoint } from './register.ts';

/** A switch has moved the channel; the caller keeps the grantor in the index of holders. */
export function addGrant(state: StateView, grant: GrantRecord): void {
	append(state, grant);
}

/**
 * All of them or none.
 * @throws Refused what {@link parseHeartbeatArguments} throws, `UnknownGrant`, `NotHolderOwner`, `GrantExpired`
 */
export function issueHeartbeat(context: CallContext, args: Uint8Array, rules: GrantRules): void {
	const { state, height } = context;
	const renewed = parseHeartbeatArguments(args).map((name) => {
		const { grant } = ownGrant(context, name);
		if (grant.expiryHeight < height)
			throw new Refused('GrantExpired', `the grant was good until height ${grant.expiryHeight}`);
		const next = { ...grant, expiryHeight: height + rules.heartbeatHeights };
		remove(state, grant);
		append(state, next);
		return next;
	});
	context.emit('GrantsRenewed', encodeRenewed(renewed));
}

/** @throws Refused what {@link parseRelinquishArguments} throws, `UnknownGrant`, `NotHolderOwner` */
export function issueRelinquish(context: CallContext, args: Uint8Array, holders: HolderIndex): void {
	const { grant } = ownGrant(context, parseRelinquishArguments(args));
	context.emit('GrantRelinquished', endGrant(context, grant, holders));
}

/** At the start of a block: ends the grants whose last height is past, the oldest first. */
export function sweepGrants(context: BlockContext, holders: HolderIndex): void {
	for (let ended = 0; ended < MAX_EXPIRED_GRANTS_PER_BLOCK; ended++) {
		const { first } = readList(context.state);
		if (first === '') return;
		const { grant } = readNode(context.state, first)!;
		if (grant.expiryHeight >= context.height) return;
		context.emit('GrantExpired', endGrant(context, grant, holders));
	}
}

/** A value under {@link grantKey}. */
export function decodeGrant(bytes: Uint8Array): GrantRecord {
	return grantFromWire(fromBinary(GrantStateSchema, bytes).grant!);
}

/** @returns the event's data */
function endGrant(
	{ state, height }: Pick<CallContext, 'state' | 'height'>,
	grant: GrantRecord,
	holders: HolderIndex
): Uint8Array {
	const holder = readAccessPoint(state, grant.ap)!;
	holders.remove(state, holder, grant.channel);
	const ap = withoutGrant(holder, grant.channel, height);
	const grantorAp = withReturned(readAccessPoint(state, grant.grantorAp)!, grant.channel, height);
	state.set(apKey(ap.id), encodeAccessPoint(ap));
	state.set(apKey(grantorAp.id), encodeAccessPoint(grantorAp));
	remove(state, grant);
	return encodeGrantEnd({ grant, ap, grantorAp });
}

/** Where it was the only channel, all of its demand waits again: it counts as that of one channel. */
function withoutGrant(ap: AccessPointRecord, channel: number, height: number): AccessPointRecord {
	const left = without(ap.channels, channel);
	return {
		...ap,
		channels: left,
		idleChannels: without(ap.idleChannels, channel),
		grantedChannels: without(ap.grantedChannels!, channel),
		occupancyPpm:
			left.length === 0
				? ap.occupancyPpm
				: Math.min(MAX_OCCUPANCY_PPM, occupancyAfterSelling(ap.occupancyPpm, ap.channels.length)),
		changedHeight: height
	};
}

function withReturned(ap: AccessPointRecord, channel: number, height: number): AccessPointRecord {
	return {
		...ap,
		channels: withChannel(ap.channels, channel),
		idleChannels: withChannel(ap.idleChannels, channel),
		lentChannels: without(ap.lentChannels!, channel),
		occupancyPpm: occupancyAfterBuying(ap.occupancyPpm, ap.channels.length),
		changedHeight: height
	};
}

export function withChannel(channels: readonly number[], channel: number): number[] {
	return [...channels, channel].sort((a, b) => a - b);
}

function without(channels: readonly number[], channel: number): number[] {
	return channels.filter((one) => one !== channel);
}

function ownGrant(context: CallContext, { ap, channel }: GrantName): GrantNode {
	const node = readNode(context.state, grantKey(ap, channel));
	if (!node) throw new Refused('UnknownGrant', `${ap} does not hold channel ${channel} by a grant`);
	if (readAccessPoint(context.state, ap)!.owner !== context.sender)
		throw new Refused('NotHolderOwner', `only the owner of ${ap} speaks for its grants`);
	return node;
}

interface GrantNode {
	grant: GrantRecord;
	/** State keys, empty at the ends. */
	previous: string;
	next: string;
}

function append(state: StateView, grant: GrantRecord): void {
	const key = grantKey(grant.ap, grant.channel);
	const { first, last } = readList(state);
	if (last !== '') writeNode(state, last, { ...readNode(state, last)!, next: key });
	writeNode(state, key, { grant, previous: last, next: '' });
	writeList(state, { first: first === '' ? key : first, last: key });
}

function remove(state: StateView, grant: GrantRecord): void {
	const key = grantKey(grant.ap, grant.channel);
	const { previous, next } = readNode(state, key)!;
	const { first, last } = readList(state);
	if (previous !== '') writeNode(state, previous, { ...readNode(state, previous)!, next });
	if (next !== '') writeNode(state, next, { ...readNode(state, next)!, previous });
	state.delete(key);
	writeList(state, { first: previous === '' ? next : first, last: next === '' ? previous : last });
}

function readNode(state: StateView, key: string): GrantNode | undefined {
	const bytes = state.get(key);
	if (!bytes) return undefined;
	const { grant, previous, next } = fromBinary(GrantStateSchema, bytes);
	return { grant: grantFromWire(grant!), previous, next };
}

function writeNode(state: StateView, key: string, { grant, previous, next }: GrantNode): void {
	const message = create(GrantStateSchema, { grant: grantToWire(grant), previous, next });
	state.set(key, toBinary(GrantStateSchema, message));
}

function readList(state: StateView): { first: string; last: string } {
	const bytes = state.get(GRANT_LIST_KEY);
	if (!bytes) return { first: '', last: '' };
	const { first, last } = fromBinary(GrantListSchema, bytes);
	return { first, last };
}

function writeList(state: StateView, list: { first: string; last: string }): void {
	if (list.first === '') state.delete(GRANT_LIST_KEY);
	else state.set(GRANT_LIST_KEY, toBinary(GrantListSchema, create(GrantListSchema, list)));
}
