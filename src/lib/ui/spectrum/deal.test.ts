import { describe, expect, it } from 'vitest';
import type { BidInfo } from '../types.ts';
import { dealOfBid, dealOfTrade, openBidsAt } from './deal.ts';
import { testTrade } from './test-aps.ts';

function bid(fields: Partial<BidInfo>): BidInfo {
	return {
		id: 'bid',
		buyerAp: 'b',
		sellerAp: 's',
		channel: 40,
		price: '100',
		buyer: 'ob',
		expiryHeight: 90,
		state: 'open',
		transactionId: 'bid',
		height: 10,
		mechanism: 'greedy',
		...fields
	};
}

describe('a deal', () => {
	it('is as old as its bid, and has the mechanism of the bid', () => {
		const trade = testTrade({ height: 12 });
		expect(dealOfTrade(trade, bid({})).bidHeight).toBe(10);
		expect(dealOfTrade(trade, null).bidHeight).toBe(12);
		expect(dealOfBid(bid({ mechanism: 'seed' }), [trade])).toMatchObject({ mechanism: 'seed', trade });
		expect(dealOfBid(bid({ id: 'other' }), [trade]).trade).toBeNull();
	});

	it('knows which bids of others were open when it was made', () => {
		const deal = dealOfBid(bid({}), []);
		const others = [
			bid({ id: '1', buyerAp: 'x', channel: 1, height: 9 }),
			bid({ id: '2', buyerAp: 'x', channel: 2, height: 10 }),
			bid({ id: '3', buyerAp: 'x', channel: 3, height: 5, state: 'taken' }),
			bid({ id: '4', buyerAp: 'x', channel: 4, height: 5, state: 'taken' }),
			bid({ id: '5', buyerAp: 'x', channel: 5, height: 1, state: 'expired', expiryHeight: 9 }),
			bid({ id: '6', buyerAp: 'x', channel: 6, height: 1, state: 'expired', expiryHeight: 10 }),
			bid({ id: '7', buyerAp: 'b', channel: 7, height: 9 })
		];
		const trades = [
			{ bidId: '4', height: 10 },
			{ bidId: '3', height: 9 }
		];
		expect(openBidsAt(deal, [bid({}), ...others], trades)).toEqual(new Set(['s/1', 's/4', 's/6']));
	});
});
