/**
 * The Booter: it chooses which certified blocks and changes of members come next, and gathers the partitions' votes on them.
 * It can stall the ledger, never fork it: what it proposes is nothing until q_u partitions have signed twice, and a ballot
 * after the first at a height starts with what the members say they are locked on (R14).
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import {
	contentDigest,
	decodeContent,
	decodeMembershipChange,
	membershipChangeId
} from '../../ledger/block.ts';
import { invariant, LedgerError } from '../../ledger/errors.ts';
import {
	OrderCertificateSchema,
	OrderContentSchema,
	PartitionIdsSchema,
	SignedRecoveriesSchema,
	type CertifiedBlock,
	type Evidence,
	type MembershipChange,
	type OrderCertificate,
	type OrderContent,
	type OrderEntry,
	type PartitionIds,
	type PartitionVotes,
	type Signed,
	type SignedRecoveries,
	type SignedRecovery
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { BallotRecordSchema, type BooterEntry } from '../../wire/gen/tabwave/v1/storage_pb.js';
import type {
	LockProof,
	PartitionRefusal,
	PartitionStatus,
	PartitionStatuses,
	PartitionVote
} from '../../wire/gen/tabwave/v1/wire_pb.js';
import { orderStatement, type OrderResult } from '../certificates.ts';
import { noEffects, type Effects } from '../effects.ts';
import { MembershipRequests } from '../membership/requests.ts';
import { Kind, type Statement } from '../statement.ts';
import { leaderOf, upperQuorum, type PartitionView } from '../topology.ts';
import { ballotName, compareBallots, MAX_BALLOT_NUMBER, type Ballot } from './ballot.ts';
import { BlockQueue } from './block-queue.ts';
import { toCertifiedBlock, type CertifiedBody } from './certified-block.ts';
import type { Chain, Commit, EntryBody, Execution } from './chain.ts';
import { EntryError } from './entry-error.ts';
import { highestLock } from './lock.ts';
import { ballotEntry, encodeEntry, type LoggedBallot } from './open-ballot.ts';
import { statusRequestStatement } from './status.ts';
import { Tally } from './tally.ts';
import { WantedBodies } from './wanted-bodies.ts';

export interface BooterInit {
	chain: Chain;
	/** Ticks after which leaders that have not voted are asked again. */
	resendTicks: number;
	/** Ticks for which requests to join or leave are gathered before they become an entry. */
	gatherTicks: number;
	/** R9: ticks for which a gap in a partition's rounds is waited for. */
	gapTicks: number;
	/** A block of the log, whose signatures its proposer has checked; null where it is not whole. */
	readBlock(block: CertifiedBlock): CertifiedBody | null;
}

export interface BooterEffects extends Effects {
	commits: Commit[];
	/** R20: entries for the cluster's log. What they say leaves with {@link BooterCore.recorded}. */
	entries: Uint8Array[];
	/** R22: a statement for the operator's signature, while no partition has members. */
	operator: Statement | null;
	/** Members have joined a ballot of this higher term: this Booter leads no more, until it is given a term above it. */
	higherTerm: number | null;
	/** What a person who runs the Booter should know. */
	notes: string[];
}

/** Asks that stay unanswered before the whole partition is asked, and not its leader alone. */
const ASKS_OF_LEADER_ALONE = 3;
/** Resends for which a ballot that somebody doubts, but not enough to end it, is given a chance. */
const RESENDS_IN_DOUBT = 10;
/** Retries that drop nothing wait twice as long each time, up to 2⁴ resends: some seconds. */
const MAX_BACKOFF_DOUBLINGS = 4;

/** What asking leaders has in common, for Statuses and for votes. */
interface Stage {
	ballot: Ballot;
	tally: Tally;
	openedTick: number;
	lastSentTick: number;
	asks: number;
	/** R22: partitions that have no vote in this ballot, ascending. */
	without: number[];
}

/** R14: a ballot after the first at its height, before its Next. */
interface Collecting extends Stage {
	statuses: Map<number, PartitionStatus>;
}

interface Order extends Stage {
	content: OrderContent;
	contentBytes: Uint8Array;
	execution: Execution;
	bodies: EntryBody[];
	statuses: PartitionStatuses[];
	lock: OrderCertificate | undefined;
	/** R20: it is in the log, and may be told of. */
	isRecorded: boolean;
	/** An OrderCommit that is not in the log yet. */
	unrecordedCommit: OrderCertificate | null;
	orderCommit: OrderCertificate | null;
}

/** The ballot that an earlier leader had open. */
interface Recorded {
	content: OrderContent;
	contentBytes: Uint8Array;
	hasOrderCommit: boolean;
}

export class BooterCore {
	readonly #init: BooterInit;
	readonly #chain: Chain;
	requests = new MembershipRequests();
	readonly #queue: BlockQueue;
	/** The view of each partition in its epoch, as a LeaderChange proved it: on say-so alone anyone could lead the Booter astray. */
	readonly #views = new Map<number, { epoch: number; view: number }>();
	/** 0 while this Booter does not lead. */
	#term = 0;
	/** The last in which it led, in this run. */
	#lastTerm = 0;
	/** What the log has, as of the last entry that this Booter was told of. */
	#logged: LoggedBallot | null = null;
	/** The last ballot that is known of at the height above the head; null before the first. */
	#last: Ballot | null = null;
	#recorded: Recorded | null = null;
	readonly #wanted = new WantedBodies();
	#collecting: Collecting | null = null;
	#order: Order | null = null;
	/** Blocks of the next order at most, after an order whose results differed. */
	#limit = Infinity;
	/** Retries at this height that dropped nothing. */
	#vainRetries = 0;
	#retryAtTick = 0;
	/** The last proof, which rides on the next Next. */
	#lastFinality: OrderCertificate | null = null;
	#tick = 0;
	/** When the first of the waiting requests came. */
	#gatherFromTick = -Infinity;
	#timeMs = 0;

	constructor(init: BooterInit) {
		this.#init = init;
		this.#chain = init.chain;
		this.#queue = new BlockQueue({
			topology: init.chain.topology,
			maxBlocksPerOrder: init.chain.genesis.fields.maxBlocksPerNext,
			gapTicks: init.gapTicks
		});
	}

	/** @param finality the proof of the head, which rides on the first Next */
	restore(finality: OrderCertificate | null): void {
		this.#lastFinality = finality;
	}

	/** 0 while this Booter does not lead. */
	get term(): number {
		return this.#term;
	}

	get isLeading(): boolean {
		return this.#term > 0;
	}

	/** R21: something of which this Booter knows waits for its place in the ledger. */
	get isWaiting(): boolean {
		return this.#order !== null || this.#collecting !== null || this.#queue.isWaiting;
	}

	/**
	 * This Booter is the active one of a term that is above all before (R19): it continues the open height through R14.
	 * @param logged what the log has, committed (R20)
	 */
	lead(term: number, logged: LoggedBallot | null): BooterEffects {
		const effects = noBooterEffects();
		invariant(
			term > this.#lastTerm && term <= MAX_BALLOT_NUMBER,
			'R19',
			`term ${term} follows term ${this.#lastTerm}`
		);
		this.#term = this.#lastTerm = term;
		this.#logged = logged;
		this.#beginHeight();
		this.#continue(effects);
		return effects;
	}

	/** Another leads. What it had open and had not recorded is dropped; who wants to join or leave asks the other. */
	stepDown(): void {
		this.#term = 0;
		this.#drop();
		this.requests = new MembershipRequests();
	}

	/**
	 * R20: an entry is committed, and this Booter is active in the term in which it asked for it.
	 * @param logged what the log has with it
	 */
	recorded({ body }: BooterEntry, logged: LoggedBallot | null): BooterEffects {
		const effects = noBooterEffects();
		this.#logged = logged;
		const order = this.#order;
		if (!order || body.case === undefined || compareBallots(body.value, order.ballot) !== 0) return effects;
		// Block sync may have closed the height of an earlier entry, and another height has a ballot of the same number.
		if (body.case === 'ballot' && !order.isRecorded && equalBytes(body.value.content, order.contentBytes)) {
			order.isRecorded = true;
			order.openedTick = this.#tick;
			this.#ask(effects);
		}
		if (body.case === 'orderCommit' && order.unrecordedCommit && body.value.height === order.content.height) {
			order.orderCommit = order.unrecordedCommit;
			order.unrecordedCommit = null;
			for (const leader of this.#leaders())
				effects.send.push({ to: leader, packet: { case: 'orderCommit', value: order.orderCommit } });
		}
		return effects;
	}

	/** A certified block whose signatures hold. */
	certified(body: CertifiedBody): BooterEffects {
		const effects = noBooterEffects();
		this.#wanted.arrived(body);
		if (this.#queue.add(body) && this.isLeading)
			// The other partitions' leaders need the bodies before they can vote.
			for (const leader of this.#leaders(body.proposal.partition))
				effects.send.push({ to: leader, packet: { case: 'certifiedBlock', value: toCertifiedBlock(body) } });
		this.#continue(effects);
		return effects;
	}

	/** A join, leave or declaration of silence whose signature holds. */
	request(signed: Signed): BooterEffects {
		const effects = noBooterEffects();
		if (this.requests.isEmpty) this.#gatherFromTick = this.#tick;
		this.requests.add(signed);
		this.#continue(effects);
		return effects;
	}

	/** R24: evidence whose signatures hold. */
	evidence(offender: string, evidence: Evidence): BooterEffects {
		const effects = noBooterEffects();
		if (this.requests.isEmpty) this.#gatherFromTick = this.#tick;
		this.requests.addEvidence(offender, evidence);
		this.#continue(effects);
		return effects;
	}

	/** One partition's Statuses, with q signatures that hold, and its lock with its proof. */
	status(status: PartitionStatus): BooterEffects {
		const effects = noBooterEffects();
		const collecting = this.#collecting;
		if (
			!collecting ||
			status.height !== this.#chain.head.height + 1 ||
			compareBallots(status, collecting.ballot) !== 0
		)
			return effects;
		collecting.statuses.set(status.statuses!.partition, status);
		this.#continue(effects);
		return effects;
	}

	/** One partition's votes, with q signatures that hold. */
	vote(vote: PartitionVote): BooterEffects {
		const effects = noBooterEffects();
		const order = this.#order;
		if (!order) return effects;
		const voters = this.#voters();
		if (!voters.some(({ id }) => id === vote.votes!.partition)) return effects;
		const needed = upperQuorum(voters);
		order.tally.vote(vote, needed);
		const { signs, dones } = order.tally;
		if (!order.orderCommit && !order.unrecordedCommit && signs.size >= needed) {
			const value = certificateOf(order, [...signs.values()].slice(0, needed));
			order.unrecordedCommit = value;
			effects.entries.push(encodeEntry({ case: 'orderCommit', value }));
		}
		if (order.orderCommit && dones.size >= needed)
			this.#finalise(certificateOf(order, [...dones.values()].slice(0, needed)), effects);
		else this.#judge(effects);
		return effects;
	}

	/** Members of one partition that do not follow a ballot, with signatures that hold. */
	refusal(refusal: PartitionRefusal): BooterEffects {
		const effects = noBooterEffects();
		(this.#order ?? this.#collecting)?.tally.refuse(refusal);
		this.#judge(effects);
		return effects;
	}

	/** The operator signed what {@link BooterEffects.operator} asked for. */
	operatorSigned(statement: Statement, signature: Uint8Array): BooterEffects {
		const effects = noBooterEffects();
		const order = this.#order;
		if (!order || statement.slot !== order.content.height || this.#voters().length > 0) return effects;
		if (compareBallots({ term: statement.view, attempt: statement.attempt }, order.ballot) !== 0)
			return effects;
		const certificate = certificateOf(order, []);
		certificate.operatorSignature = signature;
		this.#finalise(certificate, effects);
		return effects;
	}

	/** R22: the operator has signed a recovery of a partition in its present epoch. */
	recover(signed: SignedRecovery): BooterEffects {
		const effects = noBooterEffects();
		this.requests.addRecovery(signed);
		this.#reconsider(effects);
		return effects;
	}

	/** R22: a partition that was lost has a quorum again, and signs for itself. */
	heardAgain(partition: number): BooterEffects {
		const effects = noBooterEffects();
		this.requests.dropRecovery(partition);
		this.#reconsider(effects);
		return effects;
	}

	/** The chain moved without this Booter: block sync applied a block. @param finality its proof */
	moved(finality: OrderCertificate): BooterEffects {
		const effects = noBooterEffects();
		this.#lastFinality = finality;
		this.#beginHeight();
		this.#continue(effects);
		return effects;
	}

	/** A LeaderChange of a partition's present epoch that holds: its leader takes over what is open. */
	leaderChanged(partition: number, view: number): BooterEffects {
		const effects = noBooterEffects();
		const members = this.#chain.topology.partition(partition);
		if (!members || members.members.length === 0 || view <= this.view(partition)) return effects;
		this.#views.set(partition, { epoch: members.epoch, view });
		this.#askOne(leaderOf(members.members, view), effects);
		return effects;
	}

	/** The view of a partition in its present epoch, as far as it was proved to this Booter. */
	view(partition: number): number {
		const known = this.#views.get(partition);
		return known && known.epoch === this.#chain.topology.partition(partition)?.epoch ? known.view : 0;
	}

	leader(partition: number): string | null {
		const { members } = this.#chain.topology.partition(partition) ?? { members: [] };
		return members.length > 0 ? leaderOf(members, this.view(partition)) : null;
	}

	/** @param timeMs the Booter's clock, which gives blocks their time */
	tick(timeMs: number): BooterEffects {
		const effects = noBooterEffects();
		this.#tick += 1;
		this.#timeMs = timeMs;
		this.#judge(effects);
		this.#continue(effects);
		const stage = this.#order ?? this.#collecting;
		if (stage && this.#tick - stage.lastSentTick >= this.#init.resendTicks) this.#ask(effects);
		return effects;
	}

	/** A node's link came up: a leader may have missed what is open. */
	linkUp(peer: string): BooterEffects {
		const effects = noBooterEffects();
		if (this.#leaders().includes(peer)) this.#askOne(peer, effects);
		return effects;
	}

	/** What is waited for, for status and logs. */
	state() {
		const stage = this.#order ?? this.#collecting;
		return {
			term: this.#term,
			height: stage ? this.#chain.head.height + 1 : null,
			ballot: stage ? ballotName(stage.ballot) : null,
			phase: this.#phase(),
			missing: stage ? this.#unheard().map(({ id }) => id) : [],
			waiting: this.#queue.counts(),
			/** R17: partitions with members that refuse the open ballot, or signed other results. */
			differing: stage?.tally.doubting() ?? []
		};
	}

	/** The block that an asker lacks, with the certificate that it names (R12). */
	body(id: string, view: number): CertifiedBody | undefined {
		const open = this.#order?.bodies.find((entry) => entry.kind === 'block' && entry.body.id === id);
		const held = [open?.kind === 'block' ? open.body : undefined, this.#queue.get(id)];
		return held.find((body) => body?.certificate.view === view) ?? this.#wanted.get(id, view);
	}

	/** R22: what is open among others than those that are to vote now gives way to a ballot among these. */
	#reconsider(effects: BooterEffects): void {
		const stage = this.#order ?? this.#collecting;
		const lost = this.#lost();
		if (stage && stage.without.join() !== lost.join()) {
			const who = lost.length > 0 ? `without partitions ${lost.join(', ')}` : 'among all partitions';
			effects.notes.push(`height ${this.#chain.head.height + 1} goes on ${who}`);
			// What the log has of it may be locked, and is taken up; ballots go up only.
			const last = this.#last;
			this.#beginHeight();
			this.#last = last;
		}
		this.#continue(effects);
	}

	/** R22: partitions with a signed recovery, where the others alone are too few for q_u; ascending. */
	#lost(): number[] {
		const active = this.#chain.topology.active();
		const lost = active.filter((partition) => this.requests.recovery(partition) !== null);
		if (lost.length === 0 || active.length - lost.length >= upperQuorum(active)) return [];
		return lost.map(({ id }) => id);
	}

	/** Partitions that the open ballot has no votes of; of the next one where none is open. */
	#without(): number[] {
		return (this.#order ?? this.#collecting)?.without ?? this.#lost();
	}

	/** Who votes: nobody while no partition has members, or where all are lost; then the operator's signature is enough. */
	#voters(): PartitionView[] {
		const without = this.#without();
		return this.#chain.topology.active().filter(({ id }) => !without.includes(id));
	}

	/** Goes on with the height above the head, as far as what is known allows. */
	#continue(effects: BooterEffects): void {
		const { head, provenHeight } = this.#chain;
		if (!this.isLeading || this.#order || this.#timeMs === 0 || head.height < provenHeight) return;
		const hasVoters = this.#voters().length > 0;
		// The log is further than this chain. Where nobody holds a lock that says what is final, block sync alone does.
		const isBehind = this.#logged !== null && this.#logged.content.height > head.height + 1;
		if (isBehind && !hasVoters) return;
		if (this.#collecting) this.#conclude(this.#collecting, effects);
		else if (!hasVoters) this.#proposeFreely(this.#nextBallot(), [], effects);
		// R22: without some partitions even the first ballot of a height starts with what the others are locked on.
		else if (this.#lost().length > 0) {
			if (this.#tick >= this.#retryAtTick) this.#collect(effects);
		} else if (this.#last === null) this.#proposeFreely(this.#nextBallot(), [], effects);
		// What an earlier leader left may be locked; what voters refused is not, and waits for something to take its place.
		else if (this.#recorded || (this.#tick >= this.#retryAtTick && (isBehind || this.#choose() !== null)))
			this.#collect(effects);
	}

	#nextBallot(): Ballot {
		const last = this.#last;
		if (!last || last.term < this.#term) return { term: this.#term, attempt: 0 };
		invariant(last.term === this.#term && last.attempt < MAX_BALLOT_NUMBER, 'R14', 'ballots only go up');
		return { term: last.term, attempt: last.attempt + 1 };
	}

	/** R14: asks the members to join the next ballot, and for their locks. */
	#collect(effects: BooterEffects): void {
		const ballot = this.#nextBallot();
		this.#last = ballot;
		this.#collecting = { ...this.#newStage(ballot, null), statuses: new Map() };
		this.#ask(effects);
	}

	/** Opens the ballot where q_u partitions have answered: with the content of the highest lock, if there is one. */
	#conclude(collecting: Collecting, effects: BooterEffects): void {
		const voters = this.#voters();
		const needed = upperQuorum(voters);
		const heard = voters.flatMap(({ id }) => collecting.statuses.get(id) ?? []);
		if (heard.length < needed) return;
		const statuses = heard.slice(0, needed);
		const highest = highestLock(
			statuses.flatMap(({ statuses: one }) => one!.groups.map((group) => group.lock))
		);
		const proof = statuses
			.map(({ lock }) => lock)
			.find((lock) => lock?.orderCommit && highest && compareBallots(lock.orderCommit, highest) === 0);
		const justification = statuses.map(({ statuses: one }) => one!);
		if (proof) this.#repeat(collecting.ballot, proof, justification, effects);
		else this.#proposeFreely(collecting.ballot, justification, effects);
	}

	/** Proposes what a lock orders, word for word, once all of its bodies are here (R12). */
	#repeat(ballot: Ballot, lock: LockProof, statuses: PartitionStatuses[], effects: BooterEffects): void {
		const content = decodeContent(lock.content);
		const bodies = content.entries.map((entry) => this.#bodyOf(entry));
		const missing = content.entries.filter((_, i) => bodies[i] === null);
		if (missing.length > 0) {
			for (const entry of missing) {
				if (this.#wanted.want(toHex(entry.id), entry.view))
					this.#askForBody(entry.id, entry.view, this.#leaders(), effects);
			}
			return;
		}
		const differs = `q_u partitions executed height ${content.height} to another result than this Booter did: it stops here`;
		try {
			this.#propose(
				ballot,
				content,
				lock.content,
				bodies as EntryBody[],
				statuses,
				lock.orderCommit,
				effects
			);
		} catch (error) {
			invariant(!(error instanceof LedgerError), 'R17', differs);
			throw error;
		}
		const { blockHashes } = this.#order!.execution;
		invariant(equalBytes(blockHashes, lock.orderCommit!.blockHashes), 'R17', differs);
	}

	#bodyOf(entry: OrderEntry): EntryBody | null {
		if (entry.membershipChange.length > 0) return membershipBody(entry.membershipChange);
		const id = toHex(entry.id);
		const queued = this.#queue.get(id);
		const body = queued?.certificate.view === entry.view ? queued : this.#wanted.get(id, entry.view);
		return body ? { kind: 'block', body } : null;
	}

	/** Proposes what an earlier leader had open, where it is recent, or else what waits. */
	#proposeFreely(ballot: Ballot, statuses: PartitionStatuses[], effects: BooterEffects): void {
		const recorded = this.#recorded;
		this.#recorded = null;
		if (recorded && this.#mayRepeat(recorded)) {
			const { content, contentBytes } = recorded;
			const bodies = content.entries.flatMap((entry) => this.#bodyOf(entry) ?? []);
			const isWhole = bodies.length === content.entries.length;
			if (isWhole && this.#tryToPropose(ballot, content, contentBytes, bodies, statuses, effects)) return;
		}
		// Each time an entry is dropped that this Booter itself refuses, so that it ends.
		for (let entries = this.#choose(); entries; entries = this.#choose()) {
			const { head } = this.#chain;
			const content = create(OrderContentSchema, {
				height: head.height + 1,
				previousHash: head.hash,
				timeMs: BigInt(this.#blockTimeMs()),
				...ballot,
				entries: entries.map(toEntry)
			});
			const contentBytes = toBinary(OrderContentSchema, content);
			if (this.#tryToPropose(ballot, content, contentBytes, entries, statuses, effects)) return;
		}
	}

	/** @returns false where this Booter refuses an entry itself; the entry is dropped */
	#tryToPropose(
		ballot: Ballot,
		content: OrderContent,
		contentBytes: Uint8Array,
		entries: EntryBody[],
		statuses: PartitionStatuses[],
		effects: BooterEffects
	): boolean {
		try {
			this.#propose(ballot, content, contentBytes, entries, statuses, undefined, effects);
			return true;
		} catch (error) {
			if (!(error instanceof EntryError)) throw error;
			this.#dropEntry(toHex(error.entry), entries, error);
			return false;
		}
	}

	#propose(
		ballot: Ballot,
		content: OrderContent,
		contentBytes: Uint8Array,
		bodies: EntryBody[],
		statuses: PartitionStatuses[],
		lock: OrderCertificate | undefined,
		effects: BooterEffects
	): void {
		const execution = this.#chain.execute(content, contentBytes, bodies);
		const result = {
			...ballot,
			height: content.height,
			contentDigest: contentDigest(contentBytes),
			blockHashes: execution.blockHashes,
			without: idsOf(this.#without())
		};
		this.#order = {
			...this.#newStage(ballot, result),
			content,
			contentBytes,
			execution,
			bodies,
			statuses,
			lock,
			isRecorded: false,
			unrecordedCommit: null,
			orderCommit: null
		};
		this.#collecting = null;
		this.#last = ballot;
		this.#record(this.#order, effects);
	}

	#newStage(ballot: Ballot, result: OrderResult | null): Stage {
		return {
			ballot,
			tally: new Tally(ballot, this.#chain.head.height + 1, result),
			openedTick: this.#tick,
			lastSentTick: this.#tick,
			asks: 0,
			without: this.#without()
		};
	}

	/** What waits for the ledger, as entries of one order; null where nothing does. */
	#choose(): EntryBody[] | null {
		const { head, topology, genesis, state, chainId } = this.#chain;
		const isWhole = this.#without().length === 0;
		const blocks = isWhole ? this.#queue.choose(head.height, this.#tick, this.#limit) : [];
		const entries: EntryBody[] = blocks.map((body) => ({ kind: 'block', body }));
		// A block's time is its place in the list after the order's; the change comes last.
		const context = {
			state,
			genesis: genesis.fields,
			chainId,
			height: head.height + 1 + blocks.length,
			timeMs: this.#blockTimeMs() + blocks.length
		};
		this.requests.prune(topology);
		if (!isWhole) {
			const recovery = this.requests.nextRecovery(topology, context);
			return recovery && [{ kind: 'membership', ...recovery }];
		}
		const isFull = entries.length >= this.#limit;
		const change = this.#isGathering() || isFull ? null : this.requests.next(topology, context);
		if (change) entries.push({ kind: 'membership', ...change });
		return entries.length > 0 ? entries : null;
	}

	#blockTimeMs(): number {
		return Math.max(this.#timeMs, this.#chain.head.timeMs + 1);
	}

	/** R22: without some partitions nothing is chosen but their recovery; what may be locked where nobody can say so goes first. */
	#mayRepeat(recorded: Recorded): boolean {
		if (this.#without().length === 0) return this.#isTimely(recorded);
		return this.#voters().length === 0 && recorded.hasOrderCommit;
	}

	/** Nobody's clock would refuse it; while there are no voters, nobody's does. */
	#isTimely({ content, hasOrderCommit }: Recorded): boolean {
		if (hasOrderCommit || this.#voters().length === 0) return true;
		const ageMs = this.#timeMs - Number(content.timeMs);
		return Math.abs(ageMs) <= Number(this.#chain.genesis.fields.maxClockSkewMs) / 2;
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

	/** Ends a ballot that cannot come to q_u votes, or that is in doubt for too long. */
	#judge(effects: BooterEffects): void {
		const stage = this.#order ?? this.#collecting;
		if (!stage || !stage.tally.isDoubted) return;
		const active = this.#voters();
		if (active.length === 0) return;
		const blocked = stage.tally.blocked(active);
		const isHopeless = active.length - blocked.length < upperQuorum(active);
		// Whose result is the odd one, this Booter's own perhaps (R17), is known when all have spoken.
		const isOpen = stage.tally.hasOtherResults && stage.tally.signs.size + blocked.length < active.length;
		const isLate = this.#tick - stage.openedTick >= RESENDS_IN_DOUBT * this.#init.resendTicks;
		// What q_u partitions have signed may be locked: only members that left the ballot end it.
		const order = this.#order;
		const isCommitted = order !== null && (order.orderCommit ?? order.unrecordedCommit) !== null;
		const passed = stage.tally.passedBy(active);
		if (passed || (!isCommitted && ((isHopeless && !isOpen) || isLate)))
			this.#abandon(stage, passed, effects);
	}

	/** The next attempt makes another choice: without what was refused, or with fewer blocks where results differed. */
	#abandon(stage: Stage, passed: Ballot | null, effects: BooterEffects): void {
		const { tally, ballot } = stage;
		effects.notes.push(
			`ballot ${ballotName(ballot)} of height ${this.#chain.head.height + 1} is given up: ${tally.reason()}`
		);
		if (passed && passed.term > this.#term) {
			effects.higherTerm = passed.term;
			this.stepDown();
			return;
		}
		if (passed && (!this.#last || compareBallots(passed, this.#last) > 0))
			this.#last = { term: passed.term, attempt: passed.attempt };
		const bodies = this.#order?.bodies ?? [];
		const entry = tally.refusedEntry();
		const isDropped =
			entry !== null && this.#dropEntry(entry, bodies, new LedgerError('OrderRefused', tally.reason()));
		const isNarrowed = !isDropped && tally.hasOtherResults && this.#narrow(bodies);
		this.#drop();
		if (isDropped || isNarrowed) this.#retryAtTick = this.#tick;
		else {
			this.#retryAtTick = this.#tick + this.#init.resendTicks * this.#backoff();
			this.#vainRetries += 1;
		}
		this.#continue(effects);
	}

	/** Which block's result differs nobody says: half of the list is tried, and at last one alone, which is dropped. */
	#narrow(bodies: EntryBody[]): boolean {
		if (bodies.length === 0) return false;
		if (bodies.length === 1) {
			this.#limit = Infinity;
			return this.#dropEntry(
				entryId(bodies[0]!),
				bodies,
				new LedgerError('OrderRefused', 'its results differ from member to member')
			);
		}
		this.#limit = Math.ceil(bodies.length / 2);
		return true;
	}

	/** @returns whether the order holds it */
	#dropEntry(id: string, bodies: EntryBody[], error: LedgerError): boolean {
		const body = bodies.find((one) => entryId(one) === id);
		if (!body) return false;
		if (body.kind === 'block') this.#queue.refuse(id);
		else this.requests.drop(body.change, error);
		return true;
	}

	#backoff(): number {
		return 2 ** Math.min(this.#vainRetries, MAX_BACKOFF_DOUBLINGS);
	}

	#drop(): void {
		this.#collecting = null;
		this.#order = null;
	}

	#finalise(certificate: OrderCertificate, effects: BooterEffects): void {
		const { execution } = this.#order!;
		const leaders = this.#leaders();
		effects.commits.push(this.#chain.commit(execution, certificate));
		this.#lastFinality = certificate;
		this.#beginHeight();
		this.#continue(effects);
		// The proof rides on the next Next; where there is none it goes out alone.
		if (!this.#order)
			for (const leader of leaders)
				effects.send.push({ to: leader, packet: { case: 'finality', value: certificate } });
	}

	/** The height above the head is another one, or another leader's: what the log has open there is taken up. */
	#beginHeight(): void {
		this.#drop();
		this.#last = null;
		this.#recorded = null;
		this.#wanted.clear();
		this.#limit = Infinity;
		this.#vainRetries = 0;
		this.#retryAtTick = this.#tick;
		const height = this.#chain.head.height + 1;
		const logged = this.#logged;
		if (!this.isLeading || !logged || logged.content.height < height) return;
		this.#last = logged.ballot;
		if (logged.content.height > height) return;
		for (const body of logged.blocks.map((block) => this.#init.readBlock(block)))
			if (body) {
				this.#queue.add(body);
				this.#wanted.keep(body);
			}
		const { content, contentBytes, hasOrderCommit } = logged;
		this.#recorded = { content, contentBytes, hasOrderCommit };
	}

	/** Asks those that the open ballot waits for: leaders, and whole partitions whose leaders do not answer. */
	#ask(effects: BooterEffects): void {
		const stage = (this.#order ?? this.#collecting)!;
		if (this.#order && !this.#order.isRecorded) return;
		stage.lastSentTick = this.#tick;
		stage.asks += 1;
		if (this.#order && this.#voters().length === 0) {
			effects.operator = orderStatement(Kind.OPERATOR, resultOf(this.#order), 0, 0);
			return;
		}
		const whom = this.#unheard().flatMap((partition) =>
			stage.asks > ASKS_OF_LEADER_ALONE ? partition.members : (this.leader(partition.id) ?? [])
		);
		if (this.#order) this.#askVotes(this.#order, whom, effects);
		else this.#askStatuses(this.#collecting!, whom, effects);
		for (const { id, view } of this.#wanted.missing()) this.#askForBody(id, view, this.#everyone(), effects);
	}

	/** Who leads a partition now may have missed the question. */
	#askOne(leader: string, effects: BooterEffects): void {
		if (this.#order) this.#askVotes(this.#order, [leader], effects);
		else if (this.#collecting) this.#askStatuses(this.#collecting, [leader], effects);
	}

	/** Partitions that the open ballot still waits for. */
	#unheard(): PartitionView[] {
		const active = this.#voters();
		const order = this.#order;
		if (order) {
			const heard = order.orderCommit ? order.tally.dones : order.tally.signs;
			return active.filter(({ id }) => !heard.has(id));
		}
		const { statuses } = this.#collecting!;
		// Enough have answered: what is waited for is something to propose.
		const missing = active.filter(({ id }) => !statuses.has(id));
		return active.length - missing.length >= upperQuorum(active) ? [] : missing;
	}

	#askStatuses({ ballot }: Collecting, to: string[], effects: BooterEffects): void {
		if (to.length === 0) return;
		effects.votes.push({ statement: statusRequestStatement(ballot, this.#chain.head.height + 1), to });
	}

	#askVotes(order: Order, to: string[], effects: BooterEffects): void {
		if (to.length === 0 || !order.isRecorded) return;
		const { ballot, content, contentBytes, execution, statuses, lock, orderCommit } = order;
		const previous = this.#lastFinality ?? undefined;
		const recoveries = this.#recoveriesOf(order);
		effects.votes.push({
			statement: {
				kind: Kind.NEXT,
				partition: 0,
				epoch: 0,
				view: ballot.term,
				attempt: ballot.attempt,
				slot: content.height,
				digest: execution.contentDigest
			},
			payload: contentBytes,
			to,
			packet: (signed) => ({
				case: 'next',
				value: { $typeName: 'tabwave.v1.Next', signed, previous, statuses, lock, recoveries }
			})
		});
		if (!orderCommit) return;
		for (const peer of to)
			effects.send.push({ to: peer, packet: { case: 'orderCommit', value: orderCommit } });
	}

	/** R22: why the ballot may leave partitions out. */
	#recoveriesOf({ without }: Order): SignedRecoveries | undefined {
		if (without.length === 0) return undefined;
		const { topology } = this.#chain;
		const recoveries = without.flatMap((id) => this.requests.recovery(topology.partition(id)!) ?? []);
		return create(SignedRecoveriesSchema, { recoveries });
	}

	#askForBody(blockId: Uint8Array, view: number, to: string[], effects: BooterEffects): void {
		for (const peer of to)
			effects.send.push({
				to: peer,
				packet: {
					case: 'certifiedBlockRequest',
					value: { $typeName: 'tabwave.v1.CertifiedBlockRequest', blockId, view }
				}
			});
	}

	#leaders(except?: number): string[] {
		return this.#chain.topology
			.active()
			.filter(({ id }) => id !== except)
			.flatMap(({ id }) => this.leader(id) ?? []);
	}

	#everyone(): string[] {
		return this.#chain.topology.active().flatMap(({ members }) => members);
	}

	#phase(): 'following' | 'idle' | 'status' | 'recording' | 'sign' | 'done' {
		if (!this.isLeading) return 'following';
		if (this.#order && !this.#order.isRecorded) return 'recording';
		if (this.#order) return this.#order.orderCommit ? 'done' : 'sign';
		return this.#collecting ? 'status' : 'idle';
	}

	/** R20: the ballot is in the log before the Next that says it leaves. */
	#record({ ballot, contentBytes, bodies }: Order, effects: BooterEffects): void {
		const blocks = bodies.flatMap((entry) => (entry.kind === 'block' ? [toCertifiedBlock(entry.body)] : []));
		effects.entries.push(
			ballotEntry(create(BallotRecordSchema, { ...ballot, content: contentBytes, blocks }))
		);
	}
}

export function noBooterEffects(): BooterEffects {
	return { ...noEffects(), commits: [], entries: [], operator: null, higherTerm: null, notes: [] };
}

/** Adds a later step's effects to an earlier one's. */
export function addBooterEffects(effects: BooterEffects, later: BooterEffects): void {
	effects.persist.push(...later.persist);
	effects.votes.push(...later.votes);
	effects.send.push(...later.send);
	effects.commits.push(...later.commits);
	effects.entries.push(...later.entries);
	effects.notes.push(...later.notes);
	effects.operator = later.operator ?? effects.operator;
	effects.higherTerm = later.higherTerm ?? effects.higherTerm;
}

function certificateOf(order: Order, partitions: PartitionVotes[]): OrderCertificate {
	return create(OrderCertificateSchema, { ...resultOf(order), partitions });
}

function idsOf(ids: number[]): PartitionIds | undefined {
	return ids.length > 0 ? create(PartitionIdsSchema, { ids }) : undefined;
}

function resultOf({ ballot, content, execution, without }: Order): OrderResult {
	return {
		...ballot,
		height: content.height,
		contentDigest: execution.contentDigest,
		blockHashes: execution.blockHashes,
		without: idsOf(without)
	};
}

function membershipBody(bytes: Uint8Array): EntryBody {
	return { kind: 'membership', bytes, change: decodeMembershipChange(bytes) };
}

/** Lower-case hex. */
function entryId(entry: EntryBody): string {
	return entry.kind === 'block' ? entry.body.id : toHex(membershipChangeId(entry.bytes));
}

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
