/**
 * The journal of a voter's overlay (R15): which order it has executed above its head, and in which ballot. It is speculative
 * and private (R13), and lives in memory alone: what a crash leaves is the head and the votes, and whoever comes back
 * executes the order again, to the same result (R18).
 */
import { equalBytes } from '../../crypto/hex.ts';
import { invariant } from '../../ledger/errors.ts';
import { compareBallots, type Ballot } from './ballot.ts';
import type { Execution } from './chain.ts';

interface Entry {
	height: number;
	ballot: Ballot;
	execution: Execution;
}

export class Journal {
	/** One: an order is executed only above the head, and a higher ballot's takes the place of a lower one's. */
	#entry: Entry | null = null;
	/** Overlays that were dropped because a higher ballot ordered something else. */
	rolledBack = 0;

	/** What was executed at a height, whatever the ballot. */
	at(height: number): Execution | null {
		return this.#entry?.height === height ? this.#entry.execution : null;
	}

	write(height: number, ballot: Ballot, execution: Execution): void {
		invariant(this.at(height) === null, 'R15', 'an overlay is rolled back before another takes its place');
		this.#entry = { height, ballot, execution };
	}

	/**
	 * A verified ballot of this height takes over: the overlay of a lower one stays where it holds the same content, and is
	 * rolled back where it holds another. Doing it twice equals once.
	 * @returns the execution that the ballot finds done
	 */
	takeOver(height: number, ballot: Ballot, contentDigest: Uint8Array): Execution | null {
		const entry = this.#entry;
		if (!entry || entry.height !== height) return null;
		const order = compareBallots(ballot, entry.ballot);
		const isSame = equalBytes(entry.execution.contentDigest, contentDigest);
		invariant(order > 0 || (order === 0 && isSame), 'R15', 'only a higher ballot rolls an overlay back');
		if (isSame) {
			entry.ballot = ballot;
			return entry.execution;
		}
		this.#entry = null;
		this.rolledBack += 1;
		return null;
	}

	/** The head has reached `finalHeight`: what was executed there is state now, or was overtaken by what is. */
	forget(finalHeight: number): void {
		if (this.#entry && this.#entry.height <= finalHeight) this.#entry = null;
	}
}
