import { beforeEach, describe, expect, it } from 'vitest';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { TestChain, account, type TestReceipt } from '../testing/test-chain.ts';
import {
	bidArguments,
	issueArguments,
	switchArguments,
	type BidArguments,
	type SwitchArguments
} from './arguments.ts';
import { decodeAccessPoint, decodeUpdate, type AccessPoint } from './records.ts';
import { escrowAccount } from './keys.ts';
import {
	CLOSED_BID_RETENTION,
	MAX_ACCESS_POINTS_PER_OWNER,
	MAX_BID_WINDOW,
	MAX_HOLDERS_PER_CELL
} from './limits.ts';
import { spectrumContract } from './spectrum-contract.ts';

const ALICE = account('alice');
const BOB = account('bob');
const CAROL = account('carol');
const START = 1000n;

let chain: TestChain;
beforeEach(() => {
	chain = new TestChain();
	for (const who of [ALICE, BOB, CAROL]) chain.credit(who, START);
});

function issue(who: string, ap: AccessPoint): TestReceipt {
	return chain.call(who, 'IssueAPChannelInfo', issueArguments(ap));
}

function bid(who: string, fields: Partial<BidArguments> = {}): TestReceipt {
	return chain.call(who, 'IssueBidingPriceInfo', bidArguments(bidFields(fields)));
}

function bidFields(fields: Partial<BidArguments>): BidArguments {
	return {
		buyerAp: 'buyer',
		sellerAp: 'seller',
		channel: 44,
		price: 100n,
		expiryHeight: chain.height + 20,
		mechanism: 'greedy',
		replaces: '',
		...fields
	};
}

function take(who: string, bidId: string, fields: Partial<SwitchArguments> = {}): TestReceipt {
	return chain.call(
		who,
		'IssueChannelSwitchInfo',
		switchArguments({
			bidId,
			buyerAp: 'buyer',
			sellerAp: 'seller',
			channel: 44,
			mechanism: 'seed',
			...fields
		})
	);
}

/** Alice's busy AP and Bob's idle one, 1 km apart. */
function openMarket(): void {
	issue(ALICE, accessPoint('buyer', { channels: [36], occupancyPpm: 900_000 }));
	issue(
		BOB,
		accessPoint('seller', {
			channels: [40, 44, 48],
			idleChannels: [44, 48],
			occupancyPpm: 100_000,
			...northOf(1000)
		})
	);
}

describe('IssueAPChannelInfo', () => {
	it('registers an access point for its sender and says so', () => {
		const ap = accessPoint('a', { channels: [36, 40], idleChannels: [40] });
		const receipt = issue(ALICE, ap);
		expect(receipt.error).toBe('');
		expect(chain.accessPoint('a')).toEqual({ ...ap, owner: ALICE, registeredHeight: 4, changedHeight: 4 });
		expect(receipt.events.map((event) => event.kind)).toEqual(['IssueAPChannelInfo']);
		expect(decodeAccessPoint(receipt.events[0]!.data)).toEqual(chain.accessPoint('a'));
	});

	it('takes newer demand, idle channels and name from the owner', () => {
		issue(ALICE, accessPoint('a', { channels: [36, 40] }));
		const receipt = issue(
			ALICE,
			accessPoint('a', { channels: [36, 40], idleChannels: [36], occupancyPpm: 1, name: 'new' })
		);
		expect(receipt.error).toBe('');
		expect(chain.accessPoint('a')).toMatchObject({
			idleChannels: [36],
			occupancyPpm: 1,
			name: 'new',
			registeredHeight: 4,
			changedHeight: 5
		});
	});

	it('ApTaken: refuses an id that another owner registered', () => {
		issue(ALICE, accessPoint('a'));
		expect(issue(BOB, accessPoint('a')).error).toBe('ApTaken');
		expect(chain.accessPoint('a')?.owner).toBe(ALICE);
	});

	it('ChannelsFixed: refuses to change channels without a switch', () => {
		issue(ALICE, accessPoint('a', { channels: [36, 40] }));
		for (const channels of [[36], [36, 40, 44], [36, 44], []])
			expect(issue(ALICE, accessPoint('a', { channels })).error).toBe('ChannelsFixed');
	});

	it.each([
		{ latitudeMicrodegrees: 1 },
		{ longitudeMicrodegrees: 1 },
		{ coverageRadiusM: 51 },
		{ antennaHeightCm: 301 },
		{ eirpMilliDbm: 1 },
		{ band: '6GHz', channels: [] }
	] as Partial<AccessPoint>[])('SiteFixed: refuses to change %o', (change) => {
		issue(ALICE, accessPoint('a', { channels: [] }));
		expect(issue(ALICE, accessPoint('a', { channels: [], ...change })).error).toBe('SiteFixed');
	});

	it('Conflict: refuses a registration on a neighbour’s channel, and keeps nothing of it', () => {
		issue(ALICE, accessPoint('a', { channels: [36] }));
		const receipt = issue(BOB, accessPoint('b', { channels: [36, 40], ...northOf(99) }));
		expect(receipt.error).toBe('Conflict');
		expect(chain.accessPoint('b')).toBeUndefined();
		// Channel 40 of the refused one does not stay in the index.
		expect(issue(CAROL, accessPoint('c', { channels: [40], ...northOf(99) })).error).toBe('');
	});

	it('registers neighbours at r1 + r2, on other channels, and in other bands', () => {
		issue(ALICE, accessPoint('a', { channels: [36] }));
		expect(issue(BOB, accessPoint('b', { channels: [36], ...northOf(101) })).error).toBe('');
		expect(issue(BOB, accessPoint('c', { channels: [40] })).error).toBe('');
		expect(issue(BOB, accessPoint('d', { channels: [1], band: '6GHz' })).error).toBe('');
		expect(issue(BOB, accessPoint('e', { channels: [1], band: '2.4GHz' })).error).toBe('');
	});

	it('Conflict: an idle channel is held all the same', () => {
		issue(ALICE, accessPoint('a', { channels: [36, 40], idleChannels: [40] }));
		expect(issue(BOB, accessPoint('b', { channels: [40], ...northOf(10) })).error).toBe('Conflict');
	});

	it('TooManyAccessPoints: bounds what one owner registers', { timeout: 30_000 }, () => {
		const calls = Array.from({ length: MAX_ACCESS_POINTS_PER_OWNER + 1 }, (_, i) => ({
			sender: ALICE,
			function: 'IssueAPChannelInfo',
			arguments: issueArguments(accessPoint(`ap-${i}`, { channels: [] }))
		}));
		const errors = chain.block(calls).receipts.map((receipt) => receipt.error);
		expect(errors.filter((error) => error === '')).toHaveLength(MAX_ACCESS_POINTS_PER_OWNER);
		expect(errors.at(-1)).toBe('TooManyAccessPoints');
		expect(issue(ALICE, accessPoint('ap-0', { channels: [], occupancyPpm: 1 })).error).toBe('');
		expect(issue(BOB, accessPoint('bobs', { channels: [] })).error).toBe('');
	});

	it('CellFull: bounds the index where nothing else does', () => {
		chain = new TestChain(0);
		const calls = Array.from({ length: MAX_HOLDERS_PER_CELL + 1 }, (_, i) => ({
			sender: ALICE,
			function: 'IssueAPChannelInfo',
			arguments: issueArguments(accessPoint(`ap-${i}`))
		}));
		const errors = chain.block(calls).receipts.map((receipt) => receipt.error);
		expect(errors.indexOf('CellFull')).toBe(MAX_HOLDERS_PER_CELL);
	});

	it('uses the percentage of genesis', () => {
		chain = new TestChain(50);
		issue(ALICE, accessPoint('a'));
		expect(issue(BOB, accessPoint('b', northOf(51))).error).toBe('');
		expect(issue(BOB, accessPoint('c', northOf(40))).error).toBe('Conflict');
		for (const percent of [-1, 201, 1.5, Number.NaN])
			expect(() => spectrumContract({ conflictDistancePercent: percent })).toThrow(RangeError);
	});
});

describe('IssueBidingPriceInfo', () => {
	beforeEach(openMarket);

	it('escrows the price and keeps the bid', () => {
		const receipt = bid(ALICE);
		expect(receipt.error).toBe('');
		expect(chain.balance(ALICE)).toBe(START - 100n);
		expect(chain.balance(escrowAccount(receipt.id))).toBe(100n);
		expect(chain.bid(receipt.id)).toEqual({
			...bidFields({ expiryHeight: chain.height - 1 + 20 }),
			replaces: undefined,
			id: receipt.id,
			buyer: ALICE,
			height: chain.height,
			timeMs: chain.timeMs,
			status: 'open'
		});
		expect(receipt.events.map((event) => event.kind)).toEqual(['IssueBidingPriceInfo']);
	});

	it.each([
		['UnknownAp', 'alice', { buyerAp: 'nobody' }],
		['UnknownAp', 'alice', { sellerAp: 'nobody' }],
		['NotBuyerOwner', 'carol', {}],
		['NotHeld', 'alice', { channel: 52 }],
		['NotIdle', 'alice', { channel: 40 }],
		['Unfunded', 'alice', { price: START + 1n }],
		['SameAp', 'bob', { buyerAp: 'seller' }],
		['NotReplaceable', 'alice', { replaces: 'ab'.repeat(32) }]
	] as [string, string, Partial<BidArguments>][])('%s: refuses %s’s bid with %o', (code, who, fields) => {
		expect(bid(account(who), fields).error).toBe(code);
		expect(chain.totalMoney()).toBe(3n * START);
		expect(chain.openBids()).toEqual([]);
	});

	it('ExpiryOutOfRange: refuses a bid that expired, or that stands too long', () => {
		expect(bid(ALICE, { expiryHeight: chain.height + 1 }).error).toBe('ExpiryOutOfRange');
		expect(bid(ALICE, { expiryHeight: chain.height + 2 + MAX_BID_WINDOW }).error).toBe('ExpiryOutOfRange');
		expect(bid(ALICE, { expiryHeight: chain.height + 1 + MAX_BID_WINDOW }).error).toBe('');
	});

	it('BandMismatch, AlreadyHeld and TooManyChannels: refuses what the buyer could not use', () => {
		issue(ALICE, accessPoint('wrong-band', { band: 'CBRS', channels: [1] }));
		expect(bid(ALICE, { buyerAp: 'wrong-band' }).error).toBe('BandMismatch');
		issue(ALICE, accessPoint('has-it', { channels: [44], ...northOf(-500) }));
		expect(bid(ALICE, { buyerAp: 'has-it' }).error).toBe('AlreadyHeld');
		const sixteen = [36, 40, 48, 52, 56, 60, 64, 100, 104, 108, 112, 116, 120, 124, 128, 132];
		issue(ALICE, accessPoint('full', { channels: sixteen, ...northOf(-900) }));
		expect(bid(ALICE, { buyerAp: 'full' }).error).toBe('TooManyChannels');
	});

	it('replaces an open bid of the same buyer, whose escrow returns', () => {
		const first = bid(ALICE, { price: 900n });
		const second = bid(ALICE, { price: 950n, channel: 48, replaces: first.id });
		expect(second.error).toBe('');
		expect(second.events.map((event) => event.kind)).toEqual(['BidReplaced', 'IssueBidingPriceInfo']);
		expect(chain.bid(first.id)?.status).toBe('replaced');
		expect(chain.balance(ALICE)).toBe(50n);
		expect(chain.balance(escrowAccount(first.id))).toBe(0n);
		expect(take(BOB, first.id).error).toBe('BidReplaced');
		expect(bid(ALICE, { replaces: first.id }).error).toBe('NotReplaceable');
		expect(bid(CAROL, { replaces: second.id }).error).toBe('NotBuyerOwner');
	});

	it('NotReplaceable: a bid of another buyer stays, and a refusal brings the old bid back', () => {
		issue(CAROL, accessPoint('carols', { channels: [], ...northOf(-2000) }));
		const first = bid(ALICE, { price: 900n });
		expect(bid(CAROL, { buyerAp: 'carols', replaces: first.id }).error).toBe('NotReplaceable');
		expect(bid(ALICE, { price: START + 1n, replaces: first.id }).error).toBe('Unfunded');
		expect(chain.bid(first.id)?.status).toBe('open');
		expect(chain.balance(escrowAccount(first.id))).toBe(900n);
	});
});

describe('IssueChannelSwitchInfo', () => {
	let bidId: string;
	beforeEach(() => {
		openMarket();
		bidId = bid(ALICE).id;
	});

	it('moves the channel and the money, and says so with the new state of both', () => {
		const receipt = take(BOB, bidId);
		expect(receipt.error).toBe('');
		expect(chain.accessPoint('buyer')).toMatchObject({
			channels: [36, 44],
			idleChannels: [],
			occupancyPpm: 450_000
		});
		expect(chain.accessPoint('seller')).toMatchObject({
			channels: [40, 48],
			idleChannels: [48],
			occupancyPpm: 150_000
		});
		expect(chain.balance(BOB)).toBe(START + 100n);
		expect(chain.balance(escrowAccount(bidId))).toBe(0n);
		expect(chain.bid(bidId)?.status).toBe('taken');
		expect(receipt.events.map((event) => event.kind)).toEqual(['UpdateAPChannelInfo']);
		expect(decodeUpdate(receipt.events[0]!.data)).toEqual({
			bid: chain.bid(bidId),
			seller: BOB,
			buyerAp: chain.accessPoint('buyer'),
			sellerAp: chain.accessPoint('seller'),
			mechanism: 'seed'
		});
	});

	it('NotSellerOwner: refuses a switch that another than the seller’s owner signed', () => {
		for (const who of [ALICE, CAROL]) expect(take(who, bidId).error).toBe('NotSellerOwner');
	});

	it('BidTaken: refuses the second switch of one bid', () => {
		take(BOB, bidId);
		expect(take(BOB, bidId).error).toBe('BidTaken');
		expect(chain.balance(BOB)).toBe(START + 100n);
	});

	it('NotHeld: refuses the second sale of one channel', () => {
		issue(CAROL, accessPoint('other', { channels: [], occupancyPpm: 900_000, ...northOf(3000) }));
		const second = bid(CAROL, { buyerAp: 'other', price: 200n });
		take(BOB, bidId);
		expect(take(BOB, second.id, { buyerAp: 'other' }).error).toBe('NotHeld');
		expect(chain.balance(escrowAccount(second.id))).toBe(200n);
	});

	it('NotIdle: refuses a channel that the seller took into use', () => {
		issue(
			BOB,
			accessPoint('seller', {
				channels: [40, 44, 48],
				idleChannels: [48],
				occupancyPpm: 100_000,
				...northOf(1000)
			})
		);
		expect(take(BOB, bidId).error).toBe('NotIdle');
	});

	it('UnknownBid and BidMismatch: refuses what no bid asks for', () => {
		expect(take(BOB, 'cd'.repeat(32)).error).toBe('UnknownBid');
		expect(take(BOB, bidId, { channel: 48 }).error).toBe('BidMismatch');
		expect(take(BOB, bidId, { buyerAp: 'seller' }).error).toBe('BidMismatch');
		expect(take(BOB, bidId, { sellerAp: 'buyer' }).error).toBe('BidMismatch');
	});

	it('LastChannel: refuses to leave the seller without one', () => {
		issue(
			BOB,
			accessPoint('only', { channels: [60], idleChannels: [60], occupancyPpm: 0, ...northOf(1500) })
		);
		const { id } = bid(ALICE, { sellerAp: 'only', channel: 60 });
		expect(take(BOB, id, { sellerAp: 'only', channel: 60 }).error).toBe('LastChannel');
	});

	it('SellerCap: refuses to overload the seller', () => {
		issue(
			BOB,
			accessPoint('loaded', {
				channels: [60, 64],
				idleChannels: [64],
				occupancyPpm: 400_001,
				...northOf(1500)
			})
		);
		const { id } = bid(ALICE, { sellerAp: 'loaded', channel: 64 });
		expect(take(BOB, id, { sellerAp: 'loaded', channel: 64 }).error).toBe('SellerCap');
	});

	it('Conflict: refuses a transfer into a neighbourhood that uses the channel', () => {
		issue(CAROL, accessPoint('neighbour', { channels: [44], ...northOf(50) }));
		expect(take(BOB, bidId).error).toBe('Conflict');
		expect(chain.accessPoint('seller')?.channels).toContain(44);
	});

	it('lets the seller be the neighbour: it gives the channel up', () => {
		issue(
			BOB,
			accessPoint('near', { channels: [60, 64], idleChannels: [64], occupancyPpm: 100_000, ...northOf(10) })
		);
		const { id } = bid(ALICE, { sellerAp: 'near', channel: 64 });
		expect(take(BOB, id, { sellerAp: 'near', channel: 64 }).error).toBe('');
		// And now it may not have it back while the buyer stands there.
		issue(BOB, accessPoint('later', { channels: [], ...northOf(20) }));
		expect(issue(BOB, accessPoint('later-2', { channels: [64], ...northOf(20) })).error).toBe('Conflict');
	});

	it('AlreadyHeld: refuses a buyer that got the channel by another bid', () => {
		issue(
			CAROL,
			accessPoint('second', { channels: [40, 44], idleChannels: [44], occupancyPpm: 0, ...northOf(-2000) })
		);
		const other = bid(ALICE, { sellerAp: 'second' });
		take(BOB, bidId);
		expect(take(CAROL, other.id, { sellerAp: 'second' }).error).toBe('AlreadyHeld');
	});

	it('the first channel of an access point carries its whole demand', () => {
		issue(ALICE, accessPoint('none', { channels: [], occupancyPpm: 900_000, ...northOf(4000) }));
		const { id } = bid(ALICE, { buyerAp: 'none' });
		take(BOB, id, { buyerAp: 'none' });
		expect(chain.accessPoint('none')).toMatchObject({ channels: [44], occupancyPpm: 900_000 });
	});
});

describe('expiry', () => {
	beforeEach(openMarket);

	it('returns the escrow at the first block after the last height', () => {
		const { id } = bid(ALICE, { expiryHeight: chain.height + 3 });
		chain.block([]);
		expect(chain.block([]).events).toEqual([]);
		expect(chain.balance(ALICE)).toBe(START - 100n);
		const { events } = chain.block([]);
		expect(chain.balance(ALICE)).toBe(START);
		expect(chain.bid(id)?.status).toBe('expired');
		expect(events.map((event) => event.kind)).toEqual(['BidsExpired']);
		expect(chain.contract.describeEvent!('BidsExpired', events[0]!.data)).toEqual({ bids: [id] });
	});

	it('BidExpired: a bid is good at its last height and refused after it', () => {
		const first = bid(ALICE, { expiryHeight: chain.height + 3 });
		const second = bid(ALICE, { expiryHeight: chain.height + 2, channel: 48 });
		expect(take(BOB, first.id).error).toBe('');
		expect(take(BOB, second.id, { channel: 48 }).error).toBe('BidExpired');
	});

	it('catches up after heights at which no contract ran', () => {
		const ids = [2, 5, 30].map((heights) => bid(ALICE, { expiryHeight: chain.height + 1 + heights }).id);
		chain.skip(200);
		for (let blocks = 0; blocks < 4; blocks++) chain.block([]);
		expect(ids.map((id) => chain.bid(id)?.status)).not.toContain('open');
		expect(chain.balance(ALICE)).toBe(START);
	});

	it('BidExpired: a switch is refused even where the sweep is behind', () => {
		bid(ALICE, { expiryHeight: chain.height + 2 });
		const { id } = bid(ALICE, { expiryHeight: chain.height + 100 });
		chain.skip(130);
		expect(take(BOB, id).error).toBe('BidExpired');
		expect(chain.bid(id)?.status).toBe('open');
	});

	it('forgets closed bids after a while, and its own bookkeeping with them', () => {
		const taken = bid(ALICE, { expiryHeight: chain.height + 4 });
		const expired = bid(ALICE, { expiryHeight: chain.height + 4, channel: 48 });
		take(BOB, taken.id);
		for (let blocks = 0; blocks < CLOSED_BID_RETENTION; blocks++) chain.block([]);
		expect(chain.bid(expired.id)?.status).toBe('expired');
		for (let blocks = 0; blocks < 5; blocks++) chain.block([]);
		expect(chain.bid(taken.id)).toBeUndefined();
		expect(chain.bid(expired.id)).toBeUndefined();
		expect(take(BOB, taken.id).error).toBe('UnknownBid');
		const left = [...chain.state.rows('spectrum/expiry')].filter((row) => row.value !== null);
		expect(left).toEqual([]);
	});

	it('expires many bids of one height in one block, with one event', () => {
		const expiryHeight = chain.height + 10;
		const call = { sender: ALICE, function: 'IssueBidingPriceInfo' };
		const args = bidArguments(bidFields({ expiryHeight, price: 1n }));
		const { receipts } = chain.block(Array.from({ length: 300 }, () => ({ ...call, arguments: args })));
		expect(receipts.filter((receipt) => receipt.error === '')).toHaveLength(256);
		expect(new Set(receipts.slice(256).map((receipt) => receipt.error))).toEqual(new Set(['ExpiryFull']));
		while (chain.height < expiryHeight) chain.block([]);
		expect(chain.balance(ALICE)).toBe(START - 256n);
		expect(chain.block([]).events).toHaveLength(1);
		expect(chain.balance(ALICE)).toBe(START);
	});
});
