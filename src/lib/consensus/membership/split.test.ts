/** R22: a partition past its maximum splits in two. */
import { beforeEach, describe, expect, it } from 'vitest';
import { reasonOf } from '../../ledger/testing/transactions.ts';
import { decodeFinalBlock, decodeHeader } from '../../ledger/block.ts';
import type { MembershipChange } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { checkFinality } from '../ordering/chain.ts';
import { testMembers, type TestMember } from '../testing/members.ts';
import { hold, membershipEntry, TestLedger } from '../testing/test-ledger.ts';
import { upperQuorum } from '../topology.ts';
import { checkMembershipChange, halves } from './change.ts';
import { MembershipRequests } from './requests.ts';

const SEATS = 4;
let ledger: TestLedger;
let newcomers: TestMember[];

beforeEach(async () => {
	ledger = await foundedWith(3);
	newcomers = await testMembers(2);
});

const foundedWith = (maxPartitions: number, seats = [SEATS]): Promise<TestLedger> =>
	TestLedger.found([SEATS], {
		maxPartitions,
		partitions: seats.map((maxMembers, i) => ({
			$typeName: 'tabwave.v1.PartitionGenesis',
			id: i + 1,
			maxMembers
		}))
	});
const reason = (change: MembershipChange): string =>
	reasonOf(() => checkMembershipChange(change, ledger.membershipContext()));

/** What the Booter makes of joins that wait. */
async function proposed(...members: TestMember[]): Promise<MembershipChange | null> {
	const requests = new MembershipRequests();
	for (const member of members) requests.add(await ledger.join(member, 1));
	return requests.next(ledger.chain.topology, ledger.membershipContext())?.change ?? null;
}

describe('a split', () => {
	it('divides all by id: the lower half stays, the upper half begins the next partition', async () => {
		const change = (await proposed(...newcomers))!;
		expect(reason(change)).toBe('none');
		const before = ledger.members(1).map(({ id }) => id);
		const all = [...before, ...newcomers.map(({ id }) => id)].sort();
		await ledger.commit(membershipEntry(change));
		expect(ledger.members(1).map(({ id }) => id)).toEqual(all.slice(0, 3));
		expect(ledger.members(2).map(({ id }) => id)).toEqual(all.slice(3));
		expect(ledger.chain.topology.partition(2)).toMatchObject({ epoch: 1, maxMembers: SEATS });
		expect(ledger.chain.topology.partition(1)!.epoch).toBe(2);
	});

	it('changes q_u from the next height on: its own entry is final by the voters before it', async () => {
		const entry = await ledger.commit(membershipEntry((await proposed(...newcomers))!));
		const { height } = entry.blocks[0]!;
		const { topology, genesis } = ledger.chain;
		expect([height - 1, height].map((at) => upperQuorum(topology.activeAt(at)))).toEqual([1, 2]);
		const stored = decodeFinalBlock(entry.blocks[0]!.bytes);
		expect(stored.finality!.partitions).toHaveLength(1);
		expect(await hold(checkFinality(stored, decodeHeader(stored.header), topology, genesis))).toBe(true);
		// Both vote on what follows, and blocks of both are ordered; a newcomer from genesis comes to the same.
		await ledger.grow(1);
		const { blocks } = await ledger.grow(2);
		expect(decodeFinalBlock(blocks[0]!.bytes).finality!.partitions).toHaveLength(2);
		const fresh = ledger.fresh();
		for (const bytes of ledger.blocks) {
			const { outcome, finality, checks } = fresh.check(decodeFinalBlock(bytes));
			expect(await hold(checks)).toBe(true);
			if ('executed' in outcome) fresh.commitChecked(outcome.executed, finality);
		}
		expect(fresh.head).toEqual(ledger.chain.head);
	});

	it('leaves blocks of the epoch before it behind', async () => {
		const body = await ledger.certified(1, [await ledger.transaction(ledger.members(1)[0]!)]);
		await ledger.commit(membershipEntry((await proposed(...newcomers))!));
		expect(reasonOf(() => ledger.execute({ kind: 'block', body }))).toBe('EpochPassed');
	});

	it.each<[string, (change: MembershipChange) => Partial<MembershipChange>]>([
		['to another number than the next', ({ split }) => ({ split: { ...split!, partition: 3 } })],
		['to a partition that there is', ({ split }) => ({ split: { ...split!, partition: 1 } })],
		['in other halves', ({ split, members }) => ({ members: split!.members, split: { ...split!, members } })],
		['that forgets a member', ({ split }) => ({ split: { ...split!, members: split!.members.slice(1) } })],
		['of who is not past its maximum', ({ joins }) => ({ joins: joins.slice(2) })]
	])('is refused: %s', async (_what, fields) => {
		const change = (await proposed(...newcomers))!;
		expect(reason({ ...change, ...fields(change) })).toBe('MembershipInvalid');
	});

	it('is not made where nobody has to sit elsewhere, where another has a seat, or where genesis allows no more', async () => {
		const leaving = new MembershipRequests();
		leaving.add(await ledger.leave(ledger.members(1)[0]!, 1));
		leaving.add(await ledger.join(newcomers[0]!, 1));
		const swap = leaving.next(ledger.chain.topology, ledger.membershipContext())!;
		expect([swap.change.split, swap.change.members.length]).toEqual([undefined, SEATS]);
		ledger = await foundedWith(3, [SEATS, SEATS]);
		expect(await proposed(...newcomers)).toBeNull();
		ledger = await foundedWith(0);
		expect(await proposed(...newcomers)).toBeNull();
	});

	/** A split into halves of whoever there would be, whether or not it may be. */
	async function halving(parts: { joins: TestMember[]; leaves?: TestMember[] }): Promise<MembershipChange> {
		const joins = await Promise.all(parts.joins.map((member) => ledger.join(member, 1)));
		const leaves = await Promise.all((parts.leaves ?? []).map((member) => ledger.leave(member, 1)));
		const change = ledger.change(1, { joins, leaves });
		const { staying, leaving } = halves(change.members);
		return {
			...change,
			members: staying,
			split: { $typeName: 'tabwave.v1.Split', partition: 2, members: leaving }
		};
	}

	it('is of who is past its maximum, and of no more than both hold, whatever the lists say', async () => {
		const many = await testMembers(SEATS + 1);
		expect(reason(await halving({ joins: many.slice(0, 1) }))).toBe('none');
		expect(reason(await halving({ joins: many.slice(0, SEATS) }))).toBe('none');
		expect(reason(await halving({ joins: many }))).toBe('PartitionFull');
		const swapped = await halving({ joins: many.slice(0, 1), leaves: ledger.members(1).slice(0, 1) });
		expect(reason(swapped)).toBe('MembershipInvalid');
	});

	it('takes no more than two partitions hold', async () => {
		const change = (await proposed(...(await testMembers(SEATS + 3))))!;
		expect([change.members.length, change.split!.members.length]).toEqual([SEATS, SEATS]);
		expect(reason(change)).toBe('none');
	});
});
