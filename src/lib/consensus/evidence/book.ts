/** The evidence that a node holds: the first against each member, which is enough, until the ledger has it (R24). */
import type { Evidence } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Persist } from '../effects.ts';
import { decodeEvidence, encodeEvidence } from './evidence.ts';

/** More liars than any partition has members. */
export const MAX_ACCUSED = 128;

const PREFIX = 'evidence/';

export class EvidenceBook {
	readonly #held = new Map<string, Evidence>();

	/** Takes up what an earlier run has found. */
	restore(records: { key: string; value: Uint8Array }[]): void {
		for (const { key, value } of records)
			if (key.startsWith(PREFIX)) this.#held.set(key.slice(PREFIX.length), decodeEvidence(value));
	}

	has(offender: string): boolean {
		return this.#held.has(offender);
	}

	/** By who is accused, lower-case hex. */
	list(): [offender: string, evidence: Evidence][] {
		return [...this.#held];
	}

	/** Evidence that holds. @returns what makes it last; null where it is not the first against this member */
	add(offender: string, evidence: Evidence): Persist[] | null {
		if (this.#held.has(offender) || this.#held.size >= MAX_ACCUSED) return null;
		this.#held.set(offender, evidence);
		return [{ key: PREFIX + offender, value: encodeEvidence(evidence) }];
	}

	/** The ledger holds it. */
	forget(offender: string): Persist[] {
		return this.#held.delete(offender) ? [{ key: PREFIX + offender, value: null }] : [];
	}
}
