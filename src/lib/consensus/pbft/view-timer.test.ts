import { describe, expect, it } from 'vitest';
import { ViewTimer } from './view-timer.ts';

const BASE = 10;
const CAP = 45;

/** Ticks with work until the view fails. */
function ticksToFailure(timer: ViewTimer): number {
	for (let ticks = 1; ticks <= 1000; ticks++) if (timer.tick(true, false)) return ticks;
	throw new Error('the timer never expires');
}

describe('R8: the view timer', () => {
	it('runs only while there is work', () => {
		const timer = new ViewTimer(BASE, CAP);
		for (let i = 0; i < 5 * BASE; i++) expect(timer.tick(false, false)).toBe(false);
		expect(timer.leftTicks).toBeNull();
		expect(ticksToFailure(timer)).toBe(BASE);
	});

	it('begins again where work ended in between', () => {
		const timer = new ViewTimer(BASE, CAP);
		for (let i = 1; i < BASE; i++) timer.tick(true, false);
		expect(timer.leftTicks).toBe(1);
		timer.tick(false, false);
		expect(ticksToFailure(timer)).toBe(BASE);
	});

	it('fails once, and again only in another view', () => {
		const timer = new ViewTimer(BASE, CAP);
		ticksToFailure(timer);
		expect(timer.isExpired).toBe(true);
		for (let i = 0; i < 10 * CAP; i++) expect(timer.tick(true, false)).toBe(false);
		timer.start();
		expect(timer.isExpired).toBe(false);
		expect(timer.leftTicks).toBe(2 * BASE);
	});

	it('is not expired any more when the work is gone', () => {
		const timer = new ViewTimer(BASE, CAP);
		ticksToFailure(timer);
		timer.tick(false, false);
		expect(timer.isExpired).toBe(false);
	});

	it('doubles with each view that fails, up to the cap', () => {
		const timer = new ViewTimer(BASE, CAP);
		const lengths = [1, 2, 3, 4, 5].map(() => {
			timer.start();
			return ticksToFailure(timer);
		});
		expect(lengths).toEqual([10, 20, 40, 45, 45]);
	});

	it('is reset by a block certificate, and falls back with each', () => {
		const timer = new ViewTimer(BASE, CAP);
		for (let i = 0; i < 6; i++) {
			timer.start();
			ticksToFailure(timer);
		}
		timer.progress();
		expect(timer.isExpired).toBe(false);
		const lengths = [1, 2, 3].map(() => {
			timer.start();
			const left = timer.leftTicks;
			timer.progress();
			return left;
		});
		expect(lengths).toEqual([40, 20, 10]);
		for (let i = 1; i < BASE; i++) timer.tick(true, false);
		timer.progress();
		expect(ticksToFailure(timer)).toBe(BASE);
	});

	it('R7: does not wait for a dead leader, where there is work', () => {
		const timer = new ViewTimer(BASE, CAP);
		expect(timer.tick(false, true)).toBe(false);
		expect(timer.tick(true, true)).toBe(true);
	});
});
