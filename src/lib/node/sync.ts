/**
 * Block sync (R23): who is behind asks the highest peers for `maxFetch` blocks at a time, several of them at once where there
 * are several, and checks each block before it is stored. Finality does not roll back: the common ancestor with an honest
 * peer is this node's own head, and a final block that follows another one is no reorganisation but an alarm.
 */
import { create } from '@bufbuild/protobuf';
import type { Chain, ExecutedBlock } from '../consensus/ordering/chain.ts';
import { decodeFinalBlock, decodeHeader } from '../ledger/block.ts';
import { InvariantError, LedgerError } from '../ledger/errors.ts';
import type { LedgerStore } from '../storage/ledger-store.ts';
import type { OrderCertificate } from '../wire/gen/tabwave/v1/ledger_pb.js';
import {
	SyncResponseSchema,
	type Packet,
	type SyncRequest,
	type SyncResponse
} from '../wire/gen/tabwave/v1/wire_pb.js';
import { MAX_SYNC_RESPONSE_BYTES } from '../wire/limits.ts';
import type { SyncStatus } from './api.ts';
import type { Clock } from './clock.ts';
import type { Peers } from './peers.ts';
import { MAX_FETCH_BLOCKS, SyncPace } from './sync-pace.ts';
import type { Verifier } from './verifier.ts';

/** Requests under way and answers that wait for their turn: together a few megabytes. */
const MAX_RANGES = 4;
/** Who has left so many requests unanswered is not believed to be higher, until it shows a block: a liar must not hold this node up. */
const MAX_UNANSWERED = 3;
/** Who sent a provably invalid block is not asked again (R23). As many as a node knows: the oldest makes room. */
const MAX_BANNED = 512;

export interface SyncInit {
	chain: Chain;
	peers: Peers;
	verifier: Verifier;
	clock: Clock;
	awayMs: number;
	/** R7: heard of lately, and linked. Everybody, by default. */
	looksAlive?(peer: string): boolean;
	send(to: string, packet: Packet['body']): void;
	/** Hands a checked block to the turn loop; resolves when it is in the chain, or was overtaken. */
	apply(executed: ExecutedBlock, finality: OrderCertificate): Promise<void>;
	log(level: 'info' | 'warning', message: string): void;
}

/** Heights from, from + 1, … */
interface Range {
	peer: string;
	from: number;
	count: number;
}

interface Request extends Range {
	sentMs: number;
	/** Who was asked looks dead: its answer is still taken, and another is asked for the same. */
	isDoubted: boolean;
}

export class Sync {
	readonly #init: SyncInit;
	readonly #banned = new Set<string>();
	/** Requests in a row that a peer left unanswered. */
	readonly #unanswered = new Map<string, number>();
	readonly #pace = new SyncPace();
	readonly #requests = new Map<number, Request>();
	/** Answers whose turn has not come, and the one that is being taken. */
	#answers: (Range & { blocks: Uint8Array[] })[] = [];
	#isWorking = false;
	#nextId = 1;
	#target = 0;
	#rate: { startMs: number; startHeight: number } | null = null;
	/** Since when this node has known of a higher block without moving itself. */
	#behindSince: { height: number; sinceMs: number } | null = null;

	constructor(init: SyncInit) {
		this.#init = init;
	}

	/** While this node fetches blocks; null when it is at the head. */
	status(): SyncStatus | null {
		const { height } = this.#init.chain.head;
		if (!this.#rate || height >= this.#target) return null;
		const seconds = (this.#init.clock.now() - this.#rate.startMs) / 1000;
		const blocksPerSecond = seconds > 0 ? (height - this.#rate.startHeight) / seconds : 0;
		return {
			height,
			targetHeight: this.#target,
			blocksPerSecond,
			secondsLeft: blocksPerSecond > 0 ? (this.#target - height) / blocksPerSecond : null
		};
	}

	/**
	 * Looks whether to ask, and whom.
	 * @param patienceMs how long being behind is left to the ordinary way: a finality proof that is under way
	 */
	check(patienceMs: number): void {
		const { chain, peers, clock, awayMs } = this.#init;
		const nowMs = clock.now();
		const { height } = chain.head;
		for (const [id, { peer, sentMs }] of this.#requests)
			if (nowMs - sentMs > this.#pace.timeoutMs(peer)) {
				this.#requests.delete(id);
				this.#pace.timedOut(peer);
				this.#disappointed(peer);
			}
		for (const request of this.#requests.values()) request.isDoubted ||= !this.#looksAlive(request.peer);
		// Where the chain reached kept answers by another way, no answer may ever come to be taken before them.
		if (!this.#isWorking) this.#answers = this.#answers.filter(({ from }) => from > height + 1);
		const higher = peers.above(height, nowMs, awayMs).filter(({ peer }) => !this.#banned.has(peer));
		if (higher.length === 0) {
			this.#rate = null;
			this.#behindSince = null;
			return;
		}
		const believed = higher.filter(({ peer }) => this.#rank(peer) < MAX_UNANSWERED);
		this.#target = Math.max(height, ...believed.map(({ finalHeight }) => finalHeight));
		if (this.#behindSince?.height !== height) this.#behindSince = { height, sinceMs: nowMs };
		const isFar = this.#target > height + MAX_FETCH_BLOCKS;
		// Part of an order is not a place to wait at.
		const isPatient = !isFar && !this.#rate && height === chain.provenHeight;
		if (isPatient && nowMs - this.#behindSince.sinceMs < patienceMs) return;
		this.#rate ??= { startMs: nowMs, startHeight: height };
		this.#ask(higher, nowMs);
	}

	/** Checks and applies what came, in order. */
	async onResponse(from: string, response: SyncResponse): Promise<void> {
		const request = this.#requests.get(response.requestId);
		if (request?.peer !== from) return;
		this.#requests.delete(response.requestId);
		const blocks = response.blocks.slice(0, request.count);
		if (blocks.length === 0) {
			this.#disappointed(from);
			return;
		}
		this.#pace.answered(from, this.#init.clock.now() - request.sentMs);
		this.#answers.push({ ...request, count: blocks.length, blocks });
		if (this.#isWorking) return;
		this.#isWorking = true;
		try {
			await this.#takeAnswers();
		} finally {
			this.#isWorking = false;
		}
		this.check(0);
	}

	async #takeAnswers(): Promise<void> {
		for (;;) {
			const next = this.#init.chain.head.height + 1;
			this.#answers = this.#answers.filter(({ from, count }) => from + count > next);
			const answer = this.#answers.find(({ from }) => from <= next);
			if (!answer) return;
			try {
				for (const [i, bytes] of answer.blocks.entries()) await this.#take(bytes, answer.from + i);
				this.#unanswered.delete(answer.peer);
			} catch (error) {
				if (!(error instanceof LedgerError)) throw error;
				this.#ban(answer.peer, error);
			} finally {
				// Only now: a look meanwhile must not ask for the same heights.
				this.#answers = this.#answers.filter((other) => other !== answer);
			}
		}
	}

	async #take(bytes: Uint8Array, askedHeight: number): Promise<void> {
		const { chain, verifier, apply } = this.#init;
		const block = decodeFinalBlock(bytes);
		const { height } = decodeHeader(block.header);
		// Who sends old blocks in place of what it was asked for would pass for one that answers, for ever.
		if (height !== askedHeight)
			throw new LedgerError('BlockInvalid', `block ${height} came in place of block ${askedHeight}`);
		// The chain may have moved by itself meanwhile; then this block is old, not wrong.
		if (height <= chain.head.height) return;
		const { checks, finality, outcome } = chain.check(block);
		if (!(await verifier.verifyAll(checks)))
			throw new LedgerError('BlockInvalid', `a signature of block ${height} does not hold`);
		// The chain may have moved while the signatures were checked; then what was compared is no longer the head.
		if ('broken' in outcome) {
			if (height === chain.head.height + 1) throw new InvariantError(outcome.broken, outcome.message);
			return;
		}
		await apply(outcome.executed, finality);
	}

	/** Asks for the heights above the head that nobody is asked for yet, one range of each peer. */
	#ask(higher: { peer: string; finalHeight: number }[], nowMs: number): void {
		const ranked = [...higher].sort(
			(a, b) =>
				this.#rank(a.peer) - this.#rank(b.peer) ||
				Number(this.#looksAlive(b.peer)) - Number(this.#looksAlive(a.peer)) ||
				b.finalHeight - a.finalHeight
		);
		// Whoever is not believed is asked where nobody else is: it may only have been slow.
		const isAnyBelieved = ranked.some(({ peer }) => this.#rank(peer) < MAX_UNANSWERED);
		for (const { peer, finalHeight } of ranked) {
			if (this.#requests.size + this.#answers.length >= MAX_RANGES) return;
			if (isAnyBelieved ? this.#rank(peer) >= MAX_UNANSWERED : this.#requests.size > 0) return;
			if ([...this.#requests.values()].some((request) => request.peer === peer)) continue;
			const range = this.#uncovered(this.#pace.blocks(peer));
			if (range.from <= finalHeight) this.#request({ peer, ...range }, nowMs);
		}
	}

	/** The lowest heights above the head that neither a request, to somebody who looks alive, nor an answer covers. */
	#uncovered(maxBlocks: number): { from: number; count: number } {
		const awaited = [...this.#requests.values()].filter(({ isDoubted }) => !isDoubted);
		const covered: { from: number; count: number }[] = [...awaited, ...this.#answers];
		let from = this.#init.chain.head.height + 1;
		for (const range of covered.sort((a, b) => a.from - b.from))
			if (range.from <= from) from = Math.max(from, range.from + range.count);
		const next = covered.find((range) => range.from > from);
		return { from, count: Math.min(maxBlocks, next ? next.from - from : maxBlocks) };
	}

	#request(range: Range, nowMs: number): void {
		const requestId = this.#nextId++;
		this.#requests.set(requestId, { ...range, sentMs: nowMs, isDoubted: false });
		this.#init.send(range.peer, {
			case: 'syncRequest',
			value: {
				$typeName: 'tabwave.v1.SyncRequest',
				requestId,
				fromHeight: range.from,
				maxBlocks: range.count
			}
		});
	}

	#disappointed(peer: string): void {
		this.#unanswered.set(peer, this.#rank(peer) + 1);
		// As many peers as this node has room to know.
		if (this.#unanswered.size > MAX_BANNED) this.#unanswered.delete(this.#unanswered.keys().next().value!);
	}

	#looksAlive(peer: string): boolean {
		return this.#init.looksAlive?.(peer) ?? true;
	}

	#rank(peer: string): number {
		return this.#unanswered.get(peer) ?? 0;
	}

	#ban(peer: string, error: LedgerError): void {
		this.#init.log(
			'warning',
			`blocks of ${peer.slice(0, 8)} do not hold, it is not asked again: ${error.message}`
		);
		this.#answers = this.#answers.filter((answer) => answer.peer !== peer);
		for (const [id, request] of this.#requests) if (request.peer === peer) this.#requests.delete(id);
		this.#banned.add(peer);
		if (this.#banned.size > MAX_BANNED) this.#banned.delete(this.#banned.keys().next().value!);
	}
}

/**
 * Answers a peer's request from this node's store.
 * @param headersOnlyTo blocks of this height and below are not whole here, and of no use to who has to execute them
 */
export async function answerSync(
	store: LedgerStore,
	finalHeight: number,
	request: SyncRequest,
	headersOnlyTo = 0
): Promise<SyncResponse> {
	const count = Math.min(
		request.maxBlocks,
		MAX_FETCH_BLOCKS,
		Math.max(0, finalHeight - request.fromHeight + 1)
	);
	const blocks =
		count > 0 && request.fromHeight > headersOnlyTo
			? await store.blocks(request.fromHeight, count, MAX_SYNC_RESPONSE_BYTES)
			: [];
	return create(SyncResponseSchema, { requestId: request.requestId, finalHeight, blocks });
}
