import { expect, it } from 'vitest';
import { EventPool } from './event-pool.ts';

it('gives what is wanted, in order, and keeps the rest', () => {
	const pool = new EventPool<number>(10);
	for (const event of [1, 2, 3, 4, 5]) pool.add(event, 100);
	expect(pool.take((event) => event % 2 === 1)).toEqual([1, 3, 5]);
	expect(pool.waiting()).toEqual([2, 4]);
	expect(pool.size).toBe(2);
});

it('forgets what is past its last height, not before', () => {
	const pool = new EventPool<string>(10);
	pool.add('short', 5);
	pool.add('long', 6);
	pool.expire(5);
	expect(pool.size).toBe(2);
	pool.expire(6);
	expect(pool.waiting()).toEqual(['long']);
});

it('is bounded: the oldest make room and are counted', () => {
	const pool = new EventPool<number>(3);
	for (let event = 0; event < 5; event++) pool.add(event, 100);
	expect(pool.waiting()).toEqual([2, 3, 4]);
	expect(pool.dropped).toBe(2);
	pool.clear();
	expect([pool.size, pool.dropped]).toEqual([0, 0]);
});
