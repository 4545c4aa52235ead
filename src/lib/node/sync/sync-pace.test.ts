import { describe, expect, it } from 'vitest';
import { MAX_FETCH_BLOCKS, SyncPace } from './sync-pace.ts';

describe('a peer that does not answer in time', () => {
	it('is asked for half as much, down to one block, and then given more time', () => {
		const pace = new SyncPace();
		const steps: [number, number][] = [];
		for (let i = 0; i < 9; i++) {
			steps.push([pace.blocks('a'), pace.timeoutMs('a')]);
			pace.timedOut('a');
		}
		expect(steps).toEqual([
			[20, 3000],
			[10, 3000],
			[5, 3000],
			[2, 3000],
			[1, 3000],
			[1, 6000],
			[1, 12_000],
			[1, 24_000],
			[1, 24_000]
		]);
		expect([pace.blocks('b'), pace.timeoutMs('b')]).toEqual([20, 3000]);
	});

	it('is asked for more again as it answers well in time, and for as much while it barely does', () => {
		const pace = new SyncPace();
		for (let i = 0; i < 6; i++) pace.timedOut('a');
		pace.answered('a', 11_000);
		expect([pace.blocks('a'), pace.timeoutMs('a')]).toEqual([1, 12_000]);
		for (let i = 0; i < 8; i++) pace.answered('a', 100);
		expect([pace.blocks('a'), pace.timeoutMs('a')]).toEqual([MAX_FETCH_BLOCKS, 3000]);
	});

	it('is forgotten before there are too many', () => {
		const pace = new SyncPace();
		for (let i = 0; i < 513; i++) pace.timedOut(`peer${i}`);
		expect(pace.blocks('peer0')).toBe(20);
		expect(pace.blocks('peer1')).toBe(10);
	});
});
