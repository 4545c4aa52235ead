/** Which transactions are in rounds: the leader takes none twice, and the pool keeps the bodies of those that are named. */
import type { Round } from './round.ts';

export class TransactionPlaces {
	/** Rounds that name an id. */
	readonly #named = new Map<string, number>();
	/** Those among them that were given up. */
	readonly #givenUp = new Map<string, number>();

	/** Whether a round names it. */
	isNamed(id: string): boolean {
		return this.#named.has(id);
	}

	/** Whether a round names it that may still come to an end. */
	isTaken(id: string): boolean {
		return (this.#named.get(id) ?? 0) > (this.#givenUp.get(id) ?? 0);
	}

	add(round: Round): void {
		for (const id of round.transactionIds) count(this.#named, id, 1);
	}

	giveUp(round: Round): void {
		for (const id of round.transactionIds) count(this.#givenUp, id, 1);
	}

	remove(round: Round): void {
		for (const id of round.transactionIds) {
			count(this.#named, id, -1);
			if (round.isGivenUp) count(this.#givenUp, id, -1);
		}
	}
}

function count(counts: Map<string, number>, id: string, by: number): void {
	const sum = (counts.get(id) ?? 0) + by;
	if (sum === 0) counts.delete(id);
	else counts.set(id, sum);
}
