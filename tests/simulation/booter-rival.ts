/**
 * A second mind behind the Booter's key: it takes what members vote on a lie as far as they let it, to an OrderCommit and to a
 * finality proof. What it brings through is final by every rule; it must never be another block than one that is final already.
 */
import { create } from '@bufbuild/protobuf';
import { Kind } from '#lib/consensus/statement.ts';
import { upperQuorum } from '#lib/consensus/topology.ts';
import { toHex } from '#lib/crypto/hex.ts';
import { OrderCertificateSchema, type PartitionVotes } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Packet, PartitionVote } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { inject, tap } from './wiretap.ts';
import type { World } from './world.ts';

export class Rival {
	readonly #world: World;
	readonly #booter: string;
	/** By what was voted on, then by partition. */
	readonly #votes = new Map<string, Map<number, PartitionVotes>>();
	readonly #told = new Set<string>();
	/** Ends it. */
	readonly stop: () => void;

	constructor(world: World) {
		this.#world = world;
		this.#booter = world.booter!.network.self;
		this.stop = tap(world.hub, ({ to, bytes, body }) => {
			if (to === this.#booter && body.case === 'partitionVote') this.#take(body.value);
			return [bytes];
		});
	}

	/** Tells everybody, members and leaders alike; each hears it with this probability. */
	tell(body: Packet['body'], share = 1): void {
		for (const { id } of this.#world.tabs)
			if (share === 1 || this.#world.random() < share) inject(this.#world.hub, this.#booter, id, body);
	}

	#take(vote: PartitionVote): void {
		const { kind, term, attempt, height, contentDigest, blockHashes, without } = vote;
		const key = [kind, term, attempt, height, toHex(contentDigest), toHex(blockHashes), without?.ids].join(
			'/'
		);
		const partitions = this.#votes.get(key) ?? new Map<number, PartitionVotes>();
		this.#votes.set(key, partitions.set(vote.votes!.partition, vote.votes!));
		const needed = upperQuorum(this.#world.booter!.node.chain.topology.active());
		if (partitions.size < needed || this.#told.has(key)) return;
		this.#told.add(key);
		const certificate = create(OrderCertificateSchema, {
			term,
			attempt,
			height,
			contentDigest,
			blockHashes,
			without,
			partitions: [...partitions.values()]
		});
		this.tell({ case: kind === Kind.SIGN ? 'orderCommit' : 'finality', value: certificate });
	}
}
