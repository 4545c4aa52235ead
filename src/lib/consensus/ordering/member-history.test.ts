/** What a newcomer believes of a chain that it does not execute (R23). */
import { beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import { decodeFinalBlock, decodeHeader, encodeHeader } from '../../ledger/block.ts';
import { StateCut } from '../../ledger/state-cut.ts';
import { reasonOf } from '../../ledger/testing/transactions.ts';
import type { BlockHeader, FinalBlock } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { testMembers } from '../testing/members.ts';
import { hold, membershipEntry, TestLedger } from '../testing/test-ledger.ts';
import type { Snapshot } from './chain.ts';
import { MemberHistory } from './member-history.ts';

const INTERVAL = 4;

let ledger: TestLedger;
/** Heights 1, 2, 5, 7 and 8. */
let changes: FinalBlock[];
let checkpoint: FinalBlock;

beforeEach(async () => {
	ledger = await TestLedger.found([4, 1], { checkpointInterval: INTERVAL });
	await ledger.grow(1);
	await ledger.grow(2, 2);
	const newcomers = await testMembers(3);
	await ledger.admit(2, newcomers.slice(0, 2));
	await ledger.grow(1);
	await ledger.admit(1, newcomers.slice(2));
	const gone = ledger.members(1)[0]!;
	await ledger.commit(membershipEntry(ledger.change(1, { leaves: [await ledger.leave(gone, 1)] })));
	const blocks = ledger.blocks.map(decodeFinalBlock);
	changes = blocks.filter(({ certificate }) => !certificate);
	checkpoint = blocks[7]!;
});

async function follow(history: MemberHistory, blocks = changes): Promise<MemberHistory> {
	for (const block of blocks) expect(await hold(history.follow(block))).toBe(true);
	return history;
}

const values = () => [...ledger.chain.state.values()];

describe('the history of members', () => {
	it('ends with the members that the chain has, and believes its checkpoint', async () => {
		const history = await follow(new MemberHistory(ledger.genesis));
		expect(history.changes.map(({ height }) => height)).toEqual([1, 2, 5, 7, 8]);
		expect(history.topology.active()).toEqual(ledger.chain.topology.active());
		const { head, root, checks } = history.checkpoint(checkpoint);
		expect(head).toEqual(ledger.chain.head);
		expect(await hold(checks)).toBe(true);
		expect(toHex(root)).toBe(toHex(new StateCut(values()).root));
		expect(() => history.checkState(values())).not.toThrow();
	});

	it('knows the partitions of past epochs: the blocks below can be checked against them', async () => {
		const { topology } = await follow(new MemberHistory(ledger.genesis));
		for (const epoch of [1, 2, 3])
			expect(topology.epoch(1, epoch)).toEqual(ledger.chain.topology.epoch(1, epoch));
		expect(topology.activeAt(4)).toEqual(ledger.chain.topology.activeAt(4));
	});

	it.each([0, 1, 2, 3])(
		'does not let change %i of another partition or its own be left out',
		async (left) => {
			const history = new MemberHistory(ledger.genesis);
			const rest = changes.filter((_, i) => i !== left);
			await follow(history, rest.slice(0, left));
			expect(reasonOf(() => history.follow(rest[left]!))).not.toBe('none');
		}
	);

	it('does not let the last change be left out: the state that was signed has it', async () => {
		const history = await follow(new MemberHistory(ledger.genesis), changes.slice(0, -2));
		expect(reasonOf(() => history.checkState(values()))).toBe('SnapshotInvalid');
	});

	it('believes no checkpoint of who voted before the last change', async () => {
		// Below the changes of members at 5 and 7.
		const earlier = decodeFinalBlock(ledger.blocks[3]!);
		const history = await follow(new MemberHistory(ledger.genesis));
		expect(reasonOf(() => history.checkpoint(earlier))).toBe('SnapshotInvalid');
	});

	it('takes nothing for a checkpoint that has no root', async () => {
		await ledger.grow(1);
		const history = await follow(new MemberHistory(ledger.genesis));
		expect(reasonOf(() => history.checkpoint(decodeFinalBlock(ledger.blocks[8]!)))).toBe('SnapshotInvalid');
	});

	it.each<[string, (block: FinalBlock) => FinalBlock]>([
		['with another root', (block) => withHeader(block, { stateRoot: new Uint8Array(32).fill(9) })],
		['without a proof', (block) => ({ ...block, finality: undefined })],
		['with another block’s proof', (block) => ({ ...block, finality: changes[0]!.finality })]
	])('refuses a checkpoint %s', async (_what, tamper) => {
		const history = await follow(new MemberHistory(ledger.genesis));
		expect(reasonOf(() => history.checkpoint(tamper(checkpoint)))).not.toBe('none');
	});

	it.each<[string, (block: FinalBlock) => FinalBlock]>([
		[
			'whose partitions below are others',
			(block) => withHeader(block, { topologyDigest: new Uint8Array(32) })
		],
		['that is a block', () => decodeFinalBlock(ledger.blocks[2]!)],
		['with another entry', (block) => ({ ...block, entry: changes[1]!.entry })],
		['without a proof', (block) => ({ ...block, finality: undefined })],
		['that came before', () => changes[0]!]
	])('refuses a change %s', async (_what, tamper) => {
		const history = await follow(new MemberHistory(ledger.genesis), changes.slice(0, 2));
		expect(reasonOf(() => history.follow(tamper(changes[2]!)))).not.toBe('none');
		expect(reasonOf(() => history.follow(changes[2]!))).toBe('none');
	});

	it('with a forged signature is found out by the checks that it asks for', async () => {
		const [first] = changes;
		const signature = first!.finality!.operatorSignature.map((byte) => byte ^ 1);
		const forged = { ...first!, finality: { ...first!.finality!, operatorSignature: signature } };
		expect(await hold(new MemberHistory(ledger.genesis).follow(forged))).toBe(false);
	});

	it.each<[string, (rows: ReturnType<typeof values>) => ReturnType<typeof values>]>([
		['lacks an epoch', (rows) => rows.filter(({ key }) => !key.startsWith('epoch/0001/'))],
		[
			'has one more partition',
			(rows) => [...rows, { key: 'partition/0009', value: Uint8Array.of(1), height: 1 }]
		],
		[
			'has other members',
			(rows) => rows.map((row) => (row.key === 'partition/0001' ? { ...row, value: Uint8Array.of(1) } : row))
		],
		[
			'has them since another height',
			(rows) => rows.map((row) => (row.key === 'partition/0002' ? { ...row, height: 3 } : row))
		]
	])('refuses a state that %s', async (_what, tamper) => {
		const history = await follow(new MemberHistory(ledger.genesis));
		expect(reasonOf(() => history.checkState(tamper(values())))).toBe('SnapshotInvalid');
	});
});

describe('a chain that goes on from a checkpoint', () => {
	const snapshot = (): Snapshot => ({
		head: ledger.chain.head,
		values: values(),
		root: decodeHeader(checkpoint.header).stateRoot,
		finality: checkpoint.finality!,
		included: []
	});

	it('is where the others are, takes their next blocks, and gives the checkpoint on', async () => {
		const chain = ledger.fresh();
		const { state, head, blocks } = chain.jump(snapshot());
		expect([head, blocks]).toEqual([ledger.chain.head, []]);
		expect(new Map(state.map(({ key, value }) => [key, value]))).toEqual(
			new Map(values().map(({ key, value }) => [key, value]))
		);
		expect(chain.checkpoints.map(({ height }) => height)).toEqual([8]);
		await ledger.grow(1);
		const { outcome, finality } = chain.check(decodeFinalBlock(ledger.blocks[8]!));
		if (!('executed' in outcome)) throw new Error(outcome.message);
		chain.commitChecked(outcome.executed, finality);
		expect(chain.head).toEqual(ledger.chain.head);
	});

	it('moves only forward, and only to a state that it would cut alike', () => {
		const moved = ledger.fresh();
		moved.jump(snapshot());
		expect(() => moved.jump(snapshot())).toThrow(/^R23/);
		const other = { ...snapshot(), values: values().slice(1) };
		expect(() => ledger.fresh().jump(other)).toThrow(/^R17/);
	});

	it('keeps two checkpoints, the newest first', async () => {
		while (ledger.chain.head.height < 3 * INTERVAL) await ledger.grow(1);
		expect(ledger.chain.checkpoints.map(({ height }) => height)).toEqual([12, 8]);
	});
});

function withHeader(block: FinalBlock, fields: Partial<BlockHeader>): FinalBlock {
	return { ...block, header: encodeHeader({ ...decodeHeader(block.header), ...fields }) };
}
