import { create } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { taggedHash } from '../crypto/hash.ts';
import { toHex } from '../crypto/hex.ts';
import { LedgerError } from '../ledger/errors.ts';
import {
	BlockCertificateSchema,
	OrderCertificateSchema,
	SignedSchema,
	type BlockCertificate,
	type OrderCertificate
} from '../wire/gen/tabwave/v1/ledger_pb.js';
import {
	checkBlockCertificate,
	checkOrderCertificate,
	checkPartitionVotes,
	commitStatement,
	orderStatement,
	orderVoteDigest,
	votersWithout
} from './certificates.ts';
import { isWellFormed, Kind, statementBytes, type Statement } from './statement.ts';
import {
	partitionOf,
	TEST_CHAIN_ID,
	testMembers,
	testSuite,
	voteOf,
	type TestMember
} from './testing/members.ts';
import type { PartitionView } from './topology.ts';

const DIGEST = new Uint8Array(32).fill(1);
let members: TestMember[];
let others: TestMember[];

beforeAll(async () => {
	members = await testMembers(4);
	others = await testMembers(4);
});

async function holds(checks: Parameters<typeof testSuite.verify>[0][]): Promise<boolean> {
	return (await Promise.all(checks.map((check) => testSuite.verify(check)))).every(Boolean);
}

describe('R2: a statement', () => {
	it('gives other bytes for every field that differs', () => {
		const statement: Statement = {
			kind: Kind.COMMIT,
			partition: 1,
			epoch: 2,
			view: 3,
			attempt: 4,
			slot: 5,
			digest: DIGEST
		};
		const sender = new Uint8Array(32).fill(9);
		const variants: Statement[] = [
			statement,
			{ ...statement, kind: Kind.PREPARE },
			{ ...statement, partition: 2 },
			{ ...statement, epoch: 3 },
			{ ...statement, view: 4 },
			{ ...statement, attempt: 5 },
			{ ...statement, slot: 6 },
			{ ...statement, digest: new Uint8Array(32) }
		];
		const bytes = variants.map((variant) => statementBytes(TEST_CHAIN_ID, variant, sender).join());
		bytes.push(statementBytes(new Uint8Array(32), statement, sender).join());
		bytes.push(statementBytes(TEST_CHAIN_ID, statement, DIGEST).join());
		expect(new Set(bytes).size).toBe(10);
	});

	const COMMIT = { kind: Kind.COMMIT, partition: 1, epoch: 1, view: 0, attempt: 0, slot: 1, digest: DIGEST };

	it('is never made of fields of another length, which would write over their neighbours', () => {
		for (const length of [31, 33]) {
			const wrong = new Uint8Array(length);
			expect(() => statementBytes(TEST_CHAIN_ID, { ...COMMIT, digest: wrong }, DIGEST)).toThrow(/^R2/);
			expect(() => statementBytes(wrong, COMMIT, DIGEST)).toThrow(/^R2/);
			expect(() => statementBytes(TEST_CHAIN_ID, COMMIT, wrong)).toThrow(/^R2/);
		}
	});

	it('begins with what it is a statement of: nothing else that a key signs can be taken for one', () => {
		const text = new TextDecoder().decode(statementBytes(TEST_CHAIN_ID, COMMIT, DIGEST).subarray(0, 21));
		expect(text).toBe('tabwave/v1/statement\0');
	});

	it('has a form, which is looked at before anything is checked', () => {
		const [sender, signature] = [new Uint8Array(32), new Uint8Array(64)];
		const signed = create(SignedSchema, { ...COMMIT, sender, signature });
		expect(isWellFormed(signed)).toBe(true);
		for (const fields of [
			{ digest: new Uint8Array(31) },
			{ sender: new Uint8Array(33) },
			{ signature: new Uint8Array(63) },
			{ kind: 999 as Kind }
		])
			expect(isWellFormed({ ...signed, ...fields })).toBe(false);
	});
});

describe('a block certificate', () => {
	async function certificate(
		voters = members.slice(0, 3),
		fields: Partial<Pick<BlockCertificate, 'partition' | 'epoch'>> = {}
	): Promise<BlockCertificate> {
		const empty = create(BlockCertificateSchema, {
			partition: 1,
			epoch: 1,
			view: 0,
			roundId: 5,
			blockId: DIGEST,
			...fields
		});
		return {
			...empty,
			commits: await Promise.all(voters.map((member) => voteOf(member, commitStatement(empty))))
		};
	}
	const check = (one: BlockCertificate): ReturnType<typeof checkBlockCertificate> =>
		checkBlockCertificate(one, partitionOf(members), TEST_CHAIN_ID);

	it('of an epoch without members is refused', async () => {
		const empty = { ...partitionOf(members), members: [] };
		const run = async () => checkBlockCertificate(await certificate(), empty, TEST_CHAIN_ID);
		expect(await refusal(run)).toBe('CertificateInvalid');
	});

	it('holds with q Commits', async () => {
		expect(await holds(check(await certificate()))).toBe(true);
	});

	it.each([
		['too few', async () => certificate(members.slice(0, 2))],
		['a stranger among them', async () => certificate([...members.slice(0, 2), others[0]!])],
		['one counted twice', async () => certificate([members[0]!, members[0]!, members[1]!])],
		['one counted twice beside enough', async () => certificate([...members.slice(0, 3), members[0]!])],
		['of another partition', async () => certificate(undefined, { partition: 2 })],
		['of another epoch', async () => certificate(undefined, { epoch: 2 })],
		[
			'whose block id has bytes behind it',
			async () => ({ ...(await certificate()), blockId: new Uint8Array(40).fill(1) })
		]
	])('is refused: %s', async (_what, make) => {
		expect(await refusal(async () => check((await make()) as BlockCertificate))).toBe('CertificateInvalid');
	});

	it.each([
		['another round', { roundId: 6 }],
		['another view', { view: 1 }],
		['another block', { blockId: new Uint8Array(32).fill(2) }]
	])('does not hold for %s', async (_what, fields) => {
		expect(await holds(check({ ...(await certificate()), ...fields }))).toBe(false);
	});
});

describe('an order certificate (R11)', () => {
	const order = {
		term: 1,
		attempt: 0,
		height: 9,
		contentDigest: DIGEST,
		blockHashes: new Uint8Array(64).fill(3)
	};
	const active = () => [partitionOf(members, 1), partitionOf(others, 2)];
	const operator = new Uint8Array(32).fill(8);

	async function votesOf(kind: Kind, voters: TestMember[], partition: number) {
		const votes = await Promise.all(
			voters.map((member) => voteOf(member, orderStatement(kind, order, partition, 1)))
		);
		return { $typeName: 'tabwave.v1.PartitionVotes' as const, partition, epoch: 1, votes };
	}
	async function certificate(kind: Kind = Kind.DONE): Promise<OrderCertificate> {
		const partitions = [await votesOf(kind, members.slice(1), 1), await votesOf(kind, others.slice(1), 2)];
		return create(OrderCertificateSchema, { ...order, partitions });
	}
	const check = (one: OrderCertificate, kind: Kind.SIGN | Kind.DONE = Kind.DONE) =>
		checkOrderCertificate(kind, one, active(), operator, TEST_CHAIN_ID);

	it('holds with q members in q_u partitions', async () => {
		expect(await holds(check(await certificate()))).toBe(true);
	});

	it('Signs are no Dones', async () => {
		expect(await holds(check(await certificate(Kind.SIGN), Kind.DONE))).toBe(false);
	});

	it.each([
		[
			'one partition of two',
			async () => ({ ...(await certificate()), partitions: (await certificate()).partitions.slice(0, 1) })
		],
		[
			'a partition counted twice',
			async () => ({
				...(await certificate()),
				partitions: [(await certificate()).partitions[0]!, (await certificate()).partitions[0]!]
			})
		],
		[
			'too few members of one',
			async () => ({
				...(await certificate()),
				partitions: [await votesOf(Kind.DONE, members.slice(0, 2), 1), (await certificate()).partitions[1]!]
			})
		],
		[
			'members of the other partition',
			async () => ({
				...(await certificate()),
				partitions: [await votesOf(Kind.DONE, others.slice(1), 1), (await certificate()).partitions[1]!]
			})
		],
		[
			'a partition counted twice beside enough',
			async () => {
				const one = await certificate();
				return { ...one, partitions: [...one.partitions, one.partitions[1]!] };
			}
		],
		['no blocks', async () => ({ ...(await certificate()), blockHashes: new Uint8Array(0) })],
		['half a block', async () => ({ ...(await certificate()), blockHashes: new Uint8Array(48) })],
		[
			'the border between content and blocks moved',
			async () => ({
				...(await certificate()),
				contentDigest: new Uint8Array(0),
				blockHashes: Uint8Array.from([...DIGEST, ...order.blockHashes])
			})
		]
	])('is refused: %s', async (_what, make) => {
		expect(await refusal(async () => check((await make()) as OrderCertificate))).toBe('CertificateInvalid');
	});

	it('needs the votes of a partition as it is, with members, and on an order that has a form', async () => {
		const votes = await votesOf(Kind.DONE, members.slice(1), 1);
		const view = partitionOf(members, 1);
		const reasonWith = (fields: Partial<PartitionView>, about: Partial<typeof order> = {}) =>
			refusal(async () =>
				checkPartitionVotes(Kind.DONE, { ...order, ...about }, votes, { ...view, ...fields }, TEST_CHAIN_ID)
			);
		expect(await reasonWith({})).toBe('none');
		for (const fields of [{ id: 2 }, { epoch: 2 }, { members: [] }])
			expect(await reasonWith(fields)).toBe('CertificateInvalid');
		expect(await reasonWith({}, { contentDigest: new Uint8Array(31) })).toBe('CertificateInvalid');
		expect(await reasonWith({}, { blockHashes: new Uint8Array(48) })).toBe('CertificateInvalid');
	});

	it('is on a digest of its own for each content, result and set of partitions left out', () => {
		const blocks = new Uint8Array(64).map((_, i) => i);
		const without = (...list: number[]) => ({ $typeName: 'tabwave.v1.PartitionIds' as const, ids: list });
		const full = orderVoteDigest(DIGEST, blocks);
		expect(full).toEqual(taggedHash('order-vote', DIGEST, blocks));
		expect(orderVoteDigest(DIGEST, blocks, without())).toEqual(full);
		// The ids of the last one are the content of the first, word by word: their count tells them apart.
		const words = new DataView(DIGEST.buffer);
		const asIds = Array.from({ length: 8 }, (_, i) => words.getUint32(4 * i));
		const digests = [
			full,
			orderVoteDigest(blocks.slice(0, 32), blocks),
			orderVoteDigest(DIGEST, blocks.slice(0, 32)),
			...[[1], [2], [1, 2], [1, 3], [1, 2, 3]].map((list) =>
				orderVoteDigest(DIGEST, blocks, without(...list))
			),
			orderVoteDigest(blocks.slice(0, 32), blocks.slice(32), without(1, ...asIds))
		];
		expect(new Set(digests.map(toHex)).size).toBe(digests.length);
	});

	it('knows who votes where partitions are left out (R22)', async () => {
		const left = (...without: number[]) => votersWithout(active(), without).map(({ id }) => id);
		expect([left(), left(1), left(2), left(1, 2)]).toEqual([[1, 2], [2], [1], []]);
		for (const wrong of [[3], [1, 3], [2, 1], [1, 1]])
			expect(await refusal(async () => left(...wrong))).toBe('CertificateInvalid');
	});

	describe('without a partition (R22)', () => {
		const ids = (...list: number[]) => ({ $typeName: 'tabwave.v1.PartitionIds' as const, ids: list });
		const lone = { ...order, without: ids(2) };
		async function votes(result: typeof lone | typeof order, partition = 1) {
			const list = await Promise.all(
				members.slice(1).map((member) => voteOf(member, orderStatement(Kind.DONE, result, partition, 1)))
			);
			return { $typeName: 'tabwave.v1.PartitionVotes' as const, partition, epoch: 1, votes: list };
		}

		it('holds with q_u of the others, who signed that they do without it', async () => {
			expect(
				await holds(check(create(OrderCertificateSchema, { ...lone, partitions: [await votes(lone)] })))
			).toBe(true);
		});

		it('is never made of votes that were given for all partitions', async () => {
			const made = create(OrderCertificateSchema, { ...lone, partitions: [await votes(order)] });
			expect(await holds(check(made))).toBe(false);
		});

		it.each<[string, number[]]>([
			['which has no vote', [3]],
			['which is left out twice', [2, 2]],
			['in no order', [2, 1]]
		])('is refused where it leaves out a partition %s', async (_what, without) => {
			const made = create(OrderCertificateSchema, {
				...lone,
				without: ids(...without),
				partitions: [await votes(lone)]
			});
			expect(await refusal(async () => check(made))).toBe('CertificateInvalid');
		});

		it('counts no vote of the partition that is left out', async () => {
			const own = { ...(await votesOf(Kind.DONE, others.slice(1), 2)) };
			const made = create(OrderCertificateSchema, { ...lone, partitions: [await votes(lone), own] });
			expect(await refusal(async () => check(made))).toBe('CertificateInvalid');
		});

		it('all of them: the operator alone', async () => {
			const [one] = (await testMembers(1)) as [TestMember];
			const all = { ...order, without: ids(1, 2) };
			const { signature } = await voteOf(one, orderStatement(Kind.OPERATOR, all, 0, 0));
			const made = create(OrderCertificateSchema, { ...all, operatorSignature: signature });
			const checks = checkOrderCertificate(Kind.DONE, made, active(), one.signer.publicKey, TEST_CHAIN_ID);
			expect(await holds(checks)).toBe(true);
			const some = create(OrderCertificateSchema, { ...made, without: ids(2) });
			expect(await refusal(async () => check(some))).toBe('CertificateInvalid');
		});
	});

	it('while no partition has members the operator alone is enough, and nobody else (R22)', async () => {
		const one = await testMembers(1);
		const signature = (await voteOf(one[0]!, orderStatement(Kind.OPERATOR, order, 0, 0))).signature;
		const byOperator = create(OrderCertificateSchema, { ...order, operatorSignature: signature });
		const checks = (key: Uint8Array) => checkOrderCertificate(Kind.DONE, byOperator, [], key, TEST_CHAIN_ID);
		expect(await holds(checks(one[0]!.signer.publicKey))).toBe(true);
		expect(await holds(checks(operator))).toBe(false);
		const formless = { ...byOperator, blockHashes: new Uint8Array(48) };
		const run = async () => checkOrderCertificate(Kind.DONE, formless, [], operator, TEST_CHAIN_ID);
		expect(await refusal(run)).toBe('CertificateInvalid');
		expect(await refusal(async () => check(byOperator))).toBe('CertificateInvalid');
	});
});

async function refusal(run: () => Promise<unknown>): Promise<string> {
	try {
		await run();
		return 'none';
	} catch (error) {
		if (error instanceof LedgerError) return error.reason;
		throw error;
	}
}
