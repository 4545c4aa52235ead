/**
 * Terms, roles and votes of one replica (R19): who leads, and when another is to. PreVote asks before it disturbs anybody;
 * CheckQuorum's lease keeps who hears a leader from giving it up. R21's challenge is the one exception, see stall.ts.
 */
import { invariant } from '../../ledger/errors.ts';
import type { ChangeRequest, ChangeResponse } from '../../wire/gen/tabwave/v1/raft_pb.js';
import { isVoter, votersOf } from './configuration.ts';
import { voteResult } from './joint-quorum.ts';
import { MAX_TERM } from './limits.ts';
import type { RaftLog } from './log.ts';
import { CampaignReason, isOfLeader, type RaftMessage } from './messages.ts';
import type { Outbox } from './outbox.ts';
import type { Stall } from './stall.ts';

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

export interface ElectionInit {
	self: string;
	log: RaftLog;
	stall: Stall;
	outbox: Outbox;
	/** The least ticks without a leader's word after which a replica campaigns. */
	electionTicks: number;
	/** Seeded; at least 0, below 1. */
	random: () => number;
	/** Of an earlier run. */
	term: number;
	vote: string | null;
	/** Another replica leads than before, or none that is known. */
	leaderChanged(leader: string | null): void;
}

export class Election {
	readonly #init: ElectionInit;
	readonly #log: RaftLog;
	readonly #stall: Stall;
	#role: Role = 'follower';
	#term: number;
	#vote: string | null;
	#leader: string | null = null;
	/** While it campaigns: who said what, and why it does. */
	#votes = new Map<string, boolean>();
	#reason = CampaignReason.TIMEOUT;
	/** R21: a follower's question whether others see no progress either. It follows its leader meanwhile. */
	#challenge: { votes: Map<string, boolean>; sinceTicks: number } | null = null;
	/** Ticks since the leader was heard, a vote given, or a campaign begun. A leader hears itself. */
	#elapsed = 0;
	#timeout = 0;
	/** The last term of which this replica knew the leader. */
	#ledTerm = 0;
	#isStateNew = false;

	constructor(init: ElectionInit) {
		this.#init = init;
		this.#log = init.log;
		this.#stall = init.stall;
		this.#term = init.term;
		this.#vote = init.vote;
		this.#restartTimer();
	}

	get role(): Role {
		return this.#role;
	}

	get term(): number {
		return this.#term;
	}

	get vote(): string | null {
		return this.#vote;
	}

	get leader(): string | null {
		return this.#leader;
	}

	get isChallenging(): boolean {
		return this.#challenge !== null;
	}

	/**
	 * Learners and removed replicas only listen. But one whose removal is in its log and not committed still campaigns, although
	 * it will not count itself: others may lack that entry, and then nobody else can win (Ongaro's thesis, 4.2.2).
	 */
	get isPromotable(): boolean {
		const { self } = this.#init;
		return this.#term < MAX_TERM && this.#log.possibleConfigurations.some((one) => isVoter(one, self));
	}

	/** Ticks until this replica campaigns if it hears nothing. */
	get remainingTicks(): number {
		return Math.max(0, this.#timeout - this.#elapsed);
	}

	/** @returns whether term or vote changed since the last call, and must be persisted */
	takeIsStateNew(): boolean {
		const isNew = this.#isStateNew;
		this.#isStateNew = false;
		return isNew;
	}

	/** A tick of a replica that does not lead. */
	tick(): void {
		this.#elapsed += 1;
		if (!this.isPromotable) return;
		if (this.#challenge && ++this.#challenge.sinceTicks >= this.#init.electionTicks) this.#endChallenge();
		if (this.#elapsed >= this.#timeout) this.campaign(CampaignReason.TIMEOUT, true);
		else if (this.#leader !== null && !this.#challenge && this.#stall.isDue) this.#startChallenge();
	}

	/**
	 * Any higher term means step down, and what is of a lower one is not heeded. PreVotes are about a term that may never come,
	 * and a lease keeps a replica that hears its leader from following a stranger into a new one.
	 *
	 * @returns whether the message is to be read
	 */
	adoptTerm(from: string, { term, body }: RaftMessage): boolean {
		if (term <= this.#term) return term === this.#term;
		if (body.case === 'changeRequest') {
			if (this.#isInLease(body.value)) {
				if (body.value.preVote) this.#respond(from, body.value, this.#term, false);
				return false;
			}
			if (body.value.preVote) return true;
		}
		if (body.case === 'changeResponse' && body.value.preVote && body.value.granted) return true;
		this.#setTerm(term);
		this.stepDown(isOfLeader(body) ? from : null);
		return true;
	}

	/** A word of the leader of this term. */
	heed(leader: string): void {
		invariant(
			this.#role !== 'leader' && (this.#leader === null || this.#leader === leader),
			'R19',
			`${leader} and ${this.#leader} lead in term ${this.#term}`
		);
		if (this.#role !== 'follower') this.stepDown(leader);
		this.#elapsed = 0;
		this.#setLeader(leader);
	}

	stepDown(leader: string | null): void {
		this.#role = 'follower';
		this.#restartTimer();
		this.#setLeader(leader);
	}

	/** As a follower of nobody. */
	enterTerm(term: number): void {
		this.#setTerm(term);
		this.stepDown(null);
	}

	forgetLeader(): void {
		if (this.#role !== 'leader') this.#setLeader(null);
	}

	/** R21: the head moved, or nothing waits any more. */
	dropChallenge(): void {
		this.#challenge = null;
	}

	campaign(reason: CampaignReason, preVote: boolean): void {
		const { self } = this.#init;
		this.#reason = reason;
		this.#role = preVote ? 'pre-candidate' : 'candidate';
		this.#restartTimer();
		this.#setLeader(null);
		this.#votes = new Map([[self, true]]);
		if (!preVote) {
			this.#setTerm(this.#term + 1);
			this.#vote = self;
		}
		this.#askForVotes(preVote, reason);
		this.#countVotes();
	}

	/**
	 * R19: a vote goes only to a log that is up to date, and once a term. Learners vote too: they may be voters by now and not
	 * know it yet.
	 */
	onChangeRequest(from: string, term: number, request: ChangeRequest): void {
		const isFree =
			this.#vote === from ||
			(this.#vote === null && this.#leader === null) ||
			(request.preVote && term > this.#term);
		const isGranted =
			isFree && this.#log.isUpToDate({ index: request.lastLogIndex, term: request.lastLogTerm });
		if (isGranted && !request.preVote) {
			this.#elapsed = 0;
			this.#isStateNew ||= this.#vote !== from;
			this.#vote = from;
		}
		// A grant is of the term that was asked for; a refusal is of this replica's own.
		this.#respond(from, request, isGranted ? term : this.#term, isGranted);
	}

	/** A candidate whose term is over learns of the new one. */
	refuseOldTerm(from: string, request: ChangeRequest): void {
		this.#respond(from, request, this.#term, false);
	}

	onChangeResponse(from: string, term: number, { preVote, reason, granted }: ChangeResponse): void {
		if (granted && term !== this.#term + (preVote ? 1 : 0)) return;
		if (preVote && reason === CampaignReason.STALL) {
			this.#onChallengeResponse(from, granted);
			return;
		}
		const isMine = this.#role === (preVote ? 'pre-candidate' : 'candidate') && reason === this.#reason;
		if (!isMine) return;
		// A refusal of an earlier campaign may come late; a grant is for good.
		if (!this.#votes.get(from)) this.#votes.set(from, granted);
		this.#countVotes();
	}

	#countVotes(): void {
		const result = voteResult(this.#log.configuration, this.#votes);
		if (result === 'lost') this.stepDown(null);
		if (result !== 'won') return;
		if (this.#role === 'pre-candidate') {
			this.campaign(this.#reason, false);
			return;
		}
		this.#role = 'leader';
		this.#restartTimer();
		this.#setLeader(this.#init.self);
	}

	#askForVotes(preVote: boolean, reason: CampaignReason): void {
		const { self, outbox } = this.#init;
		const { lastTerm: lastLogTerm, lastIndex: lastLogIndex } = this.#log;
		for (const id of votersOf(this.#log.configuration))
			if (id !== self)
				outbox.send(id, this.#term + (preVote ? 1 : 0), {
					case: 'changeRequest',
					value: { $typeName: 'tabwave.v1.ChangeRequest', preVote, reason, lastLogTerm, lastLogIndex }
				});
	}

	#respond(to: string, { preVote, reason }: ChangeRequest, term: number, granted: boolean): void {
		this.#init.outbox.send(to, term, {
			case: 'changeResponse',
			value: { $typeName: 'tabwave.v1.ChangeResponse', preVote, reason, granted }
		});
	}

	/** CheckQuorum's other half: who heard its leader within an election timeout gives its vote to nobody else. */
	#isInLease({ reason }: ChangeRequest): boolean {
		if (this.#leader === null) return false;
		if (this.#role !== 'leader' && this.#elapsed >= this.#init.electionTicks) return false;
		// The leader itself named its successor.
		if (reason === CampaignReason.TRANSFER) return false;
		return !(reason === CampaignReason.STALL && this.#stall.isStalled);
	}

	/** R21: asks the others whether they too see no progress, and follows its leader until a majority does. */
	#startChallenge(): void {
		this.#challenge = { votes: new Map([[this.#init.self, true]]), sinceTicks: 0 };
		this.#askForVotes(true, CampaignReason.STALL);
	}

	#onChallengeResponse(from: string, granted: boolean): void {
		if (!this.#challenge) return;
		const { votes } = this.#challenge;
		if (!votes.get(from)) votes.set(from, granted);
		const result = voteResult(this.#log.configuration, votes);
		if (result === 'won') this.campaign(CampaignReason.STALL, false);
		else if (result === 'lost') this.#endChallenge();
	}

	#endChallenge(): void {
		this.#challenge = null;
		this.#stall.refused();
	}

	#setTerm(term: number): void {
		invariant(term > this.#term, 'R19', `term ${term} after ${this.#term}`);
		this.#term = term;
		this.#vote = null;
		this.#isStateNew = true;
	}

	#setLeader(leader: string | null): void {
		if (leader === this.#leader) return;
		this.#leader = leader;
		this.#challenge = null;
		if (leader !== null && this.#ledTerm !== this.#term) {
			this.#ledTerm = this.#term;
			this.#stall.leaderChanged();
		}
		this.#init.leaderChanged(leader);
	}

	#restartTimer(): void {
		const { electionTicks, random } = this.#init;
		this.#elapsed = 0;
		// Replicas that lost the same leader must not all ask at once, each for itself.
		this.#timeout = electionTicks + Math.floor(random() * electionTicks);
		this.#challenge = null;
	}
}
