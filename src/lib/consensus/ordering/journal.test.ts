import { beforeEach, describe, expect, it } from 'vitest';
import type { Execution } from './chain.ts';
import { Journal } from './journal.ts';

const FIRST = { term: 1, attempt: 0 };
const SECOND = { term: 1, attempt: 1 };
const THIRD = { term: 2, attempt: 0 };
const A = executionOf(1);
const B = executionOf(2);
let journal: Journal;

/** The journal looks at the content's digest alone. */
function executionOf(fill: number): Execution {
	return { contentDigest: new Uint8Array(32).fill(fill) } as Execution;
}

beforeEach(() => {
	journal = new Journal();
	journal.write(5, FIRST, A);
});

describe('R15: an overlay', () => {
	it('is of one height', () => {
		expect(journal.at(5)).toBe(A);
		expect(journal.at(6)).toBeNull();
		expect(journal.takeOver(6, SECOND, A.contentDigest)).toBeNull();
		expect(journal.takeOver(6, SECOND, B.contentDigest)).toBeNull();
		expect(journal.at(5)).toBe(A);
	});

	it('stays where a higher ballot orders the same', () => {
		expect(journal.takeOver(5, SECOND, A.contentDigest)).toBe(A);
		expect(journal.takeOver(5, SECOND, A.contentDigest)).toBe(A);
		expect(journal.rolledBack).toBe(0);
	});

	it('is rolled back where a higher ballot orders something else, and twice equals once', () => {
		expect(journal.takeOver(5, SECOND, B.contentDigest)).toBeNull();
		expect(journal.takeOver(5, SECOND, B.contentDigest)).toBeNull();
		expect(journal.at(5)).toBeNull();
		expect(journal.rolledBack).toBe(1);
		journal.write(5, SECOND, B);
		expect(journal.at(5)).toBe(B);
	});

	it('is not rolled back by a lower ballot, nor by its own with other content', () => {
		journal.takeOver(5, THIRD, A.contentDigest);
		expect(() => journal.takeOver(5, SECOND, A.contentDigest)).toThrow(/^R15/);
		expect(() => journal.takeOver(5, THIRD, B.contentDigest)).toThrow(/^R15/);
		expect(journal.at(5)).toBe(A);
	});

	it('does not silently take the place of another', () => {
		expect(() => journal.write(5, SECOND, B)).toThrow(/^R15/);
	});

	it('is forgotten when its height is final, and not before', () => {
		journal.forget(4);
		expect(journal.at(5)).toBe(A);
		journal.forget(5);
		expect(journal.at(5)).toBeNull();
		expect(journal.takeOver(5, SECOND, A.contentDigest)).toBeNull();
	});
});
