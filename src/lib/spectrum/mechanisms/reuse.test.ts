/** VERITAS and TRUST as they were published: buyers that do not disturb each other share a channel. */
import { describe, expect, it } from 'vitest';
import { HolderBoard } from '../radio/holder-board.ts';
import { tooClose } from '../radio/distance.ts';
import { marketInstance } from '../scenario/market-instance.ts';
import { accessPoint, northOf } from '../testing/access-points.ts';
import type { Market, Seller } from './mechanism.ts';
import { mechanismNamed } from './registry.ts';

/** A, B and C stand in a row; B disturbs both of the others. */
function row(bids: { a: bigint; b: bigint; c: bigint }, asks: bigint[]): Market {
	const site = (id: string, metres: number) =>
		accessPoint(id, { channels: [], coverageRadiusM: 100, ...northOf(metres) });
	const sellers: Seller[] = asks.map((ask, i) => ({
		site: site(`seller-${i}`, 5000 + 1000 * i),
		idleChannels: [36 + 4 * i],
		asks: [ask]
	}));
	const holders = new HolderBoard(100);
	for (const seller of sellers) holders.put(seller.site, seller.idleChannels);
	return {
		buyers: [
			{ site: site('a', 0), value: bids.a },
			{ site: site('b', 150), value: bids.b },
			{ site: site('c', 300), value: bids.c }
		],
		sellers,
		holders,
		minimumGain: 0n,
		seed: 0,
		reuse: true
	};
}

const paid = (name: string, market: Market): [string, bigint][] =>
	mechanismNamed(name)
		.clear(market)
		.trades.map(({ buyer, price }): [string, bigint] => [buyer, price])
		.sort();

describe('VERITAS with one channel', () => {
	it('charges the bid of the critical neighbour', () => {
		expect(paid('veritas', row({ a: 5n, b: 7n, c: 4n }, [0n]))).toEqual([['b', 5n]]);
		// Either of a and c shuts b out alone, so neither pays for it.
		expect(paid('veritas', row({ a: 5n, b: 3n, c: 4n }, [0n]))).toEqual([
			['a', 0n],
			['c', 0n]
		]);
		// c is out of the way: a pays what b would have bid.
		expect(paid('veritas', row({ a: 5n, b: 3n, c: 0n }, [1n]))).toEqual([['a', 3n]]);
	});

	it('charges nothing where nobody is in the way, and never less than the reserve', () => {
		expect(paid('veritas', row({ a: 5n, b: 0n, c: 4n }, [2n]))).toEqual([
			['a', 2n],
			['c', 2n]
		]);
		expect(paid('veritas', row({ a: 5n, b: 7n, c: 4n }, [6n]))).toEqual([['b', 6n]]);
	});

	it('sells it once where it has one holder', () => {
		const market = { ...row({ a: 5n, b: 3n, c: 4n }, [0n]), reuse: false };
		expect(paid('veritas', market)).toEqual([['a', 4n]]);
	});
});

describe('TRUST with two channels', () => {
	it('lets a group bid its number times its least bid, and share the price of the group that is given up', () => {
		const outcome = mechanismNamed('trust').clear(row({ a: 5n, b: 7n, c: 4n }, [1n, 2n]));
		// {a, c} bids 8, {b} bids 7: one trade, at 7 for the group and 2 for the seller.
		expect(outcome.trades.map(({ buyer, seller, price }) => [buyer, seller, price]).sort()).toEqual([
			['a', 'seller-0', 4n],
			['c', 'seller-0', 4n]
		]);
		expect([...outcome.receipts]).toEqual([['seller-0', 2n]]);
	});

	it('sells one by one where a channel has one holder', () => {
		const market = { ...row({ a: 5n, b: 7n, c: 4n }, [1n, 2n]), reuse: false };
		expect(paid('trust', market)).toEqual([['b', 5n]]);
	});
});

describe.each(['veritas', 'trust'])('%s with reuse in random markets', (name) => {
	it('makes no conflicting pair, and sells a channel more than once', () => {
		let shared = 0;
		for (let seed = 0; seed < 40; seed++) {
			const market = { ...marketInstance({ seed, size: 12, conflicts: true }), reuse: true };
			const { trades } = mechanismNamed(name).clear(market);
			expect(new Set(trades.map(({ buyer }) => buyer)).size).toBe(trades.length);
			const siteOf = new Map(market.buyers.map(({ site }) => [site.id, site]));
			trades.forEach((trade, i) => {
				const site = siteOf.get(trade.buyer)!;
				expect(market.holders.conflicting(site, trade.channel, (id) => id === trade.seller)).toBeUndefined();
				for (const other of trades.slice(i + 1)) {
					if (other.channel !== trade.channel) continue;
					expect(tooClose(site, siteOf.get(other.buyer)!, 100)).toBe(false);
					if (other.seller === trade.seller) shared++;
				}
			});
		}
		expect(shared).toBeGreaterThan(10);
	});
});
