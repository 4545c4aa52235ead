import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { partitionOf } from '../../consensus/testing/members.ts';
import type { PartitionView } from '../../consensus/topology.ts';
import { decodePacket } from '../../wire/codec.ts';
import { OrderCertificateSchema, SignedSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { EarlyWords } from './early-words.ts';

const BODY: Packet['body'] = { case: 'orderCommit', value: create(OrderCertificateSchema, { height: 7 }) };
let height: number;
let partition: PartitionView | undefined;
let again: [from: string, body: Packet['body']][];
let behind: [peer: string, height: number][];
let early: EarlyWords;

beforeEach(() => {
	height = 5;
	partition = { ...partitionOf([]), members: ['ada', 'bob'] };
	[again, behind] = [[], []];
	early = new EarlyWords({
		height: () => height,
		partition: () => partition,
		isBooter: (peer) => peer === 'booter',
		behind: (peer, at) => behind.push([peer, at]),
		again: (from, packet) => again.push([from, decodePacket(packet).body])
	});
});

describe('what is said of an order', () => {
	it('is early beyond the next height', () => {
		expect([5, 6, 7].map((at) => early.isBeyondNext(at))).toEqual([false, false, true]);
	});

	it('counts from the own members and the Booters; who is no member yet takes it from all', () => {
		const speakers = ['ada', 'booter', 'eve'];
		const heard = () => speakers.filter((from) => early.order(from, 9, BODY) !== null);
		expect(heard()).toEqual(['ada', 'booter']);
		partition = undefined;
		expect(heard()).toEqual(speakers);
	});

	it('is kept until its height has come, and what is missing below is asked for', () => {
		early.take({ from: 'ada', height: 7, body: BODY });
		expect([again, behind]).toEqual([[], [['ada', 6]]]);
		early.heightBegun();
		expect(again).toEqual([]);
		height = 6;
		early.heightBegun();
		expect(again).toEqual([['ada', BODY]]);
	});

	it('is heard again at once where its height has come meanwhile', () => {
		early.take({ from: 'ada', height: 6, body: BODY });
		expect([again, behind]).toEqual([[['ada', BODY]], []]);
	});
});

describe('what is said in an epoch', () => {
	const said = (of: number, epoch: number) => create(SignedSchema, { partition: of, epoch });

	it('is kept if it is the next one of the own partition', () => {
		const places = [
			[1, 1],
			[1, 2],
			[1, 3],
			[2, 2]
		] as const;
		expect(places.map(([of, epoch]) => early.keepsForNextEpoch('ada', said(of, epoch)))).toEqual([
			false,
			true,
			false,
			false
		]);
		early.epochBegun({ ...partition!, epoch: 2 });
		expect(again).toEqual([['ada', { case: 'signed', value: said(1, 2) }]]);
	});

	it('is kept of any partition by who is no member yet; what is no partition’s is not', () => {
		partition = undefined;
		expect(early.keepsForNextEpoch('ada', said(0, 0))).toBe(false);
		expect(early.keepsForNextEpoch('ada', said(3, 9))).toBe(true);
	});
});
