/** The rounds of the window, from PrePrepare to block certificate (R3–R5), in the view that this member works in. */
import { create } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { joinHashes, proposalId } from '../../ledger/block.ts';
import { invariant } from '../../ledger/errors.ts';
import { BlockCertificateSchema, type BlockCertificate } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LeaderChangeContent, RoundChoice } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import type { Received } from '../effects.ts';
import { Kind, payloadDigest } from '../statement.ts';
import type { PbftEffects } from './pbft-effects.ts';
import type { PreparedRounds } from './prepared-rounds.ts';
import { isIncomplete, matching, newRound, type Round } from './round.ts';
import type { Standing } from './standing.ts';
import { TransactionPlaces } from './transaction-places.ts';
import { readProposal } from './validation/proposal.ts';
import type { VoteRecords } from './vote-records.ts';

/** Bodies travel on other links than the PrePrepare that names them: most of what is missing is on its way. */
const FETCH_PATIENCE_TICKS = 2;

export class Rounds {
	readonly places = new TransactionPlaces();
	readonly #standing: Standing;
	readonly #votes: VoteRecords;
	readonly #prepared: PreparedRounds;
	readonly #rounds = new Map<number, Round>();
	/** R6: what the view began with. A member that is behind comes to the last of it as its window moves. */
	#choices: RoundChoice[] = [];

	constructor(standing: Standing, votes: VoteRecords, prepared: PreparedRounds) {
		this.#standing = standing;
		this.#votes = votes;
		this.#prepared = prepared;
	}

	get(roundId: number): Round | undefined {
		return this.#rounds.get(roundId);
	}

	/** In order of round. */
	list(): Round[] {
		return [...this.#rounds.values()].sort((a, b) => a.roundId - b.roundId);
	}

	/** R8: a round that its leader could bring to an end. */
	hasOpen(): boolean {
		for (const round of this.#rounds.values())
			if (round.digest && !round.certificate && !round.isGivenUp) return true;
		return false;
	}

	/** The content of a block that this member knows. @param blockId hex */
	proposal(blockId: string): Uint8Array | null {
		for (const round of this.#rounds.values()) if (round.digest === blockId) return round.proposal;
		return this.#prepared.proposal(blockId);
	}

	/** The leader's PrePrepare that names a transaction, as evidence needs it (R24). */
	naming(transactionId: string): Received | null {
		for (const { prePrepare, transactionIds } of this.#rounds.values())
			if (prePrepare && transactionIds.includes(transactionId)) return prePrepare;
		return null;
	}

	onPrePrepare(message: Received, effects: PbftEffects): void {
		const { leader, chosenRoundId } = this.#standing;
		// Rounds that the LeaderChange chose have no PrePrepare in its view (R6).
		if (message.sender !== leader || message.signed.slot <= chosenRoundId) return;
		const round = this.#open(message.signed.slot);
		if (round.digest && round.proposal) {
			// Seen before: what this member has said of it may be what the leader lacks.
			if (round.digest !== message.digest || message.sender === this.#standing.init.self) return;
			if (round.certificate) this.#answer(message.sender, round, effects);
			else this.#resendOnce(round, effects);
			return;
		}
		if (round.digest && round.digest !== message.digest) return;
		if (!this.#takeProposal(round, message.signed.payload, message.signed.digest)) return;
		round.prePrepare = message;
		if (!round.certificate) round.phase = 'pre-prepared';
		this.#continue(round, effects);
	}

	onVote(message: Received, votes: 'prepares' | 'commits', effects: PbftEffects): void {
		const round = this.#open(message.signed.slot);
		const { self } = this.#standing.init;
		const isRepeat = round[votes].has(message.sender);
		if (!isRepeat) round[votes].set(message.sender, message);
		// Who says again what is known of a round that is done has missed its end, and so has who votes on it in a later view.
		if (round.certificate && message.sender !== self) {
			const { isLeader, leader } = this.#standing;
			const isLate = round.certificate.view < message.signed.view && (isLeader || message.sender === leader);
			if (isRepeat || isLate) this.#answer(message.sender, round, effects);
		}
		this.#advance(round, effects);
	}

	/** R5: a block certificate of any view is the end of its round. @returns whether it is news */
	onCertificate(certificate: BlockCertificate, effects: PbftEffects): boolean {
		const round = this.#open(certificate.roundId);
		const digest = toHex(certificate.blockId);
		if (round.certificate) {
			invariant(
				toHex(round.certificate.blockId) === digest,
				'R6',
				`round ${round.roundId} has a certificate for each of two blocks`
			);
			return false;
		}
		if (round.digest !== digest) this.#rename(round, certificate.blockId);
		this.#certify(round, certificate, effects);
		return true;
	}

	/** A member's link came up: what this one has said of open rounds may never have reached it. */
	handTo(peer: string, effects: PbftEffects): void {
		const { isActive, isLeader, leader, init } = this.#standing;
		if (!isActive) return;
		for (const { prePrepare, prepares, commits, certificate, commitToAll } of this.#rounds.values()) {
			if (certificate) continue;
			const said = [
				isLeader ? prePrepare : null,
				prepares.get(init.self),
				peer === leader || commitToAll ? commits.get(init.self) : null
			];
			for (const message of said)
				if (message) effects.send.push({ to: peer, packet: { case: 'signed', value: message.signed } });
		}
	}

	/** A proposal that some member sent, on being asked. */
	onProposal(bytes: Uint8Array, effects: PbftEffects): void {
		const blockId = proposalId(bytes);
		const digest = toHex(blockId);
		for (const round of this.#rounds.values())
			if (round.digest === digest && !round.proposal && this.#takeProposal(round, bytes, blockId))
				this.#continue(round, effects);
	}

	/** The leader's PrePrepare, for the first time or again. @returns whether it may still say this */
	offer(roundId: number, proposal: Uint8Array, effects: PbftEffects): boolean {
		const { view } = this.#standing;
		const digest = proposalId(proposal);
		const slot = { roundId, view, kind: Kind.PRE_PREPARE } as const;
		if (!this.#votes.mayVote(slot, digest, proposal, effects.persist)) return false;
		effects.votes.push({
			statement: this.#standing.statement(Kind.PRE_PREPARE, roundId, digest),
			payload: proposal,
			to: ['members']
		});
		return true;
	}

	/** The pool has new bodies. */
	onPool(effects: PbftEffects): void {
		for (const round of this.#rounds.values()) {
			if (round.missing.size === 0) continue;
			for (const id of round.missing) if (this.#standing.init.pool.has(id)) round.missing.delete(id);
			if (round.missing.size === 0) this.#continue(round, effects);
		}
	}

	/** Sends again what was not answered in time, and gives up what nobody can vote on. */
	tick(effects: PbftEffects): void {
		const { tick, init, isLeader, leader } = this.#standing;
		for (const round of this.#rounds.values()) {
			// R3: bodies are asked for, first of the leader.
			if (round.missing.size > 0 && round.askAtTick === tick)
				this.#askForBodies(round, isLeader ? 'members' : leader, effects);
			if (!round.isGivenUp && isIncomplete(round) && tick - round.startedTick >= init.commitToAllTicks) {
				round.isGivenUp = true;
				this.places.giveUp(round);
			}
			if (round.isDelivered || tick - round.lastSentTick < init.resendTicks) continue;
			round.lastSentTick = tick;
			this.#resend(round, effects);
		}
	}

	/** R6: what the LeaderChange of the view means for the window. The standing has moved to it. */
	enter({ lastRoundId, choices }: LeaderChangeContent, effects: PbftEffects): void {
		const before = this.list();
		for (const round of before) {
			if (round.certificate && round.roundId > this.#standing.lastRoundId) {
				// Those of this view, or of a higher one, may have overtaken the LeaderChange.
				invariant(
					round.certificate.view >= this.#standing.view ||
						round.roundId <= lastRoundId ||
						toHex(choices[round.roundId - lastRoundId - 1]?.blockId ?? new Uint8Array(0)) === round.digest,
					'R6',
					`round ${round.roundId} is certified, and a LeaderChange passes it over`
				);
				// Votes of a lower view say nothing in this one.
				round.prepares.clear();
				round.commits.clear();
				continue;
			}
			this.#drop(round);
		}
		this.#choices = choices;
		this.#carryChoices(before, effects);
	}

	/** R9: the ledger has passed these rounds. The window has moved. */
	forgetThrough(roundId: number, effects: PbftEffects): void {
		for (const round of this.list()) if (round.roundId <= roundId) this.#drop(round);
		this.#carryChoices([], effects);
	}

	#carryChoices(before: Round[], effects: PbftEffects): void {
		for (const { roundId, blockId } of this.#choices) {
			if (blockId.length === 0 || this.#rounds.has(roundId) || !this.#standing.inWindow(roundId)) continue;
			const digest = toHex(blockId);
			const known = before.find((round) => round.digest === digest)?.proposal;
			this.#carry(roundId, blockId, known ?? this.#prepared.proposal(digest), effects);
		}
	}

	#carry(roundId: number, blockId: Uint8Array, proposal: Uint8Array | null, effects: PbftEffects): void {
		const round = this.#open(roundId);
		round.digest = toHex(blockId);
		round.digestBytes = blockId;
		round.isCarried = true;
		round.phase = 'pre-prepared';
		if (proposal) this.#takeProposal(round, proposal, blockId);
		else this.#askForProposal(round, this.#standing.leader, effects);
		this.#advance(round, effects);
	}

	/** @returns whether it is the proposal of this block, and one that may be voted on */
	#takeProposal(round: Round, bytes: Uint8Array, blockId: Uint8Array): boolean {
		const { init } = this.#standing;
		const ids = readProposal(bytes, blockId, round.roundId, init);
		if (!ids) return false;
		if (!round.digest) round.startedTick = round.lastSentTick = this.#standing.tick;
		round.digest = toHex(blockId);
		round.digestBytes = blockId;
		round.proposal = bytes;
		round.transactionIds = ids;
		round.missing = new Set(ids.filter((id) => !init.pool.has(id)));
		this.places.add(round);
		if (round.isGivenUp) this.places.giveUp(round);
		round.askAtTick = this.#standing.tick + FETCH_PATIENCE_TICKS;
		return true;
	}

	/** A certificate names another block than the PrePrepare that this member saw: its leader sent two. */
	#rename(round: Round, blockId: Uint8Array): void {
		this.places.remove(round);
		Object.assign(round, {
			...newRound(round.roundId, round.startedTick),
			isGivenUp: round.isGivenUp,
			lastSentTick: round.lastSentTick,
			digest: toHex(blockId),
			digestBytes: blockId
		});
	}

	#continue(round: Round, effects: PbftEffects): void {
		if (round.certificate) this.#deliver(round, effects);
		else this.#advance(round, effects);
	}

	/** Takes a round as far as what this member holds allows. */
	#advance(round: Round, effects: PbftEffects): void {
		const { isActive, isLeader, quorum, leader } = this.#standing;
		if (!isActive || !round.digest || round.certificate) return;
		if (round.phase === 'pre-prepared' && !isIncomplete(round)) {
			// The leader's PrePrepare counts as its Prepare (R4).
			if (!round.hasPrepared && (round.isCarried || !isLeader))
				this.#vote(Kind.PREPARE, round, ['members'], effects);
			round.hasPrepared = true;
			if (this.#isPrepared(round)) {
				round.phase = 'prepared';
				this.#prepared.add(round, this.#standing.view, leader, quorum, effects.persist);
				this.#vote(Kind.COMMIT, round, [leader], effects);
				round.phase = 'committed';
			}
		}
		if (matching(round.commits, round.digest).length >= quorum && (isLeader || round.commitToAll))
			this.#formCertificate(round, effects);
	}

	/** R4: q matching Prepares, the leader's PrePrepare among them. */
	#isPrepared(round: Round): boolean {
		const { leader, quorum } = this.#standing;
		const prepares = matching(round.prepares, round.digest!);
		if (round.isCarried) return prepares.length >= quorum;
		return prepares.filter(({ sender }) => sender !== leader).length + 1 >= quorum;
	}

	#formCertificate(round: Round, effects: PbftEffects): void {
		const { init, quorum, view } = this.#standing;
		const commits = matching(round.commits, round.digest!)
			.slice(0, quorum)
			.map(({ signed }) => ({ member: signed.sender, signature: signed.signature }));
		const certificate = create(BlockCertificateSchema, {
			partition: init.partition,
			epoch: init.epoch,
			view,
			roundId: round.roundId,
			blockId: round.digestBytes,
			commits
		});
		effects.send.push({ to: 'members', packet: { case: 'blockCertificate', value: certificate } });
		effects.hasProgressed = true;
		this.#certify(round, certificate, effects);
	}

	#certify(round: Round, certificate: BlockCertificate, effects: PbftEffects): void {
		round.certificate = certificate;
		round.phase = 'certified';
		if (round.proposal && round.missing.size > 0) this.#askForBodies(round, 'members', effects);
		else if (round.proposal) this.#deliver(round, effects);
	}

	#deliver(round: Round, effects: PbftEffects): void {
		if (round.isDelivered || isIncomplete(round)) return;
		round.isDelivered = true;
		effects.certified.push({
			roundId: round.roundId,
			proposal: round.proposal!,
			transactionIds: round.transactionIds,
			certificate: round.certificate!
		});
	}

	#vote(kind: Kind.PREPARE | Kind.COMMIT, round: Round, to: string[], effects: PbftEffects): void {
		const { view } = this.#standing;
		const { roundId, digestBytes } = round;
		if (!this.#votes.mayVote({ roundId, view, kind }, digestBytes, digestBytes, effects.persist)) return;
		effects.votes.push({ statement: this.#standing.statement(kind, roundId, digestBytes), to });
	}

	#resend(round: Round, effects: PbftEffects): void {
		const { isActive, isLeader, leader, tick, init } = this.#standing;
		if (!round.digest) return;
		if (!round.proposal) {
			this.#askForProposal(round, 'members', effects);
			return;
		}
		if (round.missing.size > 0) {
			this.#askForBodies(round, 'members', effects);
			if (isActive && !round.certificate) this.#report(round, effects);
			return;
		}
		// R6: what is on its way to a higher view says nothing more in this one.
		if (!isActive || round.certificate) return;
		if (tick - round.startedTick >= init.commitToAllTicks) round.commitToAll = true;
		if (isLeader && !round.isCarried) this.offer(round.roundId, round.proposal, effects);
		else this.#vote(Kind.PREPARE, round, ['members'], effects);
		if (round.phase === 'committed')
			this.#vote(Kind.COMMIT, round, [round.commitToAll ? 'members' : leader], effects);
		this.#advance(round, effects);
	}

	#resendOnce(round: Round, effects: PbftEffects): void {
		const { tick } = this.#standing;
		if (round.lastSentTick === tick || round.certificate) return;
		round.lastSentTick = tick;
		this.#resend(round, effects);
	}

	#answer(to: string, round: Round, effects: PbftEffects): void {
		if (round.answeredTick.get(to) === this.#standing.tick) return;
		round.answeredTick.set(to, this.#standing.tick);
		effects.send.push({ to, packet: { case: 'blockCertificate', value: round.certificate! } });
	}

	#askForProposal(round: Round, from: string, effects: PbftEffects): void {
		effects.send.push({
			to: from === this.#standing.init.self ? 'members' : from,
			packet: {
				case: 'proposalRequest',
				value: { $typeName: 'tabwave.v1.ProposalRequest', blockId: round.digestBytes }
			}
		});
	}

	#askForBodies(round: Round, from: string, effects: PbftEffects): void {
		const ids = [...round.missing].filter((id) => !this.#standing.init.pool.isComing(id));
		if (ids.length === 0) return;
		const transactionIds = joinHashes(ids.map((id) => fromHex(id)));
		effects.send.push({
			to: from,
			packet: { case: 'bodyRequest', value: { $typeName: 'tabwave.v1.BodyRequest', transactionIds } }
		});
	}

	/** R3: a validOrder with zeros in it is a report, never a vote. */
	#report(round: Round, effects: PbftEffects): void {
		const validOrder = new Uint8Array(Math.ceil(round.transactionIds.length / 8));
		round.transactionIds.forEach((id, i) => {
			if (!round.missing.has(id)) validOrder[i >> 3]! |= 1 << (i & 7);
		});
		effects.votes.push({
			statement: this.#standing.statement(Kind.PREPARE_REPORT, round.roundId, payloadDigest(validOrder)),
			payload: validOrder,
			to: [this.#standing.leader]
		});
	}

	#open(roundId: number): Round {
		let round = this.#rounds.get(roundId);
		if (!round) {
			round = newRound(roundId, this.#standing.tick);
			this.#rounds.set(roundId, round);
		}
		return round;
	}

	#drop(round: Round): void {
		this.places.remove(round);
		this.#rounds.delete(round.roundId);
	}
}
