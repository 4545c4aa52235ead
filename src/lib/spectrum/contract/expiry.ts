/**
 * Bids that expire, and commitments that nobody revealed. State cannot be scanned by prefix, so each height has an index of those
 * whose last height it is, and one record says where the sweep stands. A closed bid stays for CLOSED_BID_RETENTION heights, so
 * that a late switch learns why.
 *
 * A commitment is in the index of the last height at which it can be revealed. When that height is past, those of the round that
 * were revealed and still stand move to the index of their own last height, which no other round has (revealWindow).
 *
 * A deposit that is forfeited goes to an account of which nobody has the key. Were it the seller's, whoever sells would gain
 * where a reveal is held up, and members that order transactions do sell; and a seller's own commitments would cost it nothing.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { Refused, type BlockContext, type StateView } from '../../ledger/contract.ts';
import {
	ExpiryIndexSchema,
	ExpiryScheduleSchema,
	type ExpirySchedule
} from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import { SCHEDULE_KEY, TREASURY, bidKey, escrowAccount, expiryKey } from './keys.ts';
import {
	BID_ID_BYTES,
	CLOSED_BID_RETENTION,
	MAX_BIDS_PER_EXPIRY_HEIGHT,
	MAX_SWEPT_BIDS_PER_BLOCK,
	MAX_SWEPT_HEIGHTS_PER_BLOCK
} from './limits.ts';
import { releaseCommitment } from './owner.ts';
import { RecordError, decodeBid, encodeBid, type BidRecord } from './records.ts';

/** @throws Refused `ExpiryFull` */
export function scheduleExpiry(state: StateView, bid: BidRecord): void {
	const ids = readIndex(state, bid.expiryHeight);
	if (ids.length >= MAX_BIDS_PER_EXPIRY_HEIGHT)
		throw new Refused(
			'ExpiryFull',
			`${MAX_BIDS_PER_EXPIRY_HEIGHT} bids already expire at height ${bid.expiryHeight}; choose another height`
		);
	state.set(expiryKey(bid.expiryHeight), encodeIndex([...ids, bid.id]));
	const schedule = readSchedule(state);
	const first = schedule.kept === 0;
	schedule.nextHeight = first ? bid.expiryHeight : Math.min(schedule.nextHeight, bid.expiryHeight);
	schedule.oldestHeight = first ? bid.expiryHeight : Math.min(schedule.oldestHeight, bid.expiryHeight);
	schedule.kept++;
	writeSchedule(state, schedule);
}

/** At the start of a block: returns the escrow of every bid whose last height is past, and forgets bids closed long ago. */
export function sweepExpired(context: BlockContext): void {
	const schedule = readSchedule(context.state);
	const isDue = schedule.kept > 0 && schedule.nextHeight < context.height;
	if (!isDue && !isForgettable(schedule, context.height)) return;
	let heights = 0;
	let bids = 0;
	const closed: ClosedBids = { expired: [], forfeited: [] };
	while (
		schedule.nextHeight < context.height &&
		heights++ < MAX_SWEPT_HEIGHTS_PER_BLOCK &&
		bids < MAX_SWEPT_BIDS_PER_BLOCK
	)
		bids += expireHeight(context, schedule.nextHeight++, closed);
	// One event for all of them: a call may emit only a few (MAX_EVENTS_PER_CALL).
	if (closed.expired.length > 0) context.emit('BidsExpired', encodeIndex(closed.expired));
	if (closed.forfeited.length > 0) context.emit('BidsForfeited', encodeIndex(closed.forfeited));
	while (
		isForgettable(schedule, context.height) &&
		heights++ < 2 * MAX_SWEPT_HEIGHTS_PER_BLOCK &&
		bids < MAX_SWEPT_BIDS_PER_BLOCK
	) {
		const forgotten = forgetHeight(context.state, schedule.oldestHeight++);
		schedule.kept -= forgotten;
		bids += forgotten;
	}
	writeSchedule(context.state, schedule);
}

function isForgettable(schedule: ExpirySchedule, height: number): boolean {
	return (
		schedule.kept > 0 &&
		schedule.oldestHeight < schedule.nextHeight &&
		schedule.oldestHeight + CLOSED_BID_RETENTION < height
	);
}

/** Ids, lower-case hex. */
interface ClosedBids {
	expired: string[];
	forfeited: string[];
}

/** @returns how many bids it looked at */
function expireHeight({ state, accounts }: BlockContext, height: number, closed: ClosedBids): number {
	const ids = readIndex(state, height);
	const standing: BidRecord[] = [];
	for (const id of ids) {
		const bid = decodeBid(state.get(bidKey(id))!);
		if (bid.status === 'committed') {
			accounts.transfer(escrowAccount(id), TREASURY, bid.commitment!.deposit);
			releaseCommitment(state, bid.buyer);
			state.set(bidKey(id), encodeBid({ ...bid, status: 'forfeited' }));
			closed.forfeited.push(id);
		} else if (bid.status !== 'open') continue;
		else if (bid.expiryHeight > height) standing.push(bid);
		else {
			accounts.transfer(escrowAccount(id), bid.buyer, bid.price);
			state.set(bidKey(id), encodeBid({ ...bid, status: 'expired' }));
			closed.expired.push(id);
		}
	}
	if (standing.length > 0) moveRevealed(state, height, ids, standing);
	return ids.length;
}

/** The bids of one round stand equally long. */
function moveRevealed(state: StateView, height: number, ids: string[], standing: BidRecord[]): void {
	const moved = standing.map(({ id }) => id);
	const left = ids.filter((id) => !moved.includes(id));
	if (left.length > 0) state.set(expiryKey(height), encodeIndex(left));
	else state.delete(expiryKey(height));
	const { expiryHeight } = standing[0]!;
	state.set(expiryKey(expiryHeight), encodeIndex([...readIndex(state, expiryHeight), ...moved]));
}

function forgetHeight(state: StateView, height: number): number {
	const ids = readIndex(state, height);
	for (const id of ids) state.delete(bidKey(id));
	if (ids.length > 0) state.delete(expiryKey(height));
	return ids.length;
}

/** Ids in an index, or in the events BidsExpired and BidsForfeited, lower-case hex. @throws RecordError, or protobuf's own */
export function decodeIndex(bytes: Uint8Array): string[] {
	const { bidIds } = fromBinary(ExpiryIndexSchema, bytes);
	if (bidIds.length % BID_ID_BYTES !== 0) throw new RecordError('an index of bids ends within an id');
	return toHex(bidIds).match(/.{64}/g) ?? [];
}

export function readIndex(state: StateView, height: number): string[] {
	const bytes = state.get(expiryKey(height));
	return bytes ? decodeIndex(bytes) : [];
}

function encodeIndex(ids: string[]): Uint8Array {
	return toBinary(ExpiryIndexSchema, create(ExpiryIndexSchema, { bidIds: fromHex(ids.join('')) }));
}

function readSchedule(state: StateView): ExpirySchedule {
	const bytes = state.get(SCHEDULE_KEY);
	return bytes ? fromBinary(ExpiryScheduleSchema, bytes) : create(ExpiryScheduleSchema);
}

function writeSchedule(state: StateView, schedule: ExpirySchedule): void {
	if (schedule.kept === 0) state.delete(SCHEDULE_KEY);
	else state.set(SCHEDULE_KEY, toBinary(ExpiryScheduleSchema, schedule));
}
