/** Who leads each partition, as a LeaderChange proved it: on say-so alone anyone could lead the Booter astray. */
import { leaderOf, type Topology } from '../../topology.ts';

export class PartitionLeaders {
	readonly #topology: Topology;
	/** The view of each partition in its epoch. */
	readonly #views = new Map<number, { epoch: number; view: number }>();

	constructor(topology: Topology) {
		this.#topology = topology;
	}

	/** A LeaderChange of a partition's present epoch that holds. @returns the new leader; null where it is no news */
	changed(partition: number, view: number): string | null {
		const members = this.#topology.partition(partition);
		if (!members || members.members.length === 0 || view <= this.view(partition)) return null;
		this.#views.set(partition, { epoch: members.epoch, view });
		return leaderOf(members.members, view);
	}

	/** The view of a partition in its present epoch, as far as it was proved. */
	view(partition: number): number {
		const known = this.#views.get(partition);
		return known && known.epoch === this.#topology.partition(partition)?.epoch ? known.view : 0;
	}

	/** Null for a partition without members. */
	leader(partition: number): string | null {
		const { members } = this.#topology.partition(partition) ?? { members: [] };
		return members.length > 0 ? leaderOf(members, this.view(partition)) : null;
	}

	/** Of all partitions that have members. */
	all(except?: number): string[] {
		return this.#topology
			.active()
			.filter(({ id }) => id !== except)
			.flatMap(({ id }) => this.leader(id) ?? []);
	}

	/** All members of all partitions. */
	everyone(): string[] {
		return this.#topology.active().flatMap(({ members }) => members);
	}
}
