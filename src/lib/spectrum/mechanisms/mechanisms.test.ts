import { describe, expect, it } from 'vitest';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { HolderBoard } from '../radio/holder-board.ts';
import { tooClose } from '../radio/distance.ts';
import { SeededRandom } from '../random.ts';
import type { Buyer, Market, Seller } from './mechanism.ts';
import { runRound } from './mechanism.ts';
import { DEFAULT_MECHANISM, UnknownMechanismError, mechanismNamed, mechanismNames } from './registry.ts';
import { asksOfSeller, valueToBuyer } from './valuation.ts';

interface Instance extends Market {
	buyers: Buyer[];
	sellers: Seller[];
	held: Map<string, { site: Buyer['site']; channels: number[] }>;
}

/** Buyers, sellers and bystanders in 600 m², few channels, so that neighbours are in each other's way. */
function randomMarket(seed: number): Instance {
	const random = new SeededRandom(seed, 'market');
	const held: Instance['held'] = new Map();
	const holders = new HolderBoard(100);
	const place = (id: string, wanted: number): number[] => {
		const site = accessPoint(id, {
			latitudeMicrodegrees: 40_750_000 + random.between(-2700, 2700),
			longitudeMicrodegrees: -73_980_000 + random.between(-3600, 3600),
			coverageRadiusM: random.between(20, 90)
		});
		const channels = [36, 40, 44, 48, 52]
			.filter((channel) => random.below(5) < wanted && holders.conflicting(site, channel) === undefined)
			.slice(0, wanted);
		held.set(id, { site, channels });
		holders.put(site, channels);
		return channels;
	};
	const sellers: Seller[] = [];
	const buyers: Buyer[] = [];
	for (let i = 0; i < 12; i++) {
		const channels = place(`seller-${i}`, 4);
		const first = BigInt(random.between(1, 400));
		const asks = channels.slice(1).map((_, sold) => first + BigInt(sold * random.below(200)));
		asks.sort((a, b) => (a < b ? -1 : 1));
		sellers.push({ site: held.get(`seller-${i}`)!.site, idleChannels: channels.slice(1), asks });
	}
	for (let i = 0; i < 15; i++) {
		place(`buyer-${i}`, 1);
		buyers.push({ site: held.get(`buyer-${i}`)!.site, value: BigInt(random.between(1, 600)) });
	}
	for (let i = 0; i < 5; i++) place(`other-${i}`, 2);
	return { buyers, sellers, holders, held, minimumGain: BigInt(random.below(60)), seed };
}

describe.each(mechanismNames())('%s', (name) => {
	const mechanism = mechanismNamed(name);
	const seeds = Array.from({ length: 100 }, (_, seed) => seed);

	it('makes no conflicting pair, sells no channel twice and serves no buyer twice', () => {
		let trades = 0;
		for (const seed of seeds) {
			const market = randomMarket(seed);
			const taken = runRound(mechanism, market);
			trades += taken.length;
			expect(new Set(taken.map((trade) => trade.buyer)).size).toBe(taken.length);
			for (const { buyer, seller, channel } of taken) {
				const from = market.held.get(seller)!;
				expect(market.sellers.find(({ site }) => site.id === seller)!.idleChannels).toContain(channel);
				expect(from.channels).toContain(channel);
				from.channels = from.channels.filter((held) => held !== channel);
				market.held.get(buyer)!.channels.push(channel);
			}
			const all = [...market.held.values()];
			for (const a of all) {
				expect(new Set(a.channels).size).toBe(a.channels.length);
				for (const b of all)
					if (a !== b && tooClose(a.site, b.site, 100))
						expect(a.channels.filter((channel) => b.channels.includes(channel))).toEqual([]);
			}
		}
		expect(trades).toBeGreaterThan(seeds.length);
	});

	it('leaves nobody worse off: price between ask and value', () => {
		for (const seed of seeds) {
			const market = randomMarket(seed);
			const value = new Map(market.buyers.map((buyer) => [buyer.site.id, buyer.value]));
			for (const offer of mechanism.offers(market))
				expect(offer.price).toBeLessThanOrEqual(value.get(offer.buyer)!);
			const sold = new Map<string, bigint[]>();
			for (const { seller, price } of runRound(mechanism, market))
				sold.set(seller, [...(sold.get(seller) ?? []), price]);
			for (const { site, asks } of market.sellers)
				(sold.get(site.id) ?? []).forEach((price, i) => expect(price).toBeGreaterThanOrEqual(asks[i]!));
		}
	});

	it('answers alike for the same market, in whatever order it is listed', () => {
		for (const seed of seeds.slice(0, 50)) {
			const market = randomMarket(seed);
			const turned = { ...market, buyers: market.buyers.toReversed(), sellers: market.sellers.toReversed() };
			expect(runRound(mechanism, turned)).toEqual(runRound(mechanism, market));
		}
	});

	it('leaves out what is reserved or avoided', () => {
		for (const seed of seeds.slice(0, 50)) {
			const market = randomMarket(seed);
			const [first] = mechanism.offers(market);
			if (!first) continue;
			const reserved = new Set([`${first.seller}/${first.channel}`]);
			for (const offer of mechanism.offers({ ...market, reserved }))
				expect(`${offer.seller}/${offer.channel}`).not.toBe([...reserved][0]);
			const avoided = new Set([`${first.buyer}/${first.seller}`]);
			for (const offer of mechanism.offers({ ...market, avoided }))
				expect(`${offer.buyer}/${offer.seller}`).not.toBe([...avoided][0]);
		}
	});

	it('does nothing without buyers, sellers or gain', () => {
		const market = randomMarket(1);
		expect(runRound(mechanism, { ...market, buyers: [] })).toEqual([]);
		expect(runRound(mechanism, { ...market, sellers: [] })).toEqual([]);
		expect(runRound(mechanism, { ...market, minimumGain: 10_000n })).toEqual([]);
	});
});

describe('the two rules', () => {
	const near: Seller = { site: accessPoint('near', northOf(300)), idleChannels: [36], asks: [90n] };
	const cheap: Seller = { site: accessPoint('cheap', northOf(900)), idleChannels: [40], asks: [10n] };
	const buyers: Buyer[] = [
		{ site: accessPoint('low', { channels: [] }), value: 200n },
		{ site: accessPoint('high', { channels: [], ...northOf(-150) }), value: 300n }
	];
	const holders = new HolderBoard(100);
	holders.put(near.site, [36, 64]);
	holders.put(cheap.site, [40, 64]);
	const market: Market = { buyers, sellers: [near, cheap], holders, minimumGain: 0n, seed: 0 };

	it('seed: everyone asks the nearest, at full value; the highest bid is taken', () => {
		expect(
			mechanismNamed('seed')
				.offers(market)
				.map(({ buyer, seller, price }) => [buyer, seller, price])
		).toEqual([
			['high', 'near', 300n],
			['low', 'near', 200n]
		]);
		expect(runRound(mechanismNamed('seed'), market).map(({ buyer }) => buyer)).toEqual(['high']);
	});

	it('greedy: the highest bid gets the cheapest, the next one the other, at the middle price', () => {
		expect(
			runRound(mechanismNamed('greedy'), market).map(({ buyer, seller, price }) => [buyer, seller, price])
		).toEqual([
			['high', 'cheap', 155n],
			['low', 'near', 145n]
		]);
	});

	it('greedy finds at least as much welfare as seed, on the whole', () => {
		const welfare = (name: string): number => {
			let sum = 0;
			for (let seed = 0; seed < 200; seed++) {
				const instance = randomMarket(seed);
				const sold = new Map<string, number>();
				for (const { buyer, seller } of runRound(mechanismNamed(name), instance)) {
					const nth = sold.get(seller) ?? 0;
					sold.set(seller, nth + 1);
					const value = instance.buyers.find(({ site }) => site.id === buyer)!.value;
					sum += Number(value - instance.sellers.find(({ site }) => site.id === seller)!.asks[nth]!);
				}
			}
			return sum;
		};
		expect(welfare('greedy')).toBeGreaterThan(welfare('seed') * 1.2);
	});

	it('are found by name', () => {
		expect(mechanismNamed(DEFAULT_MECHANISM).name).toBe('greedy');
		expect(() => mechanismNamed('auction')).toThrow(UnknownMechanismError);
	});
});

describe('valuation', () => {
	it('is the relief that one channel more brings', () => {
		expect(valueToBuyer(accessPoint('a', { channels: [36], occupancyPpm: 900_000 }))).toBe(450n);
		expect(valueToBuyer(accessPoint('a', { channels: [36, 40], occupancyPpm: 900_000 }))).toBe(300n);
		expect(valueToBuyer(accessPoint('a', { channels: [], occupancyPpm: 900_000 }))).toBe(900n);
	});

	it('asks for the burden, for as many channels as are given away', () => {
		const ap = (channels: number[], idleChannels: number[], occupancyPpm: number) =>
			accessPoint('a', { channels, idleChannels, occupancyPpm });
		expect(asksOfSeller(ap([36, 40], [40], 100_000))).toEqual([100n]);
		expect(asksOfSeller(ap([36, 40, 44], [40, 44], 100_000))).toEqual([50n, 150n]);
		expect(asksOfSeller(ap([36, 40, 44], [40, 44], 150_000))).toEqual([75n]);
		expect(asksOfSeller(ap([36, 40], [40], 0))).toEqual([1n]);
		expect(asksOfSeller(ap([36, 40], [], 0))).toEqual([]);
		expect(asksOfSeller(ap([36], [36], 0))).toEqual([]);
		expect(asksOfSeller(ap([36, 40], [40], 200_001))).toEqual([]);
	});
});
