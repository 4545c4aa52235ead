/** This node's rounds: PBFT in its partition's present epoch (R22), and what waits for its leader (R8). */
import type { Persist } from '../../consensus/effects.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { Pbft, type Demand } from '../../consensus/pbft/pbft.ts';
import type { PartitionView } from '../../consensus/topology.ts';
import { decodeFinalBlock, MAX_BLOCK_BODY_BYTES } from '../../ledger/block.ts';
import { roundKey } from '../../ledger/genesis.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import type { LedgerProof } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { OVERDUE_SHARE, ticks, VIEW_TIMEOUT_CAP_FACTOR, type Timing } from '../timing.ts';
import type { Pool } from './pool.ts';

export interface LowerTierInit {
	chain: Chain;
	self: string;
	pool: Pick<Pool, 'has' | 'waiting' | 'hasOlder' | 'size'>;
	timing: Timing;
	/** Whether a transaction's signature is being checked. */
	isChecking(id: string): boolean;
	/** R7 */
	looksAlive(member: string): boolean;
	isCatchingUp(member: string): boolean;
	/** The order that waits for this partition's votes; null where none does. */
	openHeight(): number | null;
	/** An active Booter is known. */
	hasBooter(): boolean;
}

export class LowerTier {
	readonly #init: LowerTierInit;
	#pbft: Pbft | null = null;
	/** The partition's last block in the ledger, which proves its last round (R9). */
	#lastOwnBlock: Uint8Array | null = null;
	/** R8: the order that waits for this partition's votes, and since when. */
	#order: { height: number; sinceMs: number } | null = null;

	constructor(init: LowerTierInit) {
		this.#init = init;
	}

	/** The rounds of this node's partition in its present epoch; null while it is no member. */
	get pbft(): Pbft | null {
		return this.#pbft;
	}

	/** After a restart; the row of a partition's last round was written by the block that is looked for. */
	async restore(store: Pick<LedgerStore, 'block'>): Promise<void> {
		const { topology, state } = this.#init.chain;
		const partition = topology.partitionOf(this.#init.self);
		if (!partition || topology.lastRoundId(partition.id) === 0) return;
		const { height } = state.row(roundKey(partition.id))!;
		this.#lastOwnBlock = (await store.block(height)) ?? null;
	}

	/** The ledger has a block of this partition. */
	ordered(block: Uint8Array): void {
		this.#lastOwnBlock = block;
	}

	/** R23: the chain goes on from a snapshot, and where the ledger holds the last round is not known any more. */
	jumped(): void {
		this.#lastOwnBlock = null;
	}

	/** R22: a new epoch begins with its entry; open rounds are dropped. @returns what is not needed on the disk any more */
	enter(partition: PartitionView | undefined): Persist[] {
		const ended = this.#pbft?.end() ?? [];
		this.#pbft = partition ? this.#begin(partition) : null;
		return ended;
	}

	/** R8: what waits for this partition's leader, beside the rounds that it has open. Only for who has rounds. */
	demand(nowMs: number): Demand {
		const { pool, timing, openHeight, hasBooter } = this.#init;
		const height = openHeight();
		if (height === null) this.#order = null;
		else if (this.#order?.height !== height) this.#order = { height, sinceMs: nowMs };
		// Without the Booter nothing becomes final, whoever leads.
		if (!hasBooter() && this.#pbft!.rounds().length > 0) return 'none';
		const overdueMs = nowMs - OVERDUE_SHARE * timing.viewTimeoutMs;
		if ((this.#order?.sinceMs ?? nowMs) < overdueMs || pool.hasOlder(overdueMs)) return 'overdue';
		return pool.size > 0 || this.#order ? 'waiting' : 'none';
	}

	#begin(partition: PartitionView): Pbft {
		const { chain, self, pool, timing, isChecking, looksAlive, isCatchingUp } = this.#init;
		return new Pbft({
			chainId: chain.chainId,
			genesis: chain.genesis.fields,
			partition: partition.id,
			epoch: partition.epoch,
			members: partition.members,
			self,
			lastRoundId: chain.topology.lastRoundId(partition.id),
			pool: {
				has: (id) => pool.has(id),
				isComing: isChecking,
				waiting: (limit, maxBodyBytes, except) => pool.waiting(limit, maxBodyBytes, except)
			},
			looksAlive,
			isCatchingUp,
			ledgerProof: () => this.#ledgerProof(),
			resendTicks: ticks(timing, timing.resendMs),
			commitToAllTicks: ticks(timing, timing.commitToAllMs),
			gapTicks: ticks(timing, timing.gapMs),
			viewTimeoutTicks: ticks(timing, timing.viewTimeoutMs),
			viewTimeoutCapTicks: ticks(timing, timing.viewTimeoutMs * VIEW_TIMEOUT_CAP_FACTOR),
			maxBodyBytes: MAX_BLOCK_BODY_BYTES
		});
	}

	/** R9: where the ledger holds this partition's last round. */
	#ledgerProof(): LedgerProof | null {
		if (!this.#lastOwnBlock) return null;
		const { header, finality } = decodeFinalBlock(this.#lastOwnBlock);
		return { $typeName: 'tabwave.v1.LedgerProof', header, finality };
	}
}
