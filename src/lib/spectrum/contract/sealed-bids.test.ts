import { beforeEach, describe, expect, it } from 'vitest';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { TestChain, account, type TestReceipt } from '../testing/test-chain.ts';
import {
	bidArguments,
	commitArguments,
	issueArguments,
	roundArguments,
	switchArguments,
	type BidArguments,
	type CommitArguments
} from './arguments.ts';
import { TREASURY, escrowAccount } from './keys.ts';
import {
	CLOSED_BID_RETENTION,
	MAX_COMMITMENTS_PER_ACCOUNT,
	MAX_COMMITMENTS_PER_ROUND,
	MAX_NOTE_BYTES
} from './limits.ts';
import { revealWindow, sealedBidHash, type SealedBid } from './sealed-bid.ts';
import { spectrumContract } from './spectrum-contract.ts';

const ALICE = account('alice');
const BOB = account('bob');
const CAROL = account('carol');
const START = 10_000n;
const DEPOSIT = 30n;
const RULES = { commitHeights: 8, revealHeights: 20, deposit: DEPOSIT };
const SALT = new Uint8Array(16).fill(7);

let chain: TestChain;
/** Alice's busy AP and Bob's idle one, 1 km apart; Carol's busy one, 3 km off. The next block is the first of a round. */
beforeEach(() => {
	chain = new TestChain(100, { sealedBids: RULES });
	for (const who of [ALICE, BOB, CAROL]) chain.credit(who, START);
	const busy = { channels: [36], occupancyPpm: 900_000 };
	const idle = { channels: [40, 44, 48], idleChannels: [44, 48], occupancyPpm: 100_000, ...northOf(1000) };
	chain.call(ALICE, 'IssueAPChannelInfo', issueArguments(accessPoint('buyer', busy)));
	chain.call(BOB, 'IssueAPChannelInfo', issueArguments(accessPoint('seller', idle)));
	chain.call(
		CAROL,
		'IssueAPChannelInfo',
		issueArguments(accessPoint('other', { ...busy, ...northOf(3000) }))
	);
	chain.skip(15 - chain.height);
});

function sealed(fields: Partial<SealedBid> = {}): SealedBid {
	return {
		buyer: ALICE,
		buyerAp: 'buyer',
		sellerAp: 'seller',
		channel: 44,
		price: 100n,
		mechanism: 'greedy',
		salt: SALT,
		...fields
	};
}

function commitBytes(bid: SealedBid, fields: Partial<CommitArguments> = {}): Uint8Array {
	const { buyerAp, sellerAp, channel } = bid;
	const hash = sealedBidHash(bid);
	return commitArguments({
		buyerAp,
		sellerAp,
		channel,
		hash,
		note: new Uint8Array(0),
		replaces: '',
		...fields
	});
}

function commit(bid = sealed(), fields: Partial<CommitArguments> = {}, who = bid.buyer): TestReceipt {
	return chain.call(who, 'IssueBidingCommitInfo', commitBytes(bid, fields));
}

/** What opens this commitment as its buyer sees it. */
function opening(id: string, bid = sealed(), fields: Partial<BidArguments> = {}): Uint8Array {
	return bidArguments({
		buyerAp: bid.buyerAp,
		sellerAp: bid.sellerAp,
		channel: bid.channel,
		price: bid.price,
		expiryHeight: windowOf(id).standsUntil,
		mechanism: bid.mechanism,
		replaces: '',
		reveals: { commitment: id, salt: bid.salt },
		...fields
	});
}

function reveal(
	id: string,
	bid = sealed(),
	fields: Partial<BidArguments> = {},
	who = bid.buyer
): TestReceipt {
	return chain.call(who, 'IssueBidingPriceInfo', opening(id, bid, fields));
}

function windowOf(id: string) {
	return revealWindow(RULES, chain.bid(id)?.height ?? 16);
}

/** The next block has this height. */
function before(height: number): void {
	chain.skip(height - 1 - chain.height);
}

function take(who: string, bidId: string, buyerAp = 'buyer', channel = 44): TestReceipt {
	const args = switchArguments({ bidId, buyerAp, sellerAp: 'seller', channel, mechanism: 'seed' });
	return chain.call(who, 'IssueChannelSwitchInfo', args);
}

describe('heights of a round', () => {
	it('are the same for all commitments of it, and reveals begin when it is over', () => {
		for (const height of [16, 17, 23])
			expect(revealWindow(RULES, height)).toEqual({ firstReveal: 24, lastReveal: 43, standsUntil: 172 });
		expect(revealWindow(RULES, 24)).toEqual({ firstReveal: 32, lastReveal: 51, standsUntil: 180 });
	});

	it('never let the bids of one round expire where commitments of another are forfeited', () => {
		for (const commitHeights of [2, 3, 8, 127, 128, 129, 1000])
			for (const revealHeights of [2, 8, 255]) {
				const rules = { commitHeights, revealHeights, deposit: 1n };
				const windows = Array.from({ length: 200 }, (_, i) => revealWindow(rules, i * commitHeights));
				const ends = new Set(windows.map(({ lastReveal }) => lastReveal));
				expect(windows.filter(({ standsUntil }) => ends.has(standsUntil))).toEqual([]);
			}
	});
});

describe('IssueBidingCommitInfo', () => {
	it('escrows the deposit, and keeps a hash', () => {
		const receipt = commit(sealed(), { note: Uint8Array.of(1, 2, 3) });
		expect(receipt.error).toBe('');
		expect(receipt.events.map(({ kind }) => kind)).toEqual(['IssueBidingCommitInfo']);
		expect(chain.bid(receipt.id)).toEqual({
			id: receipt.id,
			buyer: ALICE,
			buyerAp: 'buyer',
			sellerAp: 'seller',
			channel: 44,
			price: 0n,
			expiryHeight: 43,
			mechanism: '',
			height: 16,
			timeMs: chain.timeMs,
			status: 'committed',
			commitment: { hash: sealedBidHash(sealed()), note: '010203', deposit: DEPOSIT, revealedHeight: 0 }
		});
		expect(chain.balance(escrowAccount(receipt.id))).toBe(DEPOSIT);
		expect(chain.balance(ALICE)).toBe(START - DEPOSIT);
	});

	it.each([
		['UnknownAp', { buyerAp: 'nobody' }, {}, 'alice'],
		['UnknownAp', { sellerAp: 'nobody' }, {}, 'alice'],
		['NotBuyerOwner', {}, {}, 'carol'],
		['SameAp', { buyerAp: 'seller' }, {}, 'bob'],
		['NotHeld', { channel: 52 }, {}, 'alice'],
		['NotIdle', { channel: 40 }, {}, 'alice'],
		['NotReplaceable', {}, { replaces: 'ab'.repeat(32) }, 'alice'],
		['MalformedArguments', {}, { hash: 'ab' }, 'alice'],
		['MalformedArguments', {}, { note: new Uint8Array(MAX_NOTE_BYTES + 1) }, 'alice']
	] as [string, Partial<SealedBid>, Partial<CommitArguments>, string][])(
		'%s: refuses %o %o of %s',
		(code, bid, fields, who) => {
			expect(commit(sealed(bid), fields, account(who)).error).toBe(code);
			expect(chain.bids()).toEqual([]);
			expect(chain.balance(account(who))).toBe(START);
		}
	);

	it('Unfunded: refuses a buyer without the deposit', () => {
		const poor = account('poor');
		chain.credit(poor, DEPOSIT - 1n);
		chain.call(
			poor,
			'IssueAPChannelInfo',
			issueArguments(accessPoint('poors', { channels: [], ...northOf(9000) }))
		);
		expect(commit(sealed({ buyer: poor, buyerAp: 'poors' })).error).toBe('Unfunded');
	});

	it('TooManyCommitments and RoundFull: bounds what waits', () => {
		const crowd = Array.from({ length: MAX_COMMITMENTS_PER_ROUND / MAX_COMMITMENTS_PER_ACCOUNT }, (_, i) => ({
			buyer: account(`crowd-${i}`),
			buyerAp: `crowd-${i}`
		}));
		crowd.forEach(({ buyer, buyerAp }, i) => {
			chain.credit(buyer, START);
			const ap = accessPoint(buyerAp, { channels: [], ...northOf(20_000 + 1000 * i) });
			chain.call(buyer, 'IssueAPChannelInfo', issueArguments(ap));
		});
		before(64);
		for (const who of crowd) {
			const bytes = commitBytes(sealed(who));
			const call = { sender: who.buyer, function: 'IssueBidingCommitInfo', arguments: bytes };
			const { receipts } = chain.block(Array.from({ length: MAX_COMMITMENTS_PER_ACCOUNT + 1 }, () => call));
			const errors = receipts.map(({ error }) => error);
			expect(errors.filter((error) => error === '')).toHaveLength(MAX_COMMITMENTS_PER_ACCOUNT);
			expect(['TooManyCommitments', 'RoundFull']).toContain(errors.at(-1));
		}
		expect(commit().error).toBe('RoundFull');
		before(72);
		expect(commit().error).toBe('');
		expect(commit(sealed(crowd[0])).error).toBe('TooManyCommitments');
		// Places come back, here with the forfeit of all.
		before(92);
		expect(commit(sealed(crowd[0])).error).toBe('');
		expect(chain.balance(TREASURY)).toBe(DEPOSIT * BigInt(MAX_COMMITMENTS_PER_ROUND));
	});
});

describe('IssueBidingPriceInfo', () => {
	it('BidsAreSealed: refuses a bid without a commitment, and BidsAreOpen one with it elsewhere', () => {
		const { salt: _, ...bid } = sealed();
		const open = { ...bid, expiryHeight: 20, replaces: '' };
		expect(chain.call(ALICE, 'IssueBidingPriceInfo', bidArguments(open)).error).toBe('BidsAreSealed');
		const { id } = commit();
		chain = new TestChain();
		expect(reveal(id).error).toBe('BidsAreOpen');
		expect(chain.call(ALICE, 'IssueBidingCommitInfo', commitBytes(sealed())).error).toBe('UnknownFunction');
	});

	it('reveals a commitment: from now on it is a bid as an open one, with the price in escrow', () => {
		const { id } = commit();
		before(24);
		const receipt = reveal(id);
		expect(receipt.error).toBe('');
		expect(receipt.events.map(({ kind }) => kind)).toEqual(['IssueBidingPriceInfo']);
		expect(chain.bid(id)).toMatchObject({
			price: 100n,
			mechanism: 'greedy',
			status: 'open',
			expiryHeight: 172,
			height: 16,
			commitment: { revealedHeight: 24 }
		});
		expect(chain.balance(escrowAccount(id))).toBe(100n);
		expect(chain.balance(ALICE)).toBe(START - 100n);
		expect(take(BOB, id).error).toBe('');
		expect(chain.balance(BOB)).toBe(START + 100n);
	});

	it('gives back what of the deposit is more than the price', () => {
		const bid = sealed({ price: 1n });
		const { id } = commit(bid);
		before(24);
		expect(reveal(id, bid).error).toBe('');
		expect(chain.balance(escrowAccount(id))).toBe(1n);
		expect(chain.balance(ALICE)).toBe(START - 1n);
	});

	it('RevealTooEarly: refuses a reveal while others of its round may still commit', () => {
		const { id } = commit();
		before(23);
		expect(reveal(id).error).toBe('RevealTooEarly');
		expect(reveal(id).error).toBe('');
	});

	it('RevealTooLate: takes the last height, and none after it, swept or not', () => {
		const { id } = commit();
		const { id: late } = commit(sealed({ channel: 48 }));
		before(43);
		expect(reveal(id).error).toBe('');
		expect(reveal(late, sealed({ channel: 48 })).error).toBe('RevealTooLate');
		expect(chain.bid(late)?.status).toBe('forfeited');
		expect(reveal(late, sealed({ channel: 48 })).error).toBe('RevealTooLate');
	});

	it.each([
		['CommitmentMismatch', { price: 101n }],
		['CommitmentMismatch', { price: 99n }],
		['CommitmentMismatch', { mechanism: 'seed' }],
		['CommitmentMismatch', { reveals: { commitment: '', salt: new Uint8Array(16).fill(8) } }],
		['BidMismatch', { channel: 48 }],
		['BidMismatch', { sellerAp: 'other' }],
		['BidMismatch', { buyerAp: 'other' }],
		['ExpiryOutOfRange', { expiryHeight: 171 }],
		['ExpiryOutOfRange', { expiryHeight: 173 }],
		['NotReplaceable', { replaces: 'ab'.repeat(32) }],
		['InvalidSalt', { reveals: { commitment: '', salt: new Uint8Array(15) } }],
		['InvalidSalt', { reveals: { commitment: '', salt: new Uint8Array(33) } }],
		['UnknownCommitment', { reveals: { commitment: 'cd'.repeat(32), salt: SALT } }],
		['MalformedArguments', { reveals: { commitment: 'cd', salt: SALT } }]
	] as [string, Partial<BidArguments>][])('%s: refuses to reveal %o', (code, fields) => {
		const { id } = commit();
		before(24);
		const { reveals } = fields;
		const named = reveals && { reveals: { ...reveals, commitment: reveals.commitment || id } };
		expect(reveal(id, sealed(), { ...fields, ...named }).error).toBe(code);
		expect(chain.bid(id)?.status).toBe('committed');
		expect(chain.balance(ALICE)).toBe(START - DEPOSIT);
	});

	it('a commitment that another buyer copied is of no use to it', () => {
		const { id } = commit();
		const copied = sealed({ buyer: CAROL, buyerAp: 'other' });
		const copy = commit(copied, { hash: sealedBidHash(sealed()) });
		expect(copy.error).toBe('');
		before(24);
		expect(reveal(id).error).toBe('');
		// What was a secret is on the chain now; the hash is of another buyer's bid.
		expect(reveal(copy.id, copied).error).toBe('CommitmentMismatch');
		expect(reveal(id, sealed(), {}, CAROL).error).toBe('NotBuyerOwner');
		expect(reveal(copy.id, copied, {}, ALICE).error).toBe('NotBuyerOwner');
	});

	it('AlreadyRevealed: reveals once', () => {
		const { id } = commit();
		before(24);
		expect(reveal(id).error).toBe('');
		expect(reveal(id).error).toBe('AlreadyRevealed');
		take(BOB, id);
		expect(reveal(id).error).toBe('AlreadyRevealed');
		expect(chain.totalMoney()).toBe(3n * START);
	});

	it('Unfunded: a buyer that spent the price elsewhere can reveal when it has it again', () => {
		const rich = sealed({ price: START });
		const { id } = commit(rich);
		const second = commit(sealed({ channel: 48 })).id;
		before(24);
		expect(reveal(second, sealed({ channel: 48 })).error).toBe('');
		expect(reveal(id, rich).error).toBe('Unfunded');
		take(BOB, second, 'buyer', 48);
		expect(chain.bid(id)?.status).toBe('committed');
		expect(reveal(id, rich).error).toBe('Unfunded');
	});

	it('reveals whatever became of the access points: that is no fault of the buyer', () => {
		const { id } = commit();
		const rival = sealed({ buyer: CAROL, buyerAp: 'other' });
		const { id: rivals } = commit(rival);
		before(24);
		expect(reveal(rivals, rival).error).toBe('');
		expect(take(BOB, rivals, 'other').error).toBe('');
		expect(reveal(id).error).toBe('');
		expect(take(BOB, id).error).toBe('NotHeld');
		before(173);
		for (let blocks = 0; blocks < 3; blocks++) chain.block([]);
		expect(chain.bid(id)?.status).toBe('expired');
		expect(chain.balance(ALICE)).toBe(START);
	});

	it('a commitment replaces an open bid, whose escrow returns at once', () => {
		const { id } = commit();
		before(24);
		reveal(id);
		const next = commit(sealed({ channel: 48 }), { replaces: id });
		expect(next.events.map(({ kind }) => kind)).toEqual(['BidReplaced', 'IssueBidingCommitInfo']);
		expect(chain.bid(id)?.status).toBe('replaced');
		expect(chain.balance(ALICE)).toBe(START - DEPOSIT);
		expect(commit(sealed(), { replaces: next.id }).error).toBe('NotReplaceable');
	});
});

describe('IssueChannelSwitchInfo', () => {
	it('NotRevealed: refuses to take what nobody knows the price of', () => {
		const { id } = commit();
		expect(take(BOB, id).error).toBe('NotRevealed');
		before(44);
		chain.block([]);
		expect(take(BOB, id).error).toBe('NotRevealed');
	});
});

describe('IssueBidingRoundInfo', () => {
	const round = (who: string, id: string) =>
		chain.call(who, 'IssueBidingRoundInfo', roundArguments(id)).error;

	it('moves the chain on while a commitment waits for the end of its round, and never after', () => {
		const { id } = commit();
		for (let height = 17; height < 24; height++) expect(round(ALICE, id)).toBe('');
		expect(chain.height).toBe(23);
		expect(round(ALICE, id)).toBe('RoundEnded');
		expect(reveal(id).error).toBe('');
		expect(round(ALICE, id)).toBe('AlreadyRevealed');
	});

	it('is for the buyer of the commitment', () => {
		const { id } = commit();
		expect(round(CAROL, id)).toBe('NotBuyerOwner');
		expect(round(ALICE, 'ab'.repeat(32))).toBe('UnknownCommitment');
	});

	it('RoundEnded: says so of one that was forfeited, too', () => {
		const { id } = commit();
		before(44);
		expect(round(ALICE, id)).toBe('RoundEnded');
		expect(chain.bid(id)?.status).toBe('forfeited');
	});
});

describe('a commitment that is not revealed in time', () => {
	it('forfeits its deposit to an account without a key, at the first block after its last height', () => {
		const { id } = commit();
		before(43);
		expect(chain.block([]).events).toEqual([]);
		const { events } = chain.block([]);
		expect(events.map(({ kind }) => kind)).toEqual(['BidsForfeited']);
		expect(chain.contract.describeEvent!('BidsForfeited', events[0]!.data)).toEqual({ bids: [id] });
		expect(chain.bid(id)?.status).toBe('forfeited');
		expect(chain.balance(TREASURY)).toBe(DEPOSIT);
		expect(chain.balance(ALICE)).toBe(START - DEPOSIT);
		expect(chain.balance(BOB)).toBe(START);
		expect(chain.totalMoney()).toBe(3n * START);
	});

	it('is forgotten after a while; those of its round that were revealed stand, expire, and are forgotten too', () => {
		const { id: lost } = commit();
		const { id: taken } = commit(sealed({ channel: 48 }));
		const rival = sealed({ buyer: CAROL, buyerAp: 'other' });
		const { id: stands } = commit(rival);
		before(24);
		reveal(taken, sealed({ channel: 48 }));
		reveal(stands, rival);
		take(BOB, taken, 'buyer', 48);
		const statuses = () => [lost, taken, stands].map((id) => chain.bid(id)?.status);
		before(44);
		chain.block([]);
		expect(statuses()).toEqual(['forfeited', 'taken', 'open']);
		before(43 + CLOSED_BID_RETENTION + 1);
		chain.block([]);
		expect(statuses()).toEqual([undefined, undefined, 'open']);
		before(172);
		chain.block([]);
		expect(statuses()[2]).toBe('open');
		chain.block([]);
		expect(statuses()[2]).toBe('expired');
		expect(chain.balance(CAROL)).toBe(START);
		before(172 + CLOSED_BID_RETENTION + 1);
		chain.block([]);
		expect(statuses()[2]).toBeUndefined();
		const left = [...chain.state.rows('spectrum/expiry')].filter(({ value }) => value !== null);
		expect(left).toEqual([]);
	});

	it('is swept with all others of its round in one block, however late', () => {
		const call = { sender: ALICE, function: 'IssueBidingCommitInfo', arguments: commitBytes(sealed()) };
		chain.block(Array.from({ length: MAX_COMMITMENTS_PER_ACCOUNT }, () => call));
		chain.skip(600);
		for (let blocks = 0; blocks < 12; blocks++) chain.block([]);
		expect(chain.balance(TREASURY)).toBe(DEPOSIT * BigInt(MAX_COMMITMENTS_PER_ACCOUNT));
		expect(chain.bids()).toEqual([]);
	});
});

describe('the price of a sealed bid', () => {
	/** Bytes that come up nowhere else. */
	const PRICE = 777_123_456_789n;

	it('is in no receipt, event or row of the state before it is revealed, and in event and row after', () => {
		const bid = sealed({ price: PRICE, mechanism: 'vickrey' });
		const receipt = commit(bid);
		/** Where price or mechanism can be read, in bytes or in words. */
		const leaks = ({ error, message, events }: TestReceipt): string[] => {
			const { describeEvent, describeState } = chain.contract;
			const seen: [string, Uint8Array, unknown][] = events.map(({ kind, data }) => [
				kind,
				data,
				describeEvent!(kind, data)
			]);
			for (const { key, value } of chain.state.rows())
				if (value) seen.push([key, value, describeState!(key, value)]);
			seen.push(['receipt', new TextEncoder().encode(error + message), null]);
			return seen
				.filter(
					([, bytes, words]) =>
						holds(bytes, PRICE, 'vickrey') || /777123456789|vickrey/.test(JSON.stringify(words))
				)
				.map(([what]) => what);
		};
		expect(receipt.error).toBe('');
		expect(leaks(receipt)).toEqual([]);
		before(24);
		expect(leaks(chain.call(CAROL, 'IssueBidingRoundInfo', roundArguments(receipt.id)))).toEqual([]);
		const rich = account('rich');
		chain.credit(rich, PRICE);
		// The same eyes see an account that holds as much, and so the bid when it is revealed.
		expect(leaks(receipt)).toEqual([`account/${rich}`]);
	});

	it('is seen by the same eyes once it is revealed', () => {
		const bid = sealed({ price: 9_876n, mechanism: 'vickrey' });
		const { id } = commit(bid);
		const key = `spectrum/bid/${id}`;
		expect(holds(chain.state.get(key)!, 9_876n, 'vickrey')).toBe(false);
		before(24);
		const { events } = reveal(id, bid);
		expect(holds(chain.state.get(key)!, 9_876n, 'vickrey')).toBe(true);
		expect(holds(events[0]!.data, 9_876n, 'vickrey')).toBe(true);
	});

	it('cannot be told from the hash without the salt: the same bid has another hash under another salt', () => {
		const hashes = [1, 2, 3].map((byte) => sealedBidHash(sealed({ salt: new Uint8Array(16).fill(byte) })));
		expect(new Set(hashes).size).toBe(3);
		expect(sealedBidHash(sealed({ buyer: CAROL }))).not.toBe(sealedBidHash(sealed()));
	});
});

/** An amount as a varint, as eight bytes in either order, or as digits; or a word. */
function holds(bytes: Uint8Array, amount: bigint, word: string): boolean {
	const varint: number[] = [];
	for (let rest = amount; rest > 0n; rest >>= 7n)
		varint.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
	const big = [...amount.toString(16).padStart(16, '0').matchAll(/../g)].map(([byte]) => parseInt(byte, 16));
	const hex = Buffer.from(bytes).toString('hex');
	return (
		[varint, big, big.toReversed()].some((wanted) => hex.includes(Buffer.from(wanted).toString('hex'))) ||
		[String(amount), word].some((words) => Buffer.from(bytes).toString('latin1').includes(words))
	);
}

describe('parameters', () => {
	it.each([
		{ commitHeights: 1 },
		{ commitHeights: 2.5 },
		{ revealHeights: 0 },
		{ deposit: 0n },
		{ deposit: 10n ** 13n }
	])('are refused beyond their bounds: %o', (fields) => {
		expect(() =>
			spectrumContract({ conflictDistancePercent: 100, sealedBids: { ...RULES, ...fields } })
		).toThrow(RangeError);
	});
});
