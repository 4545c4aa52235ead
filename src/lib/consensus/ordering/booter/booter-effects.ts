/** What a step of the Booter asks for, beside what every core asks for. */
import { noEffects, type Effects } from '../../effects.ts';
import type { Statement } from '../../statement.ts';
import type { Commit } from '../chain.ts';

export interface BooterEffects extends Effects {
	commits: Commit[];
	/** R20: entries for the cluster's log. What they say leaves with `BooterCore.recorded`. */
	entries: Uint8Array[];
	/** R22: a statement for the operator's signature, while no partition has members. */
	operator: Statement | null;
	/** Members have joined a ballot of this higher term: this Booter leads no more, until it is given a term above it. */
	higherTerm: number | null;
	/** What a person who runs the Booter should know. */
	notes: string[];
}

export function noBooterEffects(): BooterEffects {
	return { ...noEffects(), commits: [], entries: [], operator: null, higherTerm: null, notes: [] };
}

/** Adds a later step's effects to an earlier one's. */
export function addBooterEffects(effects: BooterEffects, later: BooterEffects): void {
	effects.persist.push(...later.persist);
	effects.votes.push(...later.votes);
	effects.send.push(...later.send);
	effects.commits.push(...later.commits);
	effects.entries.push(...later.entries);
	effects.notes.push(...later.notes);
	effects.operator = later.operator ?? effects.operator;
	effects.higherTerm = later.higherTerm ?? effects.higherTerm;
}
