import type { ScenarioKind } from './seeds.ts';

/** Seeds that once found a bug, and what it was. Every test run replays them. */
export const CORPUS: readonly { seed: number; kind: ScenarioKind; found: string }[] = [
	{
		seed: 5,
		kind: 'network',
		found: 'a transaction whose owner had gone stayed in pools and never reached the leader'
	},
	{
		seed: 23,
		kind: 'network',
		found: 'a certified block that was lost on its way to the Booter was never handed up again'
	},
	{
		seed: 32,
		kind: 'network',
		found: 'who was behind a change of members took a later finality proof for a forged one'
	},
	{ seed: 35, kind: 'network', found: 'the same, with the leader restarted' },
	{
		seed: 63,
		kind: 'network',
		found: 'a leader that lost its pool in a crash waited for bodies of its own proposal for ever'
	},
	{ seed: 94, kind: 'network', found: 'the same, in a partition of one' },
	{ seed: 123, kind: 'network', found: 'the same, with the Booter restarted' }
];
