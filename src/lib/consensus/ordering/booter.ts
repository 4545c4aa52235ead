/**
 * The Booter: it chooses which certified blocks and changes of members come next, and gathers the partitions' votes on them.
 * It can stall the ledger, never fork it: what it proposes is nothing until q_u partitions have signed twice.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { equalBytes } from '../../crypto/hex.ts';
import { decodeContent, decodeMembershipChange, membershipChangeId } from '../../ledger/block.ts';
import { invariant, LedgerError } from '../../ledger/errors.ts';
import {
	OrderCertificateSchema,
	OrderContentSchema,
	type CertifiedBlock,
	type MembershipChange,
	type OrderCertificate,
	type OrderContent,
	type OrderEntry,
	type PartitionVotes,
	type Signed
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { PartitionVote } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { BallotRecordSchema } from '../../wire/gen/tabwave/v1/storage_pb.js';
import { orderStatement } from '../certificates.ts';
import { noEffects, type Effects } from '../effects.ts';
import { MembershipRequests } from '../membership/requests.ts';
import { Kind, type Statement } from '../statement.ts';
import { leaderOf, upperQuorum } from '../topology.ts';
import { toCertifiedBlock, type CertifiedBody } from './certified-block.ts';
import type { Chain, Commit, EntryBody, Execution } from './chain.ts';

export interface BooterInit {
	chain: Chain;
	/** Ticks after which leaders that have not voted are asked again. */
	resendTicks: number;
	/** Ticks for which requests to join or leave are gathered before they become an entry. */
	gatherTicks: number;
	/** R9: ticks for which a gap in a partition's rounds is waited for. */
	gapTicks: number;
}

export interface BooterEffects extends Effects {
	commits: Commit[];
	/** R22: a statement for the operator's signature, while no partition has members. */
	operator: Statement | null;
}

/** Certified blocks of one partition that wait: as many as it may have in flight. */
const MAX_WAITING_BLOCKS_PER_PARTITION = 256;
/** Bodies of one order together: two orders fit a second on a slow link, and one is far below a frame. */
const MAX_ORDER_BODY_BYTES = 1_000_000;

interface Ballot {
	term: number;
	attempt: number;
	content: OrderContent;
	contentBytes: Uint8Array;
	execution: Execution;
	bodies: EntryBody[];
	signs: Map<number, PartitionVotes>;
	dones: Map<number, PartitionVotes>;
	orderCommit: OrderCertificate | null;
	lastSentTick: number;
}

export class BooterCore {
	readonly #init: BooterInit;
	readonly #chain: Chain;
	readonly requests = new MembershipRequests();
	/** By partition, in order of round. */
	readonly #waiting = new Map<number, CertifiedBody[]>();
	readonly #gapSince = new Map<number, number>();
	/** R10: the view of each partition, as its heartbeats say. */
	readonly #views = new Map<number, number>();
	#ballot: Ballot | null = null;
	/** The last proof, which rides on the next Next. */
	#lastFinality: OrderCertificate | null = null;
	#tick = 0;
	/** When the first of the waiting requests came. */
	#gatherFromTick = -Infinity;
	#timeMs = 0;
	/** R17: partitions whose votes on the open ballot name other results. */
	readonly #differing = new Set<number>();

	constructor(init: BooterInit) {
		this.#init = init;
		this.#chain = init.chain;
	}

	/** R20: takes up the ballot that was open, word for word. */
	restore(
		records: { key: string; value: Uint8Array }[],
		readBlock: (block: CertifiedBlock) => CertifiedBody
	): BooterEffects {
		const effects = this.#effects();
		const record = records.find(({ key }) => key === BALLOT_KEY)?.value;
		if (!record) return effects;
		const saved = fromBinary(BallotRecordSchema, record);
		const orderCommit = records.find(({ key }) => key === ORDER_COMMIT_KEY)?.value;
		const content = decodeContent(saved.content);
		if (content.height !== this.#chain.head.height + 1) return effects;
		const blocks = saved.blocks.map(readBlock);
		const bodies = content.entries.map((entry): EntryBody => {
			if (entry.membershipChange.length > 0)
				return {
					kind: 'membership',
					bytes: entry.membershipChange,
					change: decodeMembershipChange(entry.membershipChange)
				};
			const body = blocks.find((block) => equalBytes(block.idBytes, entry.id));
			invariant(body, 'R20', 'the log holds every body of the open ballot');
			return { kind: 'block', body };
		});
		this.#ballot = {
			term: saved.term,
			attempt: saved.attempt,
			content,
			contentBytes: saved.content,
			execution: this.#chain.execute(content, saved.content, bodies),
			bodies,
			signs: new Map(),
			dones: new Map(),
			orderCommit: orderCommit ? fromBinary(OrderCertificateSchema, orderCommit) : null,
			lastSentTick: this.#tick
		};
		this.#ask(effects);
		return effects;
	}

	/** The finality proof of the last stored block, for the first Next after a restart. */
	resumeAfter(finality: OrderCertificate): void {
		this.#lastFinality = finality;
	}

	/** A certified block whose signatures hold. */
	certified(body: CertifiedBody): BooterEffects {
		const effects = this.#effects();
		const { partition, roundId } = body.proposal;
		const list = this.#waiting.get(partition) ?? [];
		this.#waiting.set(partition, list);
		if (!this.#isCurrent(body) || list.some((other) => other.proposal.roundId === roundId)) return effects;
		if (list.length >= MAX_WAITING_BLOCKS_PER_PARTITION) return effects;
		if (this.#ballot?.bodies.some((entry) => entry.kind === 'block' && entry.body.id === body.id))
			return effects;
		list.push(body);
		list.sort((a, b) => a.proposal.roundId - b.proposal.roundId);
		// The other partitions' leaders need the bodies before they can vote.
		for (const leader of this.#leaders(partition))
			effects.send.push({ to: leader, packet: { case: 'certifiedBlock', value: toCertifiedBlock(body) } });
		this.#open(effects);
		return effects;
	}

	/** A join, leave or declaration of silence whose signature holds. */
	request(signed: Signed): BooterEffects {
		const effects = this.#effects();
		if (this.requests.isEmpty) this.#gatherFromTick = this.#tick;
		this.requests.add(signed);
		this.#open(effects);
		return effects;
	}

	/** One partition's votes, with q signatures that hold. */
	vote(vote: PartitionVote): BooterEffects {
		const effects = this.#effects();
		const ballot = this.#ballot;
		if (
			!ballot ||
			vote.height !== ballot.content.height ||
			vote.term !== ballot.term ||
			vote.attempt !== ballot.attempt
		)
			return effects;
		if (
			!equalBytes(vote.contentDigest, ballot.execution.contentDigest) ||
			!equalBytes(vote.blockHashes, ballot.execution.blockHashes)
		) {
			this.#differing.add(vote.votes!.partition);
			return effects;
		}
		const votes = vote.kind === Kind.SIGN ? ballot.signs : ballot.dones;
		votes.set(vote.votes!.partition, vote.votes!);
		const needed = upperQuorum(this.#chain.topology.active());
		if (!ballot.orderCommit && ballot.signs.size >= needed) {
			ballot.orderCommit = this.#certificate(ballot, [...ballot.signs.values()].slice(0, needed));
			this.#persistCommit(ballot.orderCommit, effects);
			for (const leader of this.#leaders())
				effects.send.push({ to: leader, packet: { case: 'orderCommit', value: ballot.orderCommit } });
		}
		if (ballot.orderCommit && ballot.dones.size >= needed)
			this.#finalise(this.#certificate(ballot, [...ballot.dones.values()].slice(0, needed)), effects);
		return effects;
	}

	/** The operator signed what {@link BooterEffects.operator} asked for. */
	operatorSigned(statement: Statement, signature: Uint8Array): BooterEffects {
		const effects = this.#effects();
		const ballot = this.#ballot;
		if (!ballot || statement.slot !== ballot.content.height || this.#chain.topology.active().length > 0)
			return effects;
		const certificate = this.#certificate(ballot, []);
		certificate.operatorSignature = signature;
		this.#finalise(certificate, effects);
		return effects;
	}

	/** Where a partition's view is, by its members' heartbeats (R10). */
	view(partition: number, view: number): void {
		if (view > (this.#views.get(partition) ?? 0)) this.#views.set(partition, view);
	}

	leader(partition: number): string | null {
		const { members } = this.#chain.topology.partition(partition) ?? { members: [] };
		return members.length > 0 ? leaderOf(members, this.#views.get(partition) ?? 0) : null;
	}

	/** @param timeMs the Booter's clock, which gives blocks their time */
	tick(timeMs: number): BooterEffects {
		const effects = this.#effects();
		this.#tick += 1;
		this.#timeMs = timeMs;
		if (this.#ballot && this.#tick - this.#ballot.lastSentTick >= this.#init.resendTicks) this.#ask(effects);
		this.#open(effects);
		return effects;
	}

	/** A node's link came up: a leader may have missed what is open. */
	linkUp(peer: string): BooterEffects {
		const effects = this.#effects();
		if (this.#ballot && this.#leaders().includes(peer)) this.#askLeaders([peer], effects);
		return effects;
	}

	/** What is waited for, for status and logs. */
	state() {
		const active = this.#chain.topology.active();
		const ballot = this.#ballot;
		return {
			height: ballot?.content.height ?? null,
			phase: !ballot ? ('idle' as const) : ballot.orderCommit ? ('done' as const) : ('sign' as const),
			missing: ballot
				? active
						.map(({ id }) => id)
						.filter((id) => !(ballot.orderCommit ? ballot.dones : ballot.signs).has(id))
				: [],
			waiting: [...this.#waiting].map(([partition, list]) => ({ partition, blocks: list.length })),
			differing: [...this.#differing]
		};
	}

	/** The block that an asker lacks (R12). */
	body(id: string): CertifiedBody | undefined {
		for (const list of this.#waiting.values()) {
			const found = list.find((body) => body.id === id);
			if (found) return found;
		}
		const open = this.#ballot?.bodies.find((entry) => entry.kind === 'block' && entry.body.id === id);
		return open?.kind === 'block' ? open.body : undefined;
	}

	/** Opens the next height where something waits. */
	#open(effects: BooterEffects): void {
		if (this.#ballot || this.#timeMs === 0) return;
		const { head, topology } = this.#chain;
		const bodies = this.#chooseBlocks();
		// A block's time is its place in the list after the order's; the change comes last.
		const timeMs = Math.max(this.#timeMs, head.timeMs + 1);
		const context = {
			state: this.#chain.state,
			genesis: this.#chain.genesis.fields,
			chainId: this.#chain.chainId,
			height: head.height + 1 + bodies.length,
			timeMs: timeMs + bodies.length
		};
		this.requests.prune(topology);
		const change = this.#isGathering() ? null : this.requests.next(topology, context);
		const entries: EntryBody[] = bodies.map((body) => ({ kind: 'block', body }));
		if (change) entries.push({ kind: 'membership', ...change });
		if (entries.length === 0) return;
		const content = create(OrderContentSchema, {
			height: head.height + 1,
			previousHash: head.hash,
			timeMs: BigInt(timeMs),
			term: 1,
			attempt: 0,
			entries: entries.map(toEntry)
		});
		const contentBytes = toBinary(OrderContentSchema, content);
		for (const body of bodies) this.#take(body);
		let execution: Execution;
		try {
			execution = this.#chain.execute(content, contentBytes, entries);
		} catch (error) {
			// What voters would refuse is not proposed; the blocks it held are void, their transactions are still in pools.
			if (error instanceof LedgerError) return;
			throw error;
		}
		this.#ballot = {
			term: content.term,
			attempt: content.attempt,
			content,
			contentBytes,
			execution,
			bodies: entries,
			signs: new Map(),
			dones: new Map(),
			orderCommit: null,
			lastSentTick: this.#tick
		};
		this.#differing.clear();
		this.#persist(effects);
		this.#ask(effects);
	}

	/**
	 * A class joins within seconds, and each entry costs all its members new links: requests that come close together share
	 * one. The first member of all has nobody to wait for.
	 */
	#isGathering(): boolean {
		return (
			this.#tick - this.#gatherFromTick < this.#init.gatherTicks && this.#chain.topology.active().length > 0
		);
	}

	/** Blocks for the next order: partitions in turn, each partition's rounds in order (R9), within the bounds of an order. */
	#chooseBlocks(): CertifiedBody[] {
		const { maxBlocksPerNext } = this.#chain.genesis.fields;
		const { topology, head } = this.#chain;
		const chosen: CertifiedBody[] = [];
		let bodyBytes = 0;
		const queues = topology.active().map(({ id }) => {
			const list = (this.#waiting.get(id) ?? []).filter((body) => this.#isCurrent(body));
			this.#waiting.set(id, list);
			return this.#withoutGap(id, topology.lastRoundId(id), list);
		});
		// Who comes first moves on with the height, so that no partition is always last.
		for (let depth = 0; queues.some((queue) => queue.length > depth); depth++)
			for (let i = 0; i < queues.length; i++) {
				const body = queues[(i + head.height) % queues.length]![depth];
				if (!body) continue;
				// One place stays free for a change of members.
				const isFull = chosen.length >= Math.max(1, maxBlocksPerNext - 1);
				if (isFull || (chosen.length > 0 && bodyBytes + body.bodyBytes > MAX_ORDER_BODY_BYTES)) return chosen;
				chosen.push(body);
				bodyBytes += body.bodyBytes;
			}
		return chosen;
	}

	/** R9: rounds up to the first gap; a gap is waited for a bounded time, then given up. */
	#withoutGap(partition: number, lastRoundId: number, list: CertifiedBody[]): CertifiedBody[] {
		let end = 0;
		while (end < list.length && list[end]!.proposal.roundId === lastRoundId + 1 + end) end += 1;
		if (end > 0 || list.length === 0) {
			this.#gapSince.delete(partition);
			return list.slice(0, end);
		}
		const since = this.#gapSince.get(partition) ?? this.#tick;
		this.#gapSince.set(partition, since);
		if (this.#tick - since < this.#init.gapTicks) return [];
		this.#gapSince.delete(partition);
		return list.slice(0, 1);
	}

	#isCurrent(body: CertifiedBody): boolean {
		const { topology } = this.#chain;
		const { partition, epoch, roundId } = body.proposal;
		return topology.partition(partition)?.epoch === epoch && roundId > topology.lastRoundId(partition);
	}

	#take(body: CertifiedBody): void {
		const list = this.#waiting.get(body.proposal.partition)!;
		list.splice(list.indexOf(body), 1);
	}

	#finalise(certificate: OrderCertificate, effects: BooterEffects): void {
		const { execution } = this.#ballot!;
		const leaders = this.#leaders();
		effects.commits.push(this.#chain.commit(execution, certificate));
		effects.persist.push({ key: BALLOT_KEY, value: null }, { key: ORDER_COMMIT_KEY, value: null });
		this.#ballot = null;
		this.#lastFinality = certificate;
		this.#open(effects);
		// The proof rides on the next Next; where there is none it goes out alone.
		if (!this.#ballot)
			for (const leader of leaders)
				effects.send.push({ to: leader, packet: { case: 'finality', value: certificate } });
	}

	/** Asks the leaders that the open ballot waits for. */
	#ask(effects: BooterEffects): void {
		const ballot = this.#ballot!;
		ballot.lastSentTick = this.#tick;
		const active = this.#chain.topology.active();
		if (active.length === 0) {
			effects.operator = orderStatement(Kind.OPERATOR, this.#orderOf(ballot), 0, 0);
			return;
		}
		const heard = ballot.orderCommit ? ballot.dones : ballot.signs;
		this.#askLeaders(
			active.filter(({ id }) => !heard.has(id)).flatMap(({ id }) => this.leader(id) ?? []),
			effects
		);
	}

	#askLeaders(leaders: string[], effects: BooterEffects): void {
		const ballot = this.#ballot!;
		if (leaders.length === 0) return;
		effects.votes.push({
			statement: {
				kind: Kind.NEXT,
				partition: 0,
				epoch: 0,
				view: ballot.term,
				attempt: ballot.attempt,
				slot: ballot.content.height,
				digest: ballot.execution.contentDigest
			},
			payload: ballot.contentBytes,
			to: leaders
		});
		if (!ballot.orderCommit) return;
		for (const leader of leaders)
			effects.send.push({ to: leader, packet: { case: 'orderCommit', value: ballot.orderCommit } });
	}

	/** Rides on the next Next. */
	get lastFinality(): OrderCertificate | null {
		return this.#lastFinality;
	}

	#leaders(except?: number): string[] {
		return this.#chain.topology
			.active()
			.filter(({ id }) => id !== except)
			.flatMap(({ id }) => this.leader(id) ?? []);
	}

	#certificate(ballot: Ballot, partitions: PartitionVotes[]): OrderCertificate {
		return create(OrderCertificateSchema, { ...this.#orderOf(ballot), partitions });
	}

	#orderOf(ballot: Ballot) {
		return {
			term: ballot.term,
			attempt: ballot.attempt,
			height: ballot.content.height,
			contentDigest: ballot.execution.contentDigest,
			blockHashes: ballot.execution.blockHashes
		};
	}

	/** R20: the ballot is durable before the Next or OrderCommit that says it leaves. */
	#persist(effects: BooterEffects): void {
		const { term, attempt, contentBytes, bodies } = this.#ballot!;
		const blocks = bodies.flatMap((entry) => (entry.kind === 'block' ? [toCertifiedBlock(entry.body)] : []));
		const record = create(BallotRecordSchema, { term, attempt, content: contentBytes, blocks });
		effects.persist.push({ key: BALLOT_KEY, value: toBinary(BallotRecordSchema, record) });
	}

	#persistCommit(certificate: OrderCertificate, effects: BooterEffects): void {
		effects.persist.push({ key: ORDER_COMMIT_KEY, value: toBinary(OrderCertificateSchema, certificate) });
	}

	#effects(): BooterEffects {
		return { ...noEffects(), commits: [], operator: null };
	}
}

const BALLOT_KEY = 'ballot';
const ORDER_COMMIT_KEY = 'ballot-order-commit';

function toEntry(entry: EntryBody): Omit<OrderEntry, '$unknown'> {
	if (entry.kind === 'membership') return membershipEntry(entry.bytes, entry.change);
	const { proposal, certificate, idBytes } = entry.body;
	return {
		$typeName: 'tabwave.v1.OrderEntry',
		partition: proposal.partition,
		epoch: proposal.epoch,
		view: certificate.view,
		roundId: proposal.roundId,
		id: idBytes,
		membershipChange: new Uint8Array(0)
	};
}

function membershipEntry(bytes: Uint8Array, change: MembershipChange): Omit<OrderEntry, '$unknown'> {
	return {
		$typeName: 'tabwave.v1.OrderEntry',
		partition: change.partition,
		epoch: change.epoch,
		view: 0,
		roundId: 0,
		id: membershipChangeId(bytes),
		membershipChange: bytes
	};
}
