import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../crypto/hex.ts';
import {
	OrderCertificateSchema,
	SignedSchema,
	type PartitionVotes
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import type { PartitionStatus } from '../../../wire/gen/tabwave/v1/wire_pb.js';
import { Kind } from '../../statement.ts';
import { TestLedger } from '../../testing/test-ledger.ts';
import type { PartitionView } from '../../topology.ts';
import type { Ballot } from '../ballot.ts';
import { decodeContent } from '../../../ledger/block.ts';
import { encodeRefusal } from '../refusal.ts';
import { OpenBallot } from './open-ballot.ts';
import {
	certificateOf,
	logEntryOf,
	openCollecting,
	openOrder,
	resultOf,
	verdictOn,
	withoutStatus,
	withoutVote,
	type Collecting,
	type Order
} from './stage.ts';

const BALLOT = { term: 2, attempt: 1 };
const RESEND_TICKS = 3;
const OPENED_TICK = 100;
/** Resends for which a doubt is borne. */
const LATE_TICK = OPENED_TICK + 10 * RESEND_TICKS;

/** Four partitions of one: three are q_u, and one refusal blocks its partition. */
let ledger: TestLedger;
let voters: PartitionView[];
let order: Order;
let collecting: Collecting;

beforeEach(async () => {
	ledger = await TestLedger.found([1, 1, 1, 1]);
	voters = ledger.chain.topology.active();
	const body = await ledger.certified(1, [await ledger.transaction(ledger.members(1)[0]!)]);
	const { content, bytes: contentBytes } = ledger.order([{ kind: 'block', body }], BALLOT);
	const proposed = {
		ballot: BALLOT,
		content,
		contentBytes,
		bodies: [{ kind: 'block' as const, body }],
		statuses: []
	};
	const place = { height: content.height, tick: OPENED_TICK, without: [] };
	order = openOrder(proposed, ledger.chain.execute(content, contentBytes, proposed.bodies), place);
	collecting = openCollecting(BALLOT, place);
});

const ids = (partitions: PartitionView[]) => partitions.map(({ id }) => id);
const votesOf = (partition: number): PartitionVotes => ({
	$typeName: 'tabwave.v1.PartitionVotes',
	partition,
	epoch: 1,
	votes: []
});

/** Members of these partitions do not follow. @param joined a ballot that they have joined */
function refuse(stage: Order | Collecting, partitions: number[], joined: Ballot | null = null): void {
	for (const partition of partitions) {
		const sender = fromHex(voters.find(({ id }) => id === partition)!.members[0]!);
		const payload = encodeRefusal({ name: 'No', message: 'because', entry: null }, joined);
		const place = {
			kind: Kind.REFUSE,
			view: BALLOT.term,
			attempt: BALLOT.attempt,
			slot: order.content.height
		};
		const refusals = [create(SignedSchema, { ...place, sender, payload })];
		stage.tally.refuse({ $typeName: 'tabwave.v1.PartitionRefusal', partition, epoch: 1, refusals });
	}
}

function sign(...partitions: number[]): void {
	for (const partition of partitions) {
		const { $typeName: _, ...result } = create(OrderCertificateSchema, resultOf(order));
		const vote = { $typeName: 'tabwave.v1.PartitionVote' as const, ...result, votes: votesOf(partition) };
		order.tally.vote({ ...vote, kind: Kind.SIGN }, 3);
	}
}

const verdict = (stage: Order | Collecting = order, tick = OPENED_TICK) =>
	verdictOn(stage, stage === order ? order : null, voters, { tick, resendTicks: RESEND_TICKS });

describe('whom a ballot waits for', () => {
	it('are those whose Sign is missing, and after the OrderCommit those whose Done is', () => {
		sign(1, 3);
		expect(ids(withoutVote(order, voters))).toEqual([2, 4]);
		order.orderCommit = certificateOf(order, []);
		expect(ids(withoutVote(order, voters))).toEqual([1, 2, 3, 4]);
	});

	it('are those whose Status is missing, until q_u have answered', () => {
		for (const id of [4, 2]) collecting.statuses.set(id, {} as PartitionStatus);
		expect(ids(withoutStatus(collecting, voters))).toEqual([1, 3]);
		collecting.statuses.set(1, {} as PartitionStatus);
		expect(withoutStatus(collecting, voters)).toEqual([]);
	});
});

describe('a ballot', () => {
	it('goes on while q_u partitions may vote for it', () => {
		expect(verdict()).toBeNull();
		refuse(order, [4]);
		expect(verdict()).toBeNull();
		expect(verdict(order, LATE_TICK - 1)).toBeNull();
	});

	it('is given up when q_u are out of reach, or when a doubt lasts', () => {
		refuse(order, [4]);
		expect(verdict(order, LATE_TICK)).toEqual({ passed: null });
		refuse(order, [3]);
		expect(verdict()).toEqual({ passed: null });
		refuse(collecting, [3, 4]);
		expect(verdict(collecting)).toEqual({ passed: null });
	});

	it('is not given up for its refusals once q_u have signed it, unless the doubt lasts', () => {
		refuse(order, [3, 4]);
		const commit = certificateOf(order, []);
		for (const fields of [{ unrecordedCommit: commit }, { unrecordedCommit: null, orderCommit: commit }]) {
			Object.assign(order, fields);
			expect(verdict(order, LATE_TICK - 1)).toBeNull();
			expect(verdict(order, LATE_TICK)).toEqual({ passed: null });
		}
	});

	it('is given up, signed or not, for one above it that members have joined', () => {
		const joined = { term: 5, attempt: 0 };
		refuse(order, [3], joined);
		expect(verdict()).toBeNull();
		order.orderCommit = certificateOf(order, []);
		refuse(order, [4], joined);
		expect(verdict()).toMatchObject({ passed: joined });
	});

	it('of nobody is nobody’s to give up', () => {
		refuse(order, [3, 4]);
		voters = [];
		expect(verdict(order, LATE_TICK)).toBeNull();
	});
});

describe('what an order is', () => {
	it('to those who vote', () => {
		const { execution, content } = order;
		expect(resultOf(order)).toEqual({
			...BALLOT,
			height: content.height,
			contentDigest: execution.contentDigest,
			blockHashes: execution.blockHashes,
			without: undefined
		});
		expect(resultOf({ ...order, without: [2, 3] }).without).toMatchObject({ ids: [2, 3] });
		expect(certificateOf(order, [votesOf(1)]).partitions).toEqual([votesOf(1)]);
	});

	it('to the log (R20)', () => {
		const log = new OpenBallot();
		log.apply(logEntryOf(order));
		expect(log.logged).toMatchObject({ ballot: BALLOT, hasOrderCommit: false });
		expect(log.logged!.content).toEqual(decodeContent(order.contentBytes));
		expect(log.logged!.blocks.map(({ certificate }) => toHex(certificate!.blockId))).toEqual([
			order.bodies[0]!.kind === 'block' && order.bodies[0]!.body.id
		]);
	});
});
