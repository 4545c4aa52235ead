/** R22: who has no wish goes to the smallest open partition. Those on their way count, or a class would all go to one. */
import type { Topology } from '#lib/consensus/topology.ts';

/** A newcomer that is not a member after this has changed its mind. */
const ASSIGNMENT_HOLDS_MS = 15_000;
/** As many as may wait for their entry. */
const MAX_ASSIGNMENTS = 256;

export class Assignments {
	readonly #topology: Topology;
	readonly #canSplit: () => boolean;
	readonly #onTheWay = new Map<string, { partition: number; sinceMs: number }>();

	/** @param canSplit whether a partition past its maximum may split in two */
	constructor(topology: Topology, canSplit: () => boolean = () => false) {
		this.#topology = topology;
		this.#canSplit = canSplit;
	}

	/** Whether a newcomer was sent to this partition, full as it may be. */
	isAssigned(node: string, partition: number): boolean {
		return this.#onTheWay.get(node)?.partition === partition;
	}

	/**
	 * @param wish 0 for none
	 * @returns the partition, or null where none is open
	 */
	choose(node: string, wish: number, nowMs: number): number | null {
		const member = this.#topology.partitionOf(node);
		if (member) return member.id;
		for (const [other, { sinceMs }] of this.#onTheWay)
			if (other === node || nowMs - sinceMs > ASSIGNMENT_HOLDS_MS || this.#topology.partitionOf(other))
				this.#onTheWay.delete(other);
		const all = this.#topology
			.partitions()
			.map(({ id, members, maxMembers }) => ({
				id,
				taken: members.length + this.#countOnTheWay(id),
				maxMembers
			}))
			.filter(({ maxMembers }) => maxMembers > 0)
			.sort((a, b) => a.taken - b.taken || a.id - b.id);
		const open =
			all.find(({ id, taken, maxMembers }) => taken < maxMembers && (wish === 0 || id === wish)) ??
			this.#toSplit(all, wish);
		if (!open) return null;
		if (this.#onTheWay.size < MAX_ASSIGNMENTS)
			this.#onTheWay.set(node, { partition: open.id, sinceMs: nowMs });
		return open.id;
	}

	/** Where every seat is taken: a partition that splits when the newcomer comes. */
	#toSplit(
		all: { id: number; taken: number; maxMembers: number }[],
		wish: number
	): { id: number } | undefined {
		if (!this.#canSplit() || all.some(({ taken, maxMembers }) => taken < maxMembers)) return undefined;
		return all.find(({ id }) => wish === 0 || id === wish);
	}

	#countOnTheWay(partition: number): number {
		return [...this.#onTheWay.values()].filter((assignment) => assignment.partition === partition).length;
	}
}
