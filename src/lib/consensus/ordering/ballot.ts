/** Ballots of the upper tier: term is the Booter's, attempt counts its retries at one height. */

export interface Ballot {
	term: number;
	attempt: number;
}

/** The schema's uint32: a ballot past it could not be written down. */
export const MAX_BALLOT_NUMBER = 0xffff_ffff;

/** By term, then by attempt: negative, zero or positive. */
export function compareBallots(a: Ballot, b: Ballot): number {
	return a.term - b.term || a.attempt - b.attempt;
}

export function ballotName({ term, attempt }: Ballot): string {
	return `${term}.${attempt}`;
}

/**
 * The highest ballot that at least `count` of those who claim one have reached: with more claims than liars, an honest one.
 * @returns null where fewer claim any
 */
export function supportedBallot(claims: Ballot[], count: number): Ballot | null {
	return [...claims].sort((a, b) => compareBallots(b, a))[count - 1] ?? null;
}
