import { beforeEach, describe, expect, it } from 'vitest';
import { Liveness } from './liveness.ts';
import { Peers } from './peers.ts';

const HEARTBEAT_MS = 500;
/** Two heartbeats and a quarter. */
const SILENCE_MS = 1125;
let peers: Peers;
let liveness: Liveness;

beforeEach(() => {
	peers = new Peers();
	liveness = new Liveness(peers, HEARTBEAT_MS);
	liveness.tick(0);
});

describe('R7: who looks alive', () => {
	it('is who was heard of within the last heartbeats', () => {
		peers.heard('a', 10_000);
		expect(liveness.looksAlive('a', 10_000 + SILENCE_MS - 1)).toBe(true);
		expect(liveness.looksAlive('a', 10_000 + SILENCE_MS)).toBe(false);
		expect(liveness.looksAlive('b', 10_000)).toBe(false);
	});

	it('is not whose link is down, from that moment on', () => {
		peers.heard('a', 10_000);
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
