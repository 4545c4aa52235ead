/**
 * The lower tier: PBFT in one partition and one epoch, many rounds at once (R1–R10). A pure state machine: it is handed messages
 * whose signatures hold, ticks and news of the pool and the ledger, and says what to persist, sign and send.
 */
import type { BlockCertificate, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { padded, type Persist, type Received } from '../effects.ts';
import { Kind } from '../statement.ts';
import { EarlyVotes } from './early-votes.ts';
import { HandUp } from './hand-up.ts';
import type { HeldNewView } from './leader-change.ts';
import { noPbftEffects, type CertifiedRound, type PbftEffects } from './pbft-effects.ts';
import { PreparedRounds } from './prepared-rounds.ts';
import { Proposer } from './proposer.ts';
import type { Phase, Round } from './round.ts';
import { Rounds } from './rounds.ts';
import { Standing, type PbftInit, type PoolView } from './standing.ts';
import { ViewChange, type Demand, type HeldLeaderChange } from './view-change.ts';
import { VoteRecords } from './vote-records.ts';
import { proposalWait, roundWait, viewWait, type Wait } from './waiting.ts';

export class Pbft {
	readonly #standing: Standing;
	readonly #votes: VoteRecords;
	readonly #prepared: PreparedRounds;
	readonly #rounds: Rounds;
	readonly #proposer: Proposer;
	readonly #handUp: HandUp;
	readonly #viewChange: ViewChange;
	readonly #early: EarlyVotes;
	readonly #viewKey: string;
	#paused = false;

	constructor(init: PbftInit) {
		const prefix = pbftRecordPrefix(init.partition, init.epoch);
		this.#standing = new Standing(init);
		this.#votes = new VoteRecords(prefix);
		this.#prepared = new PreparedRounds(prefix);
		this.#rounds = new Rounds(this.#standing, this.#votes, this.#prepared);
		this.#proposer = new Proposer(this.#standing, this.#rounds);
		this.#handUp = new HandUp(init.gapTicks);
		this.#viewKey = `${prefix}view`;
		this.#viewChange = new ViewChange(this.#standing, this.#prepared, this.#viewKey);
		this.#early = new EarlyVotes(init.members, init.genesis.maxRoundsInFlight);
	}

	get partition(): number {
		return this.#standing.init.partition;
	}

	get epoch(): number {
		return this.#standing.init.epoch;
	}

	/** The view that this member has joined. */
	get view(): number {
		return this.#standing.view;
	}

	/** The view has begun: this member works in it. */
	get isActive(): boolean {
		return this.#standing.isActive;
	}

	/** Of the view that this member has joined, whether or not it has begun. */
	get leader(): string {
		return this.#standing.leader;
	}

	/** Leads a view that has begun. */
	get isLeader(): boolean {
		return this.#standing.isLeader;
	}

	/** R10: the highest LeaderChange that this member holds; null in view 0. */
	get leaderChange(): HeldLeaderChange | null {
		return this.#viewChange.held;
	}

	/** Rounds that this member has open or certified and the ledger does not hold yet. */
	rounds(): Round[] {
		return this.#rounds.list();
	}

	/** What this member has seen of a round in its view. */
	round(roundId: number): Round | undefined {
		return this.#rounds.get(roundId);
	}

	/** Ticks since this member first heard of a round. */
	ageTicks(round: Round): number {
		return this.#standing.tick - round.startedTick;
	}

	/**
	 * What this member waits for; null where its rounds are done. A change of views comes first.
	 * @param hasTransactions that no round holds
	 */
	waiting(hasTransactions: boolean): Wait | null {
		return (
			viewWait(this.#standing, this.#viewChange) ??
			roundWait(this.#standing, this.#rounds.list()) ??
			(hasTransactions ? proposalWait(this.#standing, this.#viewChange) : null)
		);
	}

	/** R8: ticks until this member gives its view up; null while it has no reason to. */
	get viewTimerTicks(): number | null {
		return this.#viewChange.state.timerTicks;
	}

	/** A round names this transaction: its body is still needed, whatever became of it elsewhere. */
	isNamed(id: string): boolean {
		return this.#rounds.places.isNamed(id);
	}

	/** R24: the leader's PrePrepare that names this transaction, where it has one in this view. */
	naming(id: string): Signed | null {
		return this.#rounds.naming(id)?.signed ?? null;
	}

	/** The content of a block, for who was carried into its round. @param blockId hex */
	proposal(blockId: string): Uint8Array | null {
		return this.#rounds.proposal(blockId);
	}

	/** A node that catches up starts no rounds (R23), and what it waits for tells nothing about its leader. */
	pause(paused: boolean): void {
		this.#paused = paused;
		this.#proposer.pause(paused);
	}

	/**
	 * Takes up the votes of an earlier run, so that none is ever given twice (R2), and the view that it had joined. A leader offers its
	 * open rounds again.
	 */
	restore(records: { key: string; value: Uint8Array }[]): PbftEffects {
		const effects = noPbftEffects();
		const proposals = this.#votes.restore(records);
		this.#prepared.restore(records);
		const begun = this.#viewChange.restore(records, effects);
		if (begun) this.#begin(begun, effects);
		for (const { roundId, view, proposal } of proposals) {
			if (view !== this.view || !this.isLeader || roundId <= this.#standing.lastRoundId) continue;
			this.#proposer.restored(roundId, proposal);
			this.#rounds.offer(roundId, proposal, effects);
		}
		return effects;
	}

	/** One signed message of this partition and epoch whose signature holds; this member's own among them. */
	message(message: Received): PbftEffects {
		const effects = noPbftEffects();
		const { signed, sender } = message;
		const { init, view, isActive } = this.#standing;
		if (!init.members.includes(sender)) return effects;
		if (signed.kind === Kind.VIEW_CHANGE) this.#viewChange.onViewChange(message, effects);
		else if (signed.kind === Kind.NEW_VIEW || signed.kind === Kind.LEADER_CHANGE) {
			const begun = sender === init.self ? this.#viewChange.onOwn(signed, effects) : null;
			if (begun) this.#begin(begun, effects);
		} else if (signed.view === view && isActive) this.#vote(message, effects);
		else if (signed.view >= view) this.#early.add(message);
		return this.#end(effects);
	}

	/** R6: a NewView for a view that this member is to lead. It holds, and so does all that it proves. */
	newView(newView: HeldNewView): PbftEffects {
		const effects = noPbftEffects();
		this.#viewChange.onNewView(newView, effects);
		return this.#end(effects);
	}

	/** R6, R10: a LeaderChange that holds: recomputed, and every signature in it checked. */
	leaderChanged(leaderChange: HeldLeaderChange): PbftEffects {
		const effects = noPbftEffects();
		if (this.#viewChange.isNews(leaderChange)) this.#begin(leaderChange, effects);
		return this.#end(effects);
	}

	/** A block certificate of this partition and epoch that holds (R5). */
	certificate(certificate: BlockCertificate): PbftEffects {
		const effects = noPbftEffects();
		if (this.#standing.inWindow(certificate.roundId))
			effects.hasProgressed = this.#rounds.onCertificate(certificate, effects);
		return this.#end(effects);
	}

	/** The link to another member came up. */
	linkUp(peer: string): PbftEffects {
		const effects = noPbftEffects();
		if (this.#standing.init.members.includes(peer)) this.#rounds.handTo(peer, effects);
		return effects;
	}

	/** A proposal that a member sent, on being asked. */
	proposed(bytes: Uint8Array): PbftEffects {
		const effects = noPbftEffects();
		this.#rounds.onProposal(bytes, effects);
		return this.#end(effects);
	}

	/** The pool has new transactions. */
	pool(): PbftEffects {
		const effects = noPbftEffects();
		this.#rounds.onPool(effects);
		return this.#end(effects, true);
	}

	/** R9: the ledger holds this partition's rounds up to `lastRoundId`; lower ones are void. */
	ledger(lastRoundId: number): PbftEffects {
		const effects = noPbftEffects();
		if (lastRoundId <= this.#standing.lastRoundId) return effects;
		this.#standing.lastRoundId = lastRoundId;
		this.#rounds.forgetThrough(lastRoundId, effects);
		this.#votes.forgetThrough(lastRoundId, effects.persist);
		this.#prepared.forgetThrough(lastRoundId, effects.persist);
		return this.#end(effects, true);
	}

	/** The epoch has ended: its votes need not be kept. */
	end(): Persist[] {
		const persist: Persist[] = [];
		this.#votes.forgetAll(persist);
		this.#prepared.forgetThrough(Infinity, persist);
		persist.push({ key: this.#viewKey, value: null });
		return persist;
	}

	/** @param demand what waits beside this tier's own rounds */
	tick(demand: Demand = 'none'): PbftEffects {
		const effects = noPbftEffects();
		this.#standing.tick += 1;
		this.#rounds.tick(effects);
		if (!this.#paused) this.#viewChange.tick(this.#rounds.hasOpen(), demand, effects);
		return this.#end(effects, true, true);
	}

	#vote(message: Received, effects: PbftEffects): void {
		const { kind, slot } = message.signed;
		if (!this.#standing.inWindow(slot)) return;
		if (kind === Kind.PRE_PREPARE) this.#rounds.onPrePrepare(message, effects);
		else if (kind === Kind.PREPARE) this.#rounds.onVote(message, 'prepares', effects);
		else if (kind === Kind.COMMIT) this.#rounds.onVote(message, 'commits', effects);
	}

	/** A view begins: what its LeaderChange chose runs again from Prepare, everything else above the ledger is void. */
	#begin(held: HeldLeaderChange, effects: PbftEffects): void {
		const { content, view } = held;
		this.#standing.view = view;
		this.#standing.isActive = true;
		this.#standing.chosenRoundId = content.lastRoundId + content.choices.length;
		this.#viewChange.begin(held, effects);
		this.#votes.forgetBelow(view, effects.persist);
		this.#rounds.enter(content, effects);
		this.#proposer.enterView();
		this.#handUp.begin(
			new Set(content.choices.filter(({ blockId }) => blockId.length === 0).map(({ roundId }) => roundId))
		);
		effects.begun = held.leaderChange;
		for (const message of this.#early.take(view)) this.#vote(message, effects);
	}

	/**
	 * What every step may lead to.
	 * @param mayPropose there may be more to propose than before; to look for it costs a pass over the pool
	 */
	#end(effects: PbftEffects, mayPropose = false, isTick = false): PbftEffects {
		const { isLeader, lastRoundId, tick } = this.#standing;
		if (effects.hasProgressed) this.#viewChange.progress();
		if (!isLeader) return effects;
		if (isTick || effects.certified.length > 0 || effects.begun)
			for (const round of this.#handUp.take(this.#rounds.list(), lastRoundId, tick))
				effects.handUp.push(round.digest!);
		if (mayPropose || effects.hasProgressed || effects.begun) this.#proposer.propose(effects, isTick);
		return effects;
	}
}

/** Records of one epoch start with this. */
export function pbftRecordPrefix(partition: number, epoch: number): string {
	return `pbft/${padded(partition)}/${padded(epoch)}/`;
}

export type {
	CertifiedRound,
	Demand,
	HeldLeaderChange,
	HeldNewView,
	PbftEffects,
	PbftInit,
	Phase,
	PoolView,
	Round,
	Wait
};
