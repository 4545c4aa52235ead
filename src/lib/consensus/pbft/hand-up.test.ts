import { describe, expect, it } from 'vitest';
import { HandUp } from './hand-up.ts';
import { newRound, type Round } from './round.ts';

const GAP = 20;

function rounds(...delivered: number[]): Round[] {
	const last = Math.max(0, ...delivered);
	return Array.from({ length: last }, (_, i) => ({
		...newRound(i + 1, 0),
		isDelivered: delivered.includes(i + 1)
	}));
}

function taken(handUp: HandUp, list: Round[], lastRoundId: number, tick: number): number[] {
	return handUp.take(list, lastRoundId, tick).map(({ roundId }) => roundId);
}

describe('R9: certified blocks go up in order of round', () => {
	it('each once', () => {
		const handUp = new HandUp(GAP);
		expect(taken(handUp, rounds(1, 2), 0, 1)).toEqual([1, 2]);
		expect(taken(handUp, rounds(1, 2), 0, 2)).toEqual([]);
		expect(taken(handUp, rounds(1, 2, 3), 0, 3)).toEqual([3]);
	});

	it('a gap is waited for, and what fills it goes first', () => {
		const handUp = new HandUp(GAP);
		expect(taken(handUp, rounds(1, 3, 4), 0, 1)).toEqual([1]);
		expect(taken(handUp, rounds(1, 3, 4), 0, GAP)).toEqual([]);
		expect(taken(handUp, rounds(1, 2, 3, 4), 0, GAP)).toEqual([2, 3, 4]);
	});

	it('not for ever: then it is given up', () => {
		const handUp = new HandUp(GAP);
		expect(taken(handUp, rounds(2, 4), 0, 1)).toEqual([]);
		expect(taken(handUp, rounds(2, 4), 0, GAP)).toEqual([]);
		// The next gap has a time of its own.
		expect(taken(handUp, rounds(2, 4), 0, GAP + 1)).toEqual([2]);
		expect(taken(handUp, rounds(2, 4), 0, 2 * GAP)).toEqual([]);
		expect(taken(handUp, rounds(2, 4), 0, 2 * GAP + 1)).toEqual([4]);
		expect(taken(handUp, rounds(1, 2, 3, 4), 0, 3 * GAP)).toEqual([]);
	});

	it('what the ledger holds is no gap', () => {
		expect(taken(new HandUp(GAP), rounds(4, 5), 3, 1)).toEqual([4, 5]);
	});

	it('a null round is no gap', () => {
		const handUp = new HandUp(GAP);
		handUp.begin(new Set([1, 3]));
		expect(taken(handUp, rounds(2, 4), 0, 1)).toEqual([2, 4]);
	});

	it('a new leader begins again above the ledger', () => {
		const handUp = new HandUp(GAP);
		expect(taken(handUp, rounds(1, 2), 0, 1)).toEqual([1, 2]);
		handUp.begin(new Set());
		expect(taken(handUp, rounds(1, 2), 1, 2)).toEqual([2]);
	});
});
