import { describe, expect, it } from 'vitest';
import { NOBODY } from './configuration.ts';
import { Inflights, Progress } from './progress.ts';

const progressOf = (next: number, maxMessages = 2): Progress =>
	new Progress(next, true, new Inflights(maxMessages, 100));

describe('probing', () => {
	it('is one message at a time', () => {
		const progress = progressOf(5);
		expect(progress.isPaused).toBe(false);
		progress.sent(2, 10, 0);
		expect([progress.isPaused, progress.next]).toEqual([true, 5]);
		progress.resume();
		expect(progress.isPaused).toBe(false);
	});

	it('goes back to where the logs may agree, and never behind what is known', () => {
		const progress = progressOf(9);
		expect(progress.reject(8, 5)).toBe(true);
		expect(progress.next).toBe(6);
		// A late answer to the first message.
		expect(progress.reject(8, 2)).toBe(false);
		expect(progress.reject(5, 9)).toBe(true);
		expect(progress.next).toBe(5);
		progress.acknowledge(3);
		expect(progress.reject(4, 0)).toBe(true);
		expect(progress.next).toBe(4);
	});

	it('ends with an acknowledgement, behind which all goes out', () => {
		const progress = progressOf(5);
		expect(progress.acknowledge(6)).toBe(true);
		progress.becomeReplicate();
		expect([progress.state, progress.match, progress.next]).toEqual(['replicate', 6, 7]);
	});
});

describe('replicating', () => {
	it('runs ahead of acknowledgements as far as the window goes', () => {
		const progress = progressOf(1);
		progress.becomeReplicate();
		progress.sent(3, 10, 0);
		expect([progress.next, progress.isPaused]).toEqual([4, false]);
		progress.sent(1, 10, 0);
		expect([progress.next, progress.isPaused, progress.inflights.count]).toEqual([5, true, 2]);
		// Not news, and nothing is freed.
		expect(progress.acknowledge(0)).toBe(false);
		expect(progress.isPaused).toBe(true);
		expect(progress.acknowledge(3)).toBe(true);
		expect([progress.isPaused, progress.inflights.count]).toEqual([false, 1]);
	});

	it('is paused again by an empty message while the window is full', () => {
		const progress = progressOf(1, 1);
		progress.becomeReplicate();
		progress.sent(1, 10, 0);
		progress.resume();
		progress.sent(0, 0, 3);
		expect([progress.isPaused, progress.sentCommit]).toEqual([true, 3]);
	});

	it('falls back to probing from what is known when something is refused', () => {
		const progress = progressOf(1);
		progress.becomeReplicate();
		progress.sent(3, 10, 0);
		progress.acknowledge(1);
		// Of a message before what it has acknowledged by now.
		expect(progress.reject(1, 0)).toBe(false);
		expect(progress.reject(3, 2)).toBe(true);
		expect([progress.state, progress.next, progress.inflights.count]).toEqual(['probe', 2, 0]);
	});
});

describe('a snapshot under way', () => {
	it('is alone', () => {
		const progress = progressOf(1);
		progress.becomeSnapshot({ index: 7, term: 1, configuration: NOBODY, data: new Uint8Array(3) });
		progress.resume();
		expect(progress.isPaused).toBe(true);
		expect(progress.reject(0, 0)).toBe(false);
		progress.acknowledge(7);
		progress.becomeReplicate();
		expect([progress.transfer, progress.next, progress.isPaused]).toEqual([null, 8, false]);
	});
});

describe('the window', () => {
	it('is bounded by messages, and by bytes once they are passed', () => {
		const inflights = new Inflights(3, 10);
		inflights.add(1, 9);
		expect(inflights.isFull).toBe(false);
		inflights.add(2, 9);
		expect(inflights.isFull).toBe(true);
		inflights.freeTo(1);
		expect([inflights.isFull, inflights.count]).toEqual([false, 1]);
		inflights.add(3, 0);
		inflights.add(4, 0);
		expect(inflights.isFull).toBe(true);
		inflights.freeTo(9);
		expect(inflights.count).toBe(0);
		inflights.add(5, 99);
		inflights.clear();
		expect(inflights.isFull).toBe(false);
	});
});
