import { describe, expect, it } from 'vitest';
import { nextView } from './candidates.ts';

const MEMBERS = ['a', 'b', 'c', 'd'];
const alive =
	(...names: string[]) =>
	(member: string): boolean =>
		names.includes(member);

describe('R7: the view to ask for', () => {
	it.each([
		['the next one, where its leader looks alive', 0, 'd', ['b', 'c'], 1],
		['past a dead candidate', 0, 'd', ['c'], 2],
		['past two', 0, 'd', [], 3],
		['its own, where nobody else looks alive', 1, 'b', [], 5],
		['in any round of leaders', 6, 'a', ['b'], 8]
	])('is %s', (_name, view, self, living, expected) => {
		expect(nextView(MEMBERS, self, view, alive(...living))).toBe(expected);
	});

	it('of one member alone is its own next one', () => {
		expect(nextView(['a'], 'a', 3, alive())).toBe(4);
	});
});
