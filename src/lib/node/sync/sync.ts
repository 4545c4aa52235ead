/**
 * Block sync (R23): who is behind asks the highest peers for `maxFetch` blocks at a time, several of them at once where there
 * are several, and checks each block before it is stored. Finality does not roll back: the common ancestor with an honest
 * peer is this node's own head, and a final block that follows another one is no reorganisation but an alarm.
 */
import { create } from '@bufbuild/protobuf';
import type { Chain, Commit, ExecutedBlock, Tip } from '../../consensus/ordering/chain.ts';
import { equalBytes } from '../../crypto/hex.ts';
import { decodeFinalBlock, decodeHeader } from '../../ledger/block.ts';
import { InvariantError, LedgerError } from '../../ledger/errors.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import type { FinalBlock, OrderCertificate } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import {
	SyncResponseSchema,
	type Packet,
	type SyncRequest,
	type SyncResponse
} from '../../wire/gen/tabwave/v1/wire_pb.js';
import { MAX_SYNC_RESPONSE_BYTES } from '../../wire/limits.ts';
import type { SyncStatus } from '../api.ts';
import type { Clock } from '../clock.ts';
import type { Peers } from '../peers/peers.ts';
import type { Verifier } from '../intake/verifier.ts';
import type { SnapshotSync } from './snapshot-sync.ts';
import { MAX_FETCH_BLOCKS, SyncPace } from './sync-pace.ts';

/** Requests under way and answers that wait for their turn: together a few megabytes. */
const MAX_RANGES = 4;
/** Who has left so many requests unanswered is not believed to be higher, until it shows a block: a liar must not hold this node up. */
const MAX_UNANSWERED = 3;
/** Blocks are checked, and become final, this many transactions at a time: some ten milliseconds in which nothing else is done. */
const MAX_RUN_TRANSACTIONS = 500;
/** What is executed on top of what is not final yet is kept in memory: after this many blocks it starts again from the chain. */
const MAX_TIP_BLOCKS = 200;
/** Who sent a provably invalid block is not asked again (R23). As many as a node knows: the oldest makes room. */
const MAX_BANNED = 512;

/** A block from another node that this one has checked. */
export interface FetchedBlock {
	executed: ExecutedBlock;
	finality: OrderCertificate;
}

export interface SyncInit {
	chain: Chain;
	peers: Peers;
	verifier: Verifier;
	clock: Clock;
	awayMs: number;
	/** R7: heard of lately, and linked. Everybody, by default. */
	looksAlive?(peer: string): boolean;
	send(to: string, packet: Packet['body']): void;
	/** Hands checked blocks to the turn loop; resolves when they are in the chain, or were overtaken: their way to the disk goes on. */
	apply(blocks: FetchedBlock[]): Promise<void>;
	/** For who is far behind; absent where every block has to be kept. */
	snapshots?(): Pick<SnapshotSync, 'check' | 'status'>;
	log(level: 'info' | 'warning', message: string): void;
}

interface Source {
	peer: string;
	finalHeight: number;
}

/** Heights from, from + 1, … */
interface Range {
	peer: string;
	from: number;
	count: number;
}

interface Answer extends Range {
	blocks: Uint8Array[];
}

/** Blocks of one answer that follow each other, executed one on top of the other. Their signatures are being checked. */
interface Run {
	answer: Answer;
	blocks: FetchedBlock[];
	/** Of each block, whether its signatures hold; of the one that raises an alarm as well. */
	holds: Promise<boolean>[];
	/** What is wrong with the next one, provably. */
	error: LedgerError | null;
	/** The next one is final, if its signatures hold, and not what this node makes of it. */
	alarm: { height: number; error: InvariantError } | null;
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
	/** Answers whose turn has not come, and those that are being taken. */
	#answers: Answer[] = [];
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
			secondsLeft: blocksPerSecond > 0 ? (this.#target - height) / blocksPerSecond : null,
			phase: 'blocks',
			done: null,
			...this.#init.snapshots?.().status()
		};
	}

	/**
	 * Looks whether to ask, and whom.
	 * @param patienceMs how long being behind is left to the ordinary way: a finality proof that is under way. Infinity goes on with
	 * what was begun, and begins nothing
	 */
	check(patienceMs: number): void {
		const { chain, peers, clock, awayMs } = this.#init;
		const nowMs = clock.now();
		const { height } = chain.head;
		// Caught up: what others have from now on is on its way here too, as a rule.
		if (height >= this.#target) this.#rate = null;
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
		if (this.#init.snapshots?.().check(this.#target)) this.#rate = { startMs: nowMs, startHeight: height };
		else this.#ask(higher, nowMs);
	}

	/** The chain goes on from a snapshot: that is no pace at which blocks come. */
	jumped(): void {
		if (this.#rate)
			this.#rate = { startMs: this.#init.clock.now(), startHeight: this.#init.chain.head.height };
	}

	/** Who holds blocks up to a height and is believed, best first. */
	sources(height: number): string[] {
		const { peers, clock, awayMs } = this.#init;
		const holding = peers
			.above(height - 1, clock.now(), awayMs)
			.filter(({ peer }) => !this.#banned.has(peer) && this.#rank(peer) < MAX_UNANSWERED);
		return this.#ranked(holding).map(({ peer }) => peer);
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
		const isBeingTaken = this.#isWorking;
		this.#isWorking = true;
		// What comes next is on its way while this is checked.
		this.check(Infinity);
		if (isBeingTaken) return;
		try {
			await this.#takeAnswers();
		} finally {
			this.#isWorking = false;
		}
		this.check(Infinity);
	}

	/**
	 * While the signatures of one run are checked the next one is executed, and while that one's are, the disk takes the first: what
	 * takes longest is never waited for by what does not need it.
	 */
	async #takeAnswers(): Promise<void> {
		const { chain } = this.#init;
		let tip = chain.tip();
		let tipBase = chain.head.height;
		let run = this.#check(tip);
		while (run) {
			const isEnd = run.error || run.alarm || tip.head.height - tipBase > MAX_TIP_BLOCKS;
			const next = isEnd ? null : this.#check(tip);
			const isTaken = await this.#take(run);
			// What was built on blocks that did not hold, or below those that came by another way, is built again.
			if (next && isTaken && tip.head.height > chain.head.height) run = next;
			else {
				tip = chain.tip();
				tipBase = chain.head.height;
				run = this.#check(tip);
			}
		}
	}

	/** Executes the blocks above the tip as far as one answer reaches; null where there is none. */
	#check(tip: Tip): Run | null {
		const { chain, verifier } = this.#init;
		const start = tip.head.height + 1;
		this.#answers = this.#answers.filter(({ from, count }) => from + count > chain.head.height + 1);
		const answer = this.#answers.find(({ from, count }) => from <= start && start < from + count);
		if (!answer) return null;
		const run: Run = { answer, blocks: [], holds: [], error: null, alarm: null };
		let transactions = 0;
		for (const bytes of answer.blocks.slice(start - answer.from)) {
			if (transactions >= MAX_RUN_TRANSACTIONS) break;
			try {
				const height = tip.head.height + 1;
				const { checks, finality, outcome } = chain.check(readBlock(bytes, height), tip);
				const holds = verifier.verifyAll(checks);
				// Its turn to be waited for may never come.
				holds.catch(() => undefined);
				run.holds.push(holds);
				if ('broken' in outcome) {
					run.alarm = { height, error: new InvariantError(outcome.broken, outcome.message) };
					break;
				}
				run.blocks.push({ executed: outcome.executed, finality });
				transactions += outcome.executed.receipts.length;
			} catch (error) {
				if (!(error instanceof LedgerError)) throw error;
				run.error = error;
				break;
			}
		}
		return run;
	}

	/** Makes those blocks of a run final whose signatures hold. @returns whether all of them are */
	async #take({ answer, blocks, holds, error, alarm }: Run): Promise<boolean> {
		const { chain, apply } = this.#init;
		const last = blocks.at(-1)?.executed.height ?? 0;
		let isWhole = false;
		try {
			let held = 0;
			while (held < holds.length && (await holds[held]!)) held += 1;
			const open = blocks.slice(0, held).filter(({ executed }) => executed.height > chain.head.height);
			if (open.length > 0) await apply(open);
			if (held < holds.length)
				throw new LedgerError('BlockInvalid', `a signature of block ${heightAt(held)} does not hold`);
			// The chain may have moved by itself meanwhile; then what was compared is no longer above the head.
			if (alarm?.height === chain.head.height + 1) throw alarm.error;
			if (error) throw error;
			isWhole = !alarm && last <= chain.head.height;
			this.#unanswered.delete(answer.peer);
			return isWhole;
		} catch (failure) {
			if (!(failure instanceof LedgerError)) throw failure;
			this.ban(answer.peer, failure);
			return false;
		} finally {
			// Only now: a look meanwhile must not ask for the same heights.
			if (!isWhole || last === answer.from + answer.count - 1)
				this.#answers = this.#answers.filter((other) => other !== answer);
		}

		function heightAt(index: number): number {
			return blocks[index]?.executed.height ?? alarm!.height;
		}
	}

	/** Asks for the heights above the head that nobody is asked for yet, one range of each peer. */
	#ask(higher: Source[], nowMs: number): void {
		const ranked = this.#ranked(higher);
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

	#ranked(peers: Source[]): Source[] {
		return [...peers].sort(
			(a, b) =>
				this.#rank(a.peer) - this.#rank(b.peer) ||
				Number(this.#looksAlive(b.peer)) - Number(this.#looksAlive(a.peer)) ||
				b.finalHeight - a.finalHeight
		);
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

	/** R23: for what is provably invalid. */
	ban(peer: string, error: LedgerError): void {
		this.#init.log(
			'warning',
			`what ${peer.slice(0, 8)} gave does not hold, it is not asked again: ${error.message}`
		);
		this.#answers = this.#answers.filter((answer) => answer.peer !== peer);
		for (const [id, request] of this.#requests) if (request.peer === peer) this.#requests.delete(id);
		this.#banned.add(peer);
		if (this.#banned.size > MAX_BANNED) this.#banned.delete(this.#banned.keys().next().value!);
	}
}

/** @throws LedgerError where it cannot be read, or is not of this height */
function readBlock(bytes: Uint8Array, height: number): FinalBlock {
	const block = decodeFinalBlock(bytes);
	const header = decodeHeader(block.header);
	// Who sends old blocks in place of what it was asked for would pass for one that answers, for ever.
	if (header.height !== height)
		throw new LedgerError('BlockInvalid', `block ${header.height} came in place of block ${height}`);
	return block;
}

/** Makes fetched blocks final in this chain, but for those that it has by another way. */
export function* commitFetched(chain: Chain, blocks: FetchedBlock[]): Generator<Commit> {
	for (const { executed, finality } of blocks) {
		const { height, hash } = chain.head;
		if (executed.height === height + 1 && equalBytes(executed.header.previousHash, hash))
			yield chain.commitChecked(executed, finality);
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
