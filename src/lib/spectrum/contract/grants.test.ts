import { beforeEach, describe, expect, it } from 'vitest';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { TestChain, account, type TestReceipt } from '../testing/test-chain.ts';
import {
	bidArguments,
	heartbeatArguments,
	issueArguments,
	relinquishArguments,
	switchArguments,
	type GrantName
} from './arguments.ts';
import { GRANT_LIST_KEY } from './keys.ts';
import { MAX_EXPIRED_GRANTS_PER_BLOCK, MAX_GRANTS_PER_HEARTBEAT } from './limits.ts';
import { decodeGrantEnd, decodeRenewed, decodeUpdate, type AccessPoint } from './records.ts';
import { spectrumContract } from './spectrum-contract.ts';

const ALICE = account('alice');
const BOB = account('bob');
const CAROL = account('carol');
const LIFE = 20;
const START = 100_000n;

let chain: TestChain;
beforeEach(() => {
	chain = new TestChain(100, { grants: { heartbeatHeights: LIFE } });
	for (const who of [ALICE, BOB, CAROL]) chain.credit(who, START);
});

function issue(who: string, id: string, metres: number, fields: Partial<AccessPoint>): TestReceipt {
	return chain.call(
		who,
		'IssueAPChannelInfo',
		issueArguments(accessPoint(id, { ...northOf(metres), ...fields }))
	);
}

const OF_SELLER = { channels: [40, 44, 48], idleChannels: [44, 48], occupancyPpm: 100_000 };

/** Alice's busy AP, and Bob's idle one 1 km off. */
function openMarket(): void {
	issue(ALICE, 'buyer', 0, { channels: [36], occupancyPpm: 900_000 });
	issue(BOB, 'seller', 1000, OF_SELLER);
}

function bid(who: string, channel: number, buyerAp: string, sellerAp: string): TestReceipt {
	const args = bidArguments({
		buyerAp,
		sellerAp,
		channel,
		price: 10n,
		expiryHeight: chain.height + 100,
		mechanism: 'greedy',
		replaces: ''
	});
	return chain.call(who, 'IssueBidingPriceInfo', args);
}

function take(who: string, bidId: string, channel: number, buyerAp: string, sellerAp: string): TestReceipt {
	const args = switchArguments({ bidId, buyerAp, sellerAp, channel, mechanism: 'greedy' });
	return chain.call(who, 'IssueChannelSwitchInfo', args);
}

/** Channel 44 goes from Bob's to Alice's. @returns the switch's receipt */
function grant(channel = 44): TestReceipt {
	const { id, error } = bid(ALICE, channel, 'buyer', 'seller');
	expect(error).toBe('');
	const receipt = take(BOB, id, channel, 'buyer', 'seller');
	expect(receipt.error).toBe('');
	return receipt;
}

function heartbeat(who: string, ...grants: GrantName[]): TestReceipt {
	return chain.call(who, 'IssueGrantHeartbeatInfo', heartbeatArguments(grants));
}

function relinquish(who: string, ap: string, channel: number): TestReceipt {
	return chain.call(who, 'IssueGrantRelinquishInfo', relinquishArguments({ ap, channel }));
}

const NAME = { ap: 'buyer', channel: 44 };

describe('a switch', () => {
	beforeEach(openMarket);

	it('grants the channel, and says until when', () => {
		const receipt = grant();
		const expected = {
			...NAME,
			grantorAp: 'seller',
			bidId: chain.bids()[0]!.id,
			grantedHeight: chain.height,
			expiryHeight: chain.height + LIFE
		};
		expect(chain.grants()).toEqual([expected]);
		expect(decodeUpdate(receipt.events[0]!.data)).toMatchObject({ grant: expected, seller: BOB });
		expect(chain.accessPoint('buyer')).toMatchObject({ channels: [36, 44], grantedChannels: [44] });
		expect(chain.accessPoint('seller')).toMatchObject({ channels: [40, 48], lentChannels: [44] });
	});

	it('UnknownFunction: no grant is made where genesis has none', () => {
		chain = new TestChain();
		for (const who of [ALICE, BOB]) chain.credit(who, START);
		openMarket();
		grant();
		expect(chain.grants()).toEqual([]);
		expect(chain.accessPoint('buyer')).not.toHaveProperty('grantedChannels');
		expect(heartbeat(ALICE, NAME).error).toBe('UnknownFunction');
		expect(relinquish(ALICE, 'buyer', 44).error).toBe('UnknownFunction');
	});

	it('Granted: refuses to sell a granted channel on', () => {
		grant();
		issue(CAROL, 'third', 5000, { channels: [], occupancyPpm: 900_000 });
		// Its holder says that it is idle, which is a hint at most.
		issue(ALICE, 'buyer', 0, { channels: [36, 44], idleChannels: [44], occupancyPpm: 100_000 });
		expect(bid(CAROL, 44, 'third', 'buyer').error).toBe('Granted');
	});

	it('Lent: refuses a buyer to whom the channel comes back', () => {
		grant();
		issue(CAROL, 'third', 5000, { channels: [44, 52], idleChannels: [44], occupancyPpm: 0 });
		expect(bid(BOB, 44, 'seller', 'third').error).toBe('Lent');
	});

	it('TooManyChannels: keeps a place for what comes back', () => {
		const fifteen = [36, 40, 44, 48, 52, 56, 60, 64, 100, 104, 108, 112, 116, 120, 124, 128];
		issue(CAROL, 'full', 5000, { channels: fifteen, idleChannels: [100], occupancyPpm: 0 });
		const { id } = bid(ALICE, 100, 'buyer', 'full');
		expect(take(CAROL, id, 100, 'buyer', 'full').error).toBe('');
		issue(BOB, 'other', 9000, { channels: [132, 136], idleChannels: [132], occupancyPpm: 0 });
		expect(bid(CAROL, 132, 'full', 'other').error).toBe('TooManyChannels');
	});

	it('LastChannel: a seller keeps one of its own', () => {
		issue(CAROL, 'poor', 5000, { channels: [60], idleChannels: [], occupancyPpm: 900_000 });
		const { id } = bid(CAROL, 44, 'poor', 'seller');
		take(BOB, id, 44, 'poor', 'seller');
		issue(CAROL, 'poor', 5000, { channels: [44, 60], idleChannels: [60], occupancyPpm: 0 });
		const next = bid(ALICE, 60, 'buyer', 'poor');
		expect(take(CAROL, next.id, 60, 'buyer', 'poor').error).toBe('LastChannel');
	});

	it('Conflict: what was granted is still held where it came from', () => {
		grant();
		expect(issue(CAROL, 'near', 1050, { channels: [44] }).error).toBe('Conflict');
		expect(issue(CAROL, 'close', 50, { channels: [44] }).error).toBe('Conflict');
		expect(issue(CAROL, 'far', 3000, { channels: [44, 52], idleChannels: [44], occupancyPpm: 0 }).error).toBe(
			''
		);
		issue(ALICE, 'neighbour', 1050, { channels: [], occupancyPpm: 900_000 });
		const { id } = bid(ALICE, 44, 'neighbour', 'far');
		expect(take(CAROL, id, 44, 'neighbour', 'far').error).toBe('Conflict');
		relinquish(ALICE, 'buyer', 44);
		// Back at its grantor, it is free around its holder, and only there.
		expect(issue(CAROL, 'close', 50, { channels: [44] }).error).toBe('');
		expect(issue(CAROL, 'near', 1050, { channels: [44] }).error).toBe('Conflict');
	});
});

describe('IssueGrantHeartbeatInfo', () => {
	beforeEach(openMarket);

	it('keeps a grant alive for as long as it comes', () => {
		grant();
		for (let beats = 0; beats < 5; beats++) {
			chain.skip(LIFE - 1);
			const receipt = heartbeat(ALICE, NAME);
			expect(receipt.error).toBe('');
			expect(decodeRenewed(receipt.events[0]!.data)).toEqual(chain.grants());
			expect(chain.grants()[0]!.expiryHeight).toBe(chain.height + LIFE);
		}
		expect(chain.grants()[0]!.grantedHeight).toBe(chain.height - 5 * LIFE);
	});

	it('is for several grants at once, all of them or none', () => {
		grant(44);
		grant(48);
		const first = chain.grants();
		const bad = heartbeat(ALICE, NAME, { ap: 'buyer', channel: 36 });
		expect(bad.error).toBe('UnknownGrant');
		expect(chain.grants()).toEqual(first);
		expect(heartbeat(ALICE, { ap: 'buyer', channel: 48 }, NAME).error).toBe('');
		expect(new Set(chain.grants().map(({ expiryHeight }) => expiryHeight))).toEqual(
			new Set([chain.height + LIFE])
		);
	});

	it.each([
		['NotHolderOwner', 'bob', [NAME]],
		['UnknownGrant', 'alice', [{ ap: 'buyer', channel: 36 }]],
		['UnknownGrant', 'bob', [{ ap: 'seller', channel: 44 }]],
		['UnknownGrant', 'alice', [{ ap: 'nobody', channel: 44 }]],
		['InvalidApId', 'alice', [{ ap: 'a/b', channel: 44 }]],
		['GrantNamedTwice', 'alice', [NAME, NAME]],
		['MalformedArguments', 'alice', []],
		['MalformedArguments', 'alice', Array.from({ length: MAX_GRANTS_PER_HEARTBEAT + 1 }, () => NAME)]
	] as [string, string, GrantName[]][])('%s: refuses %s’s for %o', (code, who, names) => {
		grant();
		expect(heartbeat(account(who), ...names).error).toBe(code);
	});

	it('renews at the last height, and is refused after it', () => {
		grant();
		chain.skip(LIFE - 1);
		expect(heartbeat(ALICE, NAME).error).toBe('');
		chain.skip(LIFE);
		expect(heartbeat(ALICE, NAME).error).toBe('UnknownGrant');
		expect(chain.accessPoint('seller')?.channels).toEqual([40, 44, 48]);
	});

	it('has room for the longest names', () => {
		const longest = Array.from({ length: MAX_GRANTS_PER_HEARTBEAT }, (_, i) => ({
			ap: 'a'.repeat(64),
			channel: 210 + i
		}));
		expect(heartbeat(ALICE, ...longest).error).toBe('UnknownGrant');
	});
});

describe('a grant without heartbeats', () => {
	beforeEach(openMarket);

	it('ends at the first block after its last height: the channel is back, idle, and all is as before', () => {
		const before = chain.accessPoint('seller');
		grant();
		const paid = chain.balance(BOB);
		chain.skip(LIFE - 1);
		expect(chain.block([]).events).toEqual([]);
		const { events } = chain.block([]);
		expect(events.map(({ kind }) => kind)).toEqual(['GrantExpired']);
		expect(decodeGrantEnd(events[0]!.data)).toMatchObject({
			grant: { ...NAME, grantorAp: 'seller' },
			ap: chain.accessPoint('buyer'),
			grantorAp: chain.accessPoint('seller')
		});
		expect(chain.accessPoint('seller')).toEqual({ ...before, changedHeight: chain.height });
		expect(chain.accessPoint('buyer')).toMatchObject({ channels: [36], occupancyPpm: 900_000 });
		expect(chain.accessPoint('buyer')).not.toHaveProperty('grantedChannels');
		expect(chain.grants()).toEqual([]);
		expect(chain.state.get(GRANT_LIST_KEY)).toBeUndefined();
		expect(chain.balance(BOB)).toBe(paid);
		// And it can be sold again.
		grant();
	});

	it('comes back to whoever has changed meanwhile', () => {
		grant();
		issue(BOB, 'seller', 1000, { channels: [40, 48], idleChannels: [], occupancyPpm: 600_000 });
		chain.skip(LIFE);
		chain.block([]);
		expect(chain.accessPoint('seller')).toMatchObject({
			channels: [40, 44, 48],
			idleChannels: [44],
			occupancyPpm: 400_000
		});
	});

	it('ends in order of expiry, so many a block, and those that were renewed stay', () => {
		const channels = [36, 40, 44, 48, 52, 56, 60, 64, 100, 104, 108, 112];
		const holders = ['h1', 'h2', 'h3'];
		holders.forEach((id, i) =>
			issue(ALICE, id, 10_000 * (i + 1), { channels: [149], occupancyPpm: 900_000 })
		);
		issue(BOB, 's1', 40_000, { channels: [...channels, 153], idleChannels: channels, occupancyPpm: 0 });
		issue(BOB, 's2', 50_000, { channels: [...channels, 153], idleChannels: channels, occupancyPpm: 0 });
		for (const [seller, buyers] of [
			['s1', ['h1', 'h1']],
			['s2', ['h2', 'h3']]
		] as const)
			channels.forEach((channel, i) => {
				const buyer = buyers[i % 2]!;
				const { id } = bid(ALICE, channel, buyer, seller);
				expect(take(BOB, id, channel, buyer, seller).error).toBe('');
				// All of them are kept alive until the last is made.
				const own = chain.grants().slice(0, MAX_GRANTS_PER_HEARTBEAT);
				expect(heartbeat(ALICE, ...own).error).toBe('');
			});
		expect(chain.grants()).toHaveLength(24);
		const kept = { ap: 'h1', channel: 36 };
		expect(heartbeat(ALICE, kept).error).toBe('');
		chain.skip(LIFE - 1);
		const ended = (): number => chain.block([]).events.length;
		expect([ended(), ended(), ended()]).toEqual([MAX_EXPIRED_GRANTS_PER_BLOCK, 24 - 1 - 16 + 1, 0]);
		expect(chain.grants()).toEqual([]);
		expect(chain.accessPoint('s1')?.idleChannels).toEqual(channels);
		expect(chain.accessPoint('h1')?.channels).toEqual([149]);
	});

	it('GrantExpired: a heartbeat is refused where the sweep is behind', () => {
		const channels = [36, 40, 44, 48, 52, 56, 60, 64, 100, 104, 108, 112, 116, 120, 124];
		issue(ALICE, 'h1', 10_000, { channels: [149], occupancyPpm: 900_000 });
		issue(ALICE, 'h2', 20_000, { channels: [149], occupancyPpm: 900_000 });
		issue(BOB, 's1', 40_000, { channels: [...channels, 153], idleChannels: channels, occupancyPpm: 0 });
		issue(BOB, 's2', 50_000, { channels: [...channels, 153], idleChannels: channels, occupancyPpm: 0 });
		const bids = channels.flatMap((channel) =>
			(['1', '2'] as const).map((which) => ({
				channel,
				which,
				id: bid(ALICE, channel, `h${which}`, `s${which}`).id
			}))
		);
		const { receipts } = chain.block(
			bids.map(({ channel, which, id: bidId }) => ({
				sender: BOB,
				function: 'IssueChannelSwitchInfo',
				arguments: switchArguments({
					bidId,
					buyerAp: `h${which}`,
					sellerAp: `s${which}`,
					channel,
					mechanism: 'greedy'
				})
			}))
		);
		expect(new Set(receipts.map(({ error }) => error))).toEqual(new Set(['']));
		chain.skip(LIFE);
		const last = { ap: 'h2', channel: 124 };
		const late = chain.block([
			{ sender: ALICE, function: 'IssueGrantHeartbeatInfo', arguments: heartbeatArguments([last]) },
			{ sender: ALICE, function: 'IssueGrantRelinquishInfo', arguments: relinquishArguments(last) }
		]);
		expect(late.events).toHaveLength(MAX_EXPIRED_GRANTS_PER_BLOCK);
		// It may be given back all the same.
		expect(late.receipts.map(({ error }) => error)).toEqual(['GrantExpired', '']);
	});
});

describe('IssueGrantRelinquishInfo', () => {
	beforeEach(openMarket);

	it('gives the channel back at once', () => {
		grant();
		const receipt = relinquish(ALICE, 'buyer', 44);
		expect(receipt.error).toBe('');
		expect(receipt.events.map(({ kind }) => kind)).toEqual(['GrantRelinquished']);
		expect(chain.accessPoint('seller')).toMatchObject(OF_SELLER);
		expect(chain.grants()).toEqual([]);
		expect(relinquish(ALICE, 'buyer', 44).error).toBe('UnknownGrant');
	});

	it('leaves the others in their order', () => {
		issue(CAROL, 'second', 5000, { channels: [100, 104, 108], idleChannels: [104, 108], occupancyPpm: 0 });
		grant(44);
		const { id } = bid(ALICE, 104, 'buyer', 'second');
		take(CAROL, id, 104, 'buyer', 'second');
		grant(48);
		relinquish(ALICE, 'buyer', 104);
		relinquish(ALICE, 'buyer', 44);
		expect(chain.grants().map(({ channel }) => channel)).toEqual([48]);
		chain.skip(LIFE);
		expect(chain.block([]).events.map(({ kind }) => kind)).toEqual(['GrantExpired']);
		expect(chain.grants()).toEqual([]);
	});

	it('leaves an access point without a channel with all its demand', () => {
		issue(CAROL, 'none', 5000, { channels: [], occupancyPpm: 900_000 });
		const { id } = bid(CAROL, 44, 'none', 'seller');
		take(BOB, id, 44, 'none', 'seller');
		relinquish(CAROL, 'none', 44);
		expect(chain.accessPoint('none')).toMatchObject({ channels: [], occupancyPpm: 900_000 });
	});

	it.each([
		['NotHolderOwner', 'bob', 'buyer', 44],
		['UnknownGrant', 'alice', 'buyer', 36],
		['UnknownGrant', 'bob', 'seller', 44],
		['InvalidApId', 'alice', 'a/b', 44]
	] as [string, string, string, number][])('%s: refuses %s’s of %s/%i', (code, who, ap, channel) => {
		grant();
		expect(relinquish(account(who), ap, channel).error).toBe(code);
	});

	it('MalformedArguments: refuses what names no grant', () => {
		expect(chain.call(ALICE, 'IssueGrantRelinquishInfo', new Uint8Array(0)).error).toBe('MalformedArguments');
	});
});

describe('parameters', () => {
	it.each([0, 15, 1_000_001, 20.5])('are refused beyond their bounds: %d', (heartbeatHeights) => {
		expect(() => spectrumContract({ conflictDistancePercent: 100, grants: { heartbeatHeights } })).toThrow(
			RangeError
		);
	});
});
