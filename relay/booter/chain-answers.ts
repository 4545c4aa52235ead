/** What a replica of the Booter reads from its disk for others: final blocks and snapshots, to one peer a few at a time. */
import type { Chain } from '#lib/consensus/ordering/chain.ts';
import { answerSnapshot } from '#lib/node/sync/snapshot-answers.ts';
import { answerSync } from '#lib/node/sync/sync.ts';
import type { LedgerStore } from '#lib/storage/ledger-store.ts';
import type { Packet, SnapshotRequest, SyncRequest } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { SyncAnswers } from './strangers.ts';

export interface ChainAnswersInit {
	chain: Chain;
	store: LedgerStore;
	send(to: string, packet: Packet['body']): void;
	/** The store is lost. */
	halt(error: Error): void;
}

export class ChainAnswers {
	readonly #init: ChainAnswersInit;
	readonly #underWay = new SyncAnswers();

	constructor(init: ChainAnswersInit) {
		this.#init = init;
	}

	blocks(to: string, request: SyncRequest): void {
		const { chain, store, send } = this.#init;
		this.#give(to, async () => {
			const value = await answerSync(store, chain.head.height, request);
			send(to, { case: 'syncResponse', value });
		});
	}

	snapshot(to: string, request: SnapshotRequest): void {
		const { chain, store, send } = this.#init;
		this.#give(to, async () => {
			const value = await answerSnapshot(chain, store, request);
			send(to, { case: 'snapshotResponse', value });
		});
	}

	#give(to: string, answer: () => Promise<void>): void {
		void this.#underWay.give(to, () => answer().catch((error: Error) => this.#init.halt(error)));
	}
}
