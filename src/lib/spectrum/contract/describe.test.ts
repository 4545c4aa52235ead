import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { TestChain, account } from '../testing/test-chain.ts';
import { bidArguments, issueArguments, switchArguments } from './arguments.ts';

const ALICE = account('alice');

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

	it('are null for what cannot be read, and nothing throws', () => {
		const { describeCall, describeEvent, describeState, accountsNamed } = new TestChain().contract;
		const keys = [
			'spectrum/ap/a',
			'spectrum/bid/b',
			'spectrum/expiry/1',
			'spectrum/expiry/next',
			'spectrum/cell/1',
			'spectrum/owner/o',
			'x'
		];
		const functions = ['IssueAPChannelInfo', 'IssueBidingPriceInfo', 'IssueChannelSwitchInfo', 'x'];
		const kinds = [
			'IssueAPChannelInfo',
			'IssueBidingPriceInfo',
			'BidReplaced',
			'BidsExpired',
			'UpdateAPChannelInfo',
			'x'
		];
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
				for (const key of keys) describeState!(key, bytes);
				for (const fn of functions) {
					describeCall!(fn, bytes);
					expect(accountsNamed!(fn, bytes)).toEqual([]);
				}
				for (const kind of kinds) describeEvent!(kind, bytes);
			}),
			{ seed: 6, numRuns: 500 }
		);
		expect(describeState!('spectrum/ap/a', Uint8Array.of(255))).toBeNull();
	});
});
