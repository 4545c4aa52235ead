import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { Holding } from '#lib/node/study/study.ts';
import { testTrade } from './test-aps.ts';
import { heightAt, heightTicks, layOut, MAX_LANES, yOf, type Frame } from './waterfall-layout.ts';

fc.configureGlobal({ seed: 7 });

const frame: Frame = { width: 462, height: 228, left: 62, top: 28, fromHeight: 0, toHeight: 100 };
const aps = [
	{ id: 'a', band: '5GHz' as const },
	{ id: 'b', band: '5GHz' as const },
	{ id: 'c', band: '2.4GHz' as const }
];
const all = { band: null, channel: null, fromHeight: 0, toHeight: Infinity };

function holding(ap: string, channel: number, fromHeight: number, toHeight: number | null = null): Holding {
	return { ap, channel, fromHeight, toHeight, boughtBy: null, soldBy: null, idle: false };
}

describe('layOut', () => {
	const holdings = [
		holding('b', 40, 30),
		holding('a', 40, 5, 30),
		holding('a', 36, 5),
		holding('c', 1, 6),
		holding('stranger', 36, 1)
	];
	const trade = testTrade({ sellerAp: 'a', buyerAp: 'b', channel: 40, height: 30 });

	it('puts channels in order of frequency, and a trade within its column', () => {
		const { columns, marks } = layOut(aps, holdings, [trade], all);
		expect(columns.map(({ channel, lanes }) => [channel, lanes.map(({ ap }) => ap)])).toEqual([
			[1, ['c']],
			[36, ['a']],
			[40, ['a', 'b']]
		]);
		expect(marks).toEqual([{ trade, column: 2, from: 0, to: 1 }]);
	});

	it('shows one band, one channel, or what is not too old', () => {
		const columns = (filter: Partial<typeof all>): number[] =>
			layOut(aps, holdings, [trade], { ...all, ...filter }).columns.map(({ channel }) => channel);
		expect(columns({ band: '5GHz' as never })).toEqual([36, 40]);
		expect(columns({ channel: 40 as never })).toEqual([40]);
		const late = layOut(aps, holdings, [trade], { ...all, fromHeight: 31 });
		expect(late.columns.map(({ lanes }) => lanes.map(({ ap }) => ap))).toEqual([['c'], ['a'], ['b']]);
		expect(late.marks).toEqual([]);
		const early = layOut(aps, holdings, [trade], { ...all, toHeight: 5 });
		expect(early.columns.map(({ lanes }) => lanes.map(({ ap }) => ap))).toEqual([['a'], ['a']]);
	});

	it('is bounded', () => {
		const many = Array.from({ length: MAX_LANES + 50 }, (_, index) => `x${index}`);
		const { columns } = layOut(
			many.map((id) => ({ id, band: '5GHz' as const })),
			many.map((id) => holding(id, 36, 1)),
			[],
			all
		);
		expect(columns[0]!.lanes).toHaveLength(MAX_LANES);
	});
});

describe('the height axis', () => {
	it('has the newest block on top, and is undone by heightAt', () => {
		expect(yOf(100, frame)).toBe(28);
		expect(yOf(0, frame)).toBe(228);
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 100 }), (height) => {
				expect(heightAt(yOf(height, frame), frame)).toBe(height);
			})
		);
	});

	it('labels round heights that have room', () => {
		expect(heightTicks(frame)).toEqual([100, 50, 0]);
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 1, max: 1e5 }), (from, span) => {
				const given = { ...frame, fromHeight: from, toHeight: from + span };
				const ticks = heightTicks(given);
				expect(ticks.length).toBeLessThanOrEqual(6);
				for (const tick of ticks) expect(tick >= from && tick <= from + span).toBe(true);
			})
		);
	});
});
