/** Seeds of the Booter's faults that once found a bug, and what it was. Every test run replays them. */
export const BOOTER_CORPUS: readonly { seed: number; found: string }[] = [
	{
		seed: 13,
		found:
			'a member that somebody had made vote in a ballot left the Booter that asked for it without an answer'
	},
	{ seed: 17, found: 'the same, with a term of which the first ballot was taken' }
];
