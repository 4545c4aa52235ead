/** R22: who has no wish goes to the smallest open partition. Those on their way count, or a class would all go to one. */
import type { Topology } from '#lib/consensus/topology.ts';

/** A newcomer that is not a member after this has changed its mind. */
const ASSIGNMENT_HOLDS_MS = 15_000;
/** As many as may wait for their entry. */
const MAX_ASSIGNMENTS = 256;

export class Assignments {
	readonly #topology: Topology;
	readonly #onTheWay = new Map<string, { partition: number; sinceMs: number }>();

	constructor(topology: Topology) {
		this.#topology = topology;
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
		const open = this.#topology
			.partitions()
			.map(({ id, members, maxMembers }) => ({
				id,
				taken: members.length + this.#countOnTheWay(id),
				maxMembers
			}))
			.filter(({ id, taken, maxMembers }) => taken < maxMembers && (wish === 0 || id === wish))
			.sort((a, b) => a.taken - b.taken || a.id - b.id)[0];
		if (!open) return null;
		if (this.#onTheWay.size < MAX_ASSIGNMENTS)
			this.#onTheWay.set(node, { partition: open.id, sinceMs: nowMs });
		return open.id;
	}

	#countOnTheWay(partition: number): number {
		return [...this.#onTheWay.values()].filter((assignment) => assignment.partition === partition).length;
	}
}
