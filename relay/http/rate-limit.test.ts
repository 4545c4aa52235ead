import { expect, it } from 'vitest';
import { MAX_ADDRESSES, rateLimit } from './rate-limit.ts';

it('lets a burst pass, then as many as the minute gives', () => {
	const limit = rateLimit(60);
	for (let i = 0; i < 60; i++) expect(limit.take('a', 0)).toBe(0);
	expect(limit.take('a', 0)).toBe(1);
	expect(limit.take('b', 0)).toBe(0);
	expect(limit.take('a', 1000)).toBe(0);
	expect(limit.take('a', 1000)).toBe(1);
});

it('says how long to wait', () => {
	const limit = rateLimit(2);
	limit.take('a', 0);
	limit.take('a', 0);
	expect(limit.take('a', 0)).toBe(30);
});

it('forgets the address seen longest ago, and no other', () => {
	const limit = rateLimit(1);
	limit.take('first', 0);
	limit.take('second', 0);
	for (let i = 0; i < MAX_ADDRESSES - 1; i++) limit.take(`other ${i}`, 0);
	expect(limit.take('second', 0)).toBeGreaterThan(0);
	expect(limit.take('first', 0)).toBe(0);
});

it('keeps a burst apart from the rate', () => {
	const limit = rateLimit(6_000, 3);
	for (let i = 0; i < 3; i++) expect(limit.take('a', 0)).toBe(0);
	expect(limit.take('a', 0)).toBe(1);
	expect(limit.take('a', 10)).toBe(0);
	expect(limit.take('a', 10)).toBe(1);
});
