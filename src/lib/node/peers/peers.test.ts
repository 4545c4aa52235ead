import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { HeartbeatSchema } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { Peers } from './peers.ts';

const beat = (finalHeight: number) =>
	create(HeartbeatSchema, { finalHeight, view: 2, epoch: 3, partition: 1, syncing: true });

describe('what a node knows of its peers', () => {
	it('is what they last said, and when', () => {
		const peers = new Peers();
		expect(peers.get('a')).toBeUndefined();
		peers.heartbeat('a', beat(7), 100);
		expect(peers.get('a')).toEqual({ finalHeight: 7, view: 2, epoch: 3, syncing: true, lastHeardMs: 100 });
		peers.heard('a', 150);
		expect(peers.get('a')).toMatchObject({ finalHeight: 7, lastHeardMs: 150 });
		peers.heard('b', 160);
		expect(peers.get('b')).toEqual({ finalHeight: 0, view: 0, epoch: 0, syncing: false, lastHeardMs: 160 });
	});

	it('calls alive who was heard within the bound', () => {
		const peers = new Peers();
		peers.heard('a', 100);
		expect([peers.isAlive('a', 199, 100), peers.isAlive('a', 200, 100)]).toEqual([true, false]);
		expect(peers.isAlive('nobody', 0, 100)).toBe(false);
	});

	it('names those above a height that are alive, highest first', () => {
		const peers = new Peers();
		peers.heartbeat('low', beat(5), 100);
		peers.heartbeat('high', beat(9), 100);
		peers.heartbeat('highest', beat(12), 100);
		peers.heartbeat('away', beat(99), 1);
		expect(peers.above(5, 150, 100)).toEqual([
			{ peer: 'highest', finalHeight: 12 },
			{ peer: 'high', finalHeight: 9 }
		]);
		expect(peers.above(12, 150, 100)).toEqual([]);
	});

	it('forgets who has been silent longest where there are too many', () => {
		const peers = new Peers();
		for (let i = 0; i < 512; i++) peers.heartbeat(`${i}`, beat(1), i);
		peers.heartbeat('0', beat(2), 600);
		peers.heard('new', 601);
		expect(peers.get('0')).toBeDefined();
		expect(peers.get('1')).toBeUndefined();
		expect(peers.get('2')).toBeDefined();
	});
});
