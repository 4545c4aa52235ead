/** One seed is one run: it decides what kind of scenario it is, and everything in it. */
import { BOOTER_FAULTS } from './booter-faults.ts';
import { booterScenarioOf, runBooterScenario } from './booter-scenario.ts';
import { ALL_FAULTS, largeScenarioOf, runScenario, scenarioOf, type Outcome } from './scenario.ts';

export type ScenarioKind = 'network' | 'liars' | 'booter' | 'large';

/** Seeds take turns at these. */
const TURNS: readonly ScenarioKind[] = [
	'liars',
	'network',
	'booter',
	'liars',
	'network',
	'booter',
	'liars',
	'large'
];

/** Every kind of fault that there is: one that never happens shows in the table as 0. */
export const FAULT_NAMES: readonly string[] = [...Object.keys(ALL_FAULTS), ...Object.keys(BOOTER_FAULTS)];

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
			return runBooterScenario(booterScenarioOf(seed, durationMs));
		case 'large':
			return runScenario(largeScenarioOf(seed, durationMs));
	}
}

/** The line that runs a failing seed again. */
export function rerunLine(
	{ seed, shape, failure }: Pick<Outcome, 'seed' | 'shape' | 'failure'>,
	kind = kindOf(seed)
): string {
	const which = kind === kindOf(seed) ? '' : ` --kind ${kind}`;
	return `npm run simulate -- --from ${seed} --seeds 1${which}    # ${shape}: ${failure?.name}: ${failure?.message}`;
}
