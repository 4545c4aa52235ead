import { beforeEach, describe, expect, it } from 'vitest';
import { Retries } from './retries.ts';

const RESEND_TICKS = 10;
let retries: Retries;

beforeEach(() => {
	retries = new Retries(RESEND_TICKS);
	retries.begin(100);
});

/** The first tick from `tick` on at which an attempt may begin. */
function dueFrom(tick: number): number {
	let at = tick;
	while (!retries.isDue(at)) at += 1;
	return at;
}

describe('the next attempt at a height', () => {
	it('may begin at once where the height is new, or the choice is', () => {
		expect([retries.isDue(99), retries.isDue(100)]).toEqual([false, true]);
		retries.inVain(100);
		retries.changed(105);
		expect([retries.isDue(104), retries.isDue(105)]).toEqual([false, true]);
	});

	it('waits twice as long each time that it is the same, up to a bound', () => {
		const waits = Array.from({ length: 7 }, () => {
			retries.inVain(100);
			return dueFrom(100) - 100;
		});
		expect(waits).toEqual([10, 20, 40, 80, 160, 160, 160]);
	});

	it('is the first one again at the next height', () => {
		retries.inVain(100);
		retries.inVain(110);
		retries.begin(200);
		expect(dueFrom(200)).toBe(200);
		retries.inVain(200);
		expect(dueFrom(200)).toBe(210);
	});
});
