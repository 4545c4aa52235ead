import { describe, expect, it } from 'vitest';
import { MINIMUM_GAIN } from '../manager/limits.ts';
import { greedyMechanism } from '../mechanisms/greedy.ts';
import { seedMechanism } from '../mechanisms/seed.ts';
import { marketOf, withTrades } from '../scenario/access-point-market.ts';
import { generateAccessPoints } from '../scenario/generate.ts';
import { accessPoint, northOf } from '../testing/access-points.ts';
import { welfareOfTrade, rankSellers, type RankingInput } from './seller-ranking.ts';

const buyer = accessPoint('buyer', { channels: [36], occupancyPpm: 900_000 });

function seller(id: string, metres: number, fields: Parameters<typeof accessPoint>[1] = {}) {
	return accessPoint(id, {
		...northOf(metres),
		channels: [40, 44],
		idleChannels: [44],
		occupancyPpm: 50_000,
		...fields
	});
}

function rank(aps: RankingInput['accessPoints'], fields: Partial<RankingInput> = {}) {
	return rankSellers({
		buyer: 'buyer',
		accessPoints: [buyer, ...aps],
		mechanism: 'greedy',
		reserved: new Set(),
		chosen: { seller: 'good', channel: 44 },
		conflictDistancePercent: 100,
		...fields
	})!;
}

const verdicts = (ranking: ReturnType<typeof rank>): Record<string, string> =>
	Object.fromEntries(ranking.candidates.map(({ id, verdict }) => [id, verdict]));

describe('rankSellers', () => {
	it('says of each candidate the first reason for which it was not the one', () => {
		const ranking = rank(
			[
				seller('good', 200),
				seller('dearer', 150, { channels: [40, 48], idleChannels: [48], occupancyPpm: 190_000 }),
				seller('busy', 300, { occupancyPpm: 200_001 }),
				seller('nothing-idle', 310, { idleChannels: [] }),
				seller('one-channel', 320, { channels: [44], idleChannels: [44] }),
				seller('held', 330, { channels: [36, 40], idleChannels: [36] }),
				seller('asked', 340, { channels: [40, 52], idleChannels: [52] }),
				seller('blocked', 350, { channels: [40, 56], idleChannels: [56] }),
				seller('elsewhere', 10, { band: '6GHz', channels: [1, 5], idleChannels: [5] }),
				// It holds what `blocked` offers, nearer to the buyer than r1 + r2.
				accessPoint('neighbour', { ...northOf(60), channels: [56], occupancyPpm: 500_000 })
			],
			{ reserved: new Set(['asked/52']) }
		);
		expect(verdicts(ranking)).toEqual({
			good: 'chosen',
			dearer: 'behind',
			busy: 'busy',
			'nothing-idle': 'nothing-idle',
			'one-channel': 'keeps',
			held: 'held',
			asked: 'asked',
			blocked: 'conflict',
			neighbour: 'busy'
		});
		expect(ranking.candidates.slice(0, 2).map(({ id }) => id)).toEqual(['good', 'dearer']);
		expect(ranking.otherBands).toBe(1);
		expect(ranking.value).toBe('450');
		const blocked = ranking.candidates.find(({ id }) => id === 'blocked');
		expect(blocked?.inTheWay).toEqual({ id: 'neighbour', channel: 56, distanceM: 60, limitM: 100 });
	});

	it('orders by distance for the seed mechanism, by the ask for greedy, by the last ask for veritas', () => {
		const near = seller('near', 120, { occupancyPpm: 180_000 });
		const cheap = seller('cheap', 900, { channels: [40, 44, 48, 52], idleChannels: [44, 48, 52] });
		const order = (mechanism: string) =>
			rank([near, cheap], { mechanism, chosen: { seller: 'none', channel: 0 } }).candidates.map(
				({ id }) => id
			);
		expect(order('seed')).toEqual(['near', 'cheap']);
		expect(order('greedy')).toEqual(['cheap', 'near']);
		expect(order('veritas')).toEqual(['cheap', 'near']);
	});

	it('names those before the chosen one as passed, and a trade that would gain too little as too dear', () => {
		const poor = accessPoint('poor', { channels: [36, 60, 64, 100], occupancyPpm: 800_000 });
		const aps = [poor, seller('cheap', 120), seller('good', 240, { occupancyPpm: 190_000 })];
		const input = { buyer: 'poor', accessPoints: aps, chosen: { seller: 'good', channel: 44 } };
		expect(verdicts(rank([], input))).toEqual({ cheap: 'passed', good: 'chosen' });
		expect(
			verdicts(
				rank([], {
					...input,
					chosen: { seller: 'cheap', channel: 44 }
				})
			)
		).toEqual({ cheap: 'chosen', good: 'too-dear' });
	});

	it('knows no ranking for who is not there', () => {
		expect(
			rankSellers({
				...{ buyer: 'nobody', accessPoints: [], mechanism: 'seed', reserved: new Set<string>() },
				chosen: { seller: 'x', channel: 1 },
				conflictDistancePercent: 100
			})
		).toBeNull();
	});

	it('puts the seller that a mechanism chooses for its first buyer first', () => {
		const accessPoints = generateAccessPoints({ seed: 5, count: 120 });
		for (const mechanism of [greedyMechanism, seedMechanism]) {
			const market = marketOf(accessPoints, { conflictDistancePercent: 100, seed: 5 });
			const [offer] = mechanism.offers(market);
			const ranking = rankSellers({
				buyer: offer!.buyer,
				accessPoints,
				mechanism: mechanism.name,
				reserved: new Set(),
				chosen: { seller: offer!.seller, channel: offer!.channel },
				conflictDistancePercent: 100
			});
			expect(ranking!.candidates[0]).toMatchObject({ id: offer!.seller, verdict: 'chosen' });
		}
	});
});

describe('welfareOfTrade', () => {
	it('is what a study counts as the welfare of the trade, within a unit', () => {
		const accessPoints = generateAccessPoints({ seed: 5, count: 120 });
		const market = marketOf(accessPoints, { conflictDistancePercent: 100, seed: 5 });
		const [offer] = greedyMechanism.offers(market);
		const after = new Map(withTrades(accessPoints, [offer!]).map((ap) => [ap.id, ap]));
		const value = market.buyers.find(({ site }) => site.id === offer!.buyer)!.value;
		const ask = market.sellers.find(({ site }) => site.id === offer!.seller)!.asks[0]!;
		const gain = welfareOfTrade({
			channel: offer!.channel,
			buyerAfter: after.get(offer!.buyer)!,
			sellerAfter: after.get(offer!.seller)!
		});
		expect(Math.abs(Number(gain) - Number(value - ask - MINIMUM_GAIN))).toBeLessThanOrEqual(1);
	});
});
