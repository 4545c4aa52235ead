/** The ballots that a Booter may open: its term is the cluster's (R19), and at each height they only go up (R14). */
import { invariant } from '../../../ledger/errors.ts';
import { compareBallots, MAX_BALLOT_NUMBER, type Ballot } from '../ballot.ts';

export class BallotNumbers {
	#term = 0;
	/** The last in which it led, in this run. */
	#lastTerm = 0;
	#last: Ballot | null = null;

	/** 0 while this Booter does not lead. */
	get term(): number {
		return this.#term;
	}

	get isLeading(): boolean {
		return this.#term > 0;
	}

	/** The last ballot that is known of at the height above the head; null before the first. */
	get last(): Ballot | null {
		return this.#last;
	}

	lead(term: number): void {
		invariant(
			term > this.#lastTerm && term <= MAX_BALLOT_NUMBER,
			'R19',
			`term ${term} follows term ${this.#lastTerm}`
		);
		this.#term = this.#lastTerm = term;
	}

	stepDown(): void {
		this.#term = 0;
	}

	/** Another height. @param last the last ballot there, if one is known of */
	begin(last: Ballot | null): void {
		this.#last = last;
	}

	opened(ballot: Ballot): void {
		this.#last = ballot;
	}

	/** Members have joined a ballot of this Booter's term, perhaps above all that it knows of. */
	passed({ term, attempt }: Ballot): void {
		if (!this.#last || compareBallots({ term, attempt }, this.#last) > 0) this.#last = { term, attempt };
	}

	next(): Ballot {
		const last = this.#last;
		if (!last || last.term < this.#term) return { term: this.#term, attempt: 0 };
		invariant(last.term === this.#term && last.attempt < MAX_BALLOT_NUMBER, 'R14', 'ballots only go up');
		return { term: last.term, attempt: last.attempt + 1 };
	}
}
