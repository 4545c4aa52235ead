/** Scenarios of the upper tier: what one seed decides, run to its end, healed, and told. */
import { BOOTER_FAULTS, LIES, type BooterFaultName } from './booter-faults.ts';
import { drawFault } from './faults.ts';
import { UpperTierCheckers } from './booter-checkers.ts';
import { between, pick, seededRandom } from './random.ts';
import type { NetworkFaults } from './simulated-network.ts';
import type { Outcome } from './scenario.ts';
import { World } from './world.ts';

const FOCUS_SALT = 0xf0c5;

export interface BooterScenario {
	seed: number;
	partitions: number[];
	faults: NetworkFaults;
	transfersPerSecond: number;
	maxClockSkewMs: number;
	durationMs: number;
	/** In order of time; they overlap. */
	events: { atMs: number; name: BooterFaultName | 'crash a tab'; lastsMs: number }[];
}

export function booterScenarioOf(seed: number, durationMs = 10_000): BooterScenario {
	const random = seededRandom(seed);
	// Four partitions are the fewest of which one may be gone.
	const partitions = Array.from({ length: pick(random, [1, 2, 2, 3, 4, 4, 5]) }, () =>
		pick(random, [1, 1, 2, 3, 4])
	);
	const faults: NetworkFaults = {
		loss: pick(random, [0, 0, 0.01, 0.05]),
		duplication: pick(random, [0, 0.05]),
		minDelayMs: 0.5,
		maxDelayMs: pick(random, [2, 10, 50, 200]),
		reordering: random() < 0.5
	};
	const events: BooterScenario['events'] = [];
	const count = 1 + Math.floor(random() * 5);
	for (let i = 0; i < count; i++) {
		const atMs = between(random, 1500, durationMs - 500);
		if (random() < 0.2) events.push({ atMs, name: 'crash a tab', lastsMs: between(random, 50, 3000) });
		else events.push({ atMs, ...drawFault(random, BOOTER_FAULTS) });
	}
	events.sort((a, b) => a.atMs - b.atMs);
	const transfersPerSecond = pick(random, [5, 20]);
	return {
		seed,
		partitions,
		faults,
		transfersPerSecond,
		maxClockSkewMs: pick(random, [0, 1000]),
		durationMs,
		events
	};
}

/** Some faults, again and again: a search that knows what it looks for. Each is drawn as often as it is named. */
export function focusedBooterScenarioOf(
	seed: number,
	names: readonly BooterScenario['events'][number]['name'][]
): BooterScenario {
	const scenario = booterScenarioOf(seed);
	const random = seededRandom(seed ^ FOCUS_SALT);
	const events = Array.from({ length: 6 }, () => ({
		atMs: between(random, 1500, scenario.durationMs - 500),
		name: pick(random, names),
		lastsMs: between(random, 50, 3000)
	})).sort((a, b) => a.atMs - b.atMs);
	return { ...scenario, partitions: pick(random, [[2], [4], [2, 1], [3, 3]]), events };
}

/** Never throws: a violation is the outcome's failure. */
export async function runBooterScenario(scenario: BooterScenario): Promise<Outcome> {
	const world = new World({ ...scenario, faults: { ...scenario.faults } });
	const upper = new UpperTierCheckers();
	upper.watch(world);
	const happened: Record<string, number> = {};
	let failure: Error | null = null;
	let healMs = 0;
	try {
		await world.start();
		await happen(world, upper, scenario, happened);
		healMs = await world.heal();
		await upper.end(world);
	} catch (error) {
		failure = error as Error;
		world.note(`booter ${JSON.stringify(world.booter?.node?.core.state())}`);
		for (const { name, running } of world.live())
			world.note(`${name} ${running!.node.chain.head.height} ${JSON.stringify(running!.node.voter.state())}`);
	}
	return {
		seed: scenario.seed,
		shape: scenario.partitions.join('+'),
		height: world.booter?.node?.chain.head.height ?? 0,
		submitted: world.submitted,
		happened,
		checks: { ...world.checkers.counts, ...upper.counts },
		healMs,
		virtualMs: world.time.nowMs - world.startedMs,
		steps: world.time.steps,
		failure,
		log: world.log
	};
}

async function happen(
	world: World,
	upper: UpperTierCheckers,
	scenario: BooterScenario,
	happened: Record<string, number>
): Promise<void> {
	const startMs = world.time.nowMs;
	const agenda: { atMs: number; run(): Promise<void> }[] = [];
	const add = (atMs: number, run: () => Promise<void>): void => {
		agenda.push({ atMs: Math.min(atMs, scenario.durationMs), run });
		agenda.sort((a, b) => a.atMs - b.atMs);
	};
	for (const { atMs, name, lastsMs } of scenario.events)
		add(atMs, async () => {
			const end =
				name === 'crash a tab'
					? await crashATab(world)
					: await BOOTER_FAULTS[name].begin(world, world.random);
			if (!end) return;
			if (LIES.some((lie) => lie === name)) upper.hasLied = true;
			world.note(`${name} for ${Math.round(lastsMs)} ms`);
			happened[name] = (happened[name] ?? 0) + 1;
			add(atMs + lastsMs, async () => {
				world.note(`no longer: ${name}`);
				await Promise.resolve(end());
			});
		});
	for (let next = agenda.shift(); next; next = agenda.shift()) {
		await world.run(startMs + next.atMs - world.time.nowMs);
		await next.run();
	}
	await world.run(startMs + scenario.durationMs - world.time.nowMs);
}

async function crashATab(world: World): Promise<(() => Promise<void>) | null> {
	const tabs = world.live().filter(({ joined }) => joined);
	if (tabs.length === 0) return null;
	const tab = pick(world.random, tabs);
	await world.crashTab(tab, world.random() < 0.5);
	return () => world.startTab(tab);
}
