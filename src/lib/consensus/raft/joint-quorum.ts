/** Majorities of a configuration: of its voters, and while it is joint of the voters before as well (R19). */
import { majority } from '../quorum.ts';
import type { Configuration } from './configuration.ts';

export type VoteResult = 'won' | 'lost' | 'pending';

/**
 * The highest index that a majority holds; 0 where there are no voters.
 *
 * @param matchOf the highest index that a voter is known to hold durably
 */
export function committedIndex(configuration: Configuration, matchOf: (id: string) => number): number {
	return Math.min(...halves(configuration).map((voters) => majorityIndex(voters, matchOf)));
}

/** @param votes true for a grant, false for a refusal; who has not answered is not in it */
export function voteResult(configuration: Configuration, votes: ReadonlyMap<string, boolean>): VoteResult {
	const results = halves(configuration).map((voters) => halfResult(voters, votes));
	if (results.includes('lost')) return 'lost';
	return results.includes('pending') ? 'pending' : 'won';
}

/** Whether those for whom `is` holds are a quorum. */
export function isQuorum(configuration: Configuration, is: (id: string) => boolean): boolean {
	return halves(configuration).every(
		(voters) => voters.length > 0 && voters.filter(is).length >= majority(voters.length)
	);
}

function halves({ voters, outgoing }: Configuration): (readonly string[])[] {
	return outgoing.length > 0 ? [voters, outgoing] : [voters];
}

function majorityIndex(voters: readonly string[], matchOf: (id: string) => number): number {
	if (voters.length === 0) return 0;
	const descending = voters.map(matchOf).sort((a, b) => b - a);
	return descending[majority(voters.length) - 1]!;
}

function halfResult(voters: readonly string[], votes: ReadonlyMap<string, boolean>): VoteResult {
	if (voters.length === 0) return 'lost';
	const needed = majority(voters.length);
	const granted = voters.filter((id) => votes.get(id) === true).length;
	if (granted >= needed) return 'won';
	const refused = voters.filter((id) => votes.get(id) === false).length;
	return voters.length - refused < needed ? 'lost' : 'pending';
}
