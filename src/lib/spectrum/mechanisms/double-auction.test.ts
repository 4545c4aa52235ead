import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../random.ts';
import { mcAfeeEfficiency } from '../testing/mcafee-efficiency.ts';
import { efficientTrades, mcAfee, tradeReduction } from './double-auction.ts';

/** Tenths, as money is whole. */
const tenths = (...values: number[]): bigint[] => values.map((value) => BigInt(value * 10));

describe('McAfee’s examples', () => {
	const bids = tenths(17, 14, 13, 9, 6);

	it('one price: buyers 17, 14, 13, 9, 6 and sellers 1, 4, 5, 8, 11 make 4 trades at 8.5', () => {
		expect(mcAfee(bids, tenths(1, 4, 5, 8, 11))).toEqual({ trades: 4, pays: 85n, receives: 85n });
	});

	it('a trade less: with 13 for 11 there are 3, buyers pay 9 and sellers receive 8', () => {
		expect(mcAfee(bids, tenths(1, 4, 5, 8, 13))).toEqual({ trades: 3, pays: 90n, receives: 80n });
	});
});

describe('efficiency over random markets, published by McAfee', () => {
	it.each([
		[2, 77.2, 3000],
		[5, 94.6, 1000],
		[10, 98.4, 500],
		[50, 99.9, 100]
	])('n = %i: %f %%', (n, percent, seeds) => {
		// So few seeds here; npm run bench:spectrum holds 20,000 to 0.5 points.
		expect(Math.abs(mcAfeeEfficiency(n, seeds) - percent)).toBeLessThan(1);
	});
});

describe.each([
	['mcAfee', mcAfee],
	['tradeReduction', tradeReduction]
])('%s', (name, auction) => {
	it('trades where both sides gain, at most one pair fewer than there are, and keeps no loss', () => {
		const random = new SeededRandom(1, name);
		for (let round = 0; round < 2000; round++) {
			const { bids, asks } = sides(random);
			const { trades, pays, receives } = auction(bids, asks);
			const efficient = efficientTrades(bids, asks);
			expect(trades).toBeLessThanOrEqual(efficient);
			expect(trades).toBeGreaterThanOrEqual(Math.max(0, efficient - 1));
			expect(pays).toBeGreaterThanOrEqual(receives);
			for (let i = 0; i < trades; i++) {
				expect(bids[i]).toBeGreaterThanOrEqual(pays);
				expect(asks[i]).toBeLessThanOrEqual(receives);
			}
		}
	});

	it('makes nothing of one pair, or of none', () => {
		for (const [bids, asks] of [
			[[], []],
			[[5n], []],
			[[], [5n]],
			[[5n], [1n]],
			[
				[1n, 1n],
				[5n, 6n]
			]
		] as [bigint[], bigint[]][])
			expect(auction(bids, asks).trades).toBe(0);
	});
});

it('TRUST gives a trade up where McAfee finds one price', () => {
	const bids = tenths(17, 14, 13, 9, 6);
	expect(tradeReduction(bids, tenths(1, 4, 5, 8, 11))).toEqual({ trades: 3, pays: 90n, receives: 80n });
});

function sides(random: SeededRandom): { bids: bigint[]; asks: bigint[] } {
	const draw = (count: number): bigint[] => Array.from({ length: count }, () => BigInt(random.below(30)));
	const bids = draw(random.below(7)).sort((a, b) => (a > b ? -1 : 1));
	return { bids, asks: draw(random.below(7)).sort((a, b) => (a < b ? -1 : 1)) };
}
