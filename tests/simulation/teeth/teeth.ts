/** One tooth a rule: what its patch takes away, and where to look for what comes of it. */
import type { Focus } from '../scenario.ts';
import type { ScenarioKind } from '../seeds.ts';

export interface Tooth {
	rule: string;
	removed: string;
	/** Where seeds of all kinds would take too long, those in which the rule is what matters. */
	search: { kind: ScenarioKind } | { focus: Focus };
	/** Seeds after which it counts as not caught. */
	maxSeeds: number;
}

/** In order of rule, those of the market last; the patch of each lies beside this file, under its name. */
export const TEETH: readonly Tooth[] = [
	{ rule: 'R1', removed: 'a quorum is 2f + 1', search: { kind: 'network' }, maxSeeds: 100 },
	{ rule: 'R3', removed: 'a member votes without the bodies', search: { kind: 'network' }, maxSeeds: 50 },
	{
		rule: 'R4',
		removed: 'a Commit goes out with no prepared certificate on disk',
		search: { focus: { faults: ['a partition forgets, and its leader is not heard'], isQuiet: true } },
		maxSeeds: 100
	},
	{
		rule: 'R5',
		removed: 'only the leader forms a certificate',
		search: {
			focus: {
				faults: ['a leader withholds certificates'],
				partitions: [[4], [7], [4, 4]],
				isQuiet: true,
				hasOneView: true
			}
		},
		maxSeeds: 10
	},
	{
		rule: 'R6',
		removed: 'members take a LeaderChange whatever it chooses',
		search: {
			focus: {
				faults: [
					'a leader chooses other rounds',
					'a liar asks for high views',
					'freeze a leader',
					'mute a leader'
				],
				partitions: [[4], [4, 4], [7]]
			}
		},
		maxSeeds: 100
	},
	{
		rule: 'R8',
		removed: 'a PrePrepare resets the view timer',
		search: {
			focus: {
				faults: ['a leader proposes and never finishes'],
				partitions: [[4], [4, 4], [7]],
				isQuiet: true
			}
		},
		maxSeeds: 30
	},
	{
		rule: 'R11',
		removed: 'a member signs again in the ballot',
		search: {
			focus: {
				faults: ['the Booter equivocates', 'the Booter equivocates', 'crash a tab'],
				partitions: [[2], [4], [2, 1], [3, 3]],
				booters: 1,
				most: 6,
				isQuiet: true
			}
		},
		maxSeeds: 200
	},
	{ rule: 'R14', removed: 'a Status shows no lock', search: { kind: 'booter' }, maxSeeds: 100 },
	{ rule: 'R15', removed: 'an overlay is never rolled back', search: { kind: 'booter' }, maxSeeds: 100 },
	{
		rule: 'R17',
		removed: 'a member writes its own result under a proof of another',
		search: { focus: { faults: ['a member computes otherwise'], partitions: [[4], [4, 4], [7]] } },
		maxSeeds: 50
	},
	{ rule: 'R18', removed: 'a transfer depends on a clock', search: { kind: 'network' }, maxSeeds: 10 },
	{ rule: 'R19', removed: 'a replica votes twice in a term', search: { kind: 'raft' }, maxSeeds: 2000 },
	{
		rule: 'R20',
		removed: 'a Next leaves before the log holds it',
		search: { kind: 'network' },
		maxSeeds: 30
	},
	{
		rule: 'R22',
		removed: 'an eviction needs no declarations of silence',
		search: {
			focus: {
				faults: ['the Booter evicts whom it likes'],
				partitions: [[2], [4], [2, 1], [3, 3]],
				booters: 1,
				isQuiet: true
			}
		},
		maxSeeds: 60
	},
	{
		rule: 'R26',
		removed: 'plain JavaScript verifies as its library does',
		search: {
			focus: {
				faults: ['a liar pays with torsion'],
				partitions: [[4], [4, 4], [7]],
				isQuiet: true,
				hasBothSuites: true
			}
		},
		maxSeeds: 10
	},
	{
		rule: 'sealed-bids',
		removed: 'a commitment may be revealed while others of its round may still commit',
		search: { kind: 'market' },
		maxSeeds: 30
	},
	{
		rule: 'grants',
		removed: 'a grant ends a block after it should',
		search: { kind: 'market' },
		maxSeeds: 10
	}
];
