import { describe, expect, it } from 'vitest';
import { EarlyOrders, type EarlyOrder } from './early-orders.ts';

const order = (from: string, height: number): EarlyOrder => ({ from, height, body: { case: undefined } });

describe('orders beyond the next one', () => {
	it('are taken when their height has come, in each peer’s order, and once', () => {
		const early = new EarlyOrders();
		const first = order('a', 5);
		const second = order('a', 5);
		const other = order('b', 5);
		for (const one of [first, order('a', 6), other, second]) early.keep(one);
		expect(early.take(5)).toEqual([first, second, other]);
		expect(early.take(5)).toEqual([]);
		expect(early.take(6)).toEqual([order('a', 6)]);
	});

	it('are void once a later height has come', () => {
		const early = new EarlyOrders();
		early.keep(order('a', 5));
		expect(early.take(6)).toEqual([]);
		expect(early.take(5)).toEqual([]);
	});

	it('are the last few of each peer: who says much costs nobody else a place', () => {
		const early = new EarlyOrders();
		early.keep(order('honest', 3));
		for (let height = 3; height < 100; height++) early.keep(order('loud', height));
		expect(early.take(3)).toEqual([order('honest', 3)]);
		expect(early.take(99)).toEqual([order('loud', 99)]);
	});

	it('are of a bounded number of peers', () => {
		const early = new EarlyOrders();
		for (let i = 0; i < 1000; i++) early.keep(order(String(i), 3));
		expect(early.take(3)).toHaveLength(64);
	});
});
