/** R22: signs for the operator the recoveries that are due, and takes them back where a quorum is heard again. */
import { recoveryOf } from '#lib/consensus/membership/recovery.ts';
import type { MembershipRequests } from '#lib/consensus/membership/requests.ts';
import type { Chain } from '#lib/consensus/ordering/chain.ts';
import type { Signer } from '#lib/crypto/suite.ts';
import { MAX_PARTITIONS } from '#lib/ledger/genesis.ts';
import type { SignedRecovery } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { RecoveryWatch, type LostPartition, type RecoveryWish } from './recovery-watch.ts';

export interface RecoveriesInit {
	chain: Chain;
	operator: Signer;
	/** Those that are signed and not in the ledger yet. */
	requests(): Pick<MembershipRequests, 'recovery'>;
	/** This replica leads: the others' recoveries are its own to sign when they do. */
	isLeading(): boolean;
	/** A member was heard of lately. */
	isHeard(member: string): boolean;
	recover(signed: SignedRecovery): void;
	/** A quorum of this partition is heard again, and signs for itself. */
	heardAgain(partition: number): void;
	log(level: 'warning', message: string): void;
}

export class Recoveries {
	readonly #init: RecoveriesInit;
	readonly #watch: RecoveryWatch;
	#lost: LostPartition[] = [];

	constructor(init: RecoveriesInit) {
		this.#init = init;
		this.#watch = new RecoveryWatch(init.chain.genesis.fields);
	}

	/** Partitions without a quorum, as they were last looked at. */
	get lost(): readonly LostPartition[] {
		return this.#lost;
	}

	/** What the other replicas are to hear of. */
	get asked(): RecoveryWish[] {
		return this.#watch.asked;
	}

	/** The operator wants a partition that has lost its quorum to go on without its lost members, or to end. */
	wish(wish: RecoveryWish): void {
		this.#watch.wish(wish);
	}

	/** Another replica was asked for these. */
	wishedElsewhere(wishes: readonly RecoveryWish[]): void {
		const { topology } = this.#init.chain;
		for (const wish of wishes.slice(0, MAX_PARTITIONS))
			if (topology.partition(wish.partition)) this.#watch.wishElsewhere(wish);
	}

	/** Somebody who is no member wants to be one. */
	newcomer(nowMs: number): void {
		this.#watch.newcomer(nowMs);
	}

	async look(nowMs: number): Promise<void> {
		const { chain, operator, isLeading, isHeard, recover, heardAgain, log } = this.#init;
		const requests = this.#init.requests();
		const active = chain.topology.active();
		this.#lost = this.#watch.look(active, isHeard, nowMs);
		for (const partition of active)
			if (requests.recovery(partition) && !this.#lost.some((one) => one.partition.id === partition.id))
				heardAgain(partition.id);
		for (const { partition, sinceMs, remaining, dueInMs } of this.#lost) {
			if (dueInMs !== 0 || requests.recovery(partition) || !isLeading()) continue;
			const wish = this.#watch.wishFor(partition.id);
			const { recovery, message } = recoveryOf(partition, {
				chainId: chain.chainId,
				remaining,
				retire: wish?.retire ?? false,
				silentSinceMs: sinceMs,
				automatic: wish === null
			});
			const signature = await operator.sign(message);
			log(
				'warning',
				`recovers partition ${partition.id}: ${remaining.length} of ${partition.members.length} members are heard`
			);
			recover({ $typeName: 'tabwave.v1.SignedRecovery', recovery, signature });
		}
	}
}
