import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { Chain, CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import {
	encodeAccessPoint,
	encodeUpdate,
	type AccessPointRecord,
	type BidRecord
} from '#lib/spectrum/contract/records.ts';
import { apKey, bidKey } from '#lib/spectrum/contract/keys.ts';
import { encodeBid } from '#lib/spectrum/contract/records.ts';
import { accessPoint, northOf } from '#lib/spectrum/testing/access-points.ts';
import { ReceiptSchema } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { MarketChecker } from './market-checker.ts';

const ap = (id: string, metres: number, ...channels: number[]): AccessPointRecord => ({
	...accessPoint(id, { ...northOf(metres), channels }),
	owner: '11'.repeat(32),
	registeredHeight: 1,
	changedHeight: 1
});

const bid: BidRecord = {
	id: 'ab'.repeat(32),
	buyer: '22'.repeat(32),
	buyerAp: 'far',
	sellerAp: 'one',
	channel: 36,
	price: 5n,
	expiryHeight: 9,
	mechanism: 'greedy',
	height: 1,
	timeMs: 1,
	status: 'taken'
};

const issued = (record: AccessPointRecord) => ({
	kind: 'IssueAPChannelInfo',
	data: encodeAccessPoint(record)
});

const switched = (sellerAp: AccessPointRecord, buyerAp: AccessPointRecord) => ({
	kind: 'UpdateAPChannelInfo',
	data: encodeUpdate({ bid, seller: sellerAp.owner, buyerAp, sellerAp, mechanism: 'greedy' })
});

const block = (height: number, ...events: { kind: string; data: Uint8Array }[]): CommittedBlock =>
	({
		height,
		receipts: [create(ReceiptSchema, { events: events.map((one) => ({ contract: 'spectrum', ...one })) })]
	}) as unknown as CommittedBlock;

const chainWith = (height: number, rows: { key: string; value: Uint8Array }[]): Chain =>
	({
		head: { height },
		state: { rows: () => rows, get: () => undefined }
	}) as unknown as Chain;

describe('the second book of channels', () => {
	const ONE = ap('one', 0, 36, 40);
	const FAR = ap('far', 5000, 44);

	it('follows registrations and switches, and agrees with a state that holds the same', () => {
		const book = new MarketChecker();
		expect(book.committed(block(1, issued(ONE), issued(FAR)))).toBeNull();
		expect(book.committed(block(2, switched(ONE, FAR)))).toBeNull();
		const after = [ap('one', 0, 40), ap('far', 5000, 36, 44)];
		const rows = after.map((record) => ({ key: apKey(record.id), value: encodeAccessPoint(record) }));
		expect(book.state(chainWith(2, rows))).toBeNull();
		expect(book.counts).toMatchObject({ accessPoints: 2, switches: 1, books: 1 });
	});

	it('notices a channel that is held twice', () => {
		expect(new MarketChecker().committed(block(1, issued(ONE), issued(ap('near', 30, 36))))).toBe(
			'channel 36 is held twice, by one and near at height 1'
		);
	});

	it('notices a channel that is sold twice', () => {
		const book = new MarketChecker();
		book.committed(block(1, issued(ONE), issued(FAR)));
		book.committed(block(2, switched(ONE, FAR)));
		expect(book.committed(block(3, switched(ONE, FAR)))).toBe(
			'one sells channel 36, which it does not hold at height 3'
		);
	});

	it('notices an owner that gives itself a channel', () => {
		const book = new MarketChecker();
		book.committed(block(1, issued(ONE)));
		expect(book.committed(block(2, issued(ap('one', 0, 36, 40, 44))))).toBe(
			'one changes its channels by itself at height 2'
		);
	});

	it('notices a state with other channels, access points or escrow than the book', () => {
		const row = (record: AccessPointRecord) => ({ key: apKey(record.id), value: encodeAccessPoint(record) });
		const bookWith = (...rows: { key: string; value: Uint8Array }[]): string | null => {
			const book = new MarketChecker();
			book.committed(block(1, issued(ONE), issued(FAR)));
			return book.state(chainWith(1, rows));
		};
		expect(bookWith(row(ONE), row(FAR))).toBeNull();
		expect(bookWith(row(ap('one', 0, 36)), row(FAR))).toMatch(/^one holds channels 36, and was given 36, 40/);
		expect(bookWith(row(ONE))).toBe('1 access points of 2 are in the state');
		const open = { key: bidKey(bid.id), value: encodeBid({ ...bid, status: 'open' }) };
		expect(bookWith(row(ONE), row(FAR), open)).toMatch(/^the bid abababab of 5 is open, with 0 in escrow/);
	});
});
