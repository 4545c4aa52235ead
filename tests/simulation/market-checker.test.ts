import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { fromHex } from '#lib/crypto/hex.ts';
import { ACCOUNT_PREFIX, accountState } from '#lib/ledger/accounts.ts';
import type { Chain, CommittedBlock } from '#lib/consensus/ordering/chain.ts';
import { TREASURY, apKey, bidKey, escrowAccount, grantKey } from '#lib/spectrum/contract/keys.ts';
import {
	encodeAccessPoint,
	encodeBid,
	encodeGrantEnd,
	encodeRenewed,
	encodeUpdate,
	grantToWire,
	type AccessPointRecord,
	type BidRecord,
	type GrantRecord
} from '#lib/spectrum/contract/records.ts';
import { accessPoint, northOf } from '#lib/spectrum/testing/access-points.ts';
import { ReceiptSchema, type Receipt } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { ExpiryIndexSchema, GrantStateSchema } from '#lib/wire/gen/tabwave/v1/spectrum_pb.js';
import { MarketChecker } from './market-checker.ts';

const ap = (id: string, metres: number, ...channels: number[]): AccessPointRecord => ({
	...accessPoint(id, { ...northOf(metres), channels }),
	owner: '11'.repeat(32),
	registeredHeight: 1,
	changedHeight: 1
});

const BID: BidRecord = {
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
	status: 'open'
};
const ONE = ap('one', 0, 36, 40);
const FAR = ap('far', 5000, 44);

interface Told {
	kind: string;
	data: Uint8Array;
}

const issued = (record: AccessPointRecord): Told => ({
	kind: 'IssueAPChannelInfo',
	data: encodeAccessPoint(record)
});

const asked = (bid: Partial<BidRecord> = {}): Told => ({
	kind: 'IssueBidingPriceInfo',
	data: encodeBid({ ...BID, ...bid })
});

const closed = (kind: 'BidsExpired' | 'BidsForfeited', ...ids: string[]): Told => ({
	kind,
	data: toBinary(ExpiryIndexSchema, create(ExpiryIndexSchema, { bidIds: fromHex(ids.join('')) }))
});

function switched(
	sellerAp: AccessPointRecord,
	buyerAp: AccessPointRecord,
	{ grant, ...bid }: Partial<BidRecord> & { grant?: GrantRecord } = {}
): Told {
	const taken: BidRecord = { ...BID, ...bid, status: 'taken' };
	return {
		kind: 'UpdateAPChannelInfo',
		data: encodeUpdate({ bid: taken, seller: sellerAp.owner, buyerAp, sellerAp, mechanism: 'greedy', grant })
	};
}

const receipt = (events: Told[], fields: Partial<Pick<Receipt, 'transactionId' | 'error'>> = {}): Receipt =>
	create(ReceiptSchema, {
		transactionId: new Uint8Array(32).fill(1),
		events: events.map((event) => ({ contract: 'spectrum', ...event })),
		...fields
	});

/** @param begun what the contract did before any call */
const block = (height: number, called: Told[], begun: Told[] = []): CommittedBlock =>
	({
		height,
		receipts: [
			...called.map((event) => receipt([event])),
			...(begun.length > 0 ? [receipt(begun, { transactionId: new Uint8Array(0) })] : [])
		]
	}) as unknown as CommittedBlock;

const chainWith = (height: number, rows: { key: string; value: Uint8Array }[]): Chain =>
	({
		head: { height },
		state: { rows: () => rows, get: (wanted: string) => rows.find(({ key }) => key === wanted)?.value }
	}) as unknown as Chain;

const rowOf = (record: AccessPointRecord) => ({ key: apKey(record.id), value: encodeAccessPoint(record) });
const bidRow = (bid: BidRecord) => ({ key: bidKey(bid.id), value: encodeBid(bid) });
const money = (account: string, amount: bigint) => ({
	key: ACCOUNT_PREFIX + account,
	value: accountState(amount)
});

describe('the second book of channels', () => {
	it('follows registrations, bids and switches, and agrees with a state that holds the same', () => {
		const book = new MarketChecker();
		expect(book.committed(block(1, [issued(ONE), issued(FAR), asked()]))).toBeNull();
		expect(
			book.state(chainWith(1, [rowOf(ONE), rowOf(FAR), bidRow(BID), money(escrowAccount(BID.id), 5n)]))
		).toBeNull();
		expect(book.committed(block(2, [switched(ONE, FAR)]))).toBeNull();
		const rows = [rowOf(ap('one', 0, 40)), rowOf(ap('far', 5000, 36, 44))];
		expect(book.state(chainWith(2, [...rows, bidRow({ ...BID, status: 'taken' })]))).toBeNull();
		expect(book.counts).toMatchObject({ accessPoints: 2, switches: 1, books: 2, bids: 1 });
	});

	it('notices a channel that is held twice', () => {
		expect(new MarketChecker().committed(block(1, [issued(ONE), issued(ap('near', 30, 36))]))).toBe(
			'channel 36 is held twice, by one and near at height 1'
		);
	});

	it('notices a channel that is sold twice, and a bid that is taken twice', () => {
		const book = new MarketChecker();
		const other = { id: 'cd'.repeat(32) };
		book.committed(block(1, [issued(ONE), issued(FAR), asked(), asked(other)]));
		book.committed(block(2, [switched(ONE, FAR)]));
		expect(book.committed(block(3, [switched(ONE, FAR, other)]))).toBe(
			'one sells channel 36, which it does not hold at height 3'
		);
		expect(book.committed(block(4, [switched(ONE, FAR)]))).toBe(
			'the bid abababab is taken, and was taken at height 4'
		);
	});

	it('notices an owner that gives itself a channel', () => {
		const book = new MarketChecker();
		book.committed(block(1, [issued(ONE)]));
		expect(book.committed(block(2, [issued(ap('one', 0, 36, 40, 44))]))).toBe(
			'one changes its channels by itself at height 2'
		);
	});

	it('notices a grant where channels are held for good', () => {
		const book = new MarketChecker();
		book.committed(block(1, [issued(ONE), issued(FAR), asked()]));
		expect(book.committed(block(2, [switched(ONE, FAR, { grant: GRANT })]))).toBe(
			'one sells channel 36 as a grant at height 2'
		);
	});

	it('notices a state with other channels or access points than the book', () => {
		const bookWith = (...rows: { key: string; value: Uint8Array }[]): string | null => {
			const book = new MarketChecker();
			book.committed(block(1, [issued(ONE), issued(FAR)]));
			return book.state(chainWith(1, rows));
		};
		expect(bookWith(rowOf(ONE), rowOf(FAR))).toBeNull();
		expect(bookWith(rowOf(ap('one', 0, 36)), rowOf(FAR))).toMatch(
			/^one holds channels 36, and by its events 36, 40/
		);
		expect(bookWith(rowOf({ ...ONE, lentChannels: [44] }), rowOf(FAR))).toMatch(/^one has lent channels 44/);
		expect(bookWith(rowOf({ ...ONE, grantedChannels: [36] }), rowOf(FAR))).toMatch(/^one holds by grants/);
		expect(bookWith(rowOf(ONE))).toBe('1 access points of 2 are in the state');
	});
});

describe('the second book of bids', () => {
	const bookWith = (...rows: { key: string; value: Uint8Array }[]): string | null => {
		const book = new MarketChecker();
		book.committed(block(1, [issued(ONE), issued(FAR), asked()]));
		return book.state(chainWith(1, [rowOf(ONE), rowOf(FAR), ...rows]));
	};

	it('notices a state with other bids or escrow', () => {
		const escrow = money(escrowAccount(BID.id), 5n);
		expect(bookWith(bidRow(BID), escrow)).toBeNull();
		expect(bookWith(bidRow(BID))).toBe('the bid abababab is open, with 0 in escrow and not 5');
		expect(bookWith(bidRow({ ...BID, status: 'expired' }), escrow)).toBe(
			'the bid abababab is expired, and by its events open'
		);
		expect(bookWith(escrow)).toBe('the bid abababab is open, and forgotten');
		expect(bookWith(bidRow(BID), escrow, money(escrowAccount('cd'.repeat(32)), 1n))).toBe(
			'1 more in escrow than bids have paid'
		);
		expect(bookWith(bidRow(BID), escrow, money(TREASURY, 1n))).toBe(
			'the treasury holds 1, and 0 were forfeited'
		);
	});

	it('notices a bid that is made twice, is taken late or for another price, expires early, or stays open', () => {
		const after = (height: number, called: Told[], begun: Told[] = []): string | null => {
			const book = new MarketChecker();
			book.committed(block(1, [issued(ONE), issued(FAR), asked()]));
			return book.committed(block(height, called, begun));
		};
		expect(after(2, [asked()])).toBe('the bid abababab is made twice at height 2');
		expect(after(9, [switched(ONE, FAR, { price: 4n })])).toBe(
			'the bid abababab of 5 is taken for 4 at height 9'
		);
		expect(after(9, [], [closed('BidsExpired', BID.id)])).toBe(
			'the bid abababab expires before its last height at height 9'
		);
		expect(after(10, [], [closed('BidsExpired', BID.id)])).toBeNull();
		expect(after(10, [])).toBe('the bid abababab is open after its last height 9 at height 10');
		// No contract runs in a change of members, and what one does there is late.
		const book = new MarketChecker();
		book.committed(block(1, [issued(ONE), issued(FAR), asked()]));
		const change = { height: 10, receipts: [], change: {} } as unknown as CommittedBlock;
		expect(book.committed(change)).toBeNull();
		const late = { ...block(11, [switched(ONE, FAR)]), change: {} } as unknown as CommittedBlock;
		expect(book.committed(late)).toBe('the bid abababab is taken after its last height at height 11');
	});
});

describe('the second book of sealed bids', () => {
	const RULES = {
		conflictDistancePercent: 100,
		sealedBids: { commitHeights: 4, revealHeights: 6, deposit: 30n }
	};
	const commitment = { hash: 'ee'.repeat(32), note: '', deposit: 30n, revealedHeight: 0 };
	const SEALED: BidRecord = {
		...BID,
		price: 0n,
		mechanism: '',
		height: 5,
		expiryHeight: 13,
		status: 'committed',
		commitment
	};
	const committed = (fields: Partial<BidRecord> = {}): Told => ({
		kind: 'IssueBidingCommitInfo',
		data: encodeBid({ ...SEALED, ...fields })
	});
	const OPEN: BidRecord = { ...SEALED, price: 5n, mechanism: 'greedy', expiryHeight: 142, status: 'open' };
	const revealed = (fields: Partial<BidRecord> = {}): Told => asked({ ...OPEN, ...fields });
	let book: MarketChecker;
	/** Committed to in the round of heights 4…7, which is revealed at 8…13. */
	beforeEach(() => {
		book = new MarketChecker(RULES, new Map([[BID.id, 5n]]));
		expect(book.committed(block(1, [issued(ONE), issued(FAR)]))).toBeNull();
		expect(book.committed(block(5, [committed()]))).toBeNull();
	});

	it.each([8, 13])(
		'follows a commitment that is revealed at height %i, with what it holds in escrow',
		(height) => {
			const aps = [rowOf(ONE), rowOf(FAR)];
			expect(
				book.state(chainWith(5, [...aps, bidRow(SEALED), money(escrowAccount(BID.id), 30n)]))
			).toBeNull();
			expect(book.committed(block(height, [revealed()]))).toBeNull();
			expect(
				book.state(chainWith(height, [...aps, bidRow(OPEN), money(escrowAccount(BID.id), 5n)]))
			).toBeNull();
			expect(book.committed(block(20, [switched(ONE, FAR, OPEN)]))).toBeNull();
			expect(book.counts).toMatchObject({ commitments: 1, reveals: 1, switches: 1, forfeits: 0 });
		}
	);

	it('follows one that is forfeited', () => {
		const forfeited: BidRecord = { ...SEALED, status: 'forfeited' };
		expect(book.committed(block(14, [], [closed('BidsForfeited', BID.id)]))).toBeNull();
		const rows = [rowOf(ONE), rowOf(FAR), bidRow(forfeited)];
		expect(book.state(chainWith(14, [...rows, money(TREASURY, 30n)]))).toBeNull();
		book.committed(block(15, [issued(ONE)]));
		expect(book.state(chainWith(15, rows))).toBe('the treasury holds 0, and 30 were forfeited');
		book.committed(block(16, [issued(ONE)]));
		expect(
			book.state(chainWith(16, [...rows, money(TREASURY, 30n), money(escrowAccount(BID.id), 30n)]))
		).toBe('the bid abababab is forfeited, with 30 in escrow and not 0');
	});

	it('notices a deposit that is not in escrow', () => {
		expect(book.state(chainWith(5, [rowOf(ONE), rowOf(FAR), bidRow(SEALED)]))).toBe(
			'the bid abababab is committed, with 0 in escrow and not 30'
		);
	});

	it.each([7, 14])('notices a reveal outside of its window, at height %i', (height) => {
		// As if the sweep had said so: what is over is looked at before.
		const reveal = { ...block(height, [revealed()]), change: {} } as unknown as CommittedBlock;
		expect(book.committed(reveal)).toBe(
			`abababab is revealed outside of its window from 8 to 13 at height ${height}`
		);
	});

	it('notices a second reveal', () => {
		book.committed(block(8, [revealed()]));
		expect(book.committed(block(9, [revealed()]))).toBe('abababab is revealed, and was open at height 9');
	});

	it.each([
		['cdcdcdcd is revealed, and nobody committed to it', { id: 'cd'.repeat(32) }],
		['abababab hid 5, and is revealed as 6', { price: 6n }],
		['abababab is revealed by another buyer', { buyer: '33'.repeat(32) }]
	])('notices that %s', (wrong, fields) => {
		expect(book.committed(block(8, [revealed(fields)]))).toBe(`${wrong} at height 8`);
	});

	it('notices a reveal of what was copied', () => {
		const copies = new MarketChecker(RULES, new Map([[BID.id, null]]));
		copies.committed(block(5, [committed()]));
		expect(copies.committed(block(8, [revealed()]))).toBe(
			"abababab is a copy of another's commitment, and is revealed at height 8"
		);
	});

	it('notices a commitment that is taken, comes twice, lacks its deposit, or is made where bids are open', () => {
		expect(book.committed(block(8, [switched(ONE, FAR, { price: 0n })]))).toBe(
			'the bid abababab is taken, and was committed at height 8'
		);
		expect(book.committed(block(6, [committed()]))).toBe('abababab is committed to twice at height 6');
		const less = { id: 'cd'.repeat(32), commitment: { ...commitment, deposit: 29n } };
		expect(book.committed(block(6, [committed(less)]))).toBe(
			'cdcdcdcd is committed to without its deposit at height 6'
		);
		expect(new MarketChecker().committed(block(1, [committed()]))).toBe(
			'abababab is a commitment, and bids are open at height 1'
		);
	});

	it('notices a deposit that is forfeited early, or by who has revealed, or not at all', () => {
		expect(book.committed(block(13, [], [closed('BidsForfeited', BID.id)]))).toBe(
			'abababab is forfeited while it can be revealed at height 13'
		);
		book = new MarketChecker(RULES);
		book.committed(block(5, [committed()]));
		expect(book.committed(block(14, []))).toBe('abababab is committed to after its last reveal at height 14');
		book = new MarketChecker(RULES);
		book.committed(block(5, [committed()]));
		book.committed(block(8, [revealed()]));
		expect(book.committed(block(14, [], [closed('BidsForfeited', BID.id)]))).toBe(
			'the bid abababab is forfeited, and was open at height 14'
		);
	});
});

const GRANT: GrantRecord = {
	ap: 'far',
	channel: 36,
	grantorAp: 'one',
	bidId: BID.id,
	grantedHeight: 2,
	expiryHeight: 18
};

describe('the second book of grants', () => {
	const RULES = { conflictDistancePercent: 100, grants: { heartbeatHeights: 16 } };
	const LASTING: Partial<BidRecord> = { expiryHeight: 100 };
	const lender: AccessPointRecord = { ...ap('one', 0, 40), lentChannels: [36] };
	const holder: AccessPointRecord = { ...ap('far', 5000, 36, 44), grantedChannels: [36] };
	const renewed = (...grants: GrantRecord[]): Told => ({
		kind: 'GrantsRenewed',
		data: encodeRenewed(grants)
	});
	const ended = (kind: 'GrantExpired' | 'GrantRelinquished', fields: Partial<GrantRecord> = {}): Told => ({
		kind,
		data: encodeGrantEnd({ grant: { ...GRANT, ...fields }, ap: FAR, grantorAp: ONE })
	});
	const grantRow = (grant: GrantRecord) => ({
		key: grantKey(grant.ap, grant.channel),
		value: toBinary(GrantStateSchema, create(GrantStateSchema, { grant: grantToWire(grant) }))
	});
	const taken = bidRow({ ...BID, ...LASTING, status: 'taken' });
	let book: MarketChecker;
	beforeEach(() => {
		book = new MarketChecker(RULES);
		expect(book.committed(block(1, [issued(ONE), issued(FAR), asked(LASTING)]))).toBeNull();
		expect(book.committed(block(2, [switched(ONE, FAR, { ...LASTING, grant: GRANT })]))).toBeNull();
	});

	it('counts a granted channel where it is, and follows it back', () => {
		expect(book.state(chainWith(2, [rowOf(lender), rowOf(holder), grantRow(GRANT), taken]))).toBeNull();
		const next = { ...GRANT, expiryHeight: 34 };
		expect(book.committed(block(18, [renewed(next)]))).toBeNull();
		expect(book.state(chainWith(18, [rowOf(lender), rowOf(holder), grantRow(next), taken]))).toBeNull();
		expect(book.committed(block(35, [], [ended('GrantExpired')]))).toBeNull();
		expect(book.state(chainWith(35, [rowOf(ONE), rowOf(FAR), taken]))).toBeNull();
		expect(book.counts).toMatchObject({ grants: 1, renewals: 1, grantsExpired: 1, grantsGivenBack: 0 });
	});

	it('follows one that is given back', () => {
		expect(book.committed(block(3, [ended('GrantRelinquished')]))).toBeNull();
		expect(book.state(chainWith(3, [rowOf(ONE), rowOf(FAR), taken]))).toBeNull();
	});

	it('notices what comes back twice, or to another', () => {
		expect(book.committed(block(3, [ended('GrantRelinquished', { grantorAp: 'far' })]))).toBe(
			'channel 36 of far goes back to far, which has not granted it at height 3'
		);
		book.committed(block(3, [ended('GrantRelinquished')]));
		expect(book.committed(block(4, [ended('GrantRelinquished')]))).toBe(
			'channel 36 of far goes back to one, which has not granted it at height 4'
		);
	});

	it('notices what stays after its last height, or ends before', () => {
		expect(book.committed(block(18, []))).toBeNull();
		expect(book.committed(block(19, []))).toBe(
			"far holds channel 36 after its grant's last height 18 at height 19"
		);
		expect(book.committed(block(18, [], [ended('GrantExpired')]))).toBe(
			'the grant of channel 36 to far ends before its last height 18 at height 18'
		);
	});

	it('notices a renewal after the end, of nothing, or for longer than a life', () => {
		const swept = { ...block(19, [renewed({ ...GRANT, expiryHeight: 35 })]), change: {} };
		expect(book.committed(swept as unknown as CommittedBlock)).toBe(
			'far renews channel 36, of which it has no grant any more at height 19'
		);
		expect(book.committed(block(3, [renewed({ ...GRANT, channel: 44, expiryHeight: 19 })]))).toBe(
			'far renews channel 44, of which it has no grant any more at height 3'
		);
		expect(book.committed(block(3, [renewed({ ...GRANT, expiryHeight: 20 })]))).toBe(
			'far renews channel 36 until 20 at height 3'
		);
	});

	it('notices a granted channel that is sold on', () => {
		const bid = { ...LASTING, id: 'cd'.repeat(32), buyerAp: 'third', sellerAp: 'far' };
		book.committed(block(3, [issued(ap('third', 9000, 48)), asked(bid)]));
		expect(book.committed(block(4, [switched(FAR, ap('third', 9000, 48), bid)]))).toBe(
			'far sells channel 36, which it holds by a grant at height 4'
		);
	});

	it('notices who takes, near the grantor, what comes back there', () => {
		expect(book.committed(block(3, [issued(ap('near', 30, 36))]))).toBe(
			'channel 36 is held twice, by one and near at height 3'
		);
	});

	it('notices a grantor that buys what comes back to it', () => {
		const bid = { ...LASTING, id: 'cd'.repeat(32), buyerAp: 'one', sellerAp: 'third' };
		const grant = {
			...GRANT,
			ap: 'one',
			grantorAp: 'third',
			bidId: bid.id,
			grantedHeight: 4,
			expiryHeight: 20
		};
		book.committed(block(3, [issued(ap('third', 9000, 36, 48)), asked(bid)]));
		expect(book.committed(block(4, [switched(ap('third', 9000, 48), lender, { ...bid, grant })]))).toBe(
			'channel 36 is held twice, by one and one at height 4'
		);
	});

	it('notices a switch without a grant, and a grant of something else', () => {
		const bid = { ...LASTING, id: 'cd'.repeat(32), channel: 40 };
		book.committed(block(3, [asked(bid)]));
		const grant = { ...GRANT, channel: 40, bidId: bid.id, grantedHeight: 4, expiryHeight: 20 };
		for (const other of [{ channel: 44 }, { grantorAp: 'far' }, { ap: 'one' }, { expiryHeight: 21 }]) {
			const again = new MarketChecker(RULES);
			again.committed(block(3, [issued(ONE), issued(FAR), asked(bid)]));
			expect(again.committed(block(4, [switched(ONE, FAR, { ...bid, grant: { ...grant, ...other } })]))).toBe(
				'the grant of channel 40 to far is another than it was sold as at height 4'
			);
		}
		expect(book.committed(block(4, [switched(ONE, FAR, bid)]))).toBe(
			'one sells channel 40 without a grant at height 4'
		);
	});

	it('notices a state with other grants', () => {
		const rows = [rowOf(lender), rowOf(holder), taken];
		expect(book.state(chainWith(2, rows))).toBe('0 grants of 1 are in the state');
		book.committed(block(3, [issued(lender)]));
		expect(book.state(chainWith(3, [...rows, grantRow({ ...GRANT, expiryHeight: 19 })]))).toBe(
			'the grant of channel 36 to far is not as it was given and renewed'
		);
		book.committed(block(4, [issued(lender)]));
		expect(
			book.state(chainWith(4, [rowOf(lender), rowOf({ ...holder, grantedChannels: [] }), taken]))
		).toMatch(/^far holds by grants channels , and by its events 36/);
	});
});

it('counts what the contract refused, by name', () => {
	const book = new MarketChecker();
	const refused = receipt([], { error: 'RevealTooLate' });
	const others = ['', 'toString', 'InsufficientBalance'].map((error) => receipt([], { error }));
	book.committed({ height: 1, receipts: [refused, ...others] } as unknown as CommittedBlock);
	expect(book.refused.RevealTooLate).toBe(1);
	expect(Object.values(book.refused).reduce((sum, count) => sum + count)).toBe(1);
});
