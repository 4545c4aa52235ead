/** What a replica of the Booter says of itself to all that it is linked to: its head, who is active, and what the others should know. */
import { create } from '@bufbuild/protobuf';
import type { BooterCore } from '#lib/consensus/ordering/booter/booter.ts';
import type { BooterReplica } from '#lib/consensus/ordering/booter/replica.ts';
import type { Chain } from '#lib/consensus/ordering/chain.ts';
import { fromHex } from '#lib/crypto/hex.ts';
import type { LinkStatus } from '#lib/network/network.ts';
import {
	LostPartitionsSchema,
	OperatorWishesSchema,
	type LostPartitions,
	type OperatorWishes,
	type Packet
} from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import type { LostPartition, RecoveryWish } from './recovery-watch.ts';

const NOBODY = new Uint8Array(0);

export interface BooterHeartbeatsInit {
	chain: Chain;
	core: Pick<BooterCore, 'view'>;
	replica: Pick<BooterReplica, 'active' | 'term' | 'isReplica'>;
	/** R22: partitions without a quorum, and what the operator has asked for. */
	recoveries: { readonly lost: readonly LostPartition[]; readonly asked: readonly RecoveryWish[] };
	/** Of the invitations that were taken back; undefined where none can be. */
	revokedHash(): Uint8Array | undefined;
	links(): LinkStatus[];
	send(to: string, packet: Packet['body']): void;
}

export class BooterHeartbeats {
	readonly #init: BooterHeartbeatsInit;

	constructor(init: BooterHeartbeatsInit) {
		this.#init = init;
	}

	/** To everybody. */
	say(): void {
		for (const peer of this.linked()) this.sayTo(peer);
	}

	/** The other replicas hold every final block too, and whoever is active next must not have to fetch them then. */
	sayToReplicas(): void {
		for (const peer of this.linked()) if (this.#init.replica.isReplica(peer)) this.sayTo(peer);
	}

	sayTo(peer: string): void {
		this.#init.send(peer, this.of(peer));
	}

	linked(): string[] {
		return this.#init.links().flatMap(({ peer, path }) => (path === 'down' ? [] : [peer]));
	}

	/** As one peer hears it: members of their own partition, replicas of the operator's wishes. */
	of(peer: string): Packet['body'] {
		const { chain, core, replica, recoveries, revokedHash } = this.#init;
		const { head, topology } = chain;
		const partition = topology.partitionOf(peer);
		const { active, term } = replica;
		return {
			case: 'heartbeat',
			value: {
				$typeName: 'tabwave.v1.Heartbeat',
				partition: partition?.id ?? 0,
				epoch: partition?.epoch ?? 0,
				// R10: a leader of a higher view answers with its LeaderChange.
				view: partition ? core.view(partition.id) : 0,
				finalHeight: head.height,
				headHash: head.hash,
				syncing: false,
				booterTerm: term,
				activeBooter: active === null ? NOBODY : fromHex(active),
				lost: lostPartitions(recoveries.lost),
				...(replica.isReplica(peer) && { wishes: operatorWishes(recoveries.asked, revokedHash()) })
			}
		};
	}
}

/** As members hear of them; none where all is well. */
function lostPartitions(lost: readonly LostPartition[]): LostPartitions | undefined {
	if (lost.length === 0) return undefined;
	return create(LostPartitionsSchema, {
		// 0 says that only the operator acts.
		partitions: lost.map(({ partition, dueInMs }) => ({
			partition: partition.id,
			recoversInMs: dueInMs === null ? 0 : Math.max(1, dueInMs)
		}))
	});
}

/** As the other replicas hear of them; none where there are none. */
function operatorWishes(
	wishes: readonly RecoveryWish[],
	revokedHash: Uint8Array = NOBODY
): OperatorWishes | undefined {
	if (wishes.length === 0 && revokedHash.length === 0) return undefined;
	return create(OperatorWishesSchema, {
		recoveries: wishes.map(({ partition, retire }) => ({ partition, retire })),
		revokedHash
	});
}
