/** For tests of validators: four partitions of four, and whatever of a ballot they may sign. */
import { create, toBinary } from '@bufbuild/protobuf';
import { contentDigest } from '../../../ledger/block.ts';
import {
	OrderCertificateSchema,
	OrderContentSchema,
	type OrderCertificate,
	type Signed
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next, PartitionStatuses, StatusGroup } from '../../../wire/gen/tabwave/v1/wire_pb.js';
import { orderStatement } from '../../certificates.ts';
import { Kind } from '../../statement.ts';
import {
	partitionOf,
	signedBy,
	TEST_CHAIN_ID,
	testMembers,
	voteOf,
	type TestMember
} from '../../testing/members.ts';
import type { Ballot } from '../ballot.ts';
import { encodeLockProof, lockReference, type Lock } from '../lock.ts';
import { statusStatement, type Voters } from '../status.ts';

export const HEIGHT = 9;
export const BALLOT: Ballot = { term: 3, attempt: 1 };

export class Electorate {
	readonly partitions: TestMember[][];
	readonly booter: TestMember;
	readonly stranger: TestMember;
	readonly voters: Voters;

	static async create(): Promise<Electorate> {
		const partitions: TestMember[][] = [];
		for (let i = 0; i < 4; i++) partitions.push(await testMembers(4));
		const [booter, stranger] = await testMembers(2);
		return new Electorate(partitions, booter!, stranger!);
	}

	private constructor(partitions: TestMember[][], booter: TestMember, stranger: TestMember) {
		this.partitions = partitions;
		this.booter = booter;
		this.stranger = stranger;
		this.voters = {
			active: partitions.map((members, i) => partitionOf(members, i + 1)),
			operator: new Uint8Array(32).fill(8),
			booters: [booter.signer.publicKey],
			chainId: TEST_CHAIN_ID
		};
	}

	/** Some OrderContent, encoded. */
	content(ballot: Ballot, timeMs = 5, height = HEIGHT): Uint8Array {
		return toBinary(
			OrderContentSchema,
			create(OrderContentSchema, {
				height,
				previousHash: new Uint8Array(32).fill(4),
				timeMs: BigInt(timeMs),
				...ballot,
				entries: [{ partition: 1, epoch: 1, roundId: 1, id: new Uint8Array(32).fill(5) }]
			})
		);
	}

	/** A lock that holds: three of four Signs in three of four partitions. */
	async lock(ballot: Ballot, content = this.content(ballot), height = HEIGHT): Promise<Lock> {
		return { orderCommit: await this.certificate(Kind.SIGN, ballot, content, height), content };
	}

	async certificate(
		kind: Kind.SIGN | Kind.DONE,
		ballot: Ballot,
		content: Uint8Array,
		height = HEIGHT
	): Promise<OrderCertificate> {
		const order = {
			...ballot,
			height,
			contentDigest: contentDigest(content),
			blockHashes: new Uint8Array(32).fill(6)
		};
		const certificate = create(OrderCertificateSchema, order);
		for (const partition of [1, 2, 3]) {
			const statement = orderStatement(kind, order, partition, 1);
			certificate.partitions.push({
				$typeName: 'tabwave.v1.PartitionVotes',
				partition,
				epoch: 1,
				votes: await Promise.all(
					this.partitions[partition - 1]!.slice(0, 3).map((member) => voteOf(member, statement))
				)
			});
		}
		return certificate;
	}

	/** One member's Status. */
	async status(partition: number, member: number, lock: Lock | null, ballot = BALLOT): Promise<Signed> {
		const reference = lock ? lockReference(lock.orderCommit) : undefined;
		return signedBy(
			this.partitions[partition - 1]![member]!,
			statusStatement(ballot, HEIGHT, { id: partition, epoch: 1 }, reference),
			encodeLockProof(lock)
		);
	}

	/** The Statuses of a partition's first members, each with its lock. */
	async statuses(partition: number, locks: (Lock | null)[], ballot = BALLOT): Promise<PartitionStatuses> {
		const groups: StatusGroup[] = [];
		for (const [i, lock] of locks.entries()) {
			const { sender, signature } = await this.status(partition, i, lock, ballot);
			groups.push({
				$typeName: 'tabwave.v1.StatusGroup',
				lock: lock ? lockReference(lock.orderCommit) : undefined,
				members: [{ $typeName: 'tabwave.v1.MemberSignature', member: sender, signature }]
			});
		}
		return { $typeName: 'tabwave.v1.PartitionStatuses', partition, epoch: 1, groups };
	}

	/** A Next of the Booter; what justifies it is given. */
	async next(
		content: Uint8Array,
		justified: Partial<Pick<Next, 'statuses' | 'lock'>> = {},
		{ ballot = BALLOT, sender = this.booter, slot = HEIGHT } = {}
	): Promise<Next> {
		const statement = {
			kind: Kind.NEXT,
			partition: 0,
			epoch: 0,
			view: ballot.term,
			attempt: ballot.attempt,
			slot,
			digest: contentDigest(content)
		};
		const signed = await signedBy(sender, statement, content);
		return { $typeName: 'tabwave.v1.Next', signed, statuses: [], ...justified };
	}
}
