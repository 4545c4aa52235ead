/**
 * What an economist asks of a mechanism: does telling the truth ever cost, does anybody lose by taking part, does the auctioneer
 * ever pay in. 10,000 random misreports each, with and without conflicts, reuse and a least gain.
 */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../random.ts';
import { marketInstance } from '../scenario/market-instance.ts';
import { clearMcAfee } from './mcafee.ts';
import type { Market, Outcome } from './mechanism.ts';
import { Options } from './options.ts';
import { seedMechanism } from './seed.ts';
import { clearTrust } from './trust.ts';
import { clearVeritas } from './veritas.ts';

const DEVIATIONS = 10_000;
const DEVIATIONS_PER_MARKET = 20;
const VALUES = 40;

/** Whose misreport is tried. VERITAS is an auction of buyers; a reserve is not a bid. */
type Side = 'buyer' | 'seller';

interface Tried {
	deviations: number;
	trades: number;
	profitable: number;
	/** Individual rationality or budget broken. */
	faults: string[];
}

type Clear = (market: Market, options: Options) => Outcome;

describe.each<[string, Clear, Side[]]>([
	['mcafee', clearMcAfee, ['buyer', 'seller']],
	['veritas', clearVeritas, ['buyer']],
	['trust', clearTrust, ['buyer', 'seller']]
])('%s', (name, clear, sides) => {
	const tried = tryDeviations(name, clear, sides);

	it('has no profitable misreport in 10,000', () => {
		expect(tried.deviations).toBe(DEVIATIONS);
		expect(tried.trades).toBeGreaterThan(DEVIATIONS / DEVIATIONS_PER_MARKET / 2);
		expect(tried.profitable).toBe(0);
	});

	it('leaves nobody worse off, and the auctioneer never pays in', () => {
		expect(tried.faults).toEqual([]);
	});
});

it('seed fails: its buyers gain by bidding less than they would pay', () => {
	const tried = tryDeviations('seed', seedMechanism.clear, ['buyer']);
	expect(tried.profitable).toBeGreaterThan(DEVIATIONS / 100);
	expect(tried.faults).toEqual([]);
});

function tryDeviations(name: string, clear: Clear, sides: readonly Side[]): Tried {
	const random = new SeededRandom(1992, `truthfulness/${name}`);
	const tried: Tried = { deviations: 0, trades: 0, profitable: 0, faults: [] };
	while (tried.deviations < DEVIATIONS) {
		const truth = smallMarket(random);
		// Who can take what does not depend on what anybody says; options.ts reads no value.
		const options = new Options(truth);
		const honest = clear(truth, options);
		tried.trades += honest.trades.length;
		tried.faults.push(...faultsOf(truth, honest));
		for (let i = 0; i < DEVIATIONS_PER_MARKET; i++) {
			const side = sides[random.below(sides.length)]!;
			const traders = side === 'buyer' ? truth.buyers : truth.sellers;
			const liar = traders[random.below(traders.length)]!.site.id;
			const lie = BigInt(random.below(VALUES));
			const report = withReport(truth, side, liar, lie);
			const lied = clear(report, new Options(report, options));
			tried.deviations++;
			if (utility(truth, lied, side, liar) > utility(truth, honest, side, liar)) tried.profitable++;
		}
	}
	return tried;
}

/** Few and coarse values, so that ties are common: they are where a mechanism is easily wrong. */
function smallMarket(random: SeededRandom): Market {
	const market = marketInstance({
		seed: random.next(),
		size: random.between(3, 6),
		conflicts: random.below(3) > 0,
		maxUnits: random.between(1, 2)
	});
	const value = (): bigint => BigInt(random.below(VALUES));
	return {
		...market,
		buyers: market.buyers.map((buyer) => ({ ...buyer, value: value() })),
		sellers: market.sellers.map((seller) => {
			const ask = value() / 2n;
			// It may hold more idle channels than it would give away now.
			return { ...seller, asks: seller.idleChannels.slice(random.below(2)).map(() => ask) };
		}),
		minimumGain: BigInt(random.below(2) * random.below(5)),
		reuse: random.below(2) === 0
	};
}

function withReport(market: Market, side: Side, liar: string, lie: bigint): Market {
	if (side === 'buyer')
		return {
			...market,
			buyers: market.buyers.map((buyer) => (buyer.site.id === liar ? { ...buyer, value: lie } : buyer))
		};
	return {
		...market,
		sellers: market.sellers.map((seller) =>
			seller.site.id === liar ? { ...seller, asks: seller.asks.map(() => lie) } : seller
		)
	};
}

/** By the truth: value less price, or receipt less the cost of every channel that is gone. */
function utility(truth: Market, outcome: Outcome, side: Side, id: string): bigint {
	if (side === 'buyer') {
		const { value } = truth.buyers.find(({ site }) => site.id === id)!;
		return outcome.trades
			.filter(({ buyer }) => buyer === id)
			.reduce((sum, { price }) => sum + value - price, 0n);
	}
	const { asks } = truth.sellers.find(({ site }) => site.id === id)!;
	return (outcome.receipts.get(id) ?? 0n) - costOf(asks, channelsSold(outcome, id));
}

function channelsSold(outcome: Outcome, seller: string): number {
	return new Set(outcome.trades.filter((trade) => trade.seller === seller).map(({ channel }) => channel))
		.size;
}

function costOf(asks: readonly bigint[], channels: number): bigint {
	return asks.slice(0, channels).reduce((sum, ask) => sum + ask, 0n);
}

function faultsOf(market: Market, outcome: Outcome): string[] {
	const faults: string[] = [];
	for (const { site } of market.buyers)
		if (utility(market, outcome, 'buyer', site.id) < 0n) faults.push(`${site.id} loses`);
	for (const { site } of market.sellers)
		if (utility(market, outcome, 'seller', site.id) < 0n) faults.push(`${site.id} loses`);
	for (const { site, asks } of market.sellers)
		if (channelsSold(outcome, site.id) > asks.length) faults.push(`${site.id} sells too much`);
	const paid = outcome.trades.reduce((sum, { price }) => sum + price, 0n);
	const received = [...outcome.receipts.values()].reduce((sum, receipt) => sum + receipt, 0n);
	if (received > paid) faults.push(`the auctioneer pays in ${received - paid}`);
	if (outcome.trades.some(({ seller }) => !outcome.receipts.has(seller)))
		faults.push('a sale without receipt');
	return faults;
}
