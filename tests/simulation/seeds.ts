/** One seed is one run: it decides what kind of scenario it is, and everything in it. */
import { worldOf } from '#lib/consensus/raft/testing/turmoil.ts';
import {
	ALL_FAULTS,
	booterScenarioOf,
	conquestScenarioOf,
	largeScenarioOf,
	marketScenarioOf,
	runScenario,
	scenarioOf,
	type Outcome,
	type Scenario
} from './scenario.ts';

/** Of a cluster in turmoil. */
const TURMOIL_TICKS = 1000;

export const KINDS = ['network', 'liars', 'booter', 'conquest', 'large', 'raft', 'market'] as const;

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

const MARKET_TURN = 6;

/** Every kind of fault that there is: one that never happens shows in the table as 0. */
export const FAULT_NAMES: readonly string[] = Object.keys(ALL_FAULTS);

/** @param hasOpenMarket as it was before there was the kind `market` */
export function kindOf(seed: number, hasOpenMarket = false): ScenarioKind {
	// Half of one turn, so that all others go on meaning what they meant.
	const isMarket = seed % TURNS.length === MARKET_TURN && Math.floor(seed / TURNS.length) % 2 === 1;
	return isMarket && !hasOpenMarket ? 'market' : TURNS[seed % TURNS.length]!;
}

/**
 * @param durationMs virtual; default: each kind's own
 * @param hasOpenMarket without options of the market: what the seed meant before there were any
 */
export function runSeed(
	seed: number,
	kind = kindOf(seed),
	durationMs?: number,
	hasOpenMarket = false
): Promise<Outcome> {
	if (kind === 'raft') return runTurmoil(seed);
	const scenario = scenarioOfSeed(seed, kind, durationMs);
	return runScenario(hasOpenMarket ? { ...scenario, market: undefined } : scenario);
}

function scenarioOfSeed(seed: number, kind: Exclude<ScenarioKind, 'raft'>, durationMs?: number): Scenario {
	switch (kind) {
		case 'network':
			return scenarioOf(seed, durationMs);
		case 'liars':
			return scenarioOf(seed, durationMs, true);
		case 'booter':
			return booterScenarioOf(seed, durationMs);
		case 'conquest':
			return conquestScenarioOf(seed, durationMs);
		case 'large':
			return largeScenarioOf(seed, durationMs);
		case 'market':
			return marketScenarioOf(seed, durationMs);
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
	kind = kindOf(seed),
	hasOpenMarket = false
): string {
	const which =
		(kind === kindOf(seed, hasOpenMarket) ? '' : ` --kind ${kind}`) + (hasOpenMarket ? ' --open-market' : '');
	return `npm run simulate -- --from ${seed} --seeds 1${which}    # ${shape}: ${failure?.name}: ${failure?.message}`;
}
