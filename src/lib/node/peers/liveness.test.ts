import { beforeEach, describe, expect, it } from 'vitest';
import { Liveness } from './liveness.ts';

const HEARTBEAT_MS = 500;
/** Two heartbeats and a quarter. */
const SILENCE_MS = 1125;
const VIEW_TIMEOUT_MS = 4000;
let liveness: Liveness;

beforeEach(() => {
	liveness = new Liveness({ heartbeatMs: HEARTBEAT_MS, viewTimeoutMs: VIEW_TIMEOUT_MS });
	liveness.tick(0);
});

describe('R7: who looks alive', () => {
	it('is who was heard of within the last heartbeats', () => {
		liveness.heard('a', 10_000);
		expect(liveness.looksAlive('a', 10_000 + SILENCE_MS - 1)).toBe(true);
		expect(liveness.looksAlive('a', 10_000 + SILENCE_MS)).toBe(false);
		expect(liveness.looksAlive('b', 10_000)).toBe(false);
	});

	it('is not whose link is down, from that moment on', () => {
		liveness.heard('a', 10_000);
		liveness.link('a', false);
		expect(liveness.looksAlive('a', 10_001)).toBe(false);
		liveness.link('a', true);
		expect(liveness.looksAlive('a', 10_001)).toBe(true);
	});

	it('is everyone to who has just begun to listen', () => {
		liveness.awake(10_000);
		expect(liveness.looksAlive('a', 10_000 + SILENCE_MS - 1)).toBe(true);
		expect(liveness.looksAlive('a', 10_000 + SILENCE_MS)).toBe(false);
	});

	it('is everyone to who was frozen: it has heard nobody', () => {
		for (let nowMs = 50; nowMs <= 10_000; nowMs += 50) liveness.tick(nowMs);
		expect(liveness.looksAlive('a', 10_000)).toBe(false);
		liveness.tick(10_000 + HEARTBEAT_MS + 1);
		expect(liveness.looksAlive('a', 10_000 + HEARTBEAT_MS + SILENCE_MS)).toBe(true);
		expect(liveness.looksAlive('a', 10_000 + HEARTBEAT_MS + 1 + SILENCE_MS)).toBe(false);
	});
});

describe('R7: who stalls again and again', () => {
	/** `a` is heard, stands still for `silentMs`, and is heard again, so many times. @returns when it was heard last */
	function stalls(times: number, silentMs: number, fromMs = 10_000): number {
		let nowMs = fromMs;
		liveness.heard('a', nowMs);
		for (let i = 0; i < times; i++) liveness.heard('a', (nowMs += silentMs));
		return nowMs;
	}

	/** For how long `a` looks alive after it was heard at `nowMs`. */
	function patienceMs(nowMs: number): number {
		let ms = 0;
		while (liveness.looksAlive('a', nowMs + ms)) ms += 5;
		return ms;
	}

	it('is waited for longer, and no longer than a leader that does not finish its rounds', () => {
		// Twice as long, less what the stall counts for no more when that is over.
		const once = patienceMs(stalls(1, 1500));
		expect(once).toBeGreaterThan(1.5 * SILENCE_MS);
		expect(once).toBeLessThan(2 * SILENCE_MS);
		expect(patienceMs(stalls(2, 1500, 200_000))).toBeGreaterThan(1.3 * once);
		expect(patienceMs(stalls(20, 1500, 400_000))).toBe(VIEW_TIMEOUT_MS);
	});

	it.each([
		[1, 5000],
		[20, 30_000]
	])('is like any other after a while: %i stalls, %i ms later', (times, laterMs) => {
		const nowMs = stalls(times, 1500) + laterMs;
		liveness.awake(nowMs - 100);
		liveness.heard('a', nowMs);
		expect(patienceMs(nowMs)).toBe(SILENCE_MS);
	});

	it('is nobody else', () => {
		const nowMs = stalls(20, 1500);
		liveness.heard('b', nowMs);
		expect(liveness.looksAlive('b', nowMs + SILENCE_MS)).toBe(false);
	});

	it('is not who was away for longer than a view lasts', () => {
		expect(patienceMs(stalls(20, VIEW_TIMEOUT_MS))).toBe(SILENCE_MS);
	});

	it('is not who is heard of in time', () => {
		expect(patienceMs(stalls(200, SILENCE_MS - 5))).toBe(SILENCE_MS);
	});

	it('is not whose link was down, nor anybody to who was frozen itself', () => {
		let nowMs = 10_000;
		for (let i = 0; i < 20; i++) {
			liveness.heard('a', nowMs);
			liveness.link('a', false);
			nowMs += 1500;
			liveness.link('a', true);
		}
		for (let i = 0; i < 20; i++) {
			liveness.heard('a', nowMs);
			liveness.awake((nowMs += 1500));
		}
		liveness.heard('a', nowMs);
		expect(patienceMs(nowMs)).toBe(SILENCE_MS);
	});

	it('is remembered of a bounded number of peers', () => {
		const nowMs = stalls(20, 1500);
		for (let i = 0; i < 512; i++) liveness.heard(`peer ${i}`, nowMs);
		liveness.heard('a', nowMs);
		expect(patienceMs(nowMs)).toBe(SILENCE_MS);
	});
});
