/**
 * For tests: what must hold of a cluster at all times (Figure 3 of the Raft paper), checked after each turn of a replica once its
 * writes are durable. What was never durable was never seen by anybody.
 */
import { RaftEntryType } from '../messages.ts';
import type { Entry, Raft, RaftEffects } from '../raft.ts';
import { textOf } from './cluster.ts';

export class SafetyError extends Error {
	override readonly name = 'SafetyError';
}

/** A state machine of which only a digest is kept: two that agree at an index agree in all before it. */
export interface Machine {
	index: number;
	digest: number;
}

export class Safety {
	/** The leader of each term. */
	readonly #leaders = new Map<number, string>();
	/** What each place of any log is: `term/index` → content and the term before. */
	readonly #places = new Map<string, string>();
	/** What was decided: the place, and the machine's digest after it, by index. */
	readonly #decided: { term: number; digest: number }[] = [{ term: 0, digest: 0 }];
	/** Added to an error: the state of the world. */
	readonly #describe: () => string;

	constructor(describe: () => string) {
		this.#describe = describe;
	}

	get decided(): number {
		return this.#decided.length - 1;
	}

	/** @returns the term of the entry that was decided there, where one was */
	decidedTerm(index: number): number | undefined {
		return this.#decided[index]?.term;
	}

	/** Election Safety and Leader Completeness. @returns whether this is a new leader */
	checkLeader(raft: Raft): boolean {
		const known = this.#leaders.get(raft.term);
		this.#require(
			known === undefined || known === raft.self,
			'Election Safety',
			`${raft.self} and ${known} lead in term ${raft.term}`
		);
		if (known !== undefined) return false;
		this.#leaders.set(raft.term, raft.self);
		const { startIndex, lastIndex } = raft.state();
		const entries = raft.entries();
		for (let index = startIndex + 1; index < this.#decided.length; index++)
			this.#require(
				index <= lastIndex && entries[index - startIndex - 1]!.term === this.#decided[index]!.term,
				'Leader Completeness',
				`${raft.self} leads term ${raft.term} without ${this.#decided[index]!.term}/${index}`
			);
		return true;
	}

	/** Log Matching: a place says what an entry is, and what came before it. */
	checkLog(raft: Raft): void {
		let before = raft.state().startIndex === 0 ? 0 : -1;
		for (const entry of raft.entries()) {
			const place = `${entry.term}/${entry.index}`;
			if (before >= 0) {
				const content = `${before} ${entry.type} ${textOf(entry.data)}`;
				const known = this.#places.get(place);
				if (known === undefined) this.#places.set(place, content);
				else this.#require(known === content, 'Log Matching', `${place} is "${content}" and "${known}"`);
			}
			before = entry.term;
		}
	}

	/** State Machine Safety: what is delivered is what was decided, in order, each once. It is applied to `machine`. */
	deliver(id: string, machine: Machine, { restored, committed }: RaftEffects): void {
		if (restored) {
			const snapshot = JSON.parse(textOf(restored.data)) as Machine;
			this.#require(
				snapshot.index === restored.index && snapshot.digest === this.#decided[snapshot.index]?.digest,
				'State Machine Safety',
				`${id}: the snapshot of ${restored.index} is not what was decided`
			);
			Object.assign(machine, snapshot);
		}
		for (const entry of committed) {
			this.#require(
				entry.index === machine.index + 1,
				'State Machine Safety',
				`${id}: ${entry.index} after ${machine.index}`
			);
			machine.index = entry.index;
			machine.digest = digestAfter(machine.digest, entry);
			const known = (this.#decided[entry.index] ??= { term: entry.term, digest: machine.digest });
			this.#require(
				known.digest === machine.digest && known.term === entry.term,
				'State Machine Safety',
				`${id}: ${entry.term}/${entry.index} is not what was decided`
			);
		}
	}

	#require(condition: boolean, what: string, message: string): asserts condition {
		if (!condition) throw new SafetyError(`${what}: ${message}\n${this.#describe()}`);
	}
}

function digestAfter(digest: number, { index, term, type, data }: Entry): number {
	let next = Math.imul(digest ^ (index * 31 + term * 7 + type), 0x01000193);
	if (type !== RaftEntryType.TERM_START) for (const byte of data) next = Math.imul(next ^ byte, 0x01000193);
	return next >>> 0;
}
