/** Bodies of one order that is not of this Booter's own choosing now: an earlier run's, or a lock's. Bounded by an order's length. */
import { fromHex } from '../../../crypto/hex.ts';
import type { CertifiedBody } from '../certified-block.ts';

export class WantedBodies {
	/** By id. A block may be certified in more than one view, and an order names one of them. */
	readonly #bodies = new Map<string, { view: number; body: CertifiedBody | null }>();

	/** One that is at hand. */
	keep(body: CertifiedBody): void {
		this.#bodies.set(body.id, { view: body.certificate.view, body });
	}

	get(id: string, view: number): CertifiedBody | undefined {
		const wanted = this.#bodies.get(id);
		return wanted?.view === view ? (wanted.body ?? undefined) : undefined;
	}

	/** @returns whether nobody has been asked for it yet */
	want(id: string, view: number): boolean {
		if (this.#bodies.get(id)?.view === view) return false;
		this.#bodies.set(id, { view, body: null });
		return true;
	}

	/** A block came, wanted or not. */
	arrived(body: CertifiedBody): void {
		const wanted = this.#bodies.get(body.id);
		if (wanted?.view === body.certificate.view) wanted.body = body;
	}

	missing(): { id: Uint8Array; view: number }[] {
		return [...this.#bodies].flatMap(([id, { view, body }]) => (body ? [] : { id: fromHex(id), view }));
	}

	clear(): void {
		this.#bodies.clear();
	}
}
