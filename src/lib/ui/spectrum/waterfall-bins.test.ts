import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { Holding } from '#lib/node/study/study.ts';
import { testTrade } from './test-aps.ts';
import {
	MIN_SPAN_BLOCKS,
	hasBars,
	holderBands,
	markGroups,
	moveSpan,
	pickMark,
	pinchSpan,
	placeAt,
	readingAt,
	zoomSpan
} from './waterfall-bins.ts';
import { heightAt, labelEvery, layOut, markEnds, yOf, type Frame } from './waterfall-layout.ts';

fc.configureGlobal({ seed: 8 });

const wide: Frame = { width: 462, height: 228, left: 62, top: 28, fromHeight: 0, toHeight: 100 };
const narrow: Frame = { ...wide, width: 92 };
const aps = [
	{ id: 'a', band: '5GHz' as const },
	{ id: 'b', band: '5GHz' as const },
	{ id: 'c', band: '2.4GHz' as const }
];
const everything = { band: null, channel: null, fromHeight: 0, toHeight: Infinity };

function holding(ap: string, channel: number, fromHeight: number, toHeight: number | null = null): Holding {
	return { ap, channel, fromHeight, toHeight, boughtBy: null, soldBy: null, idle: false };
}

const trade = testTrade({ id: 't', sellerAp: 'a', buyerAp: 'b', channel: 40, height: 30 });
const waterfall = layOut(
	aps,
	[holding('a', 40, 5, 30), holding('b', 40, 30), { ...holding('a', 36, 5), idle: true }, holding('c', 1, 6)],
	[trade],
	everything
);

describe('where there is no room for lanes', () => {
	it('bands say how many held a channel, and when', () => {
		expect(holderBands(waterfall.columns[2]!, wide)).toEqual([
			// One after the other: the number never changes.
			{ top: 28, bottom: 218, used: 1, idle: 0 }
		]);
		expect(holderBands(waterfall.columns[1]!, wide)).toEqual([{ top: 28, bottom: 218, used: 0, idle: 1 }]);
	});

	it('bands add up to what was held, whatever it is', () => {
		const block = fc.integer({ min: 0, max: 100 });
		fc.assert(
			fc.property(fc.array(fc.tuple(block, block, fc.boolean()), { minLength: 1, maxLength: 30 }), (all) => {
				const lanes = all.map(([a, b, idle], i) => ({
					ap: String(i),
					holdings: [{ ...holding(String(i), 36, Math.min(a, b), Math.max(a, b)), idle }]
				}));
				const bands = holderBands({ band: '5GHz', channel: 36, lanes }, wide);
				const held = bands.reduce((sum, one) => sum + (one.used + one.idle) * (one.bottom - one.top), 0);
				// Two pixels a block, and at least one.
				const expected = all.reduce((sum, [a, b]) => sum + Math.max(1, 2 * Math.abs(a - b)), 0);
				expect(held).toBe(expected);
				for (const [i, one] of bands.entries())
					expect(one.top >= 28 && one.bottom <= 228 && one.top >= (bands[i - 1]?.bottom ?? 0)).toBe(true);
			})
		);
	});

	it('trades near each other in time are one dot, and none is lost', () => {
		expect([hasBars(waterfall, wide), hasBars(waterfall, narrow)]).toEqual([true, false]);
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 60 }), (heights) => {
				const trades = heights
					.toSorted((a, b) => b - a)
					.map((height, i) => ({ ...trade, id: String(i), height }));
				const many = layOut(aps, [holding('a', 40, 0), holding('b', 40, 0)], trades, everything);
				const groups = markGroups(many, narrow);
				expect(groups.reduce((sum, { marks }) => sum + marks.length, 0)).toBe(heights.length);
				expect(groups.length).toBeLessThanOrEqual(Math.ceil(200 / 7) + 1);
			})
		);
	});

	it('numbers are left out rather than drawn over each other', () => {
		expect([labelEvery(3, wide), labelEvery(100, wide)]).toEqual([1, 7]);
	});
});

it('finds the trade that is pointed at, as it is drawn, and none beyond reach', () => {
	const [mark] = waterfall.marks;
	const [, x] = markEnds(mark!, waterfall, wide).x;
	const y = yOf(30, wide);
	expect(pickMark(waterfall, wide, { x: x + 3, y: y - 4 }, 12)).toBe(mark);
	expect(pickMark(waterfall, wide, { x, y: y + 13 }, 12)).toBeNull();
	expect(pickMark(waterfall, narrow, { x: 62 + 25, y: y + 3 }, 12)).toBe(mark);
});

describe('what is at a place', () => {
	it('is a column and a block, and nothing beside the columns', () => {
		expect(placeAt(waterfall, wide, { x: 62 + 300, y: 28 + 100 })).toEqual({ column: 2, height: 50 });
		for (const pixel of [
			{ x: 61, y: 100 },
			{ x: 300, y: 20 },
			{ x: 463, y: 100 }
		])
			expect(placeAt(waterfall, wide, pixel)).toBeNull();
	});

	it('is who held it, by lane where one can be pointed at', () => {
		const column = readingAt(waterfall, wide, 2, 30)!;
		expect(column.holders.map(({ ap }) => ap)).toEqual(['a', 'b']);
		expect([column.holder, column.trades]).toEqual([null, 1]);
		expect(readingAt(waterfall, wide, 2, 50, 62 + 266 + 90)!.holder!.ap).toBe('b');
		expect(readingAt(waterfall, wide, 2, 20, 62 + 266 + 90)!.holder).toBeNull();
		expect(readingAt(waterfall, narrow, 2, 20, 62 + 25)!.holder).toBeNull();
		expect(readingAt(waterfall, wide, 7, 20)).toBeNull();
	});
});

describe('a span of blocks', () => {
	const whole = { fromHeight: 10, toHeight: 1010 };

	it('is zoomed around a block, and never beyond what there is', () => {
		expect(zoomSpan(whole, 510, 0.5, whole)).toEqual({ fromHeight: 260, toHeight: 760 });
		expect(zoomSpan({ fromHeight: 260, toHeight: 760 }, 510, 2, whole)).toEqual(whole);
		expect(moveSpan({ fromHeight: 260, toHeight: 760 }, 900, whole)).toEqual({
			fromHeight: 510,
			toHeight: 1010
		});
		const block = fc.integer({ min: 10, max: 1010 });
		fc.assert(
			fc.property(block, block, block, fc.double({ min: 0.1, max: 10, noNaN: true }), (a, b, at, factor) => {
				const span = { fromHeight: Math.min(a, b), toHeight: Math.max(a, b) };
				for (const next of [zoomSpan(span, at, factor, whole), moveSpan(span, at - 500, whole)]) {
					expect(next.fromHeight >= 10 && next.toHeight <= 1010).toBe(true);
					expect(next.toHeight).toBeGreaterThanOrEqual(next.fromHeight);
				}
				expect(
					zoomSpan(span, at, factor, whole).toHeight - zoomSpan(span, at, factor, whole).fromHeight
				).toBeGreaterThanOrEqual(MIN_SPAN_BLOCKS);
			})
		);
	});

	it('is zoomed and moved by two fingers, and the block between them stays there', () => {
		const frame = { width: 400, height: 228, left: 62, top: 28, ...whole };
		const shown = { fromHeight: 410, toHeight: 610 };
		const pinch = { apart: 50, middleY: 128, shown };
		expect(pinchSpan(pinch, 50, 128, frame, whole)).toEqual(shown);
		expect(pinchSpan(pinch, 100, 128, frame, whole)).toEqual({ fromHeight: 460, toHeight: 560 });
		expect(pinchSpan(pinch, 25, 128, frame, whole)).toEqual({ fromHeight: 310, toHeight: 710 });
		expect(pinchSpan(pinch, 50, 178, frame, whole)).toEqual({ fromHeight: 460, toHeight: 660 });
		expect(pinchSpan(pinch, 0, 128, frame, whole)).toEqual(whole);
		const y = fc.integer({ min: 28, max: 228 });
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 400 }), y, y, (apart, fromY, toY) => {
				const before = { apart: 100, middleY: fromY, shown };
				const after = pinchSpan(before, apart, toY, frame, whole);
				if (after.fromHeight === whole.fromHeight || after.toHeight === whole.toHeight) return;
				const held = heightAt(fromY, { ...frame, ...shown });
				expect(Math.abs(heightAt(toY, { ...frame, ...after }) - held)).toBeLessThanOrEqual(1);
			})
		);
	});

	it('of a young chain is all there is', () => {
		const young = { fromHeight: 0, toHeight: 2 };
		expect(zoomSpan(young, 1, 0.5, young)).toEqual(young);
	});
});
