/** Block sync (R23): who is behind asks the highest peer for `maxFetch` blocks at a time and checks each before it is stored. */
import { create } from '@bufbuild/protobuf';
import type { Chain, ExecutedBlock } from '../consensus/ordering/chain.ts';
import { decodeFinalBlock, decodeHeader } from '../ledger/block.ts';
import { LedgerError } from '../ledger/errors.ts';
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
import type { Verifier } from './verifier.ts';

/** The seed's MaxFetch. */
export const MAX_FETCH_BLOCKS = 20;
/** A request without an answer is given up after this; the peer's rank falls. */
const REQUEST_TIMEOUT_MS = 3000;
/** Who sent a provably invalid block is not asked again (R23). */
const MAX_BANNED = 256;

export interface SyncInit {
	chain: Chain;
	peers: Peers;
	verifier: Verifier;
	clock: Clock;
	awayMs: number;
	send(to: string, packet: Packet['body']): void;
	/** Hands a checked block to the turn loop; resolves when it is in the chain, or was overtaken. */
	apply(executed: ExecutedBlock, finality: OrderCertificate): Promise<void>;
	log(level: 'info' | 'warning', message: string): void;
}

export class Sync {
	readonly #init: SyncInit;
	readonly #banned = new Set<string>();
	readonly #slow = new Map<string, number>();
	#request: { id: number; peer: string; sentMs: number } | null = null;
	#working = false;
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
		if (this.#request && nowMs - this.#request.sentMs > REQUEST_TIMEOUT_MS) {
			this.#slow.set(this.#request.peer, (this.#slow.get(this.#request.peer) ?? 0) + 1);
			this.#request = null;
		}
		const higher = peers
			.above(chain.head.height, nowMs, awayMs)
			.filter(({ peer }) => !this.#banned.has(peer));
		const best = higher.sort(
			(a, b) => this.#rank(a.peer) - this.#rank(b.peer) || b.finalHeight - a.finalHeight
		)[0];
		if (!best) {
			this.#rate = null;
			this.#behindSince = null;
			return;
		}
		this.#target = Math.max(...higher.map(({ finalHeight }) => finalHeight));
		if (this.#behindSince?.height !== chain.head.height)
			this.#behindSince = { height: chain.head.height, sinceMs: nowMs };
		const isFar = this.#target > chain.head.height + MAX_FETCH_BLOCKS;
		if (
			this.#request ||
			this.#working ||
			(!isFar && !this.#rate && nowMs - this.#behindSince.sinceMs < patienceMs)
		)
			return;
		this.#rate ??= { startMs: nowMs, startHeight: chain.head.height };
		this.#ask(best.peer);
	}

	/** Checks and applies what came, in order. */
	async onResponse(from: string, response: SyncResponse): Promise<void> {
		if (this.#request?.peer !== from || this.#request.id !== response.requestId) return;
		this.#request = null;
		this.#working = true;
		try {
			for (const bytes of response.blocks.slice(0, MAX_FETCH_BLOCKS)) await this.#take(bytes);
			this.#slow.delete(from);
		} catch (error) {
			if (!(error instanceof LedgerError)) throw error;
			this.#ban(from, error);
		} finally {
			this.#working = false;
		}
		this.check(0);
	}

	async #take(bytes: Uint8Array): Promise<void> {
		const { chain, verifier, apply } = this.#init;
		const block = decodeFinalBlock(bytes);
		const { height } = decodeHeader(block.header);
		// The chain may have moved by itself meanwhile; then this block is old, not wrong.
		if (height <= chain.head.height) return;
		const checked = chain.check(block);
		if (!(await verifier.verifyAll(checked.checks)))
			throw new LedgerError('BlockInvalid', `a signature of block ${height} does not hold`);
		await apply(checked.executed, checked.finality);
	}

	#ask(peer: string): void {
		const { chain, clock, send } = this.#init;
		this.#request = { id: this.#nextId++, peer, sentMs: clock.now() };
		send(peer, {
			case: 'syncRequest',
			value: {
				$typeName: 'tabwave.v1.SyncRequest',
				requestId: this.#request.id,
				fromHeight: chain.head.height + 1,
				maxBlocks: MAX_FETCH_BLOCKS
			}
		});
	}

	#rank(peer: string): number {
		return this.#slow.get(peer) ?? 0;
	}

	#ban(peer: string, error: LedgerError): void {
		this.#init.log(
			'warning',
			`blocks of ${peer.slice(0, 8)} do not hold, it is not asked again: ${error.message}`
		);
		if (this.#banned.size < MAX_BANNED) this.#banned.add(peer);
	}
}

/** Answers a peer's request from this node's store. */
export async function answerSync(
	store: LedgerStore,
	finalHeight: number,
	request: SyncRequest
): Promise<SyncResponse> {
	const count = Math.min(
		request.maxBlocks,
		MAX_FETCH_BLOCKS,
		Math.max(0, finalHeight - request.fromHeight + 1)
	);
	const blocks =
		count > 0 && request.fromHeight > 0
			? await store.blocks(request.fromHeight, count, MAX_SYNC_RESPONSE_BYTES)
			: [];
	return create(SyncResponseSchema, { requestId: request.requestId, finalHeight, blocks });
}
