/** A scenario is all that one seed decides: sizes, faults and their rates, and what happens when. */
import type { GenesisFields } from '#lib/ledger/genesis.ts';
import type { Timing } from '#lib/node/timing.ts';
import { UpperTierCheckers } from './booter-checkers.ts';
import { BOOTER_FAULTS, LIES } from './booter-faults.ts';
import { Violation } from './checkers.ts';
import { CLUSTER_FAULTS } from './cluster-faults.ts';
import { CONQUEST_FAULTS } from './conquest-faults.ts';
import { drawFault, FAULTS, RARE_FAULTS, type End, type Fault } from './faults.ts';
import { LIAR_FAULTS } from './liar-faults.ts';
import { between, pick, seededRandom, type Random } from './random.ts';
import type { NetworkFaults } from './simulated-network.ts';
import { World, type MarketOptions } from './world.ts';

const LIARS_SALT = 0x11a25;
const LARGE_SALT = 0x1a26e;
const CLUSTER_SALT = 0xb0075;
const EVICTION_SALT = 0xe71c7;
const CONQUEST_SALT = 0xc0917;
const FOCUS_SALT = 0xf0c5;
const OPTIONS_SALT = 0x0b7104;
const CHECKPOINT_SALT = 0xc4ec;
/** Where heights are to pass. */
const SHORT_FAULT_MS = 1500;
/** Of the seeds, those in which bids are sealed, and those in which channels are granted: both in some. */
const SEALED_SHARE = 0.15;
const GRANTS_SHARE = 0.15;
/** Of the seeds, those in which snapshots are taken. */
const CHECKPOINTS_SHARE = 0.5;
/** Shorter than most faults, where members are to be evicted for their silence. */
const SHORT_GRACE_MS = 3000;
/** Beyond the first view timeout after the fault's begin, and short of the window's end. */
const ONE_VIEW_MS = 8500;
const MAX_TABS = 32;

/** Crashes, cuts and churn, of tabs and of replicas, and what liars and Booters do, in one table. */
export const ALL_FAULTS = {
	...FAULTS,
	...RARE_FAULTS,
	...CLUSTER_FAULTS,
	...BOOTER_FAULTS,
	...LIAR_FAULTS,
	...CONQUEST_FAULTS
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof ALL_FAULTS;

export interface Scenario {
	seed: number;
	partitions: number[];
	/** Replicas. */
	booters: number;
	/** Where intervals are others than the default. */
	timing?: Partial<Timing>;
	faults: NetworkFaults;
	transfersPerSecond: number;
	maxClockSkewMs: number;
	hasBothSuites?: boolean;
	/** Another part of genesis than the default: with few blocks between two checkpoints, who was away goes on from a snapshot. */
	genesis?: Partial<GenesisFields>;
	/** Sealed bids, grants, both; default: neither. */
	market?: MarketOptions;
	/** R5: until the faults end, no honest member may have left view 0. */
	hasOneView?: boolean;
	durationMs: number;
	/** Faults in order of time; they overlap. One that stays goes on until all others have come to rest: who lies need never stop. */
	events: { atMs: number; name: FaultName; lastsMs: number; stays?: boolean }[];
}

export interface Outcome {
	seed: number;
	shape: string;
	height: number;
	submitted: number;
	happened: Record<string, number>;
	checks: Record<string, number>;
	/** Virtual milliseconds from the last fault to rest. */
	healMs: number;
	/** Virtual milliseconds. */
	virtualMs: number;
	steps: number;
	failure: Error | null;
	log: readonly string[];
}

/**
 * A market with options, where the seed says so. Drawn apart from all else: a scenario without them is what its seed meant before there
 * were any.
 */
function withMarket(scenario: Scenario): Scenario {
	const random = seededRandom(scenario.seed ^ OPTIONS_SALT);
	const isSealed = random() < SEALED_SHARE;
	const isGranted = random() < GRANTS_SHARE;
	return isSealed || isGranted ? { ...scenario, market: drawMarket(random, isSealed, isGranted) } : scenario;
}

/** @param longer in heights, which pass the quicker the less is lost: so many times as long */
function drawMarket(random: Random, isSealed: boolean, isGranted: boolean, longer = 1): MarketOptions {
	return {
		...(isSealed && {
			bidCommitHeights: longer * pick(random, [2, 4]),
			bidRevealHeights: longer * pick(random, [4, 12]),
			bidDeposit: pick(random, [1n, 100n, 5000n])
		}),
		...(isGranted && { grantHeartbeatHeights: 16 * pick(random, [1, longer]) })
	};
}

/**
 * Sealed bids, grants or both, and time for them: rounds and grants count in heights, which pass quickly where little is lost and faults
 * are short.
 */
export function marketScenarioOf(seed: number, durationMs = 10_000): Scenario {
	const random = seededRandom(seed ^ OPTIONS_SALT);
	const [isSealed, isGranted] = pick(random, [
		[true, true],
		[true, true],
		[true, false],
		[false, true]
	] as const);
	const faults = { ...FAULTS, ...CLUSTER_FAULTS, ...BOOTER_FAULTS, ...LIAR_FAULTS };
	const events = Array.from({ length: Math.floor(random() * 5) }, () => {
		const { name, lastsMs } = drawFault(random, faults);
		const atMs = between(random, 2500, durationMs - 1000);
		return { atMs, name, lastsMs: Math.min(lastsMs, SHORT_FAULT_MS) };
	}).sort((a, b) => a.atMs - b.atMs);
	return {
		seed,
		partitions: pick(random, [[4], [5], [2, 2], [3, 1], [4, 2], [1, 1, 1, 1]]),
		booters: pick(random, [1, 1, 3]),
		faults: {
			loss: pick(random, [0, 0, 0, 0.01]),
			duplication: pick(random, [0, 0.05]),
			minDelayMs: 0.5,
			maxDelayMs: pick(random, [2, 10]),
			reordering: random() < 0.5
		},
		market: drawMarket(random, isSealed, isGranted, 3),
		transfersPerSecond: 40,
		maxClockSkewMs: pick(random, [0, 1000]),
		durationMs,
		events
	};
}

/** The largest that quality.md asks for. */
export function largeScenarioOf(seed: number, durationMs = 6000): Scenario {
	const random = seededRandom(seed ^ LARGE_SALT);
	const partitions = Array.from(
		{ length: 1 + Math.floor(random() * 6) },
		() => 1 + Math.floor(random() * 13)
	);
	// More than so many tabs take minutes, and show nothing that fewer do not.
	while (partitions.reduce((sum, members) => sum + members, 0) > MAX_TABS) partitions.pop();
	return { ...scenarioOf(seed, durationMs, true), partitions };
}

/** @param hasLiars members may be Byzantine, up to f in each partition */
export function scenarioOf(seed: number, durationMs = 12_000, hasLiars = false): Scenario {
	const random = seededRandom(seed);
	const partitions = Array.from({ length: pick(random, [1, 1, 2, 2, 3]) }, () =>
		pick(random, [1, 2, 3, 4, 4, 4, 5, 7, 7, 10])
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
	const count = Math.floor(random() * 7);
	for (let i = 0; i < count; i++)
		events.push({ atMs: between(random, 1500, durationMs - 1000), ...drawFault(random, FAULTS) });
	// Drawn apart, so that a seed's other faults are the same with liars and without.
	const lying = seededRandom(seed ^ LIARS_SALT);
	const lies = hasLiars ? 1 + Math.floor(lying() * 6) : 0;
	for (let i = 0; i < lies; i++)
		events.push({
			atMs: between(lying, 1500, durationMs - 1000),
			...drawFault(lying, { ...RARE_FAULTS, ...LIAR_FAULTS }),
			stays: lying() < 0.5
		});
	// The same for replicas.
	const cluster = seededRandom(seed ^ CLUSTER_SALT);
	const booters = pick(cluster, [1, 1, 3, 3, 5]);
	const losses = booters > 1 ? 1 + Math.floor(cluster() * 5) : 0;
	for (let i = 0; i < losses; i++)
		events.push({ atMs: between(cluster, 1500, durationMs - 1000), ...drawFault(cluster, CLUSTER_FAULTS) });
	const hasBothSuites = hasLiars && lying() < 0.1;
	// What that is for.
	if (hasBothSuites) events.push({ atMs: 2000, name: 'a liar pays with torsion', lastsMs: 4000 });
	// Who is evicted leaves fewer members, of whom fewer may lie: with liars, silence is borne for longer than it lasts.
	const evicts = !hasLiars && seededRandom(seed ^ EVICTION_SALT)() < 0.3;
	if (evicts) events.push({ atMs: 2000, name: 'crash a tab', lastsMs: 7500 });
	const checkpoints = seededRandom(seed ^ CHECKPOINT_SALT);
	events.sort((a, b) => a.atMs - b.atMs);
	return withMarket({
		seed,
		partitions,
		booters,
		faults,
		...(evicts && { timing: { evictionGraceMs: SHORT_GRACE_MS } }),
		...(checkpoints() < CHECKPOINTS_SHARE && {
			genesis: { checkpointInterval: pick(checkpoints, [2, 5]), expiryWindow: 60 }
		}),
		transfersPerSecond: pick(random, [5, 20, 50]),
		maxClockSkewMs: pick(random, [0, 1000]),
		hasBothSuites,
		durationMs,
		events
	});
}

/** What a Booter does, or its replicas. Four partitions are the fewest of which one may be gone. */
export function booterScenarioOf(seed: number, durationMs = 10_000): Scenario {
	const random = seededRandom(seed);
	const partitions = Array.from({ length: pick(random, [1, 2, 2, 3, 4, 4, 5]) }, () =>
		pick(random, [1, 1, 2, 3, 4])
	);
	const booters = pick(random, [1, 1, 1, 3, 3, 5]);
	const faults = upperTierFaults(random);
	const count = 1 + Math.floor(random() * 5);
	const events = Array.from({ length: count }, () => {
		const atMs = between(random, 1500, durationMs - 500);
		if (random() < 0.2) return { atMs, name: 'crash a tab' as const, lastsMs: between(random, 50, 3000) };
		return {
			atMs,
			...(random() < 0.3 ? drawFault(random, CLUSTER_FAULTS) : drawFault(random, BOOTER_FAULTS))
		};
	}).sort((a, b) => a.atMs - b.atMs);
	return withMarket({
		seed,
		partitions,
		booters,
		faults,
		transfersPerSecond: pick(random, [5, 20]),
		maxClockSkewMs: pick(random, [0, 1000]),
		durationMs,
		events
	});
}

/** Partitions under the adversary, as many as the model allows, with a Booter that may be on its side and liars up to f elsewhere. */
export function conquestScenarioOf(seed: number, durationMs = 9000): Scenario {
	const random = seededRandom(seed ^ CONQUEST_SALT);
	const partitions = Array.from({ length: pick(random, [4, 4, 4, 5, 5, 6, 7]) }, () =>
		pick(random, [1, 1, 1, 2, 3, 4])
	);
	const draw = (table: Record<string, Fault>, most: number, least = 0): Scenario['events'] =>
		Array.from({ length: least + Math.floor(random() * (most - least + 1)) }, () => ({
			atMs: between(random, 1500, durationMs - 500),
			...(drawFault(random, table) as { name: FaultName; lastsMs: number }),
			stays: random() < 0.6
		}));
	// The one needs the other: votes for everything, and two things to vote for.
	const atMs = between(random, 1500, durationMs / 2);
	const conspiracy: Scenario['events'] = [
		{ atMs, name: 'a whole partition votes for everything', lastsMs: 5000, stays: random() < 0.6 },
		{ atMs, name: 'the Booter equivocates', lastsMs: between(random, 1000, 4000) }
	];
	const events = [
		...(random() < 0.4 ? conspiracy : []),
		...draw(CONQUEST_FAULTS, 3, 1),
		...draw(BOOTER_FAULTS, 3),
		...draw(FAULTS, 2),
		...draw(LIAR_FAULTS, 1)
	].sort((a, b) => a.atMs - b.atMs);
	return withMarket({
		seed,
		partitions,
		booters: pick(random, [1, 1, 3]),
		faults: upperTierFaults(random),
		transfersPerSecond: pick(random, [5, 20]),
		maxClockSkewMs: pick(random, [0, 1000]),
		durationMs,
		events
	});
}

/** Milder than within a partition: what goes between the tiers is lost by faults of its own. */
function upperTierFaults(random: Random): NetworkFaults {
	return {
		loss: pick(random, [0, 0, 0.01, 0.05]),
		duplication: pick(random, [0, 0.05]),
		minDelayMs: 0.5,
		maxDelayMs: pick(random, [2, 10, 50, 200]),
		reordering: random() < 0.5
	};
}

/** Some faults, again and again: a search that knows what it looks for. */
export interface Focus {
	/** Each is drawn as often as it is named. */
	faults: FaultName[];
	partitions?: number[][];
	/** Replicas; default: what the seed says. */
	booters?: number;
	/** How many at most; default 4. */
	most?: number;
	/** Nothing is lost or late beside. */
	isQuiet?: boolean;
	hasBothSuites?: boolean;
	/** R5: what a leader withholds its members finish, and nobody asks for another leader. */
	hasOneView?: boolean;
	/** Default: bids are open, and channels are held for good. */
	market?: MarketOptions;
}

export function focusedScenarioOf(seed: number, focus: Focus): Scenario {
	const random = seededRandom(seed ^ FOCUS_SALT);
	const scenario = scenarioOf(seed, 12_000);
	const quiet: NetworkFaults = { loss: 0, duplication: 0, minDelayMs: 0.5, maxDelayMs: 5, reordering: false };
	const count = focus.hasOneView ? 1 : 1 + Math.floor(random() * (focus.most ?? 4));
	const events = Array.from({ length: count }, () => {
		const name = pick(random, focus.faults);
		const { minMs, maxMs } = ALL_FAULTS[name];
		const atMs = focus.hasOneView ? 2500 : between(random, 1500, 10_000);
		return { atMs, name, lastsMs: between(random, minMs, maxMs), stays: random() < 0.5 };
	}).sort((a, b) => a.atMs - b.atMs);
	return {
		...scenario,
		durationMs: focus.hasOneView ? ONE_VIEW_MS : scenario.durationMs,
		partitions: pick(random, focus.partitions ?? [[4], [5], [4, 4], [7], [2, 3]]),
		faults: focus.isQuiet ? quiet : scenario.faults,
		transfersPerSecond: 20,
		maxClockSkewMs: 0,
		booters: focus.booters ?? scenario.booters,
		timing: undefined,
		market: focus.market,
		hasBothSuites: focus.hasBothSuites,
		hasOneView: focus.hasOneView,
		events
	};
}

/** Runs a scenario to its end, heals it, and says what came of it. Never throws: a violation is the outcome's failure. */
export async function runScenario(scenario: Scenario): Promise<Outcome> {
	const world = new World({ ...scenario, faults: { ...scenario.faults } });
	const upper = new UpperTierCheckers();
	upper.watch(world);
	const happened: Record<string, number> = {};
	let failure: Error | null = null;
	let healMs = 0;
	try {
		await world.start();
		const staying = await happen(world, upper, scenario, happened);
		if (scenario.hasOneView) inOneView(world);
		healMs = await world.heal();
		for (const end of staying) await end();
		await upper.end(world);
	} catch (error) {
		failure = error as Error;
		world.note(`booter ${JSON.stringify(world.booter?.node?.core.state())}`);
		for (const { name, running } of world.live())
			world.note(`${name} ${running!.node.chain.head.height} ${JSON.stringify(running!.node.voter.state())}`);
	}
	const { lost, cut, doubled } = world.hub.counts;
	return {
		seed: scenario.seed,
		shape: shapeOf(scenario),
		height: world.booter?.node?.chain.head.height ?? 0,
		submitted: world.submitted,
		happened: {
			...happened,
			'frames lost': lost,
			'frames cut': cut,
			'frames doubled': doubled,
			'frames reordered': scenario.faults.reordering ? 1 : 0,
			...marketCounts(scenario, world)
		},
		checks: {
			...world.checkers.counts,
			...world.checkers.market.counts,
			...upper.counts,
			...world.replicas.checkers.counts
		},
		healMs,
		virtualMs: world.time.nowMs - world.startedMs,
		steps: world.time.steps,
		failure,
		log: world.log
	};
}

function shapeOf({ partitions, booters, market }: Scenario): string {
	const options = [market?.bidCommitHeights && 'sealed bids', market?.grantHeartbeatHeights && 'grants'];
	return [`${partitions.join('+')} by ${booters}`, ...options.filter(Boolean)].join(', ');
}

/** What the market was made to do beside its trades. */
function marketCounts({ market }: Scenario, { checkers }: World): Record<string, number> {
	const isSealed = Boolean(market?.bidCommitHeights);
	const isGranted = Boolean(market?.grantHeartbeatHeights);
	const refused = Object.entries(checkers.market.refused);
	return {
		'market: sealed bids': Number(isSealed),
		'market: grants': Number(isGranted),
		'market: both options': Number(isSealed && isGranted),
		...Object.fromEntries(refused.map(([code, count]) => [`market: refused ${code}`, count]))
	};
}

function inOneView(world: World): void {
	for (const { id, name, running } of world.members())
		if (!world.liars.has(id) && running!.node.pbft!.view > 0)
			throw new Violation(
				`R5: ${name} has gone to view ${running!.node.pbft!.view}, with q Commits to finish its rounds`
			);
}

/**
 * Begins and ends the scenario's faults at their times. Whatever still lasts at the end of the scenario ends there.
 * @returns ends of what goes on
 */
async function happen(
	world: World,
	upper: UpperTierCheckers,
	scenario: Scenario,
	happened: Record<string, number>
): Promise<End[]> {
	const startMs = world.time.nowMs;
	const staying: End[] = [];
	const agenda: { atMs: number; run(): Promise<void> }[] = [];
	const add = (atMs: number, run: () => Promise<void>): void => {
		agenda.push({ atMs: Math.min(atMs, scenario.durationMs), run });
		agenda.sort((a, b) => a.atMs - b.atMs);
	};
	for (const { atMs, name, lastsMs, stays } of scenario.events)
		add(atMs, async () => {
			const end: End | null = await ALL_FAULTS[name].begin(world, world.random);
			if (!end) return;
			if (LIES.some((lie) => lie === name)) upper.hasLied = true;
			world.note(`${name} for ${Math.round(lastsMs)} ms`);
			happened[name] = (happened[name] ?? 0) + 1;
			// Only who lies goes on; a network that is cut never heals.
			if (stays && (name in LIAR_FAULTS || name in CONQUEST_FAULTS)) staying.push(end);
			else
				add(atMs + lastsMs, async () => {
					world.note(`no longer: ${name}`);
					await end();
				});
		});
	for (let next = agenda.shift(); next; next = agenda.shift()) {
		await world.run(startMs + next.atMs - world.time.nowMs);
		await next.run();
	}
	await world.run(startMs + scenario.durationMs - world.time.nowMs);
	return staying;
}
