/** R2: what this member has said in each slot, in memory and on disk, so that it says nothing else there, ever. */
import { toHex } from '../../crypto/hex.ts';
import { proposalId } from '../../ledger/block.ts';
import { invariant } from '../../ledger/errors.ts';
import { padded, type Persist } from '../effects.ts';
import { Kind } from '../statement.ts';

type VoteKind = Kind.PRE_PREPARE | Kind.PREPARE | Kind.COMMIT;

const NAMES: Record<VoteKind, string> = {
	[Kind.PRE_PREPARE]: 'pre-prepare',
	[Kind.PREPARE]: 'prepare',
	[Kind.COMMIT]: 'commit'
};

interface Slot {
	roundId: number;
	view: number;
	kind: VoteKind;
	/** Hex. */
	digest: string;
}

export class VoteRecords {
	readonly #prefix: string;
	readonly #slots = new Map<string, Slot>();

	/** @param prefix of all records of the epoch */
	constructor(prefix: string) {
		this.#prefix = `${prefix}vote/`;
	}

	/**
	 * One vote for each round, view and kind; the same one may be given again.
	 * @param record what is kept: the proposal of a PrePrepare, the digest of the others
	 */
	mayVote(
		slot: { roundId: number; view: number; kind: VoteKind },
		digest: Uint8Array,
		record: Uint8Array,
		persist: Persist[]
	): boolean {
		const key = this.#key(slot);
		const before = this.#slots.get(key);
		if (before) return before.digest === toHex(digest);
		this.#slots.set(key, { ...slot, digest: toHex(digest) });
		persist.push({ key, value: record });
		return true;
	}

	/** Takes up an earlier run's votes. @returns own proposals, by round and view */
	restore(
		records: { key: string; value: Uint8Array }[]
	): { roundId: number; view: number; proposal: Uint8Array }[] {
		const proposals: { roundId: number; view: number; proposal: Uint8Array }[] = [];
		for (const { key, value } of records) {
			if (!key.startsWith(this.#prefix)) continue;
			const [round, view, name] = key.slice(this.#prefix.length).split('/');
			const found = Object.entries(NAMES).find(([, known]) => known === name);
			invariant(found, 'R2', `a vote record of no known kind: ${name}`);
			const slot = { roundId: Number(round), view: Number(view), kind: Number(found[0]) as VoteKind };
			const isProposal = slot.kind === Kind.PRE_PREPARE;
			this.#slots.set(key, { ...slot, digest: toHex(isProposal ? proposalId(value) : value) });
			if (isProposal) proposals.push({ roundId: slot.roundId, view: slot.view, proposal: value });
		}
		return proposals;
	}

	/** R9: rounds that the ledger has passed are never voted on again. */
	forgetThrough(roundId: number, persist: Persist[]): void {
		this.#forget((slot) => slot.roundId <= roundId, persist);
	}

	/** R6: nothing more is sent in lower views. */
	forgetBelow(view: number, persist: Persist[]): void {
		this.#forget((slot) => slot.view < view, persist);
	}

	forgetAll(persist: Persist[]): void {
		this.#forget(() => true, persist);
	}

	#forget(isOver: (slot: Slot) => boolean, persist: Persist[]): void {
		for (const [key, slot] of this.#slots) {
			if (!isOver(slot)) continue;
			this.#slots.delete(key);
			persist.push({ key, value: null });
		}
	}

	#key({ roundId, view, kind }: { roundId: number; view: number; kind: VoteKind }): string {
		return `${this.#prefix}${padded(roundId)}/${padded(view)}/${NAMES[kind]}`;
	}
}
