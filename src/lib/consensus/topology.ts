/** Who belongs to which partition, now and in every epoch before: the ledger decides it, this reads it. */
import { fromBinary } from '@bufbuild/protobuf';
import { taggedHash, ZERO_HASH } from '../crypto/hash.ts';
import { compareBytes, toHex } from '../crypto/hex.ts';
import { epochKey, partitionKey, roundKey } from '../ledger/genesis.ts';
import { nextStateDigest, type StateReader } from '../ledger/state.ts';
import {
	PartitionStateSchema,
	RoundStateSchema,
	type PartitionState
} from '../wire/gen/tabwave/v1/contracts_pb.js';
import { quorum } from './quorum.ts';

export interface PartitionView {
	id: number;
	epoch: number;
	/** Sorted by id, lower-case hex. */
	members: string[];
	nicknames: ReadonlyMap<string, string>;
	maxMembers: number;
	/** Height of the entry that began this epoch. */
	sinceHeight: number;
}

export class Topology {
	readonly #state: StateReader;
	readonly #ids: number[];
	/** Asked for with every message, and another only after a block. */
	#known: { version: number; active: PartitionView[]; members: ReadonlySet<string> } | null = null;

	/** @param partitionIds all that genesis allows; those that no split has made yet are not there */
	constructor(state: StateReader, partitionIds: number[]) {
		this.#state = state;
		this.#ids = partitionIds;
	}

	partition(id: number): PartitionView | undefined {
		return readPartition(this.#state.get(partitionKey(id)));
	}

	/** R9: the highest round of the partition that the ledger holds, in its present epoch. */
	lastRoundId(id: number): number {
		const value = this.#state.get(roundKey(id));
		if (!value) return 0;
		const round = fromBinary(RoundStateSchema, value);
		return round.epoch === this.partition(id)?.epoch ? round.lastRoundId : 0;
	}

	partitions(): PartitionView[] {
		return this.#ids.flatMap((id) => this.partition(id) ?? []);
	}

	/** Partitions that have members, and so a vote. */
	active(): PartitionView[] {
		return this.#read().active;
	}

	/** Ids of the members of every partition, lower-case hex. */
	members(): ReadonlySet<string> {
		return this.#read().members;
	}

	#read(): { active: PartitionView[]; members: ReadonlySet<string> } {
		const { version } = this.#state;
		if (version !== undefined && this.#known?.version === version) return this.#known;
		const active = this.partitions().filter((partition) => partition.members.length > 0);
		const read = { active, members: new Set(active.flatMap(({ members }) => members)) };
		if (version !== undefined) this.#known = { version, ...read };
		return read;
	}

	/** The partition as it was in an epoch. */
	epoch(id: number, epoch: number): PartitionView | undefined {
		return readPartition(this.#state.get(epochKey(id, epoch)));
	}

	/** The partitions that voted on blocks above `height`, in the past. */
	activeAt(height: number): PartitionView[] {
		return this.#ids.flatMap((id) => {
			for (let epoch = this.partition(id)?.epoch ?? 0; epoch > 0; epoch--) {
				const view = this.epoch(id, epoch);
				if (view && view.sinceHeight <= height) return view.members.length > 0 ? [view] : [];
			}
			return [];
		});
	}

	partitionOf(member: string): PartitionView | undefined {
		return this.active().find((partition) => partition.members.includes(member));
	}
}

/** Leader of a view: members sorted by id, taken in turn. */
export function leaderOf(members: string[], view: number): string {
	return members[view % members.length]!;
}

/** q_u over the partitions that have a vote. */
export function upperQuorum(active: PartitionView[]): number {
	return quorum(active.length);
}

/** Over the partitions as a state has them. @param partitionIds as in {@link Topology} */
export function topologyDigest(state: StateReader, partitionIds: number[]): Uint8Array {
	const rows = partitionIds.map((id) => {
		const key = partitionKey(id);
		return { key, value: state.get(key) ?? null };
	});
	return taggedHash('topology', nextStateDigest(ZERO_HASH, rows));
}

export function sortedIds(ids: Uint8Array[]): boolean {
	return ids.every((id, i) => i === 0 || compareBytes(ids[i - 1]!, id) < 0);
}

// Decoded once for each stored value: the same bytes are asked for with every message.
const decoded = new WeakMap<Uint8Array, PartitionView>();

function readPartition(value: Uint8Array | undefined): PartitionView | undefined {
	if (!value) return undefined;
	let view = decoded.get(value);
	if (!view) {
		const state: PartitionState = fromBinary(PartitionStateSchema, value);
		const members = state.members.map((member) => toHex(member.id));
		view = {
			id: state.id,
			epoch: state.epoch,
			members,
			nicknames: new Map(state.members.map((member, i) => [members[i]!, member.nickname])),
			maxMembers: state.maxMembers,
			sinceHeight: state.sinceHeight
		};
		decoded.set(value, view);
	}
	return view;
}
