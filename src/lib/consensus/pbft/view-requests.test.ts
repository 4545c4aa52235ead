import { describe, expect, it } from 'vitest';
import { ViewRequests } from './view-requests.ts';

/** Members a, b, c, … of which the first ones ask for these views. */
function requests(count: number, ...views: number[]): ViewRequests {
	const members = Array.from({ length: count }, (_, i) => String.fromCharCode(97 + i));
	const made = new ViewRequests(members);
	views.forEach((view, i) => made.add(members[i]!, view));
	return made;
}

describe('R6: who asks for which view', () => {
	it('a member’s highest request counts, and it never falls', () => {
		const made = requests(4, 3);
		expect(made.add('a', 3)).toBe(false);
		expect(made.add('a', 2)).toBe(false);
		expect(made.of('a')).toBe(3);
		expect(made.add('a', 5)).toBe(true);
		expect(made.of('a')).toBe(5);
		expect(made.of('b')).toBe(0);
	});

	it.each([
		// n, asked, join view at f+1, quorum view at q
		[1, [2], 2, 2],
		[2, [3], 3, 0],
		[3, [3], 3, 0],
		[3, [3, 1], 3, 1],
		[4, [9], 0, 0],
		[4, [9, 2], 2, 0],
		[4, [9, 2, 1], 2, 1],
		[4, [9, 2, 1, 1], 2, 1],
		[4, [3, 3, 3], 3, 3],
		[7, [9, 9], 0, 0],
		[7, [9, 9, 2], 2, 0],
		[7, [9, 9, 2, 2, 1], 2, 1],
		[10, [8, 8, 8], 0, 0],
		[10, [8, 8, 8, 3, 2, 2, 1], 3, 1]
	])('of %i members that ask for %j: join %i, quorum %i', (count, views, join, quorum) => {
		const made = requests(count, ...views);
		expect(made.joinView).toBe(join);
		expect(made.quorumView).toBe(quorum);
	});

	it('who asks for a higher view supports a lower one', () => {
		expect(requests(4, 9, 2, 1).supporters(2)).toEqual(['a', 'b']);
	});
});
