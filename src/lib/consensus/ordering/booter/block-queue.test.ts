import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { partitionKey, roundKey } from '../../../ledger/genesis.ts';
import { VersionedState } from '../../../ledger/state.ts';
import { PartitionStateSchema, RoundStateSchema } from '../../../wire/gen/tabwave/v1/contracts_pb.js';
import { Topology } from '../../topology.ts';
import type { CertifiedBody } from '../certified-block.ts';
import { BlockQueue } from './block-queue.ts';

const GAP_TICKS = 5;
const RESEND_TICKS = 10;
const ANY = Infinity;
let state: VersionedState;
let height: number;
let queue: BlockQueue;

beforeEach(() => {
	state = new VersionedState();
	height = 0;
	for (const id of [1, 2, 3]) enter(id, 1);
	queue = queueOf(11);
});

function queueOf(maxBlocksPerOrder: number): BlockQueue {
	const topology = new Topology(state, [1, 2, 3]);
	return new BlockQueue({ topology, maxBlocksPerOrder, gapTicks: GAP_TICKS, resendTicks: RESEND_TICKS });
}

/** The ledger begins an epoch of a partition. */
function enter(id: number, epoch: number): void {
	const members = [{ id: new Uint8Array(32).fill(id), nickname: '' }];
	write(
		partitionKey(id),
		toBinary(PartitionStateSchema, create(PartitionStateSchema, { id, epoch, members }))
	);
}

/** The ledger has a partition's rounds up to this one. */
function pass(id: number, lastRoundId: number, epoch = 1): void {
	write(roundKey(id), toBinary(RoundStateSchema, create(RoundStateSchema, { epoch, lastRoundId })));
}

function write(key: string, value: Uint8Array): void {
	state.apply([{ key, value }], ++height);
}

/** The queue looks at where a block belongs and how large it is. */
function block(
	partition: number,
	roundId: number,
	{ epoch = 1, bodyBytes = 100, id = '' } = {}
): CertifiedBody {
	const proposal = { partition, epoch, roundId };
	return { id: id || `${partition}/${roundId}`, proposal, bodyBytes } as CertifiedBody;
}

function add(...rounds: [partition: number, roundId: number][]): void {
	for (const [partition, roundId] of rounds) expect(queue.add(block(partition, roundId))).toBe(true);
}

const chosen = (tick = 0, limit = ANY, at = 0) => queue.choose(at, tick, limit).map(({ id }) => id);

describe('a certified block', () => {
	it('waits once, in its round', () => {
		add([1, 1], [1, 2], [2, 1]);
		expect(queue.add(block(1, 2))).toBe(false);
		expect(queue.add(block(1, 2, { id: 'of another view' }))).toBe(false);
		expect(queue.counts()).toEqual([
			{ partition: 1, blocks: 2 },
			{ partition: 2, blocks: 1 }
		]);
		expect(queue.isWaiting).toBe(true);
		expect([queue.get('1/2')?.id, queue.get('2/1')?.id, queue.get('3/1')]).toEqual(['1/2', '2/1', undefined]);
	});

	it('of a round that the ledger has passed, of another epoch or of no partition is not taken', () => {
		pass(1, 4);
		enter(2, 2);
		for (const passed of [block(1, 3), block(1, 4), block(2, 1), block(2, 9, { epoch: 3 }), block(9, 1)])
			expect(queue.add(passed)).toBe(false);
		expect([queue.isWaiting, chosen()]).toEqual([false, []]);
		expect(queue.add(block(1, 5))).toBe(true);
		expect(queue.add(block(2, 1, { epoch: 2 }))).toBe(true);
	});

	it('that the ledger passes waits no longer, and its room is free again', () => {
		for (let roundId = 1; roundId <= 256; roundId++) add([1, roundId]);
		expect(queue.add(block(1, 257))).toBe(false);
		expect(queue.add(block(2, 1))).toBe(true);
		pass(1, 1);
		expect(queue.add(block(1, 257))).toBe(true);
		pass(1, 257);
		expect(queue.isWaiting).toBe(true);
		pass(2, 1);
		expect(queue.isWaiting).toBe(false);
		// What is chosen from is what waits: the rest is forgotten with it.
		expect([chosen(), queue.get('1/2')]).toEqual([[], undefined]);
	});

	it('that voters refused is gone and does not come again, until it is forgotten among very many', () => {
		add([1, 1], [1, 2]);
		queue.refuse('1/1');
		queue.refuse('9/9');
		expect([queue.get('1/1'), queue.get('1/2')?.id]).toEqual([undefined, '1/2']);
		expect(queue.add(block(1, 1))).toBe(false);
		for (let i = 0; i < 254; i++) queue.refuse(`other ${i}`);
		expect(queue.add(block(1, 1))).toBe(false);
		queue.refuse('one more');
		expect(queue.add(block(1, 1))).toBe(true);
		expect(queue.add(block(3, 1, { id: '9/9' }))).toBe(false);
	});
});

describe('the next order', () => {
	it('takes partitions in turn and rounds in order, and begins elsewhere at each height', () => {
		add([1, 2], [1, 1], [3, 1], [2, 1], [1, 3], [3, 2]);
		expect(chosen()).toEqual(['1/1', '2/1', '3/1', '1/2', '3/2', '1/3']);
		expect(chosen(0, ANY, 1)).toEqual(['2/1', '3/1', '1/1', '3/2', '1/2', '1/3']);
		expect(chosen(0, ANY, 5)).toEqual(['3/1', '1/1', '2/1', '3/2', '1/2', '1/3']);
		// They stay until the ledger has passed them.
		expect(queue.counts().map(({ blocks }) => blocks)).toEqual([3, 2, 1]);
	});

	it('leaves one place for a change of members, and takes one block at least', () => {
		add([1, 1], [1, 2], [1, 3], [1, 4]);
		expect(chosen(0, 2)).toEqual(['1/1', '1/2']);
		for (const [most, ids] of [
			[4, ['1/1', '1/2', '1/3']],
			[2, ['1/1']],
			[1, ['1/1']]
		] as const) {
			queue = queueOf(most);
			add([1, 1], [1, 2], [1, 3], [1, 4]);
			expect(chosen()).toEqual(ids);
		}
	});

	it('is bounded in bytes, but for a single block', () => {
		queue.add(block(1, 1, { bodyBytes: 600_000 }));
		queue.add(block(1, 2, { bodyBytes: 400_000 }));
		queue.add(block(1, 3, { bodyBytes: 1 }));
		expect(chosen()).toEqual(['1/1', '1/2']);
		queue.refuse('1/2');
		queue.add(block(1, 2, { bodyBytes: 400_001, id: 'larger' }));
		expect(chosen()).toEqual(['1/1']);
		queue.refuse('1/1');
		queue.add(block(1, 1, { bodyBytes: 1_000_001, id: 'huge' }));
		expect(chosen()).toEqual(['huge']);
	});
});

describe('R9: a gap in the rounds of a partition', () => {
	it('ends what is chosen of it, and of no other', () => {
		pass(1, 7);
		add([1, 8], [1, 9], [1, 11], [2, 1], [2, 2]);
		expect(chosen()).toEqual(['1/8', '2/1', '1/9', '2/2']);
	});

	it('at its beginning is waited for so long, then given up for one block', () => {
		add([1, 2], [1, 3]);
		expect(chosen(10)).toEqual([]);
		expect(chosen(10 + GAP_TICKS - 1)).toEqual([]);
		expect(chosen(10 + GAP_TICKS)).toEqual(['1/2']);
		// What was missing has come after all.
		add([1, 1]);
		expect(chosen(20)).toEqual(['1/1', '1/2', '1/3']);
	});

	it('is waited for anew when another has closed', () => {
		add([1, 2]);
		expect(chosen(10)).toEqual([]);
		add([1, 1]);
		expect(chosen(11)).toEqual(['1/1', '1/2']);
		pass(1, 2);
		add([1, 4]);
		expect(chosen(12)).toEqual([]);
		expect(chosen(12 + GAP_TICKS - 1)).toEqual([]);
		expect(chosen(12 + GAP_TICKS)).toEqual(['1/4']);
		// And when nothing waited in between.
		pass(1, 4);
		expect(chosen(30)).toEqual([]);
		add([1, 6]);
		expect(chosen(40)).toEqual([]);
	});
});
