import { describe, expect, it } from 'vitest';
import { MAX_BALLOT_NUMBER } from '../ballot.ts';
import { BallotNumbers } from './ballot-numbers.ts';

function leading(term: number): BallotNumbers {
	const ballots = new BallotNumbers();
	ballots.lead(term);
	return ballots;
}

describe('R19: terms', () => {
	it('only go up, also after a time in which another led', () => {
		const ballots = leading(3);
		expect([ballots.term, ballots.isLeading]).toEqual([3, true]);
		ballots.stepDown();
		expect([ballots.term, ballots.isLeading]).toEqual([0, false]);
		for (const term of [0, 2, 3]) expect(() => ballots.lead(term)).toThrow('R19');
		ballots.lead(4);
		expect(ballots.term).toBe(4);
	});

	it('have a place in a ballot', () => {
		expect(leading(MAX_BALLOT_NUMBER).term).toBe(MAX_BALLOT_NUMBER);
		expect(() => leading(MAX_BALLOT_NUMBER + 1)).toThrow('R19');
	});
});

describe('R14: ballots at a height', () => {
	it('begin with the term’s first, and go up by one', () => {
		const ballots = leading(3);
		expect(ballots.last).toBeNull();
		expect(ballots.next()).toEqual({ term: 3, attempt: 0 });
		ballots.opened({ term: 3, attempt: 0 });
		expect(ballots.next()).toEqual({ term: 3, attempt: 1 });
		ballots.begin(null);
		expect(ballots.next()).toEqual({ term: 3, attempt: 0 });
	});

	it('go on above what an earlier leader or the members have opened', () => {
		const ballots = leading(3);
		ballots.begin({ term: 2, attempt: 9 });
		expect(ballots.next()).toEqual({ term: 3, attempt: 0 });
		ballots.passed({ term: 3, attempt: 4 });
		expect(ballots.last).toEqual({ term: 3, attempt: 4 });
		ballots.passed({ term: 3, attempt: 2 });
		expect(ballots.next()).toEqual({ term: 3, attempt: 5 });
		ballots.begin(null);
		ballots.passed({ term: 3, attempt: 1 });
		expect(ballots.last).toEqual({ term: 3, attempt: 1 });
	});

	it('end where their numbers do, and are never of a lower term than the last', () => {
		const ballots = leading(3);
		ballots.opened({ term: 3, attempt: MAX_BALLOT_NUMBER });
		expect(() => ballots.next()).toThrow('R14');
		ballots.opened({ term: 4, attempt: 0 });
		expect(() => ballots.next()).toThrow('R14');
	});
});
