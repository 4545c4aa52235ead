/**
 * The lower tier: PBFT in one partition and one epoch, many rounds at once (R1–R5, R9). A pure state machine: it is handed
 * messages whose signatures hold, ticks and news of the pool and the ledger, and says what to persist, sign and send.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { equalBytes, fromHex, toHex } from '../../crypto/hex.ts';
import { decodeProposal, joinHashes, proposalId, splitHashes } from '../../ledger/block.ts';
import { invariant, LedgerError } from '../../ledger/errors.ts';
import {
	BlockCertificateSchema,
	ProposalSchema,
	type BlockCertificate,
	type Genesis
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { PreparedCertificateSchema } from '../../wire/gen/tabwave/v1/storage_pb.js';
import { noEffects, padded, type Effects, type Persist, type Received } from '../effects.ts';
import { quorum } from '../quorum.ts';
import { Kind, payloadDigest } from '../statement.ts';
import { leaderOf } from '../topology.ts';
import { matching, newRound, type Phase, type Round } from './round.ts';

/** The pool as a core sees it. */
export interface PoolView {
	has(id: string): boolean;
	/** Whether the body has come and is being checked: it needs no asking. */
	isComing(id: string): boolean;
	/** Ids that wait for a round, oldest first. Those in `except` are in rounds already. */
	waiting(limit: number, maxBodyBytes: number, except: ReadonlySet<string>): string[];
}

export interface PbftInit {
	chainId: Uint8Array;
	genesis: Genesis;
	partition: number;
	epoch: number;
	/** Sorted by id. */
	members: string[];
	self: string;
	/** R9: the partition's last round in the ledger. */
	lastRoundId: number;
	pool: PoolView;
	/** Ticks without progress after which an open round's messages are sent again. */
	resendTicks: number;
	/** R5: ticks after which a round's Commits go to everyone. */
	commitToAllTicks: number;
	/** Bodies of one block together, in bytes. */
	maxBodyBytes: number;
}

/** A round that this member holds a certificate for. */
export interface CertifiedRound {
	roundId: number;
	proposal: Uint8Array;
	transactionIds: string[];
	certificate: BlockCertificate;
}

export interface PbftEffects extends Effects {
	/** Rounds of which this member now holds certificate and bodies. */
	certified: CertifiedRound[];
}

/**
 * Rounds that the leader keeps open below the certificate. More would only cut the pool into smaller blocks: the window of
 * genesis bounds what is in flight through both tiers.
 */
const MAX_UNCERTIFIED_ROUNDS = 4;

/** A small block goes out at once where it holds at least this part of the last one. */
const BATCH_SHARE = 2;

/** Certified rounds that may wait for the upper tier before the leader lets the pool fill whole blocks. */
const MAX_WAITING_SMALL_BLOCKS = 2;

/** Bodies travel on other links than the PrePrepare that names them: most of what is missing is on its way. */
const FETCH_PATIENCE_TICKS = 2;

export class Pbft {
	readonly #init: PbftInit;
	readonly #quorum: number;
	readonly #rounds = new Map<number, Round>();
	/** R2: what this member has voted, by `round/view/kind`. */
	readonly #voted = new Map<string, string>();
	#view = 0;
	#lastRoundId: number;
	#nextRoundId: number;
	/** Transaction ids of own proposals that are not rounds yet: the driver is signing them. */
	readonly #underWay = new Map<number, string[]>();
	/** Transactions in the last proposal. */
	#lastSize = 0;
	#tick = 0;
	/** A round was certified since the last look for what may be proposed; a look passes over the pool. */
	#hasRoom = false;
	#paused = false;

	constructor(init: PbftInit) {
		invariant(init.members.includes(init.self), 'R22', 'only a member of the epoch runs its rounds');
		this.#init = init;
		this.#quorum = quorum(init.members.length);
		this.#lastRoundId = init.lastRoundId;
		this.#nextRoundId = init.lastRoundId + 1;
	}

	get partition(): number {
		return this.#init.partition;
	}

	get epoch(): number {
		return this.#init.epoch;
	}

	get view(): number {
		return this.#view;
	}

	get leader(): string {
		return leaderOf(this.#init.members, this.#view);
	}

	get isLeader(): boolean {
		return this.leader === this.#init.self;
	}

	/** Rounds that this member has open or certified and the ledger does not hold yet. */
	rounds(): Round[] {
		return [...this.#rounds.values()].sort((a, b) => a.roundId - b.roundId);
	}

	/** Ticks since this member first heard of a round. */
	ageTicks(round: Round): number {
		return this.#tick - round.startedTick;
	}

	/** A node that catches up starts no rounds (R23). */
	pause(paused: boolean): void {
		this.#paused = paused;
	}

	/**
	 * Takes up the votes of an earlier run, so that none is ever given twice (R2). A leader offers its open rounds again.
	 * @param records of this partition and epoch
	 */
	restore(records: { key: string; value: Uint8Array }[]): PbftEffects {
		const effects = this.#effects();
		const prefix = this.#prefix();
		for (const { key, value } of records) {
			if (!key.startsWith(prefix)) continue;
			const [round, view, kind] = key.slice(prefix.length).split('/');
			if (kind === 'prepared') continue; // Read by the view change, which carries it.
			const roundId = Number(round);
			if (kind === 'pre-prepare') {
				this.#voted.set(`${roundId}/${Number(view)}/${Kind.PRE_PREPARE}`, toHex(proposalId(value)));
				this.#nextRoundId = Math.max(this.#nextRoundId, roundId + 1);
				if (roundId > this.#lastRoundId && Number(view) === this.#view && this.isLeader)
					this.#votePrePrepare(roundId, value, effects);
			} else {
				this.#voted.set(
					`${roundId}/${Number(view)}/${kind === 'prepare' ? Kind.PREPARE : Kind.COMMIT}`,
					toHex(value)
				);
			}
		}
		return effects;
	}

	/** One signed message of this partition and epoch whose signature holds; this member's own among them. */
	message(message: Received): PbftEffects {
		const effects = this.#effects();
		const { signed, sender } = message;
		if (!this.#init.members.includes(sender)) return effects;
		if (signed.view !== this.#view || !this.#inWindow(signed.slot)) return effects;
		if (signed.kind === Kind.PRE_PREPARE) this.#onPrePrepare(message, effects);
		else if (signed.kind === Kind.PREPARE) this.#onVote(message, 'prepares', effects);
		else if (signed.kind === Kind.COMMIT) this.#onVote(message, 'commits', effects);
		if (this.#hasRoom) this.#propose(effects);
		return effects;
	}

	/** A block certificate of this partition and epoch that holds (R5). */
	certificate(certificate: BlockCertificate): PbftEffects {
		const effects = this.#effects();
		if (!this.#inWindow(certificate.roundId)) return effects;
		const round = this.#round(certificate.roundId);
		// It may overtake the PrePrepare that it ends.
		if (!round.digest) round.early = certificate;
		else if (!round.certificate && round.digest === toHex(certificate.blockId))
			this.#certify(round, certificate, effects);
		if (this.#hasRoom) this.#propose(effects);
		return effects;
	}

	/** The pool has new transactions. */
	pool(): PbftEffects {
		const effects = this.#effects();
		for (const round of this.#rounds.values()) {
			if (round.missing.size === 0) continue;
			for (const id of round.missing) if (this.#init.pool.has(id)) round.missing.delete(id);
			if (round.missing.size > 0) continue;
			if (round.certificate) this.#deliver(round, round.certificate, effects);
			else this.#advance(round, effects);
		}
		this.#propose(effects);
		return effects;
	}

	/** R9: the ledger holds this partition's rounds up to `lastRoundId`; lower ones are void. */
	ledger(lastRoundId: number): PbftEffects {
		const effects = this.#effects();
		if (lastRoundId <= this.#lastRoundId) return effects;
		this.#lastRoundId = lastRoundId;
		this.#nextRoundId = Math.max(this.#nextRoundId, lastRoundId + 1);
		for (const roundId of this.#rounds.keys()) if (roundId <= lastRoundId) this.#rounds.delete(roundId);
		for (const key of this.#voted.keys()) {
			const [round, view, kind] = key.split('/').map(Number) as [number, number, Kind];
			if (round > lastRoundId) continue;
			this.#voted.delete(key);
			effects.persist.push({ key: this.#key(round, view, recordName(kind)), value: null });
			if (kind === Kind.COMMIT)
				effects.persist.push({ key: this.#key(round, view, 'prepared'), value: null });
		}
		this.#propose(effects);
		return effects;
	}

	/** The epoch has ended: its votes need not be kept. */
	end(): Persist[] {
		return [...this.#voted.keys()].flatMap((key) => {
			const [round, view, kind] = key.split('/').map(Number) as [number, number, Kind];
			return this.#erase(round, view, kind);
		});
	}

	tick(): PbftEffects {
		const effects = this.#effects();
		this.#tick += 1;
		for (const round of this.#rounds.values()) {
			// R3: bodies are asked for, first of the leader.
			if (round.missing.size > 0 && round.askAtTick === this.#tick)
				this.#askForBodies(round, this.isLeader ? 'members' : this.leader, effects);
			if (
				(round.certificate && round.missing.size === 0) ||
				this.#tick - round.lastSentTick < this.#init.resendTicks
			)
				continue;
			round.lastSentTick = this.#tick;
			this.#resend(round, effects);
		}
		this.#propose(effects, true);
		return effects;
	}

	#onPrePrepare(message: Received, effects: PbftEffects): void {
		if (message.sender !== this.leader) return;
		const round = this.#round(message.signed.slot);
		if (round.digest) {
			// Seen before: what this member has said of it may be what the leader lacks.
			if (round.digest !== message.digest || message.sender === this.#init.self) return;
			if (round.certificate) this.#answer(message.sender, round.certificate, effects);
			else this.#resendOnce(round, effects);
			return;
		}
		const ids = this.#readProposal(message);
		if (!ids) return;
		round.digest = message.digest;
		round.digestBytes = message.signed.digest;
		round.proposal = message.signed.payload;
		round.transactionIds = ids;
		round.prePrepare = message;
		round.phase = 'pre-prepared';
		round.missing = new Set(ids.filter((id) => !this.#init.pool.has(id)));
		round.askAtTick = this.#tick + FETCH_PATIENCE_TICKS;
		if (round.early && toHex(round.early.blockId) === round.digest)
			this.#certify(round, round.early, effects);
		this.#advance(round, effects);
	}

	/** @returns the transaction ids, or null where no honest leader would have sent this */
	#readProposal(message: Received): string[] | null {
		const { signed } = message;
		try {
			const proposal = decodeProposal(signed.payload);
			const ids = splitHashes(proposal.transactionIds).map(toHex);
			const holds =
				equalBytes(proposalId(signed.payload), signed.digest) &&
				equalBytes(proposal.chainId, this.#init.chainId) &&
				proposal.partition === this.#init.partition &&
				proposal.epoch === this.#init.epoch &&
				proposal.roundId === signed.slot &&
				ids.length <= this.#init.genesis.maxTransactionsPerBlock &&
				new Set(ids).size === ids.length;
			return holds ? ids : null;
		} catch (error) {
			if (error instanceof LedgerError) return null;
			throw error;
		}
	}

	#onVote(message: Received, votes: 'prepares' | 'commits', effects: PbftEffects): void {
		const round = this.#round(message.signed.slot);
		const isRepeat = round[votes].has(message.sender);
		if (!isRepeat) round[votes].set(message.sender, message);
		// Who says again what is known of a round that is done has missed its end.
		if (isRepeat && round.certificate && message.sender !== this.#init.self)
			this.#answer(message.sender, round.certificate, effects);
		this.#advance(round, effects);
	}

	#answer(to: string, certificate: BlockCertificate, effects: PbftEffects): void {
		effects.send.push({ to, packet: { case: 'blockCertificate', value: certificate } });
	}

	/** Takes a round as far as what this member holds allows. */
	#advance(round: Round, effects: PbftEffects): void {
		if (!round.digest || round.certificate) return;
		if (round.phase === 'pre-prepared' && round.missing.size === 0) {
			// The leader's PrePrepare counts as its Prepare (R4).
			if (!this.isLeader && !round.hasPrepared) this.#vote(Kind.PREPARE, round, ['members'], effects);
			round.hasPrepared = true;
			if (this.#isPrepared(round)) {
				round.phase = 'prepared';
				this.#voteCommit(round, effects);
			}
		}
		if (matching(round.commits, round.digest).length >= this.#quorum && (this.isLeader || round.commitToAll))
			this.#formCertificate(round, effects);
	}

	/** R4: a PrePrepare and q matching Prepares, the leader's PrePrepare among them. */
	#isPrepared(round: Round): boolean {
		const voters = matching(round.prepares, round.digest!).filter(
			(message) => message.sender !== this.leader
		);
		return voters.length + 1 >= this.#quorum;
	}

	#voteCommit(round: Round, effects: PbftEffects): void {
		const prepares = matching(round.prepares, round.digest!)
			.filter((message) => message.sender !== this.leader)
			.map((message) => message.signed);
		const proof = create(PreparedCertificateSchema, { prePrepare: round.prePrepare!.signed, prepares });
		effects.persist.push({
			key: this.#key(round.roundId, this.#view, 'prepared'),
			value: toBinary(PreparedCertificateSchema, proof)
		});
		this.#vote(Kind.COMMIT, round, [this.leader], effects);
		round.phase = 'committed';
	}

	#formCertificate(round: Round, effects: PbftEffects): void {
		const commits = matching(round.commits, round.digest!)
			.slice(0, this.#quorum)
			.map(({ signed }) => ({ member: signed.sender, signature: signed.signature }));
		const certificate = create(BlockCertificateSchema, {
			partition: this.#init.partition,
			epoch: this.#init.epoch,
			view: this.#view,
			roundId: round.roundId,
			blockId: round.digestBytes,
			commits
		});
		effects.send.push({ to: 'members', packet: { case: 'blockCertificate', value: certificate } });
		this.#certify(round, certificate, effects);
	}

	#certify(round: Round, certificate: BlockCertificate, effects: PbftEffects): void {
		this.#hasRoom = true;
		round.certificate = certificate;
		round.phase = 'certified';
		if (round.missing.size === 0) this.#deliver(round, certificate, effects);
		else this.#askForBodies(round, 'members', effects);
	}

	#deliver(round: Round, certificate: BlockCertificate, effects: PbftEffects): void {
		effects.certified.push({
			roundId: round.roundId,
			proposal: round.proposal!,
			transactionIds: round.transactionIds,
			certificate
		});
	}

	/** The leader opens rounds: whole blocks as they fill, a small one at once when nothing else is under way. */
	#propose(effects: PbftEffects, isTick = false): void {
		const { genesis, pool, maxBodyBytes } = this.#init;
		this.#hasRoom = false;
		if (!this.isLeader || this.#paused) return;
		while (this.#inWindow(this.#nextRoundId)) {
			const rounds = [...this.#rounds.values()];
			this.#forgetAnswered();
			const uncertified =
				rounds.filter((round) => !round.certificate && !this.#isGivenUp(round)).length + this.#underWay.size;
			if (uncertified >= MAX_UNCERTIFIED_ROUNDS) return;
			const taken = new Set(
				[...rounds.map((round) => round.transactionIds), ...this.#underWay.values()].flat()
			);
			const ids = pool.waiting(genesis.maxTransactionsPerBlock, maxBodyBytes, taken);
			const isFull = ids.length === genesis.maxTransactionsPerBlock;
			const isQuiet =
				uncertified === 0 &&
				rounds.filter((round) => !this.#isGivenUp(round)).length <= MAX_WAITING_SMALL_BLOCKS;
			// After a large block the first of the next burst waits for the others, until the next tick at the most.
			const isWorthIt = isTick || BATCH_SHARE * ids.length >= this.#lastSize;
			if (ids.length === 0 || !(isFull || (isQuiet && isWorthIt))) return;
			this.#lastSize = ids.length;
			const proposal = toBinary(
				ProposalSchema,
				create(ProposalSchema, {
					chainId: this.#init.chainId,
					partition: this.#init.partition,
					epoch: this.#init.epoch,
					roundId: this.#nextRoundId,
					transactionIds: joinHashes(ids.map((id) => fromHex(id)))
				})
			);
			this.#votePrePrepare(this.#nextRoundId, proposal, effects);
			this.#nextRoundId += 1;
		}
	}

	/**
	 * A leader that lost its pool in a crash may find its own proposal without bodies, and so may everyone else. It goes on
	 * with the next rounds; the ledger passes over the gap (R9).
	 */
	#isGivenUp(round: Round): boolean {
		return round.missing.size > 0 && this.ageTicks(round) >= this.#init.commitToAllTicks;
	}

	/** Ids in proposals that wait at the driver for their signature: not rounds yet, but under way. */
	#forgetAnswered(): void {
		for (const roundId of this.#underWay.keys())
			if (roundId <= this.#lastRoundId || this.#rounds.get(roundId)?.digest) this.#underWay.delete(roundId);
	}

	#votePrePrepare(roundId: number, proposal: Uint8Array, effects: PbftEffects): void {
		const digest = proposalId(proposal);
		if (!this.#mayVote(Kind.PRE_PREPARE, roundId, digest, effects.persist, proposal)) return;
		this.#underWay.set(roundId, splitHashes(fromBinary(ProposalSchema, proposal).transactionIds).map(toHex));
		effects.votes.push({
			statement: this.#statement(Kind.PRE_PREPARE, roundId, digest),
			payload: proposal,
			to: ['members']
		});
	}

	#vote(kind: Kind.PREPARE | Kind.COMMIT, round: Round, to: string[], effects: PbftEffects): void {
		if (!this.#mayVote(kind, round.roundId, round.digestBytes, effects.persist, round.digestBytes)) return;
		effects.votes.push({ statement: this.#statement(kind, round.roundId, round.digestBytes), to });
	}

	/** R2: one vote for each round, view and kind; the same one may be sent again. */
	#mayVote(kind: Kind, roundId: number, digest: Uint8Array, persist: Persist[], record: Uint8Array): boolean {
		const slot = `${roundId}/${this.#view}/${kind}`;
		const before = this.#voted.get(slot);
		if (before !== undefined) return before === toHex(digest);
		this.#voted.set(slot, toHex(digest));
		persist.push({ key: this.#key(roundId, this.#view, recordName(kind)), value: record });
		return true;
	}

	#erase(roundId: number, view: number, kind: Kind): Persist[] {
		const names = kind === Kind.COMMIT ? ['commit', 'prepared'] : [recordName(kind)];
		return names.map((name) => ({ key: this.#key(roundId, view, name), value: null }));
	}

	#resend(round: Round, effects: PbftEffects): void {
		if (!round.digest) return;
		if (round.missing.size > 0) {
			this.#askForBodies(round, 'members', effects);
			this.#report(round, effects);
			return;
		}
		if (this.#tick - round.startedTick >= this.#init.commitToAllTicks) round.commitToAll = true;
		if (this.isLeader) this.#votePrePrepare(round.roundId, round.proposal!, effects);
		else this.#vote(Kind.PREPARE, round, ['members'], effects);
		if (round.phase === 'committed')
			this.#vote(Kind.COMMIT, round, [round.commitToAll ? 'members' : this.leader], effects);
		this.#advance(round, effects);
	}

	#resendOnce(round: Round, effects: PbftEffects): void {
		if (round.lastSentTick === this.#tick || round.certificate) return;
		round.lastSentTick = this.#tick;
		this.#resend(round, effects);
	}

	#askForBodies(round: Round, from: string, effects: PbftEffects): void {
		const ids = [...round.missing].filter((id) => !this.#init.pool.isComing(id));
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
			statement: this.#statement(Kind.PREPARE_REPORT, round.roundId, payloadDigest(validOrder)),
			payload: validOrder,
			to: [this.leader]
		});
	}

	#round(roundId: number): Round {
		let round = this.#rounds.get(roundId);
		if (!round) {
			round = newRound(roundId, this.#tick);
			this.#rounds.set(roundId, round);
		}
		return round;
	}

	#inWindow(roundId: number): boolean {
		return roundId > this.#lastRoundId && roundId <= this.#lastRoundId + this.#init.genesis.maxRoundsInFlight;
	}

	#statement(kind: Kind, roundId: number, digest: Uint8Array) {
		return {
			kind,
			partition: this.#init.partition,
			epoch: this.#init.epoch,
			view: this.#view,
			attempt: 0,
			slot: roundId,
			digest
		};
	}

	#prefix(): string {
		return pbftRecordPrefix(this.#init.partition, this.#init.epoch);
	}

	#key(roundId: number, view: number, name: string): string {
		return `${this.#prefix()}${padded(roundId)}/${padded(view)}/${name}`;
	}

	#effects(): PbftEffects {
		return { ...noEffects(), certified: [] };
	}
}

/** Vote records of one epoch start with this. */
export function pbftRecordPrefix(partition: number, epoch: number): string {
	return `pbft/${padded(partition)}/${padded(epoch)}/`;
}

export type { Phase, Round };

function recordName(kind: Kind): string {
	if (kind === Kind.PRE_PREPARE) return 'pre-prepare';
	return kind === Kind.PREPARE ? 'prepare' : 'commit';
}
