/** The leader opens rounds: whole blocks as they fill, a small one at once when nothing else is under way. */
import { create, toBinary } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { decodeProposal, joinHashes, splitHashes } from '../../ledger/block.ts';
import { ProposalSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { PbftEffects } from './pbft-effects.ts';
import type { Rounds } from './rounds.ts';
import type { Standing } from './standing.ts';

/**
 * Rounds that the leader keeps open below the certificate. More would only cut the pool into smaller blocks: the window of
 * genesis bounds what is in flight through both tiers.
 */
const MAX_UNCERTIFIED_ROUNDS = 4;

/** A small block goes out at once where it holds at least this part of the last one. */
const BATCH_SHARE = 2;

/** Certified rounds that may wait for the upper tier before the leader lets the pool fill whole blocks. */
const MAX_WAITING_SMALL_BLOCKS = 2;

export class Proposer {
	readonly #standing: Standing;
	readonly #rounds: Rounds;
	/** Transaction ids of own proposals that are not rounds yet: the driver is signing them. */
	readonly #underWay = new Map<number, ReadonlySet<string>>();
	/** The ledger may have passed it meanwhile. */
	#nextRoundId = 1;
	/** Transactions in the last proposal. */
	#lastSize = 0;
	#paused = false;

	constructor(standing: Standing, rounds: Rounds) {
		this.#standing = standing;
		this.#rounds = rounds;
	}

	/** A node that catches up starts no rounds (R23). */
	pause(paused: boolean): void {
		this.#paused = paused;
	}

	/** A view has begun: its leader goes on above what was chosen for it. */
	enterView(): void {
		this.#underWay.clear();
		this.#lastSize = 0;
		this.#nextRoundId = this.#standing.chosenRoundId + 1;
	}

	/** A round of this view that was proposed in an earlier run, and is offered again. */
	restored(roundId: number, proposal: Uint8Array): void {
		this.#nextRoundId = Math.max(this.#nextRoundId, roundId + 1);
		this.#underWay.set(roundId, new Set(splitHashes(decodeProposal(proposal).transactionIds).map(toHex)));
	}

	/** What the leader of a view that has begun proposes now. */
	propose(effects: PbftEffects, isTick: boolean): void {
		const { genesis, pool, maxBodyBytes } = this.#standing.init;
		if (this.#paused || this.#isCarrying()) return;
		this.#nextRoundId = Math.max(this.#nextRoundId, this.#standing.lastRoundId + 1);
		while (this.#standing.inWindow(this.#nextRoundId)) {
			this.#forgetAnswered();
			const live = this.#rounds.list().filter((round) => !round.isGivenUp);
			const uncertified = live.filter((round) => !round.certificate).length + this.#underWay.size;
			if (uncertified >= MAX_UNCERTIFIED_ROUNDS) return;
			const ids = pool.waiting(genesis.maxTransactionsPerBlock, maxBodyBytes, {
				has: (id) => this.#rounds.places.isTaken(id) || this.#isUnderWay(id)
			});
			const isFull = ids.length === genesis.maxTransactionsPerBlock;
			const isQuiet = uncertified === 0 && live.length <= MAX_WAITING_SMALL_BLOCKS;
			// After a large block the first of the next burst waits for the others, until the next tick at the most.
			const isWorthIt = isTick || BATCH_SHARE * ids.length >= this.#lastSize;
			if (ids.length === 0 || !(isFull || (isQuiet && isWorthIt))) return;
			this.#lastSize = ids.length;
			this.#open(ids, effects);
		}
	}

	#open(ids: string[], effects: PbftEffects): void {
		const { chainId, partition, epoch } = this.#standing.init;
		const roundId = this.#nextRoundId++;
		const proposal = toBinary(
			ProposalSchema,
			create(ProposalSchema, {
				chainId,
				partition,
				epoch,
				roundId,
				transactionIds: joinHashes(ids.map((id) => fromHex(id)))
			})
		);
		if (this.#rounds.offer(roundId, proposal, effects)) this.#underWay.set(roundId, new Set(ids));
	}

	/**
	 * A new leader first learns what the rounds that it carries over hold: it would propose the same transactions again. It
	 * waits for that no longer than for a round that it gives up.
	 */
	#isCarrying(): boolean {
		return this.#rounds
			.list()
			.some((round) => round.isCarried && round.proposal === null && !round.isGivenUp);
	}

	#isUnderWay(id: string): boolean {
		for (const ids of this.#underWay.values()) if (ids.has(id)) return true;
		return false;
	}

	#forgetAnswered(): void {
		for (const roundId of this.#underWay.keys())
			if (roundId <= this.#standing.lastRoundId || this.#rounds.get(roundId)?.digest)
				this.#underWay.delete(roundId);
	}
}
