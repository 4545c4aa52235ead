import { beforeEach, describe, expect, it } from 'vitest';
import { bidArguments, issueArguments, switchArguments } from '../contract/arguments.ts';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { BLOCK_MS, TestChain, account, type TestBlock } from '../testing/test-chain.ts';
import { conflictingPairs, jainIndex, percentile } from './metrics.ts';
import { MAX_KEPT_BIDS, MAX_KEPT_TRADES, SpectrumView } from './spectrum-view.ts';

const ALICE = account('alice');
const BOB = account('bob');

let chain: TestChain;
let view: SpectrumView;
beforeEach(() => {
	chain = new TestChain();
	chain.credit(ALICE, 1_000_000n);
	view = new SpectrumView(100);
});

function run(sender: string, fn: string, args: Uint8Array): { block: TestBlock; id: string } {
	const block = chain.block([{ sender, function: fn, arguments: args }]);
	expect(block.receipts[0]!.error).toBe('');
	view.apply(viewBlock(block));
	return { block, id: block.receipts[0]!.id };
}

function viewBlock({ height, timeMs, receipts, events }: TestBlock) {
	return { height, timeMs, transactions: receipts, events };
}

function bid(channel: number, expiryHeight = chain.height + 10, replaces = ''): string {
	const fields = {
		buyerAp: 'b',
		sellerAp: 's',
		channel,
		price: 40n,
		expiryHeight,
		mechanism: 'greedy',
		replaces
	};
	return run(ALICE, 'IssueBidingPriceInfo', bidArguments(fields)).id;
}

function take(bidId: string, channel: number) {
	const args = switchArguments({ bidId, buyerAp: 'b', sellerAp: 's', channel, mechanism: 'seed' });
	return run(BOB, 'IssueChannelSwitchInfo', args);
}

function openMarket(): void {
	run(ALICE, 'IssueAPChannelInfo', issueArguments(accessPoint('b', { occupancyPpm: 900_000 })));
	const idle = {
		channels: [40, 44, 48, 52],
		idleChannels: [44, 48, 52],
		occupancyPpm: 100_000,
		...northOf(500)
	};
	run(BOB, 'IssueAPChannelInfo', issueArguments(accessPoint('s', idle)));
}

describe('a view', () => {
	it('shows access points, bids and trades as the API names them', () => {
		openMarket();
		const bidId = bid(44);
		const { block, id } = take(bidId, 44);
		expect(view.accessPoints().map((ap) => ap.id)).toEqual(['b', 's']);
		expect(view.accessPoint('b')).toMatchObject({
			owner: ALICE,
			channels: [36, 44],
			occupancyPpm: 450_000,
			height: block.height
		});
		expect(view.accessPoints(BOB).map((ap) => ap.id)).toEqual(['s']);
		expect(view.bids()).toEqual([
			expect.objectContaining({ id: bidId, state: 'taken', price: '40', buyer: ALICE })
		]);
		expect(view.trades()).toEqual([
			{
				id,
				bidId,
				buyerAp: 'b',
				sellerAp: 's',
				buyer: ALICE,
				seller: BOB,
				channel: 44,
				price: '40',
				mechanism: 'seed',
				height: block.height,
				time: block.timeMs,
				transactionId: id,
				buyerAfter: { channels: [36, 44], idleChannels: [], occupancyPpm: 450_000 },
				sellerAfter: { channels: [40, 48, 52], idleChannels: [48, 52], occupancyPpm: 133_333 }
			}
		]);
		expect(view.metrics()).toEqual({
			aps: 2,
			bids: 1,
			trades: 1,
			revenue: '40',
			conflictingPairs: 0,
			jainIndex: 25 / (2 * 13),
			bidToFinalMs: { p50: BLOCK_MS, p95: BLOCK_MS },
			meanOccupancyPpm: Math.round((450_000 + 133_333) / 2),
			conflictDistancePercent: 100
		});
	});

	it('says what a block changed', () => {
		openMarket();
		const bidId = bid(44);
		const args = switchArguments({ bidId, buyerAp: 'b', sellerAp: 's', channel: 44, mechanism: 'seed' });
		const block = chain.block([{ sender: BOB, function: 'IssueChannelSwitchInfo', arguments: args }]);
		const change = view.apply(viewBlock(block));
		expect(change.accessPoints.map((ap) => ap.id)).toEqual(['b', 's']);
		expect(change.trades.map((trade) => trade.bidId)).toEqual([bidId]);
	});

	it('closes bids that expire, by height, and those that were replaced', () => {
		openMarket();
		const first = bid(44);
		const second = bid(48, chain.height + 3, first);
		expect(view.bids().map(({ id, state }) => [id, state])).toEqual([
			[second, 'open'],
			[first, 'expired']
		]);
		for (let i = 0; i < 3; i++) view.apply(viewBlock(chain.block([])));
		expect(view.bids()[0]!.state).toBe('expired');
	});

	it('is the same after a restore, but for trades, which older blocks bring back', () => {
		openMarket();
		const { block } = take(bid(44), 44);
		bid(48);
		const restored = new SpectrumView(100);
		restored.restore(chain.state.rows('spectrum/'), chain.height);
		expect(new Set(restored.accessPoints())).toEqual(new Set(view.accessPoints()));
		expect(restored.bids()).toEqual(view.bids().filter(({ state }) => state === 'open'));
		expect(restored.trades()).toEqual([]);
		restored.addOlderTrades(viewBlock(block));
		expect(restored.trades()).toEqual(view.trades());
		expect(restored.metrics()).toMatchObject({ trades: 1, revenue: '40' });
	});

	it('keeps bounded lists', () => {
		openMarket();
		const opened = chain.block([
			{
				sender: ALICE,
				function: 'IssueBidingPriceInfo',
				arguments: bidArguments({
					buyerAp: 'b',
					sellerAp: 's',
					channel: 44,
					price: 1n,
					expiryHeight: 50,
					mechanism: 'seed',
					replaces: ''
				})
			}
		]);
		for (let i = 0; i < MAX_KEPT_BIDS + 10; i++) {
			// The same event under new ids.
			const data = Uint8Array.from(opened.receipts[0]!.events[0]!.data);
			new DataView(data.buffer).setUint32(2, i);
			view.apply({
				height: 5,
				timeMs: 0,
				transactions: [{ id: 'x', events: [{ contract: 'spectrum', kind: 'IssueBidingPriceInfo', data }] }]
			});
		}
		expect(view.bids()).toHaveLength(MAX_KEPT_BIDS);
		expect(view.bids(3)).toEqual(view.bids().slice(0, 3));
		const taken = take(bid(48), 48).block;
		for (let i = 0; i < MAX_KEPT_TRADES + 10; i++) view.apply(viewBlock(taken));
		expect(view.trades()).toHaveLength(MAX_KEPT_TRADES);
		expect(view.trades(3)).toHaveLength(3);
		expect(view.metrics().trades).toBe(MAX_KEPT_TRADES + 11);
	});

	it('is empty at first', () => {
		expect(view.metrics()).toEqual({
			aps: 0,
			bids: 0,
			trades: 0,
			revenue: '0',
			conflictingPairs: 0,
			jainIndex: 1,
			bidToFinalMs: null,
			meanOccupancyPpm: 0,
			conflictDistancePercent: 100
		});
	});
});

describe('measures', () => {
	it('have the values of the design', () => {
		expect(jainIndex([4, 2, 2])).toBeCloseTo(0.8889, 4);
		expect(jainIndex([1, 1, 1])).toBe(1);
		expect(jainIndex([0, 0])).toBe(1);
		expect(percentile([], 50)).toBeNull();
		expect(percentile([5, 1, 3], 50)).toBe(3);
		expect(percentile([5, 1, 3, 4], 95)).toBe(5);
	});

	it('find a conflicting pair where there is one', () => {
		const record = (id: string, channels: number[], metres: number) => ({
			...accessPoint(id, { channels, ...northOf(metres) }),
			owner: ALICE,
			registeredHeight: 1,
			changedHeight: 1
		});
		const all = [
			record('a', [36, 40], 0),
			record('b', [40], 99),
			record('c', [40], 150),
			record('d', [44], 0)
		];
		expect(conflictingPairs(all, 100)).toEqual([
			['a', 'b'],
			['b', 'c']
		]);
		expect(conflictingPairs(all, 60)).toEqual([['b', 'c']]);
	});
});
