/** What a node gives to who asks for it: bodies, proposals and certified blocks from memory, final blocks and snapshots from the disk. */
import type { Chain } from '../../consensus/ordering/chain.ts';
import { toCertifiedBlock } from '../../consensus/ordering/certified-block.ts';
import { toHex } from '../../crypto/hex.ts';
import { MAX_BLOCK_BODY_BYTES, splitHashes } from '../../ledger/block.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { answerSnapshot } from '../sync/snapshot-answers.ts';
import { answerSync } from '../sync/sync.ts';
import type { CertifiedBodies } from './certified-bodies.ts';
import type { Pool } from './pool.ts';
import { transactionPacket } from './transaction-packet.ts';

export interface AnswersInit {
	chain: Chain;
	store: LedgerStore;
	pool: Pick<Pool, 'get'>;
	bodies: Pick<CertifiedBodies, 'get'>;
	/** The content of a block that this member has voted on, by its id in hex. */
	proposal(blockId: string): Uint8Array | null | undefined;
	/** Blocks of this height and below are headers alone. */
	headersOnlyTo(): number;
	send(to: string, packet: Packet['body']): void;
	/** The store is lost. */
	halt(error: Error): void;
}

export class Answers {
	readonly #init: AnswersInit;

	constructor(init: AnswersInit) {
		this.#init = init;
	}

	/** Answers a question; who asks for what is not here hears nothing, and asks another. All other packets are left alone. */
	answer(from: string, body: Packet['body']): void {
		const { chain, store, headersOnlyTo } = this.#init;
		switch (body.case) {
			case 'proposalRequest':
				this.#giveProposal(from, toHex(body.value.blockId));
				return;
			case 'bodyRequest':
				this.#giveBodies(from, body.value.transactionIds);
				return;
			case 'certifiedBlockRequest':
				this.#giveCertified(from, toHex(body.value.blockId), body.value.view);
				return;
			case 'syncRequest':
				void this.#read(from, async () => ({
					case: 'syncResponse',
					value: await answerSync(store, chain.head.height, body.value, headersOnlyTo())
				}));
				return;
			case 'snapshotRequest':
				void this.#read(from, async () => ({
					case: 'snapshotResponse',
					value: await answerSnapshot(chain, store, body.value)
				}));
				return;
			default:
		}
	}

	#giveProposal(to: string, blockId: string): void {
		const proposal = this.#init.proposal(blockId);
		if (!proposal) return;
		const value = { $typeName: 'tabwave.v1.ProposalResponse' as const, proposal };
		this.#init.send(to, { case: 'proposalResponse', value });
	}

	#giveBodies(to: string, ids: Uint8Array): void {
		const { chain, pool, send } = this.#init;
		const held: ParsedTransaction[] = [];
		let bytes = 0;
		for (const id of splitHashes(ids).slice(0, chain.genesis.fields.maxTransactionsPerBlock)) {
			const transaction = pool.get(toHex(id));
			if (!transaction || bytes + transaction.bytes.length > MAX_BLOCK_BODY_BYTES) continue;
			held.push(transaction);
			bytes += transaction.bytes.length;
		}
		if (held.length > 0) send(to, transactionPacket(held));
	}

	#giveCertified(to: string, blockId: string, view: number): void {
		const held = this.#init.bodies.get(blockId, view);
		if (held) this.#init.send(to, { case: 'certifiedBlock', value: toCertifiedBlock(held) });
	}

	async #read(to: string, read: () => Promise<Packet['body']>): Promise<void> {
		try {
			this.#init.send(to, await read());
		} catch (error) {
			this.#init.halt(error as Error);
		}
	}
}
