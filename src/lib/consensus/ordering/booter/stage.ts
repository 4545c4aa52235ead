/**
 * Where the open ballot is: the Booter collects Statuses for it (R14), or has proposed an order in it and collects votes. Both ask leaders
 * and count who has answered.
 */
import { create } from '@bufbuild/protobuf';
import { contentDigest } from '../../../ledger/block.ts';
import {
	OrderCertificateSchema,
	PartitionIdsSchema,
	type OrderCertificate,
	type OrderContent,
	type PartitionIds,
	type PartitionVotes
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { BallotRecordSchema } from '../../../wire/gen/tabwave/v1/storage_pb.js';
import type { PartitionStatus, PartitionStatuses } from '../../../wire/gen/tabwave/v1/wire_pb.js';
import type { OrderResult } from '../../certificates.ts';
import { upperQuorum, type PartitionView } from '../../topology.ts';
import type { Ballot } from '../ballot.ts';
import { toCertifiedBlock } from '../certified-block.ts';
import type { EntryBody, Execution } from '../chain.ts';
import { ballotEntry } from './open-ballot.ts';
import { Tally } from './tally.ts';

/** Resends for which a ballot that somebody doubts, but not enough to end it, is given a chance. */
const RESENDS_IN_DOUBT = 10;

/** What asking leaders has in common, for Statuses and for votes. */
export interface Stage {
	ballot: Ballot;
	tally: Tally;
	openedTick: number;
	lastSentTick: number;
	asks: number;
	/** R22: partitions that have no vote in this ballot, ascending. */
	without: number[];
}

/** R14: a ballot after the first at its height, before its Next. */
export interface Collecting extends Stage {
	statuses: Map<number, PartitionStatus>;
}

/** What a Next says. */
export interface Proposed {
	ballot: Ballot;
	content: OrderContent;
	contentBytes: Uint8Array;
	/** Of the content's entries. */
	bodies: EntryBody[];
	/** R14: what justifies it, and the lock that it repeats. */
	statuses: PartitionStatuses[];
	lock?: OrderCertificate;
}

/** A ballot with its Next. */
export interface Order extends Stage, Proposed {
	execution: Execution;
	/** R20: it is in the log, and may be told of. */
	isRecorded: boolean;
	/** An OrderCommit that is not in the log yet. */
	unrecordedCommit: OrderCertificate | null;
	orderCommit: OrderCertificate | null;
}

/** Where and when a ballot is opened. */
export interface Place {
	height: number;
	tick: number;
	/** R22 */
	without: number[];
}

export function openCollecting(ballot: Ballot, place: Place): Collecting {
	return { ...openStage(ballot, place, null), statuses: new Map() };
}

export function openOrder(proposed: Proposed, execution: Execution, place: Place): Order {
	const { ballot, content, contentBytes } = proposed;
	const result = {
		...ballot,
		height: content.height,
		contentDigest: contentDigest(contentBytes),
		blockHashes: execution.blockHashes,
		without: idsOf(place.without)
	};
	return {
		...openStage(ballot, place, result),
		...proposed,
		execution,
		isRecorded: false,
		unrecordedCommit: null,
		orderCommit: null
	};
}

function openStage(ballot: Ballot, { height, tick, without }: Place, result: OrderResult | null): Stage {
	return {
		ballot,
		tally: new Tally(ballot, height, result),
		openedTick: tick,
		lastSentTick: tick,
		asks: 0,
		without
	};
}

/** R20: an order as the cluster's log has it. */
export function logEntryOf({ ballot, contentBytes, bodies }: Order): Uint8Array {
	const blocks = bodies.flatMap((entry) => (entry.kind === 'block' ? [toCertifiedBlock(entry.body)] : []));
	return ballotEntry(create(BallotRecordSchema, { ...ballot, content: contentBytes, blocks }));
}

/** Partitions whose votes an order still waits for. */
export function withoutVote({ orderCommit, tally }: Order, voters: PartitionView[]): PartitionView[] {
	const heard = orderCommit ? tally.dones : tally.signs;
	return voters.filter(({ id }) => !heard.has(id));
}

/** Partitions whose Statuses a ballot still waits for. */
export function withoutStatus({ statuses }: Collecting, voters: PartitionView[]): PartitionView[] {
	// Enough have answered: what is waited for is something to propose.
	const missing = voters.filter(({ id }) => !statuses.has(id));
	return voters.length - missing.length >= upperQuorum(voters) ? [] : missing;
}

/**
 * Whether a ballot cannot come to q_u votes, or has been in doubt for too long.
 * @returns null where it goes on; else the ballot above it that members have joined, where they have
 */
export function verdictOn(
	stage: Stage,
	order: Order | null,
	voters: PartitionView[],
	{ tick, resendTicks }: { tick: number; resendTicks: number }
): { passed: Ballot | null } | null {
	const { tally } = stage;
	if (!tally.isDoubted || voters.length === 0) return null;
	const blocked = tally.blocked(voters);
	const isHopeless = voters.length - blocked.length < upperQuorum(voters);
	// Whose result is the odd one, this Booter's own perhaps (R17), is known when all have spoken.
	const isOpen = tally.hasOtherResults && tally.signs.size + blocked.length < voters.length;
	const isLate = tick - stage.openedTick >= RESENDS_IN_DOUBT * resendTicks;
	const passed = tally.passedBy(voters);
	// Who refused what q_u partitions have signed is not needed for it, as long as they are there.
	const isDecided = isHopeless && !isOpen && !(order && isCommitted(order));
	return passed || isDecided || isLate ? { passed } : null;
}

/** q_u partitions have signed it, so that it may be locked (R14). */
export function isCommitted({ orderCommit, unrecordedCommit }: Order): boolean {
	return (orderCommit ?? unrecordedCommit) !== null;
}

/** What the Booter's own execution makes of an order. */
export function resultOf({ ballot, content, execution, without }: Order): OrderResult {
	return {
		...ballot,
		height: content.height,
		contentDigest: execution.contentDigest,
		blockHashes: execution.blockHashes,
		without: idsOf(without)
	};
}

/** An OrderCommit of Signs, or a finality proof of Dones. */
export function certificateOf(order: Order, partitions: PartitionVotes[]): OrderCertificate {
	return create(OrderCertificateSchema, { ...resultOf(order), partitions });
}

/** As the wire has them: absent where there are none. */
function idsOf(ids: number[]): PartitionIds | undefined {
	return ids.length > 0 ? create(PartitionIdsSchema, { ids }) : undefined;
}
