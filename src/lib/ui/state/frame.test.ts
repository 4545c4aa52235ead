import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FrameBatch } from './frame.ts';

let frames: (() => void)[] = [];

beforeEach(() => {
	vi.useFakeTimers();
	frames = [];
	vi.stubGlobal('requestAnimationFrame', (callback: () => void) => frames.push(callback));
	vi.stubGlobal('cancelAnimationFrame', (id: number) => {
		frames[id - 1] = () => {};
	});
});

afterEach(() => {
	vi.unstubAllGlobals();
	vi.useRealTimers();
});

function nextFrame(): void {
	const due = frames;
	frames = [];
	for (const callback of due) callback();
}

describe('FrameBatch', () => {
	it('runs the last task under a key, once per frame', () => {
		const batch = new FrameBatch();
		const seen: string[] = [];
		for (const value of ['a', 'b', 'c']) batch.schedule('status', () => seen.push(value));
		batch.schedule('log', () => seen.push('line'));
		expect(seen).toEqual([]);
		nextFrame();
		expect(seen).toEqual(['c', 'line']);
		nextFrame();
		vi.runAllTimers();
		expect(seen).toEqual(['c', 'line']);
	});

	it('flushes without frames, as in a hidden page', () => {
		const batch = new FrameBatch();
		const task = vi.fn();
		batch.schedule('status', task);
		vi.advanceTimersByTime(999);
		expect(task).not.toHaveBeenCalled();
		vi.advanceTimersByTime(1);
		expect(task).toHaveBeenCalledOnce();
		nextFrame();
		expect(task).toHaveBeenCalledOnce();
	});

	it('schedules again from within a task', () => {
		const batch = new FrameBatch();
		const second = vi.fn();
		batch.schedule('a', () => batch.schedule('a', second));
		nextFrame();
		expect(second).not.toHaveBeenCalled();
		nextFrame();
		expect(second).toHaveBeenCalledOnce();
	});

	it('does nothing after stop', () => {
		const batch = new FrameBatch();
		const task = vi.fn();
		batch.schedule('a', task);
		batch.stop();
		nextFrame();
		vi.runAllTimers();
		expect(task).not.toHaveBeenCalled();
	});
});
