/**
 * The Booter: it chooses which certified blocks and changes of members come next, and gathers the partitions' votes on them.
 * It can stall the ledger, never fork it: what it proposes is nothing until q_u partitions have signed twice, and a ballot
 * after the first at a height starts with what the members say they are locked on (R14).
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { equalBytes, toHex } from '../../../crypto/hex.ts';
import { decodeContent } from '../../../ledger/block.ts';
import { invariant, LedgerError } from '../../../ledger/errors.ts';
import {
	OrderContentSchema,
	type CertifiedBlock,
	type Evidence,
	type OrderCertificate,
	type Signed,
	type SignedRecovery
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import type { BooterEntry } from '../../../wire/gen/tabwave/v1/storage_pb.js';
import type {
	LockProof,
	PartitionRefusal,
	PartitionStatus,
	PartitionStatuses,
	PartitionVote
} from '../../../wire/gen/tabwave/v1/wire_pb.js';
import { orderStatement } from '../../certificates.ts';
import type { MembershipRequests } from '../../membership/requests.ts';
import { Kind, type Statement } from '../../statement.ts';
import { upperQuorum, type PartitionView } from '../../topology.ts';
import { ballotName, compareBallots, type Ballot } from '../ballot.ts';
import { toCertifiedBlock, type CertifiedBody } from '../certified-block.ts';
import type { Chain, EntryBody } from '../chain.ts';
import { EntryError } from '../entry-error.ts';
import { highestLock } from '../lock.ts';
import { Asking } from './asking.ts';
import { BallotNumbers } from './ballot-numbers.ts';
import { noBooterEffects, type BooterEffects } from './booter-effects.ts';
import { Electorate } from './electorate.ts';
import { toEntry } from './entries.ts';
import { LeftOpen, type Recorded } from './left-open.ts';
import { encodeEntry, type LoggedBallot } from './open-ballot.ts';
import { OrderChoice } from './order-choice.ts';
import { PartitionLeaders } from './partition-leaders.ts';
import { Retries } from './retries.ts';
import {
	certificateOf,
	isCommitted,
	logEntryOf,
	openCollecting,
	openOrder,
	resultOf,
	verdictOn,
	withoutStatus,
	withoutVote,
	type Collecting,
	type Order,
	type Place,
	type Proposed,
	type Stage
} from './stage.ts';

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

/** Asks that stay unanswered before the whole partition is asked, and not its leader alone. */
const ASKS_OF_LEADER_ALONE = 3;

export class BooterCore {
	readonly #init: BooterInit;
	readonly #chain: Chain;
	readonly #choice: OrderChoice;
	readonly #leaders: PartitionLeaders;
	readonly #electorate: Electorate;
	readonly #asking: Asking;
	readonly #retries: Retries;
	readonly #ballots = new BallotNumbers();
	readonly #left: LeftOpen;
	#collecting: Collecting | null = null;
	#order: Order | null = null;
	#tick = 0;
	#timeMs = 0;

	constructor(init: BooterInit) {
		this.#init = init;
		this.#chain = init.chain;
		const { topology } = init.chain;
		this.#choice = new OrderChoice(init);
		this.#left = new LeftOpen({ choice: this.#choice, readBlock: init.readBlock });
		this.#leaders = new PartitionLeaders(topology);
		this.#electorate = new Electorate(topology, (partition) => this.requests.recovery(partition));
		this.#asking = new Asking(init.chain, this.#electorate);
		this.#retries = new Retries(init.resendTicks);
	}

	/** @param finality the proof of the head, which rides on the first Next */
	restore(finality: OrderCertificate | null): void {
		this.#asking.finality = finality;
	}

	/** Who wants to come or go. */
	get requests(): MembershipRequests {
		return this.#choice.requests;
	}

	/** 0 while this Booter does not lead. */
	get term(): number {
		return this.#ballots.term;
	}

	get isLeading(): boolean {
		return this.#ballots.isLeading;
	}

	/** R21: something of which this Booter knows waits for its place in the ledger. */
	get isWaiting(): boolean {
		return this.#order !== null || this.#collecting !== null || this.#choice.isWaiting;
	}

	/**
	 * This Booter is the active one of a term that is above all before (R19): it continues the open height through R14.
	 * @param logged what the log has, committed (R20)
	 */
	lead(term: number, logged: LoggedBallot | null): BooterEffects {
		const effects = noBooterEffects();
		this.#ballots.lead(term);
		this.#left.logged(logged);
		this.#beginHeight();
		this.#continue(effects);
		return effects;
	}

	/** Another leads. What it had open and had not recorded is dropped; who wants to join or leave asks the other. */
	stepDown(): void {
		this.#ballots.stepDown();
		this.#drop();
		this.#choice.stepDown();
	}

	/**
	 * R20: an entry is committed, and this Booter is active in the term in which it asked for it.
	 * @param logged what the log has with it
	 */
	recorded({ body }: BooterEntry, logged: LoggedBallot | null): BooterEffects {
		const effects = noBooterEffects();
		this.#left.logged(logged);
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
			for (const leader of this.#leaders.all())
				effects.send.push({ to: leader, packet: { case: 'orderCommit', value: order.orderCommit } });
		}
		return effects;
	}

	/** A certified block whose signatures hold. */
	certified(body: CertifiedBody): BooterEffects {
		const effects = noBooterEffects();
		this.#left.arrived(body);
		if (this.#choice.certified(body) && this.isLeading)
			// The other partitions' leaders need the bodies before they can vote.
			for (const leader of this.#leaders.all(body.proposal.partition))
				effects.send.push({ to: leader, packet: { case: 'certifiedBlock', value: toCertifiedBlock(body) } });
		this.#continue(effects);
		return effects;
	}

	/** A join, leave or declaration of silence whose signature holds. */
	request(signed: Signed): BooterEffects {
		const effects = noBooterEffects();
		this.#choice.request(signed, this.#tick);
		this.#continue(effects);
		return effects;
	}

	/** R24: evidence whose signatures hold. */
	evidence(offender: string, evidence: Evidence): BooterEffects {
		const effects = noBooterEffects();
		this.#choice.evidence(offender, evidence, this.#tick);
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
		this.#asking.finality = finality;
		this.#beginHeight();
		this.#continue(effects);
		return effects;
	}

	/** A LeaderChange of a partition's present epoch that holds: its leader takes over what is open. */
	leaderChanged(partition: number, view: number): BooterEffects {
		const effects = noBooterEffects();
		const leader = this.#leaders.changed(partition, view);
		if (leader !== null) this.#askOne(leader, effects);
		return effects;
	}

	/** The view of a partition in its present epoch, as far as it was proved to this Booter. */
	view(partition: number): number {
		return this.#leaders.view(partition);
	}

	leader(partition: number): string | null {
		return this.#leaders.leader(partition);
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
		if (this.#leaders.all().includes(peer)) this.#askOne(peer, effects);
		return effects;
	}

	/** What is waited for, for status and logs. */
	state() {
		const stage = this.#order ?? this.#collecting;
		return {
			term: this.term,
			height: stage ? this.#chain.head.height + 1 : null,
			ballot: stage ? ballotName(stage.ballot) : null,
			phase: this.#phase(),
			missing: stage ? this.#unheard().map(({ id }) => id) : [],
			waiting: this.#choice.counts(),
			/** R17: partitions with members that refuse the open ballot, or signed other results. */
			differing: stage?.tally.doubting() ?? []
		};
	}

	/** The block that an asker lacks, with the certificate that it names (R12). */
	body(id: string, view: number): CertifiedBody | undefined {
		const open = this.#order?.bodies.find((entry) => entry.kind === 'block' && entry.body.id === id);
		if (open?.kind === 'block' && open.body.certificate.view === view) return open.body;
		return this.#left.body(id, view);
	}

	/** R22: what is open among others than those that are to vote now gives way to a ballot among these. */
	#reconsider(effects: BooterEffects): void {
		const stage = this.#order ?? this.#collecting;
		const lost = this.#electorate.lost();
		if (stage && stage.without.join() !== lost.join()) {
			const who = lost.length > 0 ? `without partitions ${lost.join(', ')}` : 'among all partitions';
			effects.notes.push(`height ${this.#chain.head.height + 1} goes on ${who}`);
			this.#beginAgain();
		}
		this.#continue(effects);
	}

	/** Partitions that the open ballot has no votes of; of the next one where none is open. */
	#without(): number[] {
		return (this.#order ?? this.#collecting)?.without ?? this.#electorate.lost();
	}

	/** Who votes: nobody while no partition has members, or where all are lost; then the operator's signature is enough. */
	#voters(): PartitionView[] {
		return this.#electorate.voters(this.#without());
	}

	/** Goes on with the height above the head, as far as what is known allows. */
	#continue(effects: BooterEffects): void {
		const { head, provenHeight } = this.#chain;
		if (!this.isLeading || this.#order || this.#timeMs === 0 || head.height < provenHeight) return;
		const hasVoters = this.#voters().length > 0;
		// The log is further than this chain. Where nobody holds a lock that says what is final, block sync alone does.
		const isBehind = this.#left.isAbove(head.height + 1);
		if (isBehind && !hasVoters) return;
		if (this.#collecting) this.#conclude(this.#collecting, effects);
		else if (!hasVoters) this.#proposeFreely(this.#ballots.next(), [], effects);
		// R22: without some partitions even the first ballot of a height starts with what the others are locked on.
		else if (this.#electorate.lost().length > 0) {
			if (this.#retries.isDue(this.#tick)) this.#collect(effects);
		} else if (this.#ballots.last === null) this.#proposeFreely(this.#ballots.next(), [], effects);
		// What an earlier leader left may be locked; what voters refused is not, and waits for something to take its place.
		else if (
			this.#left.isRecorded ||
			(this.#retries.isDue(this.#tick) && (isBehind || this.#choose() !== null))
		)
			this.#collect(effects);
	}

	/** R14: asks the members to join the next ballot, and for their locks. */
	#collect(effects: BooterEffects): void {
		const ballot = this.#ballots.next();
		this.#ballots.opened(ballot);
		this.#collecting = openCollecting(ballot, this.#place());
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
		const bodies = content.entries.map((entry) => this.#left.bodyOf(entry));
		const missing = content.entries.filter((_, i) => bodies[i] === null);
		if (missing.length > 0) {
			for (const entry of missing) {
				if (this.#left.want(entry)) this.#asking.body(entry.id, entry.view, this.#leaders.all(), effects);
			}
			return;
		}
		const differs = `q_u partitions executed height ${content.height} to another result than this Booter did: it stops here`;
		try {
			const proposed = { ballot, content, contentBytes: lock.content, bodies: bodies as EntryBody[] };
			this.#propose({ ...proposed, statuses, lock: lock.orderCommit }, effects);
		} catch (error) {
			invariant(!(error instanceof LedgerError), 'R17', differs);
			throw error;
		}
		const { blockHashes } = this.#order!.execution;
		invariant(equalBytes(blockHashes, lock.orderCommit!.blockHashes), 'R17', differs);
	}

	/** Proposes what an earlier leader had open, where it is recent, or else what waits. */
	#proposeFreely(ballot: Ballot, statuses: PartitionStatuses[], effects: BooterEffects): void {
		const recorded = this.#left.take();
		if (recorded && this.#mayRepeat(recorded)) {
			const { content, contentBytes } = recorded;
			const bodies = content.entries.flatMap((entry) => this.#left.bodyOf(entry) ?? []);
			const isWhole = bodies.length === content.entries.length;
			if (isWhole && this.#tryToPropose({ ballot, content, contentBytes, bodies, statuses }, effects)) return;
		}
		// Each time an entry is dropped that this Booter itself refuses, so that it ends.
		for (let bodies = this.#choose(); bodies; bodies = this.#choose()) {
			const { head } = this.#chain;
			const content = create(OrderContentSchema, {
				height: head.height + 1,
				previousHash: head.hash,
				timeMs: BigInt(this.#blockTimeMs()),
				...ballot,
				entries: bodies.map(toEntry)
			});
			const contentBytes = toBinary(OrderContentSchema, content);
			if (this.#tryToPropose({ ballot, content, contentBytes, bodies, statuses }, effects)) return;
		}
	}

	/** @returns false where this Booter refuses an entry itself; the entry is dropped */
	#tryToPropose(proposed: Proposed, effects: BooterEffects): boolean {
		try {
			this.#propose(proposed, effects);
			return true;
		} catch (error) {
			if (!(error instanceof EntryError)) throw error;
			this.#choice.drop(toHex(error.entry), proposed.bodies, error);
			return false;
		}
	}

	/** R20: the ballot is in the log before the Next that says it leaves. */
	#propose(proposed: Proposed, effects: BooterEffects): void {
		const { ballot, content, contentBytes, bodies } = proposed;
		const execution = this.#chain.execute(content, contentBytes, bodies);
		this.#order = openOrder(proposed, execution, this.#place());
		this.#collecting = null;
		this.#ballots.opened(ballot);
		effects.entries.push(logEntryOf(this.#order));
	}

	/** Where a ballot is opened now. */
	#place(): Place {
		return { height: this.#chain.head.height + 1, tick: this.#tick, without: this.#without() };
	}

	/** What waits for the ledger; null where nothing does. */
	#choose(): EntryBody[] | null {
		return this.#choice.choose(this.#tick, this.#blockTimeMs(), this.#without().length === 0);
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

	/** Ends a ballot that cannot come to q_u votes, or that is in doubt for too long. */
	#judge(effects: BooterEffects): void {
		const stage = this.#order ?? this.#collecting;
		if (!stage) return;
		const { resendTicks } = this.#init;
		const verdict = verdictOn(stage, this.#order, this.#voters(), { tick: this.#tick, resendTicks });
		if (verdict) this.#abandon(stage, verdict.passed, effects);
	}

	/** The next attempt makes another choice: without what was refused, or with fewer blocks where results differed. */
	#abandon(stage: Stage, passed: Ballot | null, effects: BooterEffects): void {
		const { tally, ballot } = stage;
		effects.notes.push(
			`ballot ${ballotName(ballot)} of height ${this.#chain.head.height + 1} is given up: ${tally.reason()}`
		);
		if (passed && passed.term > this.term) {
			effects.higherTerm = passed.term;
			this.stepDown();
			return;
		}
		if (passed) this.#ballots.passed(passed);
		// Members that heard another content of this ballot have no second vote in it, whatever q_u partitions signed.
		if (this.#order && isCommitted(this.#order)) {
			this.#beginAgain();
			this.#continue(effects);
			return;
		}
		const bodies = this.#order?.bodies ?? [];
		const entry = tally.refusedEntry();
		const isDropped =
			entry !== null && this.#choice.drop(entry, bodies, new LedgerError('OrderRefused', tally.reason()));
		const isNarrowed = !isDropped && tally.hasOtherResults && this.#choice.narrow(bodies, this.#tick);
		this.#drop();
		if (isDropped || isNarrowed) this.#retries.changed(this.#tick);
		else this.#retries.inVain(this.#tick);
		this.#continue(effects);
	}

	#drop(): void {
		this.#collecting = null;
		this.#order = null;
	}

	#finalise(certificate: OrderCertificate, effects: BooterEffects): void {
		const { execution } = this.#order!;
		const leaders = this.#leaders.all();
		effects.commits.push(this.#chain.commit(execution, certificate));
		this.#asking.finality = certificate;
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
		this.#choice.begin();
		this.#retries.begin(this.#tick);
		this.#ballots.begin(this.#left.begin(this.#chain.head.height + 1, this.isLeading));
	}

	/** What the log has of the height that is open may be locked, and is taken up; ballots go up only. */
	#beginAgain(): void {
		const { last } = this.#ballots;
		this.#beginHeight();
		this.#ballots.begin(last);
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
		if (this.#order) this.#asking.votes(this.#order, whom, effects);
		else this.#asking.statuses(this.#collecting!, whom, effects);
		for (const { id, view } of this.#left.missing())
			this.#asking.body(id, view, this.#leaders.everyone(), effects);
	}

	/** Who leads a partition now may have missed the question. */
	#askOne(leader: string, effects: BooterEffects): void {
		if (this.#order) this.#asking.votes(this.#order, [leader], effects);
		else if (this.#collecting) this.#asking.statuses(this.#collecting, [leader], effects);
	}

	/** Partitions that the open ballot still waits for. */
	#unheard(): PartitionView[] {
		const voters = this.#voters();
		return this.#order ? withoutVote(this.#order, voters) : withoutStatus(this.#collecting!, voters);
	}

	#phase(): 'following' | 'idle' | 'status' | 'recording' | 'sign' | 'done' {
		if (!this.isLeading) return 'following';
		if (this.#order && !this.#order.isRecorded) return 'recording';
		if (this.#order) return this.#order.orderCommit ? 'done' : 'sign';
		return this.#collecting ? 'status' : 'idle';
	}
}
