/**
 * Blocks below one that is known to be final, fetched downwards: each must have the hash that the one above it names, and is checked
 * like any block from a stranger (R23). A snapshot needs the last ones, and the others are filled in behind it.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { equalBytes } from '../../crypto/hex.ts';
import { decodeFinalBlock, decodeHeader, isHeaderOnly } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { StoreError, type LedgerStore, type VoteRecord } from '../../storage/ledger-store.ts';
import { MissingBlocksRecordSchema, type MissingBlocksRecord } from '../../wire/gen/tabwave/v1/storage_pb.js';
import type { Packet, SyncResponse } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { Clock } from '../clock.ts';
import type { ReadBlock } from '../api/describe.ts';
import type { Verifier } from '../intake/verifier.ts';
import { Questions } from './questions.ts';
import { MAX_FETCH_BLOCKS } from './sync-pace.ts';
import { checkStored, type LedgerView } from './verify-chain.ts';

/** In the store, beside the votes. */
export const MISSING_BLOCKS_KEY = 'missing-blocks';
/** Of 20 blocks, an answer may hold one: the largest are as long as a packet. */
const ANSWER_TIMEOUT_MS = 6000;
/** Who did not have them is asked again after this. */
const REST_MS = 30_000;
/** As many peers as a node knows. */
const MAX_RESTING = 512;
/** Block sync counts its own from 1. */
const FIRST_REQUEST_ID = 0x8000_0000;

export interface OlderBlock extends ReadBlock {
	bytes: Uint8Array;
}

export interface OlderBlocksInit {
	chain: Chain;
	store: LedgerStore;
	verifier: Verifier;
	clock: Clock;
	send(to: string, packet: Packet['body']): void;
	/** Who may be asked for blocks up to this height, best first: no lie of it is known. */
	peers(height: number): string[];
	ban(peer: string, error: LedgerError): void;
	/** All blocks are here. */
	filledIn(): void;
	log(level: 'info' | 'warning', message: string): void;
}

export class OlderBlocks {
	readonly #init: OlderBlocksInit;
	readonly #questions: Questions<SyncResponse>;
	#missingTo = 0;
	/** Blocks of this height and below were here before the snapshot. */
	#missingAbove = 0;
	#isFetching = false;
	/** Who did not have what was asked for: it may have begun with a snapshot itself. */
	readonly #restUntilMs = new Map<string, number>();

	constructor(init: OlderBlocksInit) {
		this.#init = init;
		this.#questions = new Questions(init.clock, FIRST_REQUEST_ID);
	}

	/** Blocks of this height and below are not here yet; 0 where all are. */
	get missingTo(): number {
		return this.#missingTo;
	}

	/** After a restart. @param records what the store held */
	restore(records: { key: string; value: Uint8Array }[]): void {
		const { toHeight, aboveHeight } = missingIn(records);
		this.#missingTo = toHeight;
		this.#missingAbove = aboveHeight;
	}

	/**
	 * A snapshot was taken.
	 * @param missingTo its own blocks reach down to the one above this height
	 * @param before the height of this node until then
	 * @returns what has to be stored with it
	 */
	begin(missingTo: number, before: number): VoteRecord {
		// Where it had not all of them before, it is not worth knowing which.
		this.#missingAbove = this.#missingTo > 0 ? 0 : Math.min(before, missingTo);
		this.#missingTo = missingTo > this.#missingAbove ? missingTo : 0;
		return this.#record(this.#missingTo);
	}

	/** @returns whether the answer was asked for here */
	onResponse(from: string, response: SyncResponse): boolean {
		return this.#questions.answer(from, response);
	}

	/** Fills in the next ones, where nothing else is to be fetched; one range at a time, behind all else that the node does. */
	async check(): Promise<void> {
		if (this.#isFetching || this.#missingTo === 0) return;
		const { clock } = this.#init;
		const isRested = (peer: string): boolean => (this.#restUntilMs.get(peer) ?? 0) <= clock.now();
		const peer = this.#init.peers(this.#missingTo).find(isRested);
		if (!peer) return;
		this.#isFetching = true;
		try {
			await this.#fillIn(peer);
		} catch (error) {
			if (!(error instanceof StoreError) || error.reason !== 'full') throw error;
			// What is there is enough to vote; the rest has no room here.
			this.#init.log('warning', `the storage is full: blocks up to ${this.#missingTo} are not fetched`);
			this.#missingTo = 0;
		} finally {
			this.#isFetching = false;
		}
	}

	async #fillIn(peer: string): Promise<void> {
		const { chain, store, clock, filledIn, log } = this.#init;
		const to = this.#missingTo;
		const above = await store.block(to + 1);
		if (!above) throw new StoreError('corrupt', `block ${to + 1} is missing from the store`);
		const { previousHash } = decodeHeader(decodeFinalBlock(above).header);
		const blocks = await this.fetch(peer, chain, { to, hash: previousHash }, this.#missingAbove + 1);
		if (!blocks) {
			if (this.#restUntilMs.size >= MAX_RESTING) this.#restUntilMs.clear();
			this.#restUntilMs.set(peer, clock.now() + REST_MS);
			return;
		}
		const left = to - blocks.length > this.#missingAbove ? to - blocks.length : 0;
		await this.store(blocks, [this.#record(left)]);
		this.#missingTo = left;
		if (left > 0) return;
		log('info', 'all blocks below the snapshot are here');
		filledIn();
	}

	#record(toHeight: number): VoteRecord {
		const record = create(MissingBlocksRecordSchema, { toHeight, aboveHeight: this.#missingAbove });
		return {
			key: MISSING_BLOCKS_KEY,
			value: toHeight > 0 ? toBinary(MissingBlocksRecordSchema, record) : null
		};
	}

	/** Puts fetched blocks on the disk. @param votes what is stored with them */
	store(blocks: OlderBlock[], votes: VoteRecord[] = []): Promise<void> {
		return this.#init.store.write({
			blocks: blocks.map(({ header, hash, bytes }) => ({ height: header.height, hash, bytes })),
			votes,
			durability: 'relaxed'
		});
	}

	/**
	 * Fetches the blocks up to and with a height, as many as one request may ask for.
	 * @param top the last of them, and its hash
	 * @param floor none below it
	 * @returns in order of height, checked; null where the peer did not give them
	 */
	async fetch(
		peer: string,
		view: LedgerView,
		top: { to: number; hash: Uint8Array },
		floor = 1
	): Promise<OlderBlock[] | null> {
		const from = Math.max(floor, top.to - MAX_FETCH_BLOCKS + 1);
		const blocks: Uint8Array[] = [];
		// An answer is as long as a packet at most, and has the lowest ones first.
		while (from + blocks.length <= top.to) {
			const next = from + blocks.length;
			const answer = await this.#questions.ask(peer, ANSWER_TIMEOUT_MS, (requestId) =>
				this.#init.send(peer, {
					case: 'syncRequest',
					value: {
						$typeName: 'tabwave.v1.SyncRequest',
						requestId,
						fromHeight: next,
						maxBlocks: top.to - next + 1
					}
				})
			);
			if (!answer || answer.blocks.length === 0) return null;
			blocks.push(...answer.blocks.slice(0, top.to - next + 1));
		}
		try {
			return await this.#checked(view, blocks, from, top.hash);
		} catch (error) {
			if (!(error instanceof LedgerError)) throw error;
			this.#init.ban(peer, error);
			return null;
		}
	}

	async #checked(
		view: LedgerView,
		blocks: Uint8Array[],
		from: number,
		topHash: Uint8Array
	): Promise<OlderBlock[]> {
		const read: OlderBlock[] = [];
		const holds: Promise<boolean>[] = [];
		let hash = topHash;
		for (let i = blocks.length - 1; i >= 0; i--) {
			const bytes = blocks[i]!;
			const { read: block, checks } = checkStored(view, bytes, from + i);
			if (!equalBytes(block.hash, hash) || isHeaderOnly(block.block))
				throw new LedgerError('BlockInvalid', `block ${from + i} is not the one that the next one follows`);
			hash = block.header.previousHash;
			holds.push(this.#init.verifier.verifyAll(checks));
			read.unshift({ ...block, bytes });
		}
		if (!(await Promise.all(holds)).every(Boolean))
			throw new LedgerError('BlockInvalid', `a signature of the blocks from ${from} on does not hold`);
		return read;
	}
}

/** Blocks of this height and below are not in the store; 0 where all are. @param records what the store held */
export function missingTo(records: { key: string; value: Uint8Array }[]): number {
	return missingIn(records).toHeight;
}

function missingIn(records: { key: string; value: Uint8Array }[]): MissingBlocksRecord {
	const record = records.find(({ key }) => key === MISSING_BLOCKS_KEY);
	return record ? fromBinary(MissingBlocksRecordSchema, record.value) : create(MissingBlocksRecordSchema, {});
}
