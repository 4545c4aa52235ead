/**
 * What once found a bug. Every test run replays it. Scenarios are written out: what a seed draws changes with each new kind of fault,
 * and what is pinned here goes on meaning what it meant.
 */
import type { FaultName, Scenario } from './scenario.ts';

type Event = readonly [atMs: number, name: FaultName, lastsMs: number];

function scenario(
	seed: number,
	partitions: number[],
	network: { loss: number; maxDelayMs: number; duplication?: number; reordering?: boolean },
	events: readonly Event[],
	others: Partial<Scenario> = {}
): Scenario {
	return {
		seed,
		partitions,
		booters: 1,
		faults: { duplication: 0, minDelayMs: 0.5, reordering: false, ...network },
		transfersPerSecond: 20,
		maxClockSkewMs: 0,
		durationMs: 12_000,
		events: events.map(([atMs, name, lastsMs]) => ({ atMs, name, lastsMs })),
		...others
	};
}

export const CORPUS: readonly { found: string; scenario: Scenario }[] = [
	{
		found: 'a transaction whose owner had gone stayed in pools and never reached the leader',
		scenario: scenario(
			5,
			[7, 3],
			{ loss: 0, maxDelayMs: 50, duplication: 0.02, reordering: true },
			[
				[1681, 'split a partition', 1825],
				[3680, 'cut a leader from the Booter', 5977],
				[4090, 'crash a leader', 3787],
				[4354, 'join', 0],
				[5273, 'crash a replica', 5038],
				[7775, 'crash a tab', 3750],
				[8675, 'cut a leader from the Booter', 2178]
			],
			{ booters: 3, transfersPerSecond: 50 }
		)
	},
	{
		found: 'a certified block that was lost on its way to the Booter was never handed up again',
		scenario: scenario(23, [1], { loss: 0.01, maxDelayMs: 2 }, [
			[2026, 'freeze a leader', 5311],
			[3483, 'crash a tab', 7884],
			[3687, 'crash a leader', 6276],
			[9347, 'crash a tab', 5684],
			[9475, 'freeze a leader', 5982],
			[10863, 'crash a leader', 6775]
		])
	},
	{
		found: 'who was behind a change of members took a later finality proof for a forged one',
		scenario: scenario(
			35,
			[4],
			{ loss: 0.3, maxDelayMs: 10, duplication: 0.02, reordering: true },
			[
				[1636, 'crash at a write', 7754],
				[3659, 'split a partition', 4872],
				[6341, 'crash at a write', 6226],
				[9675, 'crash the active replica', 351],
				[9680, 'cut one way', 561],
				[9701, 'crash a leader', 5000]
			],
			{ booters: 3, maxClockSkewMs: 1000 }
		)
	},
	{
		found: 'a leader that lost its pool in a crash waited for bodies of its own proposal for ever',
		scenario: scenario(
			63,
			[1],
			{ loss: 0, maxDelayMs: 200, duplication: 0.02, reordering: true },
			[
				[1716, 'crash a tab', 7235],
				[5891, 'crash a partition', 2332],
				[7793, 'crash a leader', 460],
				[8854, 'crash a leader', 222],
				[9313, 'stop the active replica cleanly', 2018]
			],
			{ booters: 3, transfersPerSecond: 50 }
		)
	},
	{
		found:
			'a member that signed in a ballot, restarted and was told another content of that number hung the height',
		scenario: scenario(8, [2, 1], { loss: 0.01, maxDelayMs: 10, duplication: 0.05 }, [
			[2660, 'crash a tab', 566],
			[2861, 'the Booter equivocates', 872],
			[3836, 'the Booter equivocates', 2043],
			[6762, 'the Booter equivocates', 2837],
			[7130, 'the Booter equivocates', 670],
			[7214, 'the Booter equivocates', 2447]
		])
	},
	{
		found:
			'overlapping faults started two Booters under one key; a relay that heard nobody emptied all partitions',
		scenario: scenario(20_002, [3, 3, 4, 1], { loss: 0.05, maxDelayMs: 200 }, [
			[2615, 'crash a replica at a write', 2772],
			[5066, 'the Booter forgets its ballot', 927],
			[8011, 'the Booter evicts whom it likes', 2343]
		])
	},
	{
		found:
			'blocks that a lock orders were in memory alone: when all who had them had gone, the height could not be repeated',
		scenario: scenario(60_458, [1], { loss: 0, maxDelayMs: 10, duplication: 0.05, reordering: true }, [
			[1995, 'crash a tab', 168],
			[6889, 'the Booter comes back with an old disk', 996],
			[7724, 'crash a tab', 873],
			[9222, 'the Booter evicts whom it likes', 2469]
		])
	},
	{
		found:
			'members that had heard another content of a ballot had no second vote in it, and the Booter waited for them for ever',
		scenario: scenario(
			300_083,
			[1, 1, 1, 1, 1],
			{ loss: 0.05, maxDelayMs: 10, duplication: 0.05 },
			[
				[1887.2243019286543, 'tabs crash as they join a ballot', 1738.1408497458324],
				[2690.0557538028806, 'the Booter evicts whom it likes', 2052.785988897085],
				[3290.2319866698235, 'a whole partition votes for everything', 5000],
				[3290.2319866698235, 'the Booter equivocates', 2521.5709102340043]
			],
			{ maxClockSkewMs: 1000, durationMs: 6000 }
		)
	}
];
