import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { TestChain, account } from '../testing/test-chain.ts';
import {
	bidArguments,
	commitArguments,
	heartbeatArguments,
	issueArguments,
	relinquishArguments,
	roundArguments,
	switchArguments
} from './arguments.ts';
import { revealWindow, sealedBidHash, type SealedBid } from './sealed-bid.ts';

fc.configureGlobal({ seed: 6 });

const ALICE = account('alice');
/** All that a call leaves behind in words, for a look at the whole of it. */
const inWords = (described: unknown): string => JSON.stringify(described);

describe('words for people', () => {
	it('say every state record, call and event as JSON', () => {
		const chain = new TestChain();
		chain.credit(ALICE, 1000n);
		const { describeCall, describeEvent, describeState } = chain.contract;
		const calls: [string, Uint8Array][] = [
			['IssueAPChannelInfo', issueArguments(accessPoint('a', { occupancyPpm: 900_000 }))],
			[
				'IssueAPChannelInfo',
				issueArguments(
					accessPoint('b', { channels: [40, 44], idleChannels: [44], occupancyPpm: 0, ...northOf(900) })
				)
			],
			[
				'IssueBidingPriceInfo',
				bidArguments({
					buyerAp: 'a',
					sellerAp: 'b',
					channel: 44,
					price: 7n,
					expiryHeight: 9,
					mechanism: 'seed',
					replaces: ''
				})
			]
		];
		const events: unknown[] = [];
		let bidId = '';
		const run = (fn: string, args: Uint8Array): void => {
			const receipt = chain.call(ALICE, fn, args);
			expect(receipt.error).toBe('');
			bidId = receipt.id;
			for (const event of receipt.events) events.push(describeEvent!(event.kind, event.data));
		};
		for (const [fn, args] of calls) run(fn, args);
		const switchArgs = switchArguments({
			bidId,
			buyerAp: 'a',
			sellerAp: 'b',
			channel: 44,
			mechanism: 'seed'
		});
		run('IssueChannelSwitchInfo', switchArgs);

		expect(describeCall!('IssueBidingPriceInfo', calls[2]![1])).toMatchObject({ buyerAp: 'a', price: '7' });
		expect(describeCall!('IssueAPChannelInfo', calls[0]![1])).toMatchObject({
			id: 'a',
			band: '5GHz',
			channels: [36]
		});
		expect(describeCall!('IssueChannelSwitchInfo', switchArgs)).toMatchObject({ sellerAp: 'b' });
		expect(events.at(-1)).toMatchObject({
			seller: ALICE,
			bid: { price: '7', status: 'taken' },
			buyerAp: { channels: [36, 44] }
		});
		for (const event of events) expect(() => JSON.stringify(event)).not.toThrow();
		const rows = [...chain.state.rows('spectrum/')].filter((row) => row.value !== null);
		expect(new Set(rows.map((row) => row.key.split('/')[1]))).toEqual(
			new Set(['ap', 'bid', 'cell', 'expiry', 'owner'])
		);
		for (const { key, value } of rows) {
			const described = describeState!(key, value!);
			expect(described, key).not.toBeNull();
			expect(() => JSON.stringify(described)).not.toThrow();
		}
	});

	it('say them of sealed bids and grants too, and of a price nothing before it is revealed', () => {
		const rules = { commitHeights: 8, revealHeights: 20, deposit: 30n };
		const chain = new TestChain(100, { sealedBids: rules, grants: { heartbeatHeights: 16 } });
		chain.credit(ALICE, 1000n);
		const { describeCall, describeEvent, describeState } = chain.contract;
		const events: [kind: string, described: unknown][] = [];
		const keep = (list: readonly { kind: string; data: Uint8Array }[]): void => {
			for (const { kind, data } of list) events.push([kind, describeEvent!(kind, data)]);
		};
		const kindsOfRows = new Set<string>();
		const call = (fn: string, args: Uint8Array): { id: string; described: unknown } => {
			const { receipts, events: own } = chain.block([{ sender: ALICE, function: fn, arguments: args }]);
			expect(receipts[0]!.error).toBe('');
			keep(own);
			keep(receipts[0]!.events);
			for (const { key, value } of chain.state.rows('spectrum/')) {
				if (!value) continue;
				const described = describeState!(key, value);
				expect(described, key).not.toBeNull();
				expect(() => inWords(described)).not.toThrow();
				kindsOfRows.add(key.split('/')[1]!);
			}
			const described = describeCall!(fn, args);
			expect(() => inWords(described)).not.toThrow();
			return { id: receipts[0]!.id, described };
		};
		call('IssueAPChannelInfo', issueArguments(accessPoint('a', { occupancyPpm: 900_000 })));
		const seller = { channels: [40, 44, 48], idleChannels: [44, 48], occupancyPpm: 0, ...northOf(900) };
		call('IssueAPChannelInfo', issueArguments(accessPoint('b', seller)));
		chain.skip(15 - chain.height);

		const bid: SealedBid = {
			buyer: ALICE,
			buyerAp: 'a',
			sellerAp: 'b',
			channel: 44,
			price: 7n,
			mechanism: 'seed',
			salt: new Uint8Array(16).fill(9)
		};
		const { buyerAp, sellerAp, channel, price, mechanism, salt } = bid;
		const asked = { buyerAp, sellerAp, channel, hash: sealedBidHash(bid), replaces: '' };
		const committed = call('IssueBidingCommitInfo', commitArguments({ ...asked, note: Uint8Array.of(1, 2) }));
		const forgotten = call(
			'IssueBidingCommitInfo',
			commitArguments({ ...asked, channel: 48, note: new Uint8Array(0) })
		);
		expect(committed.described).toEqual({
			buyerAp,
			sellerAp,
			channel,
			hash: asked.hash,
			note: '0102'
		});
		expect(events.at(-2)).toEqual([
			'IssueBidingCommitInfo',
			expect.objectContaining({
				status: 'committed',
				commitment: { hash: asked.hash, note: '0102', deposit: '30', revealedHeight: 0 }
			})
		]);
		expect(events.at(-2)![1]).not.toHaveProperty('price');
		expect(events.at(-2)![1]).not.toHaveProperty('mechanism');
		expect(call('IssueBidingRoundInfo', roundArguments(committed.id)).described).toEqual({
			commitment: committed.id
		});

		const { firstReveal, lastReveal, standsUntil } = revealWindow(rules, 16);
		chain.skip(firstReveal - 1 - chain.height);
		const { described: revealed } = call(
			'IssueBidingPriceInfo',
			bidArguments({
				buyerAp,
				sellerAp,
				channel,
				price,
				expiryHeight: standsUntil,
				mechanism,
				replaces: '',
				reveals: { commitment: committed.id, salt }
			})
		);
		expect(revealed).toEqual({
			buyerAp,
			sellerAp,
			channel,
			price: '7',
			expiryHeight: standsUntil,
			mechanism: 'seed',
			commitment: committed.id,
			salt: '09'.repeat(16)
		});
		expect(events.at(-1)).toEqual([
			'IssueBidingPriceInfo',
			expect.objectContaining({
				price: '7',
				mechanism: 'seed',
				status: 'open',
				commitment: expect.objectContaining({ revealedHeight: firstReveal })
			})
		]);
		call(
			'IssueChannelSwitchInfo',
			switchArguments({ bidId: committed.id, buyerAp, sellerAp, channel, mechanism })
		);
		const grant = { ap: 'a', channel: 44, grantorAp: 'b', bidId: committed.id, grantedHeight: chain.height };
		expect(events.at(-1)).toEqual([
			'UpdateAPChannelInfo',
			expect.objectContaining({ grant: { ...grant, expiryHeight: chain.height + 16 } })
		]);

		const name = { ap: 'a', channel: 44 };
		expect(call('IssueGrantHeartbeatInfo', heartbeatArguments([name])).described).toEqual({ grants: [name] });
		expect(events.at(-1)).toEqual([
			'GrantsRenewed',
			{ grants: [{ ...grant, expiryHeight: chain.height + 16 }] }
		]);
		expect(call('IssueGrantRelinquishInfo', relinquishArguments(name)).described).toEqual(name);
		expect(events.at(-1)).toEqual([
			'GrantRelinquished',
			{
				grant: expect.objectContaining(grant),
				ap: expect.objectContaining({ id: 'a', channels: [36] }),
				grantorAp: expect.objectContaining({ id: 'b', channels: [40, 44, 48] })
			}
		]);
		chain.skip(lastReveal - chain.height);
		keep(chain.block([]).events);
		expect(events.at(-1)).toEqual(['BidsForfeited', { bids: [forgotten.id] }]);
		for (const [kind, described] of events) expect(described, kind).not.toBeNull();
		expect(kindsOfRows).toEqual(new Set(['ap', 'bid', 'cell', 'expiry', 'grant', 'grants', 'owner']));
	});

	it('are null for what cannot be read, and nothing throws', () => {
		const { describeCall, describeEvent, describeState, accountsNamed } = new TestChain().contract;
		const keys = [
			'spectrum/ap/a',
			'spectrum/bid/b',
			'spectrum/expiry/1',
			'spectrum/expiry/next',
			'spectrum/cell/1',
			'spectrum/owner/o',
			'spectrum/grant/a/36',
			'spectrum/grants',
			'x'
		];
		const functions = [
			'IssueAPChannelInfo',
			'IssueBidingCommitInfo',
			'IssueBidingRoundInfo',
			'IssueBidingPriceInfo',
			'IssueChannelSwitchInfo',
			'IssueGrantHeartbeatInfo',
			'IssueGrantRelinquishInfo',
			'x'
		];
		const kinds = [
			'IssueAPChannelInfo',
			'IssueBidingCommitInfo',
			'IssueBidingPriceInfo',
			'BidReplaced',
			'BidsExpired',
			'BidsForfeited',
			'UpdateAPChannelInfo',
			'GrantsRenewed',
			'GrantExpired',
			'GrantRelinquished',
			'x'
		];
		const cutShort = Uint8Array.of(255);
		for (const key of keys) expect(describeState!(key, cutShort), key).toBeNull();
		for (const fn of functions) expect(describeCall!(fn, cutShort), fn).toBeNull();
		for (const kind of kinds) expect(describeEvent!(kind, cutShort), kind).toBeNull();
		// What misses a part that no record is without, and an index that ends within an id.
		const nothing = new Uint8Array(0);
		expect(describeState!('spectrum/grant/a/36', nothing)).toBeNull();
		for (const kind of ['UpdateAPChannelInfo', 'GrantExpired', 'GrantRelinquished'])
			expect(describeEvent!(kind, nothing), kind).toBeNull();
		for (const kind of ['BidsExpired', 'BidsForfeited'])
			expect(describeEvent!(kind, Uint8Array.of(0x0a, 2, 1, 2)), kind).toBeNull();
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
				for (const key of keys) describeState!(key, bytes);
				for (const fn of functions) {
					describeCall!(fn, bytes);
					expect(accountsNamed!(fn, bytes)).toEqual([]);
				}
				for (const kind of kinds) describeEvent!(kind, bytes);
			}),
			{ numRuns: 500 }
		);
	});
});
