import { beforeEach, describe, expect, it } from 'vitest';
import { testMembers } from '#lib/consensus/testing/members.ts';
import { TestLedger } from '#lib/consensus/testing/test-ledger.ts';
import { Assignments } from './assignments.ts';

/** Partition 1 has two members, 2 has one, 3 none; each has three seats. */
let ledger: TestLedger;
let assignments: Assignments;

beforeEach(async () => {
	ledger = await TestLedger.found([2, 1, 0], {
		partitions: [1, 2, 3].map((id) => ({ $typeName: 'tabwave.v1.PartitionGenesis', id, maxMembers: 3 }))
	});
	assignments = new Assignments(ledger.chain.topology);
});

const choose = (node: string, wish = 0, nowMs = 0): number | null => assignments.choose(node, wish, nowMs);

describe('a newcomer without a wish', () => {
	it('goes to the smallest partition; of equal ones to the first', () => {
		expect(choose('a')).toBe(3);
		// One is on its way to 3: now 2 and 3 are equal.
		expect(choose('b')).toBe(2);
		expect(choose('c')).toBe(3);
	});

	it('a class of them fills all seats evenly, and the last one finds none', () => {
		const chosen = Array.from({ length: 7 }, (_, i) => choose(`tab ${i}`));
		expect(chosen.filter((id) => id === 1)).toHaveLength(1);
		expect(chosen.filter((id) => id === 2)).toHaveLength(2);
		expect(chosen.filter((id) => id === 3)).toHaveLength(3);
		expect(chosen.at(-1)).toBeNull();
	});

	it('that asks again is counted once', () => {
		for (let i = 0; i < 20; i++) expect(choose('a')).toBe(3);
		expect(choose('b')).toBe(2);
	});

	it('that has not come in time has changed its mind, and its seat is free', () => {
		choose('a', 3, 0);
		choose('b', 3, 0);
		choose('c', 3, 0);
		expect(choose('d', 3, 15_000)).toBeNull();
		expect(choose('d', 3, 15_001)).toBe(3);
	});

	it('that has become a member is counted as one, and not twice', async () => {
		const [newcomer] = await testMembers(1);
		expect(choose(newcomer!.id)).toBe(3);
		await ledger.admit(3, [newcomer!]);
		expect(choose('a', 3)).toBe(3);
		expect(choose('b', 3)).toBe(3);
		expect(choose('c', 3)).toBeNull();
	});
});

describe('a newcomer with a wish', () => {
	it('gets it while there is a seat', () => {
		expect(choose('a', 1)).toBe(1);
		expect(choose('b', 1)).toBeNull();
		expect(choose('b', 2)).toBe(2);
	});

	it('for a partition that does not exist gets none', () => {
		expect(choose('a', 4)).toBeNull();
	});
});

describe('a member', () => {
	it('is told its own partition, whatever it wishes', () => {
		const [member] = ledger.members(1);
		expect(choose(member!.id)).toBe(1);
		expect(choose(member!.id, 3)).toBe(1);
	});
});

it('more who ask than may wait are answered, and not remembered', async () => {
	const wide = await TestLedger.found([0, 0], {
		partitions: [1, 2].map((id) => ({ $typeName: 'tabwave.v1.PartitionGenesis', id, maxMembers: 64 }))
	});
	const busy = new Assignments(wide.chain.topology);
	const chosen = Array.from({ length: 128 }, (_, i) => busy.choose(`tab ${i}`, 0, 0));
	expect(chosen.filter((id) => id === 1)).toHaveLength(64);
	expect(busy.choose('one more', 0, 0)).toBeNull();
});
