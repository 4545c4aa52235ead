/** A scenario is all that one seed decides: sizes, faults and their rates, and what happens when. */
import { between, pick, seededRandom } from './random.ts';
import type { NetworkFaults } from './simulated-network.ts';
import { World } from './world.ts';

export interface Scenario {
	seed: number;
	partitions: number[];
	faults: NetworkFaults;
	transfersPerSecond: number;
	maxClockSkewMs: number;
	durationMs: number;
	/** Events in order of time. */
	events: { atMs: number; what: 'crash-and-restart' | 'restart-booter' | 'join' | 'leave'; downMs: number }[];
}

export interface Outcome {
	seed: number;
	shape: string;
	height: number;
	submitted: number;
	happened: Record<string, number>;
	checks: Record<string, number>;
	/** Virtual milliseconds. */
	virtualMs: number;
	steps: number;
	failure: Error | null;
	log: readonly string[];
}

export function scenarioOf(seed: number, durationMs = 12_000): Scenario {
	const random = seededRandom(seed);
	const partitions = Array.from({ length: pick(random, [1, 1, 2, 2, 3]) }, () =>
		pick(random, [1, 2, 3, 4, 4, 5, 7])
	);
	const isQuiet = random() < 0.2;
	const faults: NetworkFaults = {
		loss: isQuiet ? 0 : pick(random, [0, 0.01, 0.05, 0.1, 0.2, 0.3]),
		duplication: isQuiet ? 0 : pick(random, [0, 0.02, 0.1]),
		minDelayMs: 0.5,
		maxDelayMs: pick(random, [2, 10, 50, 200]),
		reordering: random() < 0.5
	};
	const events: Scenario['events'] = [];
	const count = Math.floor(random() * 4);
	for (let i = 0; i < count; i++)
		events.push({
			atMs: between(random, 2000, durationMs - 2000),
			what: pick(random, [
				'crash-and-restart',
				'crash-and-restart',
				'restart-booter',
				'join',
				'leave'
			] as const),
			downMs: between(random, 100, 3000)
		});
	events.sort((a, b) => a.atMs - b.atMs);
	return {
		seed,
		partitions,
		faults,
		transfersPerSecond: pick(random, [5, 20, 50]),
		maxClockSkewMs: pick(random, [0, 1000]),
		durationMs,
		events
	};
}

/** Runs a scenario to its end, heals it, and says what came of it. Never throws: a violation is the outcome's failure. */
export async function runScenario(scenario: Scenario): Promise<Outcome> {
	const world = new World({ ...scenario, faults: { ...scenario.faults } });
	const happened: Record<string, number> = {};
	let failure: Error | null = null;
	try {
		await world.start();
		const startMs = world.time.nowMs;
		for (const event of scenario.events) {
			await world.run(startMs + event.atMs - world.time.nowMs);
			if (await world.happen(event.what, event.downMs))
				happened[event.what] = (happened[event.what] ?? 0) + 1;
		}
		await world.run(startMs + scenario.durationMs - world.time.nowMs);
		await world.heal();
	} catch (error) {
		failure = error as Error;
	}
	const { lost, doubled } = world.hub.counts;
	return {
		seed: scenario.seed,
		shape: scenario.partitions.join('+'),
		height: world.booter?.node?.chain.head.height ?? 0,
		submitted: world.submitted,
		happened: {
			...happened,
			'frames lost': lost,
			'frames doubled': doubled,
			'frames reordered': scenario.faults.reordering ? 1 : 0
		},
		checks: { ...world.checkers.counts },
		virtualMs: world.time.nowMs - world.startedMs,
		steps: world.time.steps,
		failure,
		log: world.log
	};
}

/** The line that runs a failing seed again. */
export function rerunLine({ seed, failure }: Outcome): string {
	return `npm run simulate -- --from ${seed} --seeds 1    # ${failure?.name}: ${failure?.message}`;
}
