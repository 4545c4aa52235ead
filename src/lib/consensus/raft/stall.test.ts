import { describe, expect, it } from 'vitest';
import { Stall } from './stall.ts';

function stallOf(random = 0): Stall {
	return new Stall({ stallTicks: 10, delayTicks: 4, random: () => random });
}

function pass(stall: Stall, ticks: number): void {
	for (let i = 0; i < ticks; i++) stall.tick();
}

/** Ticks until it would grant, and until it would ask. */
function marks(stall: Stall): [number, number] {
	let granted = -1;
	for (let ticks = 0; ticks < 2000; ticks++) {
		if (granted < 0 && stall.isStalled) granted = ticks;
		if (stall.isDue) return [granted, ticks];
		stall.tick();
	}
	return [granted, -1];
}

describe('R21: a stall', () => {
	it('is none while nothing waits', () => {
		const stall = stallOf();
		pass(stall, 1000);
		expect([stall.isStalled, stall.isDue, stall.ticks]).toEqual([false, false, 0]);
		stall.setWaiting(true);
		expect(marks(stall)).toEqual([10, 11]);
		stall.setWaiting(false);
		expect([stall.isStalled, stall.isDue]).toEqual([false, false]);
	});

	it('is asked about after a further random delay, so that others see it by then', () => {
		const stall = stallOf(0.99);
		stall.setWaiting(true);
		expect(marks(stall)).toEqual([10, 14]);
	});

	it('is counted from the last move of the head, and not from the last block that came to wait', () => {
		const stall = stallOf();
		stall.setWaiting(true);
		pass(stall, 9);
		stall.setWaiting(true);
		expect(marks(stall)).toEqual([1, 2]);
		stall.headMoved();
		expect(marks(stall)).toEqual([10, 11]);
	});

	it('gives a new leader the whole count, and twice as much after each election that mended nothing', () => {
		const stall = stallOf();
		stall.setWaiting(true);
		const granted = Array.from({ length: 9 }, () => {
			const [mark] = marks(stall);
			stall.leaderChanged();
			return mark;
		});
		expect(granted).toEqual([10, 20, 40, 80, 160, 320, 640, 640, 640]);
		stall.headMoved();
		expect(marks(stall)).toEqual([10, 11]);
	});

	it('does not count elections while nothing waits', () => {
		const stall = stallOf();
		stall.leaderChanged();
		stall.setWaiting(true);
		expect(marks(stall)).toEqual([10, 11]);
	});

	it('is asked about again some time after a refusal, and granted all the time', () => {
		const stall = stallOf(0.5);
		stall.setWaiting(true);
		pass(stall, 13);
		expect(stall.isDue).toBe(true);
		stall.refused();
		expect(marks(stall)).toEqual([0, 6]);
	});

	it('is as good as one where enough members accuse the leader, whether anything waits or not', () => {
		const stall = stallOf(0.5);
		stall.accuse(false);
		expect([stall.isStalled, stall.isDue]).toEqual([true, false]);
		pass(stall, 3);
		expect(stall.isDue).toBe(true);
		stall.refused();
		expect([stall.isStalled, stall.isDue]).toEqual([true, false]);
		pass(stall, 6);
		expect(stall.isDue).toBe(true);
	});

	it('that members tell of is over with the next progress, or only with another leader', () => {
		const stall = stallOf();
		stall.accuse(false);
		stall.headMoved();
		expect(stall.isStalled).toBe(false);
		stall.accuse(true);
		stall.accuse(false);
		stall.headMoved();
		expect(stall.isStalled).toBe(true);
		stall.leaderChanged();
		expect(stall.isStalled).toBe(false);
	});
});
