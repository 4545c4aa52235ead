/** For tests: the messages of a view change, signed by members of the simulator's suite, true or made false on purpose. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { Verification } from '../../crypto/suite.ts';
import { blockHash, encodeHeader } from '../../ledger/block.ts';
import { GENESIS_DEFAULTS } from '../../ledger/genesis.ts';
import { OrderCertificateSchema, type Genesis } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import {
	LeaderChangeContentSchema,
	LeaderChangeSchema,
	LedgerProofSchema,
	NewViewContentSchema,
	NewViewSchema,
	PreparedCertificateSchema,
	PreparedRoundSchema,
	type LeaderChange,
	type LeaderChangeContent,
	type LedgerProof,
	type NewView,
	type PreparedCertificate
} from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { orderStatement } from '../certificates.ts';
import { assemble } from '../pbft/leader-change.ts';
import type { ViewContext } from '../pbft/validation/context.ts';
import { quorum } from '../quorum.ts';
import { Kind, payloadDigest, type Statement } from '../statement.ts';
import { partitionOf, signedBy, TEST_CHAIN_ID, testSuite, voteOf, type TestMember } from './members.ts';

/** Partition 1 in epoch 1, alone in its network. */
export function viewContext(members: TestMember[], headHeight = 0): ViewContext {
	const partition = partitionOf(members);
	return {
		partition,
		chain: {
			chainId: TEST_CHAIN_ID,
			genesis: {
				chainId: TEST_CHAIN_ID,
				fields: GENESIS_DEFAULTS as unknown as Genesis
			} as ViewContext['chain']['genesis'],
			topology: { activeAt: () => [partition] } as unknown as ViewContext['chain']['topology'],
			head: { height: headHeight } as ViewContext['chain']['head']
		}
	};
}

/** A block id by a letter. */
export function blockId(letter: string): Uint8Array {
	return new Uint8Array(32).fill(letter.charCodeAt(0));
}

function statement(kind: Kind, view: number, slot: number, digest: Uint8Array): Statement {
	return { kind, partition: 1, epoch: 1, view, attempt: 0, slot, digest };
}

/** @param leader whose PrePrepare it holds; none in a round that was carried over */
export async function preparedCertificate(
	view: number,
	roundId: number,
	block: string,
	voters: TestMember[],
	leader?: TestMember
): Promise<PreparedCertificate> {
	const digest = blockId(block);
	const prepares = [];
	for (const voter of voters)
		prepares.push(await voteOf(voter, statement(Kind.PREPARE, view, roundId, digest)));
	return create(PreparedCertificateSchema, {
		view,
		roundId,
		blockId: digest,
		prePrepare: leader && (await voteOf(leader, statement(Kind.PRE_PREPARE, view, roundId, digest))),
		prepares
	});
}

export async function newViewOf(
	member: TestMember,
	view: number,
	certificates: PreparedCertificate[],
	proof?: { roundId: number; proof: LedgerProof }
): Promise<NewView> {
	const lastRoundId = proof?.roundId ?? 0;
	const payload = toBinary(
		NewViewContentSchema,
		create(NewViewContentSchema, {
			lastRoundId,
			prepared: certificates.map((certificate) =>
				create(PreparedRoundSchema, {
					roundId: certificate.roundId,
					view: certificate.view,
					blockId: certificate.blockId
				})
			)
		})
	);
	const signed = await signedBy(
		member,
		statement(Kind.NEW_VIEW, view, lastRoundId, payloadDigest(payload)),
		payload
	);
	return create(NewViewSchema, { signed, certificates, proof: proof?.proof });
}

/** @param change what the leader makes of its choices, where it lies */
export async function leaderChangeOf(
	leader: TestMember,
	view: number,
	newViews: NewView[],
	contents: Parameters<typeof assemble>[0][number]['content'][],
	change?: (content: LeaderChangeContent) => void
): Promise<LeaderChange> {
	const { leaderChange, content } = assemble(
		newViews.map((newView, i) => ({ sender: String(i), view, newView, content: contents[i]! }))
	)!;
	change?.(content);
	const payload = toBinary(LeaderChangeContentSchema, content);
	const signed = await signedBy(
		leader,
		statement(Kind.LEADER_CHANGE, view, content.lastRoundId, payloadDigest(payload)),
		payload
	);
	return create(LeaderChangeSchema, { ...leaderChange, signed });
}

/** A final block of the partition's round at the height of the same number, with q members' Dones. */
export async function ledgerProof(
	members: TestMember[],
	roundId: number,
	of: { partition?: number; epoch?: number; height?: number } = {}
): Promise<LedgerProof> {
	const hash = new Uint8Array(32);
	const height = of.height ?? roundId;
	const header = encodeHeader({
		height,
		previousHash: hash,
		partition: of.partition ?? 1,
		epoch: of.epoch ?? 1,
		view: 0,
		roundId,
		lowerBlockId: hash,
		transactionsRoot: hash,
		receiptsRoot: hash,
		stateDigest: hash,
		timeMs: 1n,
		term: 1,
		attempt: 0
	});
	const finality = create(OrderCertificateSchema, {
		term: 1,
		attempt: 0,
		height,
		contentDigest: hash,
		blockHashes: blockHash(header)
	});
	const votes = [];
	for (const member of members.slice(0, quorum(members.length)))
		votes.push(await voteOf(member, orderStatement(Kind.DONE, finality, 1, 1)));
	finality.partitions.push({ $typeName: 'tabwave.v1.PartitionVotes', partition: 1, epoch: 1, votes });
	return create(LedgerProofSchema, { header, finality });
}

/** Whether every signature that a validator still wants checked holds. */
export async function allHold(checks: Verification[]): Promise<boolean> {
	for (const check of checks) if (!(await testSuite.verify(check))) return false;
	return checks.length > 0;
}
