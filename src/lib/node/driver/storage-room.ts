/**
 * Room in a store that runs full. Bodies of old blocks go before a vote is lost, since the relay and other members hold them as well;
 * what else of this node can be made again goes last.
 */
import type { Chain } from '../../consensus/ordering/chain.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';

/** Room is made in steps of this at least, so that a full store does not meet every turn. */
const MIN_ROOM_BYTES = 1_000_000;
/** Below this the storage counts as full. Chromium's LevelDB gives room back with a compaction, which first takes some megabytes. */
const LOW_ROOM_BYTES = 32_000_000;
/** The same where a browser gives little. */
const LOW_ROOM_SHARE = 1 / 8;

export interface StorageRoomInit {
	chain: Chain;
	store: Pick<LedgerStore, 'shrink'>;
	/** As the store has it. */
	headersOnlyTo: number;
	/** The store is full and gives nothing up any more: removes what else of this node can be made again. @returns whether there was any */
	giveUp?(): Promise<boolean>;
	/** There is more room, and fewer bodies. */
	changed(): void;
	log(level: 'warning', message: string): void;
}

export class StorageRoom {
	readonly #init: StorageRoomInit;
	#headersOnlyTo: number;
	/** One at a time: each goes on where the last one ended. */
	#shrinking: Promise<unknown> = Promise.resolve();
	#isMakingRoom = false;

	constructor(init: StorageRoomInit) {
		this.#init = init;
		this.#headersOnlyTo = init.headersOnlyTo;
	}

	/** The store was full: blocks of this height and below are headers alone; 0 where all are whole. */
	get headersOnlyTo(): number {
		return this.#headersOnlyTo;
	}

	/**
	 * What the browser says is left for this site. Bodies of old blocks are given up while there is still room to do it in: a store that is
	 * full may take not even what is shorter.
	 */
	async left(bytes: number, quotaBytes: number): Promise<void> {
		const enough = Math.min(LOW_ROOM_BYTES, quotaBytes * LOW_ROOM_SHARE);
		if (bytes >= enough || this.#isMakingRoom) return;
		this.#isMakingRoom = true;
		try {
			await this.#shrink(enough - bytes);
		} finally {
			this.#isMakingRoom = false;
		}
	}

	/** A write of so many bytes found no room. @returns whether there is more now */
	async make(bytes: number): Promise<boolean> {
		if (await this.#shrink(Math.max(bytes * 2, MIN_ROOM_BYTES))) return true;
		// What can be made again goes last, since a person looks for transactions in it.
		return (await this.#init.giveUp?.()) ?? false;
	}

	/** @returns whether there is more room now */
	#shrink(bytes: number): Promise<boolean> {
		const shrinking = this.#shrinking.then(() => this.#shrinkBy(bytes));
		// Its failure is for whoever asked.
		this.#shrinking = shrinking.catch(() => undefined);
		return shrinking;
	}

	async #shrinkBy(bytes: number): Promise<boolean> {
		const { chain, store, changed, log } = this.#init;
		const { head, genesis } = chain;
		// The ids of the last window are read from their blocks at each start; blocks of this very turn are not stored yet.
		const below = head.height - genesis.fields.expiryWindow - genesis.fields.maxBlocksPerNext;
		const room = await store.shrink?.(below, bytes);
		if (!room || room.bytes === 0) return false;
		// From then on some go with every block: that is not said each time.
		if (this.#headersOnlyTo === 0)
			log('warning', `the storage is full: blocks up to ${room.headersOnlyTo} are kept as headers alone`);
		this.#headersOnlyTo = room.headersOnlyTo;
		changed();
		return true;
	}
}
