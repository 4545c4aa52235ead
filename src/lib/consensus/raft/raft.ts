/**
 * The Booter cluster's Raft (R19–R21): one replica as a pure state machine. It is handed messages of other replicas, ticks
 * and the wishes of its driver, and says what to persist, send and deliver.
 *
 * What is here: elections with PreVote and CheckQuorum, log replication with flow control, snapshots, joint changes of
 * membership, handing over of leadership, and R21's election for want of progress. What is not: reads by lease or read index,
 * since R20 commits to the log whatever is acted on.
 *
 * | file | subject |
 * |---|---|
 * | election.ts | terms, roles and votes |
 * | stall.ts | R21: when a leader that is heard may be replaced |
 * | leader.ts | what a leader adds to the log, when it is committed, changes of membership, handing over |
 * | replication.ts, progress.ts | how a leader brings its log to the others |
 * | follower.ts, snapshot-assembly.ts | what a replica does with its leader's words |
 * | log.ts, records.ts | entries and snapshot, in memory and on disk |
 * | configuration.ts, joint-quorum.ts | who the replicas are, and which of them are enough |
 * | messages.ts, limits.ts, outbox.ts | form and bounds of messages; a step's effects |
 *
 * ## What a driver does
 *
 * Each call answers with effects, under the contract of effects.ts: **persist, then send**, and deliver after that. A replica
 * counts itself as a voter or as holder of an entry at once: whatever follows from it leaves this replica only once it is durable.
 * The driver may take several calls' effects as one turn, if it persists all of them, in order and as one, before it sends any.
 *
 *     const raft = new Raft({ self, records, bootstrap: { voters }, … });
 *     apply(raft.start());                     // first, and once: `restored` and `committed` rebuild the state machine
 *     every tick:             apply(raft.tick());
 *     packet of a replica:    checkRaftMessage(message); apply(raft.message(from, message));
 *     link to a replica:      apply(raft.linkUp(id)), apply(raft.linkDown(id));
 *
 *     function apply(effects) {
 *       persist(effects.persist); send(effects.send);
 *       if (effects.restored) machine.restore(effects.restored.data);
 *       for (const entry of effects.committed) machine.apply(entry);    // in order, each once in a run
 *       if (raft.isSnapshotDue) apply(raft.snapshot(raft.deliveredIndex, machine.snapshot()));
 *     }
 *
 * - **Whose packets**: those of the Booters that genesis names, over links that say who the peer is. Raft stands crashes, not
 *   lies: a replica whose messages contradict each other can stop the others (an InvariantError that names R19), never make the
 *   ledger fork, since members check and sign whatever a Booter proposes.
 * - **propose(bytes)** on the leader: `effects.proposed` is its place in the log, or `effects.refusal` says why not. It is
 *   decided when an entry of that index *and term* is delivered; another term at the index means that it was lost. R20: the
 *   Booter proposes (height, ballot, list, phase) and says its Next or OrderCommit when the entry is delivered to it as the
 *   active Booter of that term; a follower to which it is delivered only remembers it.
 * - **committed** holds entries of all types; only those of type DATA are the state machine's. An entry has at most
 *   MAX_ENTRY_BYTES, so an open ballot's bodies fit one entry, or go by their own way and the entry names them.
 * - **isActive**: this replica leads *and* was delivered all that earlier leaders committed. From then on it may act as the
 *   Booter of its **term**, which is the term of its ballots: it reconnects, announces itself (NewLeader), and continues what the
 *   state machine says is open, through R14. When it is false again it says nothing more. `leader` is whom to point tabs to.
 * - **snapshot(index, bytes)**, when isSnapshotDue: the state machine in its own bytes, at most MAX_SNAPSHOT_BYTES, equal bytes or
 *   not on equal states. Without it, proposals are refused after a while (LogFull).
 * - **setWaiting**, **headMoved**: R21's two notices (stall.ts). Every replica gives them, the leader too. headMoved goes with
 *   whatever shows the move first: the finality proof, *or the log's entry that opens the next height*. By the log it reaches all
 *   who follow the leader, so that replicas that have merely lost their own links to the tabs see no stall where there is none.
 * - **accuse** where members that a replica believes want another leader: it counts as a stall (R21).
 * - **termSeen** where something outside the cluster shows a term that no replica remembers: its disks are not what they were.
 * - **transferLeadership** before a clean stop: wait until `isLeader` is false, or an election timeout.
 * - **forgetLeader** when it is certain that the leader's process has ended (its machine closed the link): elections then need
 *   not wait for the lease. A link that only went silent is no such certainty.
 * - **Timing**: without it a dead leader is replaced after 1 to 2 times electionTicks and two round trips.
 */
import { invariant, LedgerError } from '../../ledger/errors.ts';
import {
	configurationOf,
	membershipFault,
	NOBODY,
	votersOf,
	type Configuration,
	type Membership
} from './configuration.ts';
import { Election, type Role } from './election.ts';
import { Follower } from './follower.ts';
import { Leader, type Transition } from './leader.ts';
import { DEFAULT_RAFT_LIMITS, MAX_SNAPSHOT_BYTES, type RaftLimits } from './limits.ts';
import { RaftLog, type Entry, type LogPlace } from './log.ts';
import { CampaignReason, isOfLeader, type MessageBody, type RaftMessage } from './messages.ts';
import { Outbox, type RaftEffects, type Refusal } from './outbox.ts';
import { readRecords, snapshotRecord, stateRecord } from './records.ts';
import { Stall } from './stall.ts';

export type { Configuration, Entry, LogPlace, Membership, RaftEffects, Refusal, Role, Transition };

export interface RaftInit {
	/** This replica's id, in hex. */
	self: string;
	/** Of an earlier run, or none; those of others are skipped. */
	records: readonly { key: string; value: Uint8Array }[];
	/** What a cluster of empty disks begins with; null for a replica that joins a running one. What is on a disk is taken before it. */
	bootstrap: Membership | null;
	/** The least ticks without a leader's word after which a replica campaigns; the real one is up to twice that, at random. */
	electionTicks: number;
	/** Well below electionTicks, so that one lost heartbeat is no election. */
	heartbeatTicks: number;
	/** R21: ticks for which blocks wait and the head does not move, after which the leader may be replaced. */
	stallTicks: number;
	/** Seeded; at least 0, below 1. */
	random: () => number;
	limits?: Partial<RaftLimits>;
}

export class Raft {
	readonly #init: RaftInit;
	readonly #limits: RaftLimits;
	readonly #outbox = new Outbox();
	readonly #log: RaftLog;
	readonly #stall: Stall;
	readonly #election: Election;
	readonly #follower: Follower;
	/** While it leads. */
	#leading: Leader | null = null;
	#delivered: number;
	/** The commit index on disk. */
	#storedCommit: number;
	#isStarted = false;
	/** The disk held nothing. */
	readonly #isNew: boolean;

	/** @throws LedgerError where no cluster can begin with `bootstrap` */
	constructor(init: RaftInit) {
		invariant(
			init.heartbeatTicks >= 1 && init.electionTicks > init.heartbeatTicks && init.stallTicks >= 1,
			'R19',
			`heartbeats every ${init.heartbeatTicks} of ${init.electionTicks} ticks`
		);
		const fault = init.bootstrap && membershipFault(init.bootstrap);
		if (fault) throw new LedgerError('MembershipInvalid', fault);
		this.#init = init;
		this.#limits = { ...DEFAULT_RAFT_LIMITS, ...init.limits };
		const stored = readRecords(init.records);
		this.#isNew = stored.snapshot === null;
		this.#log = new RaftLog(stored, {
			index: 0,
			term: 0,
			configuration: init.bootstrap ? configurationOf(init.bootstrap) : NOBODY,
			data: new Uint8Array(0)
		});
		this.#delivered = this.#log.snapshot.index;
		this.#storedCommit = stored.state.commit;
		const { self, electionTicks, stallTicks, random } = init;
		this.#stall = new Stall({ stallTicks, delayTicks: electionTicks, random });
		this.#election = new Election({
			self,
			log: this.#log,
			stall: this.#stall,
			outbox: this.#outbox,
			electionTicks,
			random,
			term: stored.state.term,
			vote: stored.state.vote,
			leaderChanged: (leader) => this.#leaderChanged(leader)
		});
		this.#follower = new Follower({
			log: this.#log,
			outbox: this.#outbox,
			term: () => this.term,
			installed: (snapshot) => {
				this.#outbox.effects.restored = snapshot;
				this.#delivered = snapshot.index;
			}
		});
	}

	get self(): string {
		return this.#init.self;
	}

	get role(): Role {
		return this.#election.role;
	}

	get term(): number {
		return this.#election.term;
	}

	/** Whom this replica follows, itself where it leads, null where it knows of nobody. */
	get leader(): string | null {
		return this.#election.leader;
	}

	get isLeader(): boolean {
		return this.#leading !== null;
	}

	/** It leads, and all that earlier leaders committed was delivered: it may act. */
	get isActive(): boolean {
		return this.#leading !== null && this.#delivered >= this.#leading.firstIndex;
	}

	/** The last entry that was delivered, by itself or within a snapshot. */
	get deliveredIndex(): number {
		return this.#delivered;
	}

	get configuration(): Configuration {
		return this.#log.configuration;
	}

	/** So much was delivered since the last snapshot that the driver is to hand over another. */
	get isSnapshotDue(): boolean {
		const { snapshotAfterEntries, snapshotAfterBytes } = this.#limits;
		const entries = this.#delivered - this.#log.snapshot.index;
		return (
			entries > 0 && (entries >= snapshotAfterEntries || this.#log.bytesSinceSnapshot >= snapshotAfterBytes)
		);
	}

	/** For status and logs. */
	state() {
		const { role, term, vote, leader, isChallenging, isPromotable, remainingTicks } = this.#election;
		return {
			role,
			term,
			vote,
			leader,
			isActive: this.isActive,
			commit: this.#log.commit,
			lastIndex: this.#log.lastIndex,
			lastTerm: this.#log.lastTerm,
			snapshotIndex: this.#log.snapshot.index,
			startIndex: this.#log.start.index,
			configuration: this.#log.configuration,
			/** Ticks until this replica campaigns if it hears nothing; null where it does not. */
			campaignInTicks: this.isLeader || !isPromotable ? null : remainingTicks,
			stalledTicks: this.#stall.ticks,
			isChallenging,
			transferee: this.#leading?.transferee ?? null,
			/** Of the others, while it leads. */
			progress: (this.#leading?.replication.progress() ?? []).map(([id, progress]) => ({
				id,
				state: progress.state,
				match: progress.match,
				next: progress.next,
				sentCommit: progress.sentCommit,
				isActive: progress.isActive,
				isPaused: progress.isPaused,
				inflight: progress.inflights.count
			}))
		};
	}

	/** Entries that are still kept, for tests and logs. */
	entries(): Entry[] {
		return this.#log.entriesBetween(this.#log.start.index + 1, this.#log.lastIndex);
	}

	/** Before anything else. The state machine is rebuilt from what this delivers. */
	start(): RaftEffects {
		invariant(!this.#isStarted, 'R19', 'a replica starts once');
		this.#isStarted = true;
		return this.#step(() => {
			const { snapshot, start } = this.#log;
			if (snapshot.index > 0) this.#outbox.effects.restored = snapshot;
			// Who the first replicas were must not change with what the driver was told later.
			if (this.#isNew) this.#outbox.persist.push(snapshotRecord(snapshot, start));
			this.#campaignAlone();
		});
	}

	tick(): RaftEffects {
		return this.#step(() => {
			this.#stall.tick();
			if (!this.#leading) this.#election.tick();
			else if (!this.#leading.tick()) this.#election.stepDown(null);
		});
	}

	/**
	 * A message of another replica, of the form that messages.ts checks.
	 * @param from the peer of the link that it came over
	 */
	message(from: string, message: RaftMessage): RaftEffects {
		return this.#step(() => {
			if (from === this.self) return;
			if (message.term < this.term) this.#answerOldTerm(from, message.body);
			else if (this.#election.adoptTerm(from, message)) this.#dispatch(from, message);
		});
	}

	/** An entry of the state machine's own. Only the leader takes it. */
	propose(data: Uint8Array): RaftEffects {
		return this.#lead((leading) => leading.propose(data));
	}

	/**
	 * Other replicas (R19). One voter more or less is one entry; anything else goes through a joint configuration.
	 *
	 * @param transition `auto` chooses, and the leader ends a joint configuration by itself; `joint` forces one; `explicit`
	 * does too, and it holds until {@link leaveJointConfiguration}
	 */
	changeMembership(membership: Membership, transition: Transition = 'auto'): RaftEffects {
		return this.#lead((leading) => leading.changeMembership(membership, transition));
	}

	/** Ends a joint configuration that was begun as `explicit`. */
	leaveJointConfiguration(): RaftEffects {
		return this.#lead((leading) => leading.leaveJointConfiguration());
	}

	/**
	 * Hands leadership over: to the voter named, or the one whose log is furthest. Nothing is proposed meanwhile; it is given
	 * up after an election timeout.
	 */
	transferLeadership(to: string | null = null): RaftEffects {
		return this.#lead((leading) => leading.transferTo(to));
	}

	/** Asks for votes now, by PreVote: voters that hear their leader refuse. */
	campaign(): RaftEffects {
		return this.#step(() => {
			if (this.isLeader) return;
			if (this.#election.isPromotable) this.#election.campaign(CampaignReason.TIMEOUT, true);
			else this.#outbox.effects.refusal = 'NotVoter';
		});
	}

	/** The leader has certainly ended: its lease does not hold here any more. Should it still live, its next word brings it back. */
	forgetLeader(): RaftEffects {
		return this.#step(() => this.#election.forgetLeader());
	}

	/** The link to a replica is up. */
	linkUp(id: string): RaftEffects {
		return this.#step(() => this.#leading?.replication.onLinkUp(id));
	}

	/** The link to a replica is down. */
	linkDown(id: string): RaftEffects {
		return this.#step(() => this.#leading?.replication.onUnreachable(id));
	}

	/** R21: whether blocks that this replica knows of wait for their place in the ledger. */
	setWaiting(isWaiting: boolean): void {
		this.#stall.setWaiting(isWaiting);
		if (!this.#stall.isStalled) this.#election.dropChallenge();
	}

	/** R21: the ledger's head is another than before. */
	headMoved(): void {
		this.#stall.headMoved();
		if (!this.#stall.isStalled) this.#election.dropChallenge();
	}

	/**
	 * R21: members complain of the leader of this term, and enough of them.
	 * @param isLasting progress does not take it back: it serves some and not others
	 */
	accuse(isLasting: boolean): void {
		this.#stall.accuse(isLasting);
	}

	/** Somebody has led in this term, as others show who heard it: any higher term means step down (R19). */
	termSeen(term: number): RaftEffects {
		return this.#step(() => {
			if (term <= this.term) return;
			this.#election.enterTerm(term);
			this.#campaignAlone();
		});
	}

	/**
	 * The state machine after the entry at `index`, in its own bytes: entries before it may be dropped.
	 * @param index at most {@link deliveredIndex}
	 */
	snapshot(index: number, data: Uint8Array): RaftEffects {
		return this.#step(() => {
			invariant(index <= this.#delivered, 'R19', `a snapshot at ${index}, delivered to ${this.#delivered}`);
			invariant(data.length <= MAX_SNAPSHOT_BYTES, 'R19', `a snapshot of ${data.length} bytes`);
			const keep = { entries: this.#limits.keptEntries, bytes: this.#limits.keptBytes };
			this.#log.compact(index, data, keep, this.#outbox.persist);
		});
	}

	/** There is nobody to wait for. */
	#campaignAlone(): void {
		if (this.#election.isPromotable && votersOf(this.#log.configuration).join() === this.self)
			this.#election.campaign(CampaignReason.TIMEOUT, false);
	}

	#dispatch(from: string, { term, body }: RaftMessage): void {
		if (isOfLeader(body)) this.#election.heed(from);
		switch (body.case) {
			case 'changeRequest':
				return this.#election.onChangeRequest(from, term, body.value);
			case 'changeResponse':
				return this.#election.onChangeResponse(from, term, body.value);
			case 'append':
				return this.#follower.onAppend(from, body.value);
			case 'heartbeat':
				return this.#follower.onHeartbeat(from, body.value);
			case 'installSnapshot':
				return this.#follower.onInstallSnapshot(from, body.value);
			case 'timeoutNow':
				// Without PreVote: the leader itself asks for it.
				if (from === this.leader && this.#election.isPromotable)
					this.#election.campaign(CampaignReason.TRANSFER, false);
				return;
			case 'appendResponse':
				return this.#leading?.onAppendResponse(from, body.value);
			case 'heartbeatResponse':
				return this.#leading?.onHeartbeatResponse(from);
			case 'installSnapshotResponse':
				return this.#leading?.onSnapshotResponse(from, body.value);
		}
	}

	/** A leader or candidate whose term is over learns of the new one, and steps down. */
	#answerOldTerm(from: string, body: MessageBody): void {
		if (body.case === 'changeRequest') this.#election.refuseOldTerm(from, body.value);
		else if (isOfLeader(body)) this.#follower.refuse(from, 0);
	}

	#leaderChanged(leader: string | null): void {
		this.#follower.leaderChanged();
		if (leader !== this.self) {
			this.#leading = null;
			return;
		}
		const { self, electionTicks, heartbeatTicks } = this.#init;
		this.#leading = new Leader({
			self,
			term: this.term,
			log: this.#log,
			outbox: this.#outbox,
			limits: this.#limits,
			electionTicks,
			heartbeatTicks
		});
		this.#leading.start();
	}

	/** A wish that only a leader grants. */
	#lead(grant: (leading: Leader) => LogPlace | Refusal | null): RaftEffects {
		return this.#step(() => {
			const result = this.#leading ? grant(this.#leading) : 'NotLeader';
			if (typeof result === 'string') this.#outbox.effects.refusal = result;
			else this.#outbox.effects.proposed = result;
		});
	}

	#step(run: () => void): RaftEffects {
		invariant(this.#isStarted, 'R19', 'a replica is started before anything else');
		this.#outbox.clear();
		run();
		if (this.#leading && !this.#leading.followConfiguration()) this.#election.stepDown(null);
		this.#deliver();
		this.#persistState();
		return this.#outbox.effects;
	}

	#deliver(): void {
		const { commit } = this.#log;
		if (commit <= this.#delivered) return;
		this.#outbox.effects.committed.push(...this.#log.entriesBetween(this.#delivered + 1, commit));
		this.#delivered = commit;
	}

	/** R19: term and vote, before anything that follows from them. The commit index rides along: alone it is not worth a write. */
	#persistState(): void {
		const { term, vote } = this.#election;
		const { commit } = this.#log;
		const isWriting = this.#outbox.persist.length > 0 && commit > this.#storedCommit;
		if (!this.#election.takeIsStateNew() && !isWriting) return;
		this.#storedCommit = commit;
		this.#outbox.persist.push(stateRecord({ term, vote, commit }));
	}
}
