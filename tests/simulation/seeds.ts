/** One seed is one run: it decides what kind of scenario it is, and everything in it. */
import { worldOf } from '#lib/consensus/raft/testing/turmoil.ts';
import {
	ALL_FAULTS,
	booterScenarioOf,
	conquestScenarioOf,
	largeScenarioOf,
	runScenario,
	scenarioOf,
	type Outcome
} from './scenario.ts';

/** Of a cluster in turmoil. */
const TURMOIL_TICKS = 1000;

export const KINDS = ['network', 'liars', 'booter', 'conquest', 'large', 'raft'] as const;

export type ScenarioKind = (typeof KINDS)[number];

/** Seeds take turns at these. */
const TURNS: readonly ScenarioKind[] = [
	'liars',
	'network',
	'booter',
	'conquest',
	'liars',
	'network',
	'booter',
	'conquest',
	'raft',
	'large'
];

/** Every kind of fault that there is: one that never happens shows in the table as 0. */
export const FAULT_NAMES: readonly string[] = Object.keys(ALL_FAULTS);

export function kindOf(seed: number): ScenarioKind {
	return TURNS[seed % TURNS.length]!;
}

/** @param durationMs virtual; default: each kind's own */
export function runSeed(seed: number, kind = kindOf(seed), durationMs?: number): Promise<Outcome> {
	switch (kind) {
		case 'network':
			return runScenario(scenarioOf(seed, durationMs));
		case 'liars':
			return runScenario(scenarioOf(seed, durationMs, true));
		case 'booter':
			return runScenario(booterScenarioOf(seed, durationMs));
		case 'conquest':
			return runScenario(conquestScenarioOf(seed, durationMs));
		case 'raft':
			return runTurmoil(seed);
		case 'large':
			return runScenario(largeScenarioOf(seed, durationMs));
	}
}

/** The Booter cluster's log alone, which a second runs through thousands of ticks of. */
async function runTurmoil(seed: number): Promise<Outcome> {
	// It takes turns of its own, which must not fall in with those of the mix.
	const { world, describe } = worldOf(seed + Math.floor(seed / TURNS.length));
	let failure: Error | null = null;
	try {
		world.run(TURMOIL_TICKS);
		world.heal();
	} catch (error) {
		failure = error as Error;
	}
	const happened = Object.fromEntries(
		Object.entries(world.counts).map(([name, count]) => [`raft: ${name}`, count])
	);
	return {
		seed,
		shape: describe,
		height: 0,
		submitted: 0,
		happened,
		checks: {},
		healMs: 0,
		virtualMs: 0,
		steps: 0,
		failure,
		log: []
	};
}

/** The line that runs a failing seed again. */
export function rerunLine(
	{ seed, shape, failure }: Pick<Outcome, 'seed' | 'shape' | 'failure'>,
	kind = kindOf(seed)
): string {
	const which = kind === kindOf(seed) ? '' : ` --kind ${kind}`;
	return `npm run simulate -- --from ${seed} --seeds 1${which}    # ${shape}: ${failure?.name}: ${failure?.message}`;
}
