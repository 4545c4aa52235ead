/** R22: what becomes of a height when a partition has lost its quorum, in both cores of the upper tier. */
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import { contentDigest, decodeContent, decodeMembershipChange } from '../../ledger/block.ts';
import {
	OrderContentSchema,
	OrderEntrySchema,
	type PartitionIds
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { START_MS, Tiers } from './testing/tiers.ts';

const SILENCE_MS = 1000;

async function tiersOf(partitions: number[]): Promise<Tiers> {
	const tiers = await Tiers.create({ partitions, genesis: { recoverySilenceMs: BigInt(SILENCE_MS) } });
	await tiers.ticks(1);
	return tiers;
}

/** Partition 2 dies after the first certificate of a height: partition 1 is locked, and nothing is final. */
async function lockedByOne(): Promise<Tiers> {
	const tiers = await tiersOf([4, 4]);
	tiers.reaches = (_from, to, what) => !(to.startsWith('2') && what.startsWith('OrderCommit'));
	await tiers.spread(await tiers.certify(1, 1));
	await tiers.settle();
	for (const name of tiers.members.keys()) if (name.startsWith('2')) tiers.crash(name);
	expect(tiers.booter.core.state().phase).toBe('done');
	expect(tiers.member('1a').voter.state()!.phase).toBe('locked');
	tiers.story();
	return tiers;
}

const living = (tiers: Tiers) => [...tiers.members.values()].filter(({ isDown }) => !isDown);

describe('a recovery', () => {
	it('honours the lock of the others: what they are locked on is final first, and then the recovery', async () => {
		const tiers = await lockedByOne();
		const locked = tiers.member('1a').voter.ordered();
		await tiers.recover(2, []);
		await tiers.ticks(40);
		expect(new Set(tiers.heights())).toEqual(new Set([3]));
		for (const { chain } of living(tiers)) expect(chain.topology.partition(2)!.members).toEqual([]);
		const blocks = [2, 3].map((height) => tiers.block('1a', height));
		expect([...locked]).toEqual([toHex(blocks[0]!.header.lowerBlockId)]);
		expect(blocks.map(({ finality }) => finality.without?.ids)).toEqual([[2], [2]]);
		expect(decodeMembershipChange(blocks[1]!.block.entry).recovery).toBeDefined();
	});

	it('comes first where nobody is locked, whatever the Booter had open', async () => {
		const tiers = await tiersOf([4, 4]);
		for (const name of tiers.members.keys()) if (name.startsWith('2')) tiers.crash(name);
		await tiers.spread(await tiers.certify(1, 1));
		await tiers.ticks(5);
		expect(tiers.member('1a').voter.state()!.phase).toBe('signed');
		await tiers.recover(2, []);
		await tiers.ticks(40);
		expect(decodeMembershipChange(tiers.block('1a', 2).block.entry).recovery).toBeDefined();
		// The block is no less certified for it, and comes next, by one partition alone.
		expect(tiers.block('1a', 3).finality.without).toBeUndefined();
		expect(new Set(tiers.heights())).toEqual(new Set([3]));
	});

	it('is taken back where the partition is heard again', async () => {
		const tiers = await tiersOf([4, 4]);
		tiers.reaches = (_from, to) => !to.startsWith('2');
		await tiers.spread(await tiers.certify(1, 1));
		tiers.reaches = (_from, to) => to === 'booter';
		await tiers.recover(2, []);
		await tiers.heardAgain(2);
		tiers.reaches = () => true;
		await tiers.ticks(60);
		expect(new Set(tiers.heights())).toEqual(new Set([2]));
		expect(tiers.block('1a', 2).finality.without).toBeUndefined();
		expect(tiers.booter.chain.topology.partition(2)!.members).toHaveLength(4);
	});

	it('of the only partition is the operator’s alone, and what had a certificate goes first', async () => {
		const tiers = await tiersOf([4]);
		tiers.reaches = (_from, to, what) => to === 'booter' || !what.startsWith('OrderCommit');
		await tiers.spread(await tiers.certify(1, 1));
		await tiers.settle();
		expect(tiers.booter.core.state().phase).toBe('done');
		for (const name of ['1b', '1c', '1d']) tiers.crash(name);
		await tiers.recover(1, ['1a']);
		tiers.reaches = () => true;
		await tiers.ticks(40);
		expect(tiers.booter.chain.topology.partition(1)!.members).toHaveLength(1);
		expect(tiers.block('booter', 2).block.certificate).toBeDefined();
		expect(decodeMembershipChange(tiers.block('booter', 3).block.entry).recovery).toBeDefined();
		for (const height of [2, 3]) expect(ids(tiers.block('booter', height).finality.without)).toEqual([1]);
	});

	it('is refused before its time, by the Booter and by every member', async () => {
		const tiers = await tiersOf([4, 4]);
		for (const name of tiers.members.keys()) if (name.startsWith('2')) tiers.crash(name);
		await tiers.recover(2, [], { silentSinceMs: START_MS });
		await tiers.ticks(15);
		expect(new Set(tiers.heights())).toEqual(new Set([1]));
		// 20 ticks of 50 ms are the silence.
		await tiers.ticks(30);
		expect(new Set(tiers.heights())).toEqual(new Set([2]));
	});

	it('of one of three is an entry like any other', async () => {
		const tiers = await tiersOf([4, 1, 1]);
		tiers.crash('3a');
		await tiers.recover(3, []);
		await tiers.ticks(40);
		expect(tiers.block('1a', 2).finality.without).toBeUndefined();
		expect(tiers.booter.chain.topology.partition(3)!.members).toEqual([]);
	});

	it('keeps those that remain', async () => {
		const tiers = await tiersOf([4, 4]);
		for (const name of ['2a', '2b']) tiers.crash(name);
		await tiers.recover(2, ['2c', '2d']);
		await tiers.ticks(40);
		const { members } = tiers.booter.chain.topology.partition(2)!;
		expect(members).toEqual(['2c', '2d'].map((name) => tiers.member(name).member.id));
		expect(tiers.member('1a').chain.head.height).toBe(2);
	});
});

describe('a ballot without a partition', () => {
	const twice = (next: Next): Next => {
		const { recoveries } = next.recoveries!;
		return { ...next, recoveries: { ...next.recoveries!, recoveries: [...recoveries, ...recoveries] } };
	};
	const unsigned = (next: Next): Next => {
		const [first] = next.recoveries!.recoveries;
		const recovery = { ...first!, signature: first!.signature.map((byte) => byte ^ 1) };
		return { ...next, recoveries: { ...next.recoveries!, recoveries: [recovery] } };
	};

	it.each<[string, (next: Next) => Next, string]>([
		['shows no Statuses', (next) => ({ ...next, statuses: [], lock: undefined }), 'MessageMalformed'],
		['shows a recovery that nobody signed', unsigned, 'SignatureInvalid'],
		['shows the same recovery twice', twice, 'RecoveryInvalid'],
		[
			'shows no recovery for what it leaves out',
			(next) => ({ ...next, recoveries: undefined }),
			'StatusInvalid'
		]
	])('is refused where it %s', async (_what, tamper, reason) => {
		const tiers = await lockedByOne();
		tiers.tamperNext = async (next) => tamper(next);
		await tiers.recover(2, []);
		await tiers.ticks(5);
		expect(tiers.story('refuses Next')[0]).toContain(reason);
		expect(new Set(tiers.heights())).toEqual(new Set([1]));
	});

	it('orders a recovery or what is locked, and nothing else', async () => {
		const tiers = await tiersOf([4, 4]);
		for (const name of tiers.members.keys()) if (name.startsWith('2')) tiers.crash(name);
		const { idBytes: id } = await tiers.certify(1, 1);
		tiers.tamperNext = async (next) => {
			const { payload: honest, ...statement } = next.signed!;
			const entries = [create(OrderEntrySchema, { partition: 1, epoch: 1, roundId: 1, id })];
			const payload = toBinary(OrderContentSchema, { ...decodeContent(honest), entries });
			const digest = contentDigest(payload);
			return { ...next, signed: await tiers.sign(tiers.booter.member, { ...statement, digest }, payload) };
		};
		await tiers.recover(2, []);
		await tiers.ticks(5);
		expect(tiers.story('refuses Next')[0]).toContain('MessageMalformed');
		expect(new Set(tiers.heights())).toEqual(new Set([1]));
	});
});

const ids = (without: PartitionIds | undefined) => without?.ids;
