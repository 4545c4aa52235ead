import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { occupancyAfterBuying, occupancyAfterSelling } from '../access-point.ts';
import { accessPoint } from '../testing/access-points.ts';
import { holdingsOf, rewind } from './market-history.ts';
import type { ApView, TradeView } from './spectrum-view.ts';

fc.configureGlobal({ seed: 7 });

type Ap = ApView;
type Trade = Pick<
	TradeView,
	'id' | 'buyerAp' | 'sellerAp' | 'channel' | 'height' | 'buyerAfter' | 'sellerAfter'
>;

function ap(id: string, channels: number[], occupancyPpm: number, registeredHeight = 1): Ap {
	return {
		...accessPoint(id, { channels, idleChannels: channels.slice(1), occupancyPpm }),
		owner: id,
		registeredHeight,
		height: registeredHeight
	};
}

/** As the contract does it. */
function trade(aps: Map<string, Ap>, buyer: string, seller: string, channel: number, height: number): Trade {
	const before = { buyer: aps.get(buyer)!, seller: aps.get(seller)! };
	const bought: Ap = {
		...before.buyer,
		channels: [...before.buyer.channels, channel].sort((a, b) => a - b),
		occupancyPpm: occupancyAfterBuying(before.buyer.occupancyPpm, before.buyer.channels.length),
		height
	};
	const sold: Ap = {
		...before.seller,
		channels: before.seller.channels.filter((one) => one !== channel),
		idleChannels: before.seller.idleChannels.filter((one) => one !== channel),
		occupancyPpm: occupancyAfterSelling(before.seller.occupancyPpm, before.seller.channels.length),
		height
	};
	aps.set(buyer, bought);
	aps.set(seller, sold);
	const load = ({ channels, idleChannels, occupancyPpm }: Ap): Trade['buyerAfter'] => ({
		channels,
		idleChannels,
		occupancyPpm
	});
	return {
		id: `trade-${height}`,
		buyerAp: buyer,
		sellerAp: seller,
		channel,
		height,
		buyerAfter: load(bought),
		sellerAfter: load(sold)
	};
}

describe('holdingsOf', () => {
	it('follows a channel from hand to hand', () => {
		const aps = new Map([
			['a', ap('a', [36, 40, 44], 100_000)],
			['b', ap('b', [48], 900_000, 2)],
			['c', ap('c', [52], 950_000, 3)]
		]);
		const first = trade(aps, 'b', 'a', 40, 5);
		const second = trade(aps, 'c', 'b', 40, 9);
		const of40 = holdingsOf([...aps.values()], [second, first])
			.filter(({ channel }) => channel === 40)
			.sort((x, y) => x.fromHeight - y.fromHeight);
		expect(of40).toEqual([
			holding('a', 1, 5, null, first.id),
			holding('b', 5, 9, first.id, second.id),
			holding('c', 9, null, second.id, null)
		]);
	});

	it('ends a channel that went without a trade where its access point last changed, and leaves strangers out', () => {
		const aps = new Map([
			['a', ap('a', [36, 40], 100_000)],
			['b', ap('b', [48], 900_000)]
		]);
		const bought = trade(aps, 'b', 'a', 40, 5);
		const lost = { ...aps.get('b')!, channels: [48], height: 8 };
		expect(holdingsOf([lost], [bought]).filter(({ channel }) => channel === 40)).toEqual([
			holding('b', 5, 8, bought.id, null)
		]);
	});

	function holding(
		id: string,
		fromHeight: number,
		toHeight: number | null,
		boughtBy: string | null,
		soldBy: string | null
	) {
		return { ap: id, channel: 40, fromHeight, toHeight, boughtBy, soldBy, idle: false };
	}
});

describe('rewind', () => {
	it('undoes any trades: channels exactly, occupancy to some parts per million', () => {
		const step = fc.record({
			buyer: fc.nat(4),
			seller: fc.nat(4),
			pick: fc.nat(7),
			height: fc.integer({ min: 1, max: 3 })
		});
		fc.assert(
			fc.property(
				fc.array(fc.integer({ min: 10_000, max: 150_000 }), { minLength: 5, maxLength: 5 }),
				fc.array(step, { maxLength: 12 }),
				fc.nat(12),
				(loads, steps, upTo) => {
					const aps = new Map(
						loads.map((load, i) => [`ap${i}`, ap(`ap${i}`, [8 * i + 1, 8 * i + 2, 8 * i + 3], load, 0)])
					);
					const snapshots = [new Map(aps)];
					const heights = [1];
					const trades: Trade[] = [];
					let height = 1;
					for (const { buyer, seller, pick, height: later } of steps) {
						const from = aps.get(`ap${seller}`)!;
						const channel = from.idleChannels[pick % (from.idleChannels.length || 1)];
						if (buyer === seller || channel === undefined || from.channels.length < 2) continue;
						if (occupancyAfterSelling(from.occupancyPpm, from.channels.length) > 1_000_000) continue;
						height += later;
						trades.unshift(trade(aps, `ap${buyer}`, `ap${seller}`, channel, height));
						snapshots.push(new Map(aps));
						heights.push(height + 1);
					}
					const at = Math.min(upTo, snapshots.length - 1);
					const found = rewind([...aps.values()], trades, heights[at]!);
					expect(found.map(({ id }) => id)).toEqual([...aps.keys()]);
					for (const one of found) {
						const was = snapshots[at]!.get(one.id)!;
						expect(one.channels).toEqual(was.channels);
						expect(Math.abs(one.occupancyPpm - was.occupancyPpm)).toBeLessThanOrEqual(6);
					}
				}
			)
		);
	});

	it('leaves out who came later', () => {
		const aps = [ap('early', [36], 1, 3), ap('late', [40], 1, 4)];
		expect(rewind(aps, [], 4).map(({ id }) => id)).toEqual(['early']);
	});
});
