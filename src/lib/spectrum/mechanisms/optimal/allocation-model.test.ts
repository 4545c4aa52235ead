import { beforeAll, describe, expect, it } from 'vitest';
import { tooClose } from '../../radio/distance.ts';
import { SeededRandom } from '../../random.ts';
import { marketInstance } from '../../scenario/market-instance.ts';
import type { Market, Offer } from '../mechanism.ts';
import { mechanismNamed, mechanismNames } from '../registry.ts';
import { allocationModel, tradesOf, welfareOf, type AllocationProgram } from './allocation-model.ts';
import { loadHighsSolver } from './highs-solver.ts';
import { inFeasibleOrder, optimalMechanism, type OptimalOutcome } from './optimal.ts';
import { trivialAnswer, type Solve } from './solver.ts';

let solve: Solve;
beforeAll(async () => {
	solve = await loadHighsSolver();
});

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

/** Small, crowded, with asks that rise and a least gain now and then. */
function smallMarket(seed: number): Market {
	const random = new SeededRandom(seed, 'allocation-model');
	const market = marketInstance({
		seed,
		size: random.between(2, 4),
		conflicts: random.below(4) > 0,
		maxUnits: 2
	});
	const crowded = <T extends { site: Market['buyers'][number]['site'] }>(trader: T): T => ({
		...trader,
		site: { ...trader.site, coverageRadiusM: random.between(100, 250) }
	});
	return {
		...market,
		buyers: market.buyers.map((buyer) => ({ ...crowded(buyer), value: BigInt(random.below(50)) })),
		sellers: market.sellers.map((seller) => ({
			...seller,
			asks: seller.asks.slice(0, random.between(0, 2)).map((_, n) => BigInt(n * 5 + random.below(10)))
		})),
		minimumGain: BigInt(random.below(2) * 3)
	};
}

/**
 * Every allocation there is: each buyer gets one of all units, or nothing; those that end in a conflict, or sell
 * below the first ask, are none.
 */
function bestByLooking(market: Market): bigint {
	const units = market.sellers.flatMap((seller) =>
		seller.asks.length === 0 ? [] : seller.idleChannels.map((channel) => ({ seller, channel }))
	);
	let best = 0n;
	const trades: Offer[] = [];
	const look = (next: number): void => {
		const buyer = market.buyers[next];
		if (!buyer) {
			if (isFree(market, trades)) {
				const welfare = welfareOf(market, trades);
				if (welfare > best) best = welfare;
			}
			return;
		}
		look(next + 1);
		for (const { seller, channel } of units) {
			if (buyer.value - seller.asks[0]! < market.minimumGain) continue;
			if (trades.some((trade) => trade.seller === seller.site.id && trade.channel === channel)) continue;
			if (trades.filter((trade) => trade.seller === seller.site.id).length >= seller.asks.length) continue;
			trades.push({ buyer: buyer.site.id, seller: seller.site.id, channel, price: 0n });
			look(next + 1);
			trades.pop();
		}
	};
	look(0);
	return best;
}

/** No two that hold a channel after all trades are too close where one of them got it by a trade. */
function isFree(market: Market, trades: readonly Offer[]): boolean {
	const held = new Map(market.sellers.map((seller) => [seller, new Set(seller.idleChannels)]));
	for (const seller of market.sellers)
		for (const trade of trades) if (trade.seller === seller.site.id) held.get(seller)!.delete(trade.channel);
	const percent = market.holders.conflictDistancePercent;
	return trades.every(({ buyer, channel }, i) => {
		const { site } = market.buyers.find((one) => one.site.id === buyer)!;
		return (
			market.sellers.every(
				(seller) => !held.get(seller)!.has(channel) || !tooClose(site, seller.site, percent)
			) &&
			trades.slice(i + 1).every((other) => {
				const { site: there } = market.buyers.find((one) => one.site.id === other.buyer)!;
				return other.channel !== channel || !tooClose(site, there, percent);
			})
		);
	});
}

/** The program by itself: every 0/1 vector of its trades, with the asks paid cheapest first. */
function bestOfProgram(market: Market): bigint {
	const model = allocationModel(market);
	const { rows, wholeColumns, gains } = model.program;
	let best = 0n;
	const values = gains.map(() => 0);
	const fits = (): boolean => {
		for (const row of rows.filter(({ columns }) => columns.some((column) => column >= wholeColumns))) {
			const sold = row.columns.filter((column) => column < wholeColumns && values[column] === 1).length;
			const asks = row.columns.filter((column) => column >= wholeColumns);
			asks.forEach((column, n) => (values[column] = n < sold ? 1 : 0));
		}
		return rows.every(
			({ columns, coefficients, bound }) =>
				columns.reduce((sum, column, i) => sum + coefficients[i]! * values[column]!, 0) <= bound
		);
	};
	const look = (column: number): void => {
		if (column < wholeColumns) {
			for (const value of [0, 1]) {
				values[column] = value;
				look(column + 1);
			}
			values[column] = 0;
		} else if (fits()) {
			const welfare = welfareOf(market, tradesOf(model, values));
			if (welfare > best) best = welfare;
		}
	};
	look(0);
	return best;
}

describe('the model', () => {
	it('has the optimum that looking at every allocation finds, without any solver', () => {
		let looked = 0;
		for (const seed of SEEDS) {
			const market = smallMarket(seed);
			if (allocationModel(market).program.wholeColumns > 11) continue;
			looked++;
			expect(bestOfProgram(market)).toBe(bestByLooking(market));
		}
		expect(looked).toBeGreaterThan(15);
	});

	it('is the same in whatever order the market is listed', () => {
		for (const seed of SEEDS.slice(0, 10)) {
			const market = smallMarket(seed);
			const turned = { ...market, buyers: market.buyers.toReversed(), sellers: market.sellers.toReversed() };
			expect(allocationModel(turned).program).toEqual(allocationModel(market).program);
		}
	});
});

describe('optimal, by HiGHS', () => {
	it('is the optimum that looking finds, and says so', () => {
		let worth = 0;
		for (const seed of SEEDS) {
			const market = smallMarket(seed);
			const outcome = optimalMechanism(solve).clear(market) as OptimalOutcome;
			expect(outcome.label).toBe('optimal');
			expect(outcome.welfare).toBe(bestByLooking(market));
			expect(outcome.upperBound).toBe(outcome.welfare);
			expect(isFree(market, outcome.trades)).toBe(true);
			if (outcome.welfare > 0n) worth++;
		}
		expect(worth).toBeGreaterThan(30);
	});

	it('is passed by no other mechanism', () => {
		for (let seed = 0; seed < 4; seed++) {
			const market = marketInstance({ seed, size: 12, conflicts: true });
			const { welfare } = optimalMechanism(solve).clear(market) as OptimalOutcome;
			for (const name of mechanismNames())
				expect(welfareOf(market, mechanismNamed(name).clear(market).trades)).toBeLessThanOrEqual(welfare);
		}
	});

	it('is labelled a bound where time was up, with a bound that holds', () => {
		const market = marketInstance({ seed: 1, size: 12, conflicts: true });
		const exact = optimalMechanism(solve).clear(market) as OptimalOutcome;
		const cut = optimalMechanism(solve, 0).clear(market) as OptimalOutcome;
		const none = optimalMechanism(trivialAnswer).clear(market) as OptimalOutcome;
		for (const { label, welfare, upperBound } of [cut, none]) {
			expect(label).toBe('bound');
			expect(welfare).toBeLessThanOrEqual(exact.welfare);
			expect(upperBound).toBeGreaterThanOrEqual(exact.welfare);
		}
		expect(none.trades).toEqual([]);
	});

	it('offers what can be done one after another', () => {
		for (const seed of SEEDS) {
			const market = smallMarket(seed);
			const mechanism = optimalMechanism(solve);
			const offers = mechanism.offers(market);
			expect(inFeasibleOrder(market, offers)).toEqual(offers);
			for (const { buyer, price } of offers)
				expect(price).toBeLessThanOrEqual(market.buyers.find(({ site }) => site.id === buyer)!.value);
		}
	});

	it('solves what has no column', () => {
		const empty: AllocationProgram = { gains: [], wholeColumns: 0, rows: [] };
		expect(solve(empty, 1000)).toEqual({ label: 'optimal', values: [], upperBound: 0 });
	});
});
