import { beforeEach, describe, expect, it } from 'vitest';
import type { TestMember } from '../../testing/members.ts';
import { membershipEntry, TestLedger } from '../../testing/test-ledger.ts';
import { PartitionLeaders } from './partition-leaders.ts';

let ledger: TestLedger;
let first: TestMember[];
let second: TestMember[];
let leaders: PartitionLeaders;

beforeEach(async () => {
	ledger = await TestLedger.found([3, 2, 0]);
	[first, second] = [ledger.members(1), ledger.members(2)];
	leaders = new PartitionLeaders(ledger.chain.topology);
});

describe('who leads a partition', () => {
	it('is its first member until a LeaderChange shows another', () => {
		expect([leaders.view(1), leaders.leader(1)]).toEqual([0, first[0]!.id]);
		expect(leaders.changed(1, 4)).toBe(first[1]!.id);
		expect([leaders.view(1), leaders.leader(1)]).toEqual([4, first[1]!.id]);
		expect([leaders.view(2), leaders.leader(2)]).toEqual([0, second[0]!.id]);
	});

	it('is no news where the view is known, or lower; nor of who has no members', () => {
		leaders.changed(1, 4);
		expect([
			leaders.changed(1, 4),
			leaders.changed(1, 3),
			leaders.changed(3, 1),
			leaders.changed(9, 1)
		]).toEqual(Array(4).fill(null));
		expect(leaders.view(1)).toBe(4);
		expect([leaders.leader(3), leaders.leader(9)]).toEqual([null, null]);
	});

	it('is the first one again in the next epoch', async () => {
		leaders.changed(2, 1);
		const leaves = [await ledger.leave(second[1]!, 2)];
		await ledger.commit(membershipEntry(ledger.change(2, { leaves })));
		expect([leaders.view(2), leaders.leader(2)]).toEqual([0, second[0]!.id]);
		expect(leaders.changed(2, 1)).toBe(second[0]!.id);
	});

	it('is asked for of all that have members, or of all but one', () => {
		leaders.changed(1, 1);
		expect(leaders.all()).toEqual([first[1]!.id, second[0]!.id]);
		expect(leaders.all(1)).toEqual([second[0]!.id]);
		expect(leaders.everyone()).toEqual([...first, ...second].map(({ id }) => id));
	});
});
