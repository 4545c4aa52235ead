/** Certified blocks that wait to be ordered. A block may be certified in more than one view, and an order names one of them. */
import type { CertifiedBody } from '../../consensus/ordering/certified-block.ts';

/** Partitions × rounds in flight, with room. */
const MAX_BODIES = 512;

export class CertifiedBodies {
	/** By id and view, in the order in which they came. */
	readonly #bodies = new Map<string, CertifiedBody>();

	get(id: string, view: number): CertifiedBody | undefined {
		return this.#bodies.get(keyOf(id, view));
	}

	has(body: CertifiedBody): boolean {
		return this.#bodies.has(keyOf(body.id, body.certificate.view));
	}

	/** The oldest ones go where there is no room: they can be fetched (R12). */
	add(body: CertifiedBody): void {
		this.#bodies.set(keyOf(body.id, body.certificate.view), body);
		if (this.#bodies.size > MAX_BODIES) this.#bodies.delete(this.#bodies.keys().next().value!);
	}

	/** One of each block, whatever its view. */
	byId(id: string): CertifiedBody | undefined {
		for (const body of this.#bodies.values()) if (body.id === id) return body;
		return undefined;
	}

	/** Of a partition in its epoch, one of each block. */
	of(partition: number, epoch: number): CertifiedBody[] {
		const found = new Map<string, CertifiedBody>();
		for (const body of this.#bodies.values())
			if (body.proposal.partition === partition && body.proposal.epoch === epoch) found.set(body.id, body);
		return [...found.values()].sort((a, b) => a.proposal.roundId - b.proposal.roundId);
	}

	/** R9: rounds up to here are in the ledger or void, and so is every round of an earlier epoch. */
	forgetThrough(partition: number, epoch: number, roundId: number): void {
		for (const [key, { proposal }] of this.#bodies)
			if (
				proposal.partition === partition &&
				(proposal.epoch < epoch || (proposal.epoch === epoch && proposal.roundId <= roundId))
			)
				this.#bodies.delete(key);
	}
}

function keyOf(id: string, view: number): string {
	return `${id}/${view}`;
}
