import { beforeAll, describe, expect, it } from 'vitest';
import { fromHex } from '../crypto/hex.ts';
import { partitionKey } from '../ledger/genesis.ts';
import { VersionedState } from '../ledger/state.ts';
import { leaderOf, sortedIds, Topology, upperQuorum } from './topology.ts';
import { testMembers, type TestMember } from './testing/members.ts';
import { membershipEntry, TestLedger } from './testing/test-ledger.ts';

/** Heights 1, 2: partitions 1 and 3 are founded; 3: partition 1 grows; 4, 5: blocks; 6: partition 3 is left by all. */
let ledger: TestLedger;
let founders: TestMember[];
let others: TestMember[];

beforeAll(async () => {
	ledger = await TestLedger.found([2, 0, 1]);
	founders = ledger.members(1);
	others = ledger.members(3);
	await ledger.admit(1, await testMembers(1));
	await ledger.grow(1);
	await ledger.grow(3);
	const leaves = [await ledger.leave(others[0]!, 3)];
	await ledger.commit(membershipEntry(ledger.change(3, { leaves })));
});

const ids = (members: TestMember[]): string[] => members.map(({ id }) => id);

describe('the topology, as the ledger has it', () => {
	it('names each partition’s members in order of id, with their names and seats', () => {
		const view = ledger.chain.topology.partition(1)!;
		expect(view).toMatchObject({ id: 1, epoch: 2, maxMembers: 16, sinceHeight: 3 });
		expect(view.members).toEqual(ids(ledger.members(1)));
		expect([...view.members].sort()).toEqual(view.members);
		expect(view.nicknames.get(founders[0]!.id)).toBe(`tab ${founders[0]!.id.slice(0, 4)}`);
		expect(ledger.chain.topology.partition(4)).toBeUndefined();
	});

	it('has partitions without members, which have no vote', () => {
		const { topology } = ledger.chain;
		expect(topology.partitions().map(({ id, members }) => [id, members.length])).toEqual([
			[1, 3],
			[2, 0],
			[3, 0]
		]);
		expect(topology.active().map(({ id }) => id)).toEqual([1]);
	});

	it('sees a change in the state at once, however often it was asked before', () => {
		const { state } = ledger.chain;
		const key = partitionKey(1);
		const copy = new VersionedState(state.rows());
		const topology = new Topology(copy, [1, 2, 3]);
		expect(topology.active()).toBe(topology.active());
		expect(topology.members()).toEqual(new Set(topology.active().flatMap(({ members }) => members)));
		copy.apply([{ key, value: state.get(partitionKey(2))! }], 100);
		expect(topology.active()).toEqual([]);
		copy.undo([key], 100);
		expect(topology.active().map(({ id }) => id)).toEqual([1]);
	});

	it('knows whose member somebody is', () => {
		const { topology } = ledger.chain;
		expect(topology.partitionOf(founders[1]!.id)?.id).toBe(1);
		expect(topology.partitionOf(others[0]!.id)).toBeUndefined();
	});

	it('keeps each epoch as it was', () => {
		const { topology } = ledger.chain;
		expect(topology.epoch(1, 1)!.members).toEqual(ids(founders));
		expect(topology.epoch(1, 2)).toEqual(topology.partition(1));
		expect(topology.epoch(3, 1)!.members).toEqual(ids(others));
		expect(topology.epoch(3, 2)!.members).toEqual([]);
		expect(topology.epoch(1, 3)).toBeUndefined();
		expect(topology.epoch(2, 0)).toBeUndefined();
	});

	it.each([
		[0, []],
		[1, [[1, 1]]],
		[
			2,
			[
				[1, 1],
				[3, 1]
			]
		],
		[
			3,
			[
				[1, 2],
				[3, 1]
			]
		],
		[
			5,
			[
				[1, 2],
				[3, 1]
			]
		],
		[6, [[1, 2]]]
	])('knows who voted on the block above height %i', (height, expected) => {
		const voters = ledger.chain.topology.activeAt(height);
		expect(voters.map(({ id, epoch }) => [id, epoch])).toEqual(expected);
	});

	it('knows each partition’s last round, in its present epoch only (R9)', async () => {
		const { topology } = ledger.chain;
		expect(topology.lastRoundId(1)).toBe(1);
		expect(topology.lastRoundId(2)).toBe(0);
		// Its round was of the epoch before.
		expect(topology.lastRoundId(3)).toBe(0);
	});
});

describe('roles', () => {
	it('the leader is the member whose turn it is, for as many views as there may be', () => {
		const members = ['a', 'b', 'c'];
		expect([0, 1, 2, 3, 4, 300].map((view) => leaderOf(members, view))).toEqual([
			'a',
			'b',
			'c',
			'a',
			'b',
			'a'
		]);
		expect(leaderOf(['a'], 7)).toBe('a');
	});

	it('the upper quorum counts the partitions that have a vote', () => {
		const view = ledger.chain.topology.partition(1)!;
		const needed = [1, 2, 3, 4, 5, 6, 7].map((count) =>
			upperQuorum(Array.from({ length: count }, () => view))
		);
		expect(needed).toEqual([1, 2, 2, 3, 4, 4, 5]);
	});

	it('ids are sorted where each is above the one before', () => {
		const [a, b, c] = ['00ff', '0100', 'ff'].map((text) => fromHex(text)) as [
			Uint8Array,
			Uint8Array,
			Uint8Array
		];
		expect(sortedIds([a, b, c])).toBe(true);
		expect(sortedIds([])).toBe(true);
		expect(sortedIds([a])).toBe(true);
		expect(sortedIds([b, a])).toBe(false);
		expect(sortedIds([a, a])).toBe(false);
		expect(sortedIds([a, c, b])).toBe(false);
	});
});
