import { expect, it } from 'vitest';
import { newRound, type Round } from './round.ts';
import { TransactionPlaces } from './transaction-places.ts';

function round(roundId: number, ...transactionIds: string[]): Round {
	return { ...newRound(roundId, 0), transactionIds };
}

it('a transaction is named by its rounds, and taken while one of them may end', () => {
	const places = new TransactionPlaces();
	const [one, other] = [round(1, 'a', 'b'), round(2, 'b')];
	places.add(one);
	places.add(other);
	expect(['a', 'b', 'c'].map((id) => places.isNamed(id))).toEqual([true, true, false]);
	one.isGivenUp = true;
	places.giveUp(one);
	expect(['a', 'b'].map((id) => places.isNamed(id))).toEqual([true, true]);
	expect(['a', 'b'].map((id) => places.isTaken(id))).toEqual([false, true]);
	places.remove(one);
	expect(['a', 'b'].map((id) => places.isNamed(id))).toEqual([false, true]);
	places.remove(other);
	expect(['a', 'b'].map((id) => places.isNamed(id))).toEqual([false, false]);
	// Nothing is left behind that a later round could trip over.
	places.add(one);
	expect(places.isTaken('a')).toBe(true);
});
