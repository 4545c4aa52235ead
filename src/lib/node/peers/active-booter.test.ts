import { beforeEach, describe, expect, it } from 'vitest';
import { fromHex } from '../../crypto/hex.ts';
import { ActiveBooter } from './active-booter.ts';

const [A, B, C] = ['aa', 'bb', 'cc'].map((byte) => byte.repeat(32)) as [string, string, string];
const STRANGER = 'dd'.repeat(32);

let silent: Set<string>;
let booters: ActiveBooter;

beforeEach(() => {
	silent = new Set();
	booters = new ActiveBooter([A, B, C], (booter) => !silent.has(booter));
});

/** @param active null for nobody */
const says = (from: string, booterTerm: number, active: string | null): boolean =>
	booters.heartbeat(from, { booterTerm, activeBooter: active ? fromHex(active) : new Uint8Array(0) });
const known = (): [string, number] | null =>
	booters.current && [booters.current.booter, booters.current.term];

describe('the active Booter, as a tab knows it', () => {
	it('is nobody at first: all are asked', () => {
		expect(known()).toBeNull();
		expect(booters.targets).toEqual([A, B, C]);
	});

	it('is who says so, and that is news once', () => {
		expect(says(A, 1, A)).toBe(true);
		expect(says(A, 1, A)).toBe(false);
		expect(known()).toEqual([A, 1]);
		expect(booters.targets).toEqual([A]);
	});

	it('is the one of the highest term', () => {
		says(B, 3, B);
		expect(says(A, 2, A)).toBe(false);
		expect(known()).toEqual([B, 3]);
		expect(says(A, 4, A)).toBe(true);
		expect(known()).toEqual([A, 4]);
	});

	it('that falls silent is none, and one of whom something is heard takes its place, whatever its term', () => {
		says(B, 9, B);
		silent.add(B);
		expect(known()).toBeNull();
		expect(booters.targets).toEqual([A, B, C]);
		expect(booters.silent).toEqual([B]);
		// Of whom to complain: its silence may be what is wrong.
		expect(booters.suspect).toMatchObject({ booter: B, term: 9 });
		expect(says(C, 4, C)).toBe(true);
		expect(known()).toEqual([C, 4]);
	});

	it('that gives way is none', () => {
		says(A, 1, A);
		expect(says(A, 2, null)).toBe(false);
		expect(known()).toBeNull();
	});

	it('is known by hearsay until somebody speaks for himself', () => {
		expect(says(C, 5, B)).toBe(true);
		expect(known()).toEqual([B, 5]);
		// Hearsay of a higher term is not worth the word of one that is heard.
		expect(says(A, 4, A)).toBe(true);
		expect(says(C, 6, B)).toBe(false);
		expect(known()).toEqual([A, 4]);
	});

	it('that others name and this tab does not hear is out of its reach, until they name nobody', () => {
		silent.add(B);
		says(C, 5, B);
		expect(known()).toBeNull();
		expect(booters.unreached).toBe(B);
		expect(booters.suspect).toMatchObject({ booter: B, term: 5 });
		says(C, 5, null);
		expect(booters.unreached).toBeNull();
	});

	it('is shown by its ballots too', () => {
		says(A, 1, A);
		expect(booters.asked(B, 2)).toBe(true);
		expect(booters.asked(A, 1)).toBe(false);
		expect(known()).toEqual([B, 2]);
	});

	it('is one of genesis, whoever is named', () => {
		expect(says(A, 7, STRANGER)).toBe(false);
		expect(known()).toBeNull();
		expect(booters.isBooter(STRANGER)).toBe(false);
	});
});
