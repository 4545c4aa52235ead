import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import type { PartitionRefusal, PartitionStatus, PartitionVote } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { orderStatement, orderVoteDigest } from '../certificates.ts';
import type { Received } from '../effects.ts';
import { Kind } from '../statement.ts';
import { receive, signedBy } from '../testing/members.ts';
import { Carrier, partitionRefusal } from './carrier.ts';
import { lockReference, type Lock } from './lock.ts';
import { BALLOT, Electorate, HEIGHT } from './testing/statuses.ts';

const RESULT = {
	...BALLOT,
	height: HEIGHT,
	contentDigest: new Uint8Array(32).fill(1),
	blockHashes: new Uint8Array(32).fill(2),
	without: undefined
};
const OTHER = { ...RESULT, blockHashes: new Uint8Array(32).fill(3) };
let all: Electorate;

beforeAll(async () => {
	all = await Electorate.create();
});

async function vote(
	index: number,
	result = RESULT,
	kind: Kind.SIGN | Kind.DONE = Kind.SIGN
): Promise<Received> {
	return receive(await signedBy(all.partitions[0]![index]!, orderStatement(kind, result, 1, 1)));
}

const status = async (index: number, lock: Lock | null) => receive(await all.status(1, index, lock));
const ofMembers = (signatures: { member: Uint8Array }[]) => signatures.map(({ member }) => toHex(member));
const idsOf = (...indices: number[]) => indices.map((index) => all.partitions[0]![index]!.id);

function carriedVotes(carrier: Carrier, result = RESULT): PartitionVote | null {
	return carrier.partitionVote(Kind.SIGN, result, all.voters.active[0]!)?.value as PartitionVote | null;
}

function carriedStatuses(carrier: Carrier): PartitionStatus | null {
	return carrier.partitionStatus(BALLOT, HEIGHT, all.voters.active[0]!)?.value as PartitionStatus | null;
}

describe("a partition's votes", () => {
	it('are carried when q members said the same, and are then q signatures (R11)', async () => {
		const carrier = new Carrier();
		for (const one of [await vote(0), await vote(1, OTHER), await vote(2), await vote(2)]) carrier.add(one);
		carrier.add(await vote(3, RESULT, Kind.DONE));
		expect([carrier.count(Kind.SIGN), carrier.count(Kind.DONE)]).toEqual([3, 1]);
		expect([carriedVotes(carrier) ?? null, carriedVotes(carrier, OTHER) ?? null]).toEqual([null, null]);
		carrier.add(await vote(3));
		const { votes, ...said } = carriedVotes(carrier)!;
		expect(said).toMatchObject({ kind: Kind.SIGN, ...RESULT });
		expect(votes).toMatchObject({ partition: 1, epoch: 1 });
		expect(ofMembers(votes!.votes)).toEqual(idsOf(0, 2, 3));
	});

	it('are no more than are needed', async () => {
		const carrier = new Carrier();
		for (const index of [0, 1, 2, 3]) carrier.add(await vote(index));
		expect(carriedVotes(carrier)!.votes!.votes).toHaveLength(3);
	});

	it('are the first of each member: R2 allows it no other', async () => {
		const carrier = new Carrier();
		for (const result of [RESULT, OTHER])
			for (const index of [0, 1, 2]) carrier.add(await vote(index, result));
		expect(ofMembers(carriedVotes(carrier)!.votes!.votes)).toEqual(idsOf(0, 1, 2));
		expect(carriedVotes(carrier, OTHER) ?? null).toBeNull();
	});

	it('on another result than its own are what a member tells of', async () => {
		const carrier = new Carrier();
		for (const one of [await vote(0), await vote(1, OTHER), await vote(2)]) carrier.add(one);
		const own = orderVoteDigest(RESULT.contentDigest, RESULT.blockHashes);
		expect(carrier.differing(own).map(({ sender }) => sender)).toEqual(idsOf(1));
	});

	it('are of the upper tier', async () => {
		const prepare = { ...orderStatement(Kind.SIGN, RESULT, 1, 1), kind: Kind.PREPARE };
		const message = receive(await signedBy(all.partitions[0]![0]!, prepare));
		expect(() => new Carrier().add(message)).toThrow(/^R11/);
	});
});

describe("a partition's Statuses", () => {
	it('are carried when q members answered, by lock, with the proof of the highest (R14)', async () => {
		const low = await all.lock({ term: 1, attempt: 0 });
		const high = await all.lock({ term: 3, attempt: 0 });
		const carrier = new Carrier();
		carrier.add(await status(2, low));
		carrier.add(await status(0, high));
		expect(carriedStatuses(carrier) ?? null).toBeNull();
		carrier.add(await status(1, low));
		carrier.add(await status(3, null));
		const carried = carriedStatuses(carrier)!;
		expect(carried).toMatchObject({ ...BALLOT, height: HEIGHT });
		expect(carried.statuses).toMatchObject({ partition: 1, epoch: 1 });
		expect(carried.statuses!.groups.map(({ lock, members }) => [lock, ofMembers(members)])).toEqual([
			[lockReference(low.orderCommit), idsOf(2, 1)],
			[lockReference(high.orderCommit), idsOf(0)]
		]);
		expect(carried.lock).toMatchObject(high);
	});

	it('without locks show none', async () => {
		const carrier = new Carrier();
		for (const index of [0, 1, 2]) carrier.add(await status(index, null));
		const { statuses, lock } = carriedStatuses(carrier)!;
		expect(statuses!.groups.map((group) => [group.lock, ofMembers(group.members)])).toEqual([
			[undefined, idsOf(0, 1, 2)]
		]);
		expect(lock).toBeUndefined();
	});
});

describe('refusals', () => {
	it('are carried once of each member, the first', async () => {
		const messages = [await vote(0), await vote(1), await vote(0, OTHER)];
		const { value } = partitionRefusal(all.voters.active[0]!, messages);
		expect(value).toMatchObject({ partition: 1, epoch: 1 });
		expect((value as PartitionRefusal).refusals).toEqual([messages[0]!.signed, messages[1]!.signed]);
	});
});
