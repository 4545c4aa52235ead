import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../crypto/hex.ts';
import { PartitionIdsSchema, SignedSchema, type Signed } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import type { PartitionVote } from '../../../wire/gen/tabwave/v1/wire_pb.js';
import { orderVoteDigest } from '../../certificates.ts';
import { Kind } from '../../statement.ts';
import type { PartitionView } from '../../topology.ts';
import type { Ballot } from '../ballot.ts';
import { encodeRefusal, REFUSED } from '../refusal.ts';
import { Tally } from './tally.ts';

const BALLOT = { term: 2, attempt: 1 };
const HEIGHT = 9;
const OWN = {
	...BALLOT,
	height: HEIGHT,
	contentDigest: new Uint8Array(32).fill(1),
	blockHashes: new Uint8Array(32).fill(2),
	without: undefined
};
const OTHER_RESULT = { blockHashes: new Uint8Array(32).fill(3) };
const OTHER_CONTENT = { contentDigest: new Uint8Array(32).fill(4) };
/** q_u(4). */
const NEEDED = 3;

/** Four partitions of four: one may lie, and one member in each. */
const ACTIVE: PartitionView[] = [1, 2, 3, 4].map((id) => ({
	id,
	epoch: 1,
	members: [1, 2, 3, 4].map((member) => memberId(id, member)),
	nicknames: new Map(),
	maxMembers: 16,
	sinceHeight: 1
}));

function memberId(partition: number, member: number): string {
	return toHex(new Uint8Array(32).fill(16 * partition + member));
}

const tallying = () => new Tally(BALLOT, HEIGHT, OWN);
/** Before the Next: the Booter only asks for Statuses. */
const collecting = () => new Tally(BALLOT, HEIGHT, null);

function votes(partition: number, fields: Partial<PartitionVote> = {}): PartitionVote {
	return {
		$typeName: 'tabwave.v1.PartitionVote',
		kind: Kind.SIGN,
		...OWN,
		votes: { $typeName: 'tabwave.v1.PartitionVotes', partition, epoch: 1, votes: [] },
		...fields
	};
}

interface Says {
	name?: string;
	entry?: Uint8Array;
	joined?: Ballot;
	at?: Partial<Omit<Signed, '$typeName' | '$unknown'>>;
}

function refusal(partition: number, member: number, { name = 'No', entry, joined, at }: Says = {}): Signed {
	const payload = encodeRefusal({ name, message: 'because', entry: entry ?? null }, joined ?? null);
	const { term: view, attempt } = BALLOT;
	const sender = fromHex(memberId(partition, member));
	const statement = { kind: Kind.REFUSE, view, attempt, slot: HEIGHT };
	return { ...create(SignedSchema, { ...statement, sender, payload }), ...at };
}

/** Members that say the same. */
function refuse(tally: Tally, partition: number, members: number[], says: Says = {}): void {
	const refusals = members.map((member) => refusal(partition, member, says));
	tally.refuse({ $typeName: 'tabwave.v1.PartitionRefusal', partition, epoch: 1, refusals });
}

const blocked = (tally: Tally) => tally.blocked(ACTIVE).map(({ id }) => id);

describe("partitions' votes", () => {
	it('are counted by what they are, each partition once (R11)', () => {
		const tally = tallying();
		for (const partition of [1, 2, 2]) tally.vote(votes(partition), NEEDED);
		tally.vote(votes(1, { kind: Kind.DONE }), NEEDED);
		expect([[...tally.signs.keys()], [...tally.dones.keys()]]).toEqual([[1, 2], [1]]);
		expect([tally.isDoubted, blocked(tally), tally.doubting()]).toEqual([false, [], []]);
	});

	it.each<[string, Partial<PartitionVote>]>([
		['height', { height: HEIGHT + 1 }],
		['term', { term: 3 }],
		['attempt', { attempt: 0 }]
	])('of another %s say nothing of this ballot', (_what, fields) => {
		const tally = tallying();
		for (const partition of [1, 2, 3])
			for (const result of [{}, OTHER_CONTENT, OTHER_RESULT])
				tally.vote(votes(partition, { ...fields, ...result }), NEEDED);
		expect([tally.signs.size, tally.isDoubted]).toEqual([0, false]);
	});

	it('are none while only Statuses are asked for', () => {
		const tally = collecting();
		tally.vote(votes(1), NEEDED);
		expect([tally.signs.size, tally.isDoubted]).toEqual([0, false]);
	});

	it.each<[string, Partial<PartitionVote>]>([
		['another content', OTHER_CONTENT],
		['another content and result', { ...OTHER_CONTENT, ...OTHER_RESULT }],
		['another set of voters (R22)', { without: create(PartitionIdsSchema, { ids: [4] }) }]
	])('on %s show that somebody has used the number: the partition has no vote left here', (_what, fields) => {
		const tally = tallying();
		tally.vote(votes(2, fields), NEEDED);
		expect(tally.signs.size).toBe(0);
		expect([tally.isDoubted, tally.hasOtherResults]).toEqual([true, false]);
		expect([blocked(tally), tally.doubting()]).toEqual([[2], [2]]);
		expect(tally.reason()).toBe('members signed another content');
	});

	it('count where exactly the same partitions are left out (R22)', () => {
		const without = (...ids: number[]) => ({ without: create(PartitionIdsSchema, { ids }) });
		const tally = new Tally(BALLOT, HEIGHT, { ...OWN, ...without(3, 4) });
		tally.vote(votes(1, without(3, 4)), NEEDED);
		tally.vote(votes(2, without(3)), NEEDED);
		tally.vote(votes(5, without(3, 5)), NEEDED);
		tally.vote(votes(6, without(3, 4, 5)), NEEDED);
		expect([...tally.signs.keys()]).toEqual([1]);
		expect(tally.doubting()).toEqual([2, 5, 6]);
	});

	it('on another result are held against the partition, and more than one such result apart (R17)', () => {
		const tally = tallying();
		tally.vote(votes(1, OTHER_RESULT), NEEDED);
		tally.vote(votes(2, OTHER_RESULT), NEEDED);
		tally.vote(votes(3, { blockHashes: new Uint8Array(32).fill(5) }), NEEDED);
		expect([tally.signs.size, tally.isDoubted, tally.hasOtherResults]).toEqual([0, true, true]);
		expect([blocked(tally), tally.doubting()]).toEqual([
			[1, 2, 3],
			[1, 2, 3]
		]);
		expect(tally.reason()).toBe('members signed another result');
	});

	it('stop this Booter where q_u partitions agree on another result than its own (R17)', () => {
		const tally = tallying();
		for (const partition of [1, 2, 2]) tally.vote(votes(partition, OTHER_RESULT), NEEDED);
		expect(() => tally.vote(votes(3, OTHER_RESULT), NEEDED)).toThrow(/^R17/);
	});
});

describe("members' refusals", () => {
	it('block a partition when no q of it can sign any more, and each member counts once', () => {
		const tally = tallying();
		refuse(tally, 1, [1]);
		refuse(tally, 1, [1]);
		refuse(tally, 3, [1]);
		expect([tally.isDoubted, blocked(tally), tally.doubting()]).toEqual([true, [], [1, 3]]);
		refuse(tally, 1, [2]);
		expect([blocked(tally), tally.hasOtherResults]).toEqual([[1], false]);
	});

	it('take nothing back that q members of the partition have signed', () => {
		const tally = tallying();
		refuse(tally, 1, [1, 2]);
		tally.vote(votes(1), NEEDED);
		expect(blocked(tally)).toEqual([]);
	});

	it.each<[string, Partial<Signed>]>([
		['height', { slot: HEIGHT - 1 }],
		['term', { view: 1 }],
		['attempt', { attempt: 2 }]
	])('of another %s say nothing of this ballot', (_what, at) => {
		const tally = tallying();
		refuse(tally, 1, [1, 2], { at });
		refuse(tally, 2, [1, 2], { at: { ...at, kind: Kind.SIGN, digest: new Uint8Array(32) } });
		expect([tally.isDoubted, blocked(tally), tally.doubting()]).toEqual([false, [], []]);
	});

	it('are Signs of another result as well (R17)', () => {
		const differing = { at: { kind: Kind.SIGN, digest: new Uint8Array(32).fill(9) } };
		const tally = tallying();
		refuse(tally, 2, [1]);
		refuse(tally, 1, [1, 2], differing);
		expect([tally.isDoubted, tally.hasOtherResults]).toEqual([true, true]);
		expect([blocked(tally), tally.doubting()]).toEqual([[1], [2, 1]]);
		// Nobody's words, no entry and no ballot are in them.
		expect([tally.reason(), tally.refusedEntry(), tally.passedBy(ACTIVE)]).toEqual([
			'No: because',
			null,
			null
		]);
		const alone = tallying();
		refuse(alone, 1, [1], differing);
		expect(alone.reason()).toBe('members signed another result');
	});

	it('are no Signs of the very result, and none where there is no result yet', () => {
		const same = orderVoteDigest(OWN.contentDigest, OWN.blockHashes);
		for (const tally of [tallying(), collecting()]) {
			refuse(tally, 1, [1, 2], { at: { kind: Kind.SIGN, digest: same } });
			expect(tally.isDoubted).toBe(false);
		}
		const tally = collecting();
		refuse(tally, 1, [1, 2], { at: { kind: Kind.SIGN, digest: new Uint8Array(32) } });
		expect(tally.isDoubted).toBe(false);
	});

	it('for the ballot being open count only against the question whether it is', () => {
		const says = { name: REFUSED.ballotOpened };
		const [open, asking] = [tallying(), collecting()];
		for (const tally of [open, asking]) refuse(tally, 1, [1, 2], says);
		expect([blocked(open), open.reason()]).toEqual([[], 'nobody says why']);
		expect([blocked(asking), asking.reason()]).toEqual([[1], 'BallotOpened: because']);
	});

	it('name the entry that most of them mean; of as many, always the same', () => {
		const entry = (value: number) => ({ entry: new Uint8Array(32).fill(value) });
		const tally = tallying();
		expect(tally.refusedEntry()).toBeNull();
		refuse(tally, 1, [1, 2, 3]);
		expect(tally.refusedEntry()).toBeNull();
		refuse(tally, 2, [1], entry(7));
		refuse(tally, 3, [1, 2], entry(6));
		expect(tally.refusedEntry()).toBe('06'.repeat(32));
		refuse(tally, 4, [1, 2], entry(5));
		expect(tally.refusedEntry()).toBe('05'.repeat(32));
		refuse(tally, 2, [2, 3], entry(7));
		expect(tally.refusedEntry()).toBe('07'.repeat(32));
	});
});

describe('the ballot that has passed this one (R14)', () => {
	const HIGHER = { term: 3, attempt: 0 };

	it('is believed of f + 1 members in each of b + 1 partitions', () => {
		const tally = tallying();
		refuse(tally, 1, [1, 2, 3, 4], { joined: HIGHER });
		refuse(tally, 2, [1], { joined: HIGHER });
		expect(tally.passedBy(ACTIVE)).toBeNull();
		refuse(tally, 2, [2], { joined: HIGHER });
		expect(tally.passedBy(ACTIVE)).toMatchObject(HIGHER);
	});

	it('is not above what an honest member of a sound partition has joined', () => {
		const tally = tallying();
		refuse(tally, 1, [1, 2], { joined: { term: 9, attempt: 9 } });
		refuse(tally, 2, [1], { joined: { term: 7, attempt: 0 } });
		refuse(tally, 2, [2], { joined: { term: 5, attempt: 1 } });
		refuse(tally, 2, [3], { joined: { term: 5, attempt: 0 } });
		expect(tally.passedBy(ACTIVE)).toMatchObject({ term: 5, attempt: 1 });
		refuse(tally, 3, [1, 2], { joined: { term: 6, attempt: 0 } });
		expect(tally.passedBy(ACTIVE)).toMatchObject({ term: 6, attempt: 0 });
	});

	it('is none where they have joined this one, a lower one, or none', () => {
		const tally = tallying();
		for (const [partition, joined] of [
			[1, BALLOT],
			[2, { term: 2, attempt: 0 }],
			[3, undefined]
		] as const)
			refuse(tally, partition, [1, 2, 3], { joined });
		expect(tally.passedBy(ACTIVE)).toBeNull();
	});

	it('is asked of partitions with a vote alone', () => {
		const tally = tallying();
		for (const partition of [1, 2]) refuse(tally, partition, [1, 2], { joined: HIGHER });
		expect(tally.passedBy(ACTIVE.slice(1))).toMatchObject(HIGHER);
		expect(tally.passedBy(ACTIVE.slice(2))).toBeNull();
	});
});
