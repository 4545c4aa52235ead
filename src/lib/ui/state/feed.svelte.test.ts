import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { CappedFeed } from './feed.svelte.ts';

fc.configureGlobal({ seed: 7 });

describe('CappedFeed', () => {
	it('keeps the newest in front and never more than its limit', () => {
		const feed = new CappedFeed<number>(3);
		feed.push([2, 1]);
		feed.push([4, 3]);
		expect(feed.items).toEqual([4, 3, 2]);
	});

	it('holds new items back, counts them, and lets them in', () => {
		const feed = new CappedFeed<number>(3);
		feed.push([1]);
		feed.hold();
		feed.push([2]);
		feed.push([3]);
		expect(feed.items).toEqual([1]);
		expect(feed.waiting).toBe(2);
		feed.release();
		expect(feed.items).toEqual([3, 2, 1]);
		expect(feed.waiting).toBe(0);
	});

	it('counts more than it keeps', () => {
		const feed = new CappedFeed<number>(2);
		feed.hold();
		for (let item = 1; item <= 100; item++) feed.push([item]);
		expect(feed.waiting).toBe(100);
		feed.release();
		expect(feed.items).toEqual([100, 99]);
	});

	it('shows after any holds and releases what it would have shown without them', () => {
		fc.assert(
			fc.property(
				fc.array(fc.oneof(fc.constant('hold'), fc.constant('release'), fc.constant('push'))),
				(steps) => {
					const feed = new CappedFeed<number>(5);
					const plain = new CappedFeed<number>(5);
					steps.forEach((step, index) => {
						if (step === 'hold') feed.hold();
						else if (step === 'release') feed.release();
						else {
							feed.push([index]);
							plain.push([index]);
						}
					});
					feed.release();
					expect(feed.items).toEqual(plain.items);
				}
			)
		);
	});
});
