/**
 * Who is far behind goes on from a checkpoint in place of executing all blocks (R23): it fetches the changes of members from genesis
 * on, which say whose signatures to believe, the checkpoint's block, the state under the root in its header, and the last blocks
 * below it. Nothing is taken over before all of it holds. The other blocks are filled in behind (older-blocks.ts).
 */
import type { Chain, CheckedBlock, Snapshot } from '../../consensus/ordering/chain.ts';
import { MemberHistory } from '../../consensus/ordering/member-history.ts';
import { equalBytes } from '../../crypto/hex.ts';
import { decodeFinalBlock, decodeHeader } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import {
	chunkHash,
	MAX_STATE_CHUNK_BYTES,
	readChunk,
	splitChunkHashes,
	stateRoot
} from '../../ledger/state-cut.ts';
import type { StateValue } from '../../ledger/state.ts';
import {
	ReceiptStatus,
	type FinalBlock,
	type MembershipChange
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { StoreError } from '../../storage/ledger-store.ts';
import type { Packet, SnapshotRequest, SnapshotResponse } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { SyncStatus } from '../api.ts';
import type { Clock } from '../clock.ts';
import type { Verifier } from '../intake/verifier.ts';
import type { OlderBlock, OlderBlocks } from './older-blocks.ts';
import { Questions } from './questions.ts';
import { checkStored, type LedgerView } from './verify-chain.ts';

/** A checkpoint this many intervals ahead is sooner reached by its state than by its blocks. */
export const MIN_INTERVALS_AHEAD = 2;
/** Who has no snapshot now will have one when it has passed a checkpoint. */
const RETRY_MS = 30_000;
/** 128 KB over 50 KB/s, and as long again. */
const ANSWER_TIMEOUT_MS = 6000;
/** For all of it from one peer: who answers each question in the last moment does not hold a newcomer up for hours. */
const MAX_SNAPSHOT_MS = 300_000;
/** Chunks under way at once, of all peers. */
const MAX_CHUNKS_UNDER_WAY = 4;
/** What a tab can hold beside what it has; a larger state is built from the blocks. */
const MAX_SNAPSHOT_BYTES = 128 * 1024 * 1024;
/** Pages of changes of members: each is as long as a packet, or the last. */
const MAX_PAGES = 1000;

export interface SnapshotSyncInit {
	chain: Chain;
	verifier: Verifier;
	clock: Clock;
	older: OlderBlocks;
	send(to: string, packet: Packet['body']): void;
	ban(peer: string, error: LedgerError): void;
	/** Who may be asked, best first. */
	peers(): string[];
	/** Whether this node can go on from a checkpoint of this history. */
	suits(history: MemberHistory): boolean;
	/** Hands a checked snapshot to the turn loop; resolves when the chain goes on from it, or has come as far by itself. */
	adopt(taken: TakenSnapshot): Promise<void>;
	/** What is wrong with this node itself. */
	halt(error: Error): void;
	log(level: 'info' | 'warning', message: string): void;
}

export interface TakenSnapshot {
	snapshot: Snapshot;
	/** Of members, from genesis on. */
	changes: { height: number; change: MembershipChange }[];
	/** Blocks of this height and below are missing. */
	missingTo: number;
}

interface Offer {
	height: number;
	block: FinalBlock;
	bytes: Uint8Array;
	hashes: Uint8Array[];
}

export class SnapshotSync {
	readonly #init: SnapshotSyncInit;
	readonly #questions: Questions<SnapshotResponse>;
	#phase: NonNullable<SyncStatus['phase']> = 'blocks';
	#done = 0;
	#notBeforeMs = 0;
	#deadlineMs = 0;

	constructor(init: SnapshotSyncInit) {
		this.#init = init;
		this.#questions = new Questions(init.clock);
	}

	/** While a snapshot is fetched; null where blocks are. */
	status(): { phase: NonNullable<SyncStatus['phase']>; done: number } | null {
		return this.#phase === 'blocks' ? null : { phase: this.#phase, done: this.#done };
	}

	/** Begins where it is time to. @returns whether a snapshot is being fetched: then no blocks are asked for */
	check(targetHeight: number): boolean {
		if (this.#phase !== 'blocks') return true;
		const { chain, clock } = this.#init;
		const { checkpointInterval } = chain.genesis.fields;
		const ahead = targetHeight - chain.head.height;
		if (checkpointInterval === 0 || ahead < (MIN_INTERVALS_AHEAD + 1) * checkpointInterval) return false;
		if (clock.now() < this.#notBeforeMs) return false;
		this.#phase = 'members';
		this.#done = 0;
		void this.#run().catch((error: Error) => this.#init.halt(error));
		return true;
	}

	async #run(): Promise<void> {
		const { clock, peers, log } = this.#init;
		try {
			for (const peer of peers()) if (await this.#takeFrom(peer)) return;
			this.#notBeforeMs = clock.now() + RETRY_MS;
			log('info', 'nobody has a snapshot to give: all blocks are fetched');
		} finally {
			this.#phase = 'blocks';
		}
	}

	onResponse(from: string, response: SnapshotResponse): void {
		this.#questions.answer(from, response);
	}

	/** @returns whether the chain goes on from its snapshot, or needs none any more */
	async #takeFrom(peer: string): Promise<boolean> {
		const { chain, clock, log, ban, suits, adopt } = this.#init;
		const startMs = clock.now();
		this.#deadlineMs = startMs + MAX_SNAPSHOT_MS;
		try {
			this.#phase = 'members';
			const offer = await this.#offerOf(peer);
			if (!offer) return false;
			const history = await this.#history(peer, offer.height);
			if (!history || !suits(history)) return false;
			const { head, root, checks } = history.checkpoint(offer.block);
			if (!equalBytes(stateRoot(offer.hashes), root))
				throw new LedgerError('SnapshotInvalid', 'its chunks are not those that the root is over');
			await this.#hold(checks);
			this.#phase = 'state';
			const values = await this.#state(peer, offer);
			if (!values) return false;
			history.checkState(values);
			const { genesis, chainId } = chain;
			const view: LedgerView = {
				topology: history.topology,
				genesis,
				chainId,
				parse: (bytes) => chain.parse(bytes)
			};
			const below = await this.#lastBlocks(peer, view, offer);
			if (!below) return false;
			const finality = offer.block.finality!;
			const snapshot: Snapshot = { head, root, values, finality, included: below.included };
			await adopt({ snapshot, changes: history.changes, missingTo: below.missingTo });
			const seconds = ((clock.now() - startMs) / 1000).toFixed(1);
			log('info', `goes on from the state at block ${head.height}, fetched in ${seconds} s`);
			return true;
		} catch (error) {
			if (error instanceof LedgerError) ban(peer, error);
			// Block sync gives up old blocks where there is no room for new ones.
			else if (error instanceof StoreError && error.reason === 'full')
				log('warning', 'the storage has no room for a snapshot: all blocks are fetched');
			else throw error;
			return false;
		}
	}

	async #offerOf(peer: string): Promise<Offer | null> {
		const { chain } = this.#init;
		const { checkpointInterval } = chain.genesis.fields;
		const answer = await this.#ask(peer, 0, { case: 'offer', value: true });
		const bytes = answer?.blocks[0];
		if (!answer || !bytes) return null;
		const block = decodeFinalBlock(bytes);
		const { height } = decodeHeader(block.header);
		if (height !== answer.height || height % checkpointInterval !== 0)
			throw new LedgerError('SnapshotInvalid', `block ${height} came as the checkpoint ${answer.height}`);
		// Of no use, but nothing is wrong with it.
		if (height < chain.head.height + MIN_INTERVALS_AHEAD * checkpointInterval) return null;
		const hashes = splitChunkHashes(answer.hashes);
		if (hashes.length * MAX_STATE_CHUNK_BYTES > MAX_SNAPSHOT_BYTES) return null;
		return { height, block, bytes, hashes };
	}

	/** From genesis on, whatever this node has: what it checks is what a newcomer would. */
	async #history(peer: string, height: number): Promise<MemberHistory | null> {
		const history = new MemberHistory(this.#init.chain.genesis);
		for (let page = 0; page < MAX_PAGES; page++) {
			const answer = await this.#ask(peer, height, { case: 'changesAbove', value: history.height });
			if (!answer || (answer.blocks.length === 0 && !answer.complete)) return null;
			for (const bytes of answer.blocks) await this.#hold(history.follow(decodeFinalBlock(bytes)));
			if (answer.complete) return history;
		}
		throw new LedgerError('SnapshotInvalid', 'its changes of members have no end');
	}

	/** Several chunks at once, of whoever has them. */
	async #state(first: string, { height, hashes }: Offer): Promise<StateValue[] | null> {
		const chunks = new Map<number, Uint8Array>();
		// The lowest last. What somebody did not give goes to whoever asks next.
		const open = hashes.map((_, i) => i).reverse();
		const fetchFrom = async (peer: string): Promise<void> => {
			for (let index = open.pop(); index !== undefined; index = open.pop()) {
				const chunk = await this.#chunk(peer, height, index, hashes[index]!);
				if (!chunk) {
					open.push(index);
					return;
				}
				chunks.set(index, chunk);
				this.#done = chunks.size / hashes.length;
			}
		};
		const others = this.#init.peers().filter((peer) => peer !== first);
		// The first one twice: while one of its answers is checked another is on its way.
		const lines = [first, first, ...others].slice(0, MAX_CHUNKS_UNDER_WAY);
		await Promise.all(lines.map(fetchFrom));
		// What the others did not give after all.
		await fetchFrom(first);
		if (chunks.size < hashes.length) return null;
		return hashes.flatMap((_, i) => readChunk(chunks.get(i)!));
	}

	async #chunk(peer: string, height: number, index: number, hash: Uint8Array): Promise<Uint8Array | null> {
		const answer = await this.#ask(peer, height, { case: 'chunk', value: index });
		if (!answer || answer.chunk.length === 0) return null;
		if (equalBytes(chunkHash(answer.chunk), hash)) return answer.chunk;
		this.#init.ban(
			peer,
			new LedgerError('SnapshotInvalid', `part ${index} of the state at ${height} is another one`)
		);
		return null;
	}

	/** As many as hold ids that may be repeated. They are stored at once: above the head nobody looks for them before it is there. */
	async #lastBlocks(
		peer: string,
		view: LedgerView,
		{ height, bytes }: Offer
	): Promise<{ included: Snapshot['included']; missingTo: number } | null> {
		const { chain, older } = this.#init;
		const floor = Math.max(1, height - chain.genesis.fields.expiryWindow);
		const { read, checks } = checkStored(view, bytes, height);
		await this.#hold(checks);
		const included: Snapshot['included'] = [];
		let blocks: OlderBlock[] | null = [{ ...read, bytes }];
		for (;;) {
			included.push(...blocks.flatMap(idsOf));
			await older.store(blocks);
			const { height: lowest, previousHash } = blocks[0]!.header;
			if (lowest <= floor) return { included, missingTo: lowest - 1 };
			if (this.#isLate()) return null;
			blocks = await older.fetch(peer, view, { to: lowest - 1, hash: previousHash }, floor);
			if (!blocks) return null;
		}
	}

	async #hold(checks: CheckedBlock['checks']): Promise<void> {
		if (!(await this.#init.verifier.verifyAll(checks)))
			throw new LedgerError('SnapshotInvalid', 'a signature under a snapshot does not hold');
	}

	#isLate(): boolean {
		return this.#init.clock.now() > this.#deadlineMs;
	}

	async #ask(peer: string, height: number, part: SnapshotRequest['part']): Promise<SnapshotResponse | null> {
		if (this.#isLate()) return null;
		return this.#questions.ask(peer, ANSWER_TIMEOUT_MS, (requestId) =>
			this.#init.send(peer, {
				case: 'snapshotRequest',
				value: { $typeName: 'tabwave.v1.SnapshotRequest', requestId, height, part }
			})
		);
	}
}

/** What of a block may not be included again. */
function idsOf({ header, transactions, receipts }: OlderBlock): Snapshot['included'] {
	return transactions.flatMap(({ id, body }, index) =>
		receipts[index]?.status === ReceiptStatus.SKIPPED
			? []
			: [{ id, expiryHeight: body.expiryHeight, height: header.height, index }]
	);
}
