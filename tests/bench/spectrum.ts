/**
 * Mechanisms of the spectrum market against the optimum, on random markets that a seed makes again anywhere.
 *
 *     npm run bench:spectrum                       20×20, 40×40 and 60×60
 *     npm run bench:spectrum -- --quick            20×20 only, in under 50 s
 *     npm run bench:spectrum -- --markets 50       markets of each kind
 *     npm run bench:spectrum -- --json out.json    everything that was measured
 *     npm run bench:spectrum -- --scenario a.json  the markets of a scenario file instead, and the scenario from step to step
 *
 * Ends with 1 where a bound is missed: `greedy` in the mean of a kind of market, a conflicting pair, McAfee's published efficiency.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { OptimumService } from '#lib/spectrum/mechanisms/optimal/optimum-service.ts';
import { startThread } from '#lib/spectrum/mechanisms/optimal/thread-solver.ts';
import { mechanismNamed } from '#lib/spectrum/mechanisms/registry.ts';
import { marketInstance } from '#lib/spectrum/scenario/market-instance.ts';
import { casesOf, runScenario } from '#lib/spectrum/scenario/run-scenario.ts';
import { parseScenario, type Scenario } from '#lib/spectrum/scenario/scenario.ts';
import {
	runSweep,
	type SweepCase,
	type SweepContender,
	type SweepRow
} from '#lib/spectrum/scenario/sweep.ts';
import { mcAfeeEfficiency } from '#lib/spectrum/testing/mcafee-efficiency.ts';

const { values } = parseArgs({
	options: {
		quick: { type: 'boolean', default: false },
		markets: { type: 'string', default: '12' },
		json: { type: 'string' },
		scenario: { type: 'string' }
	}
});

const markets = Number(values.markets);
if (!Number.isSafeInteger(markets) || markets < 1) throw new RangeError('--markets takes a number from 1');
/** @throws ScenarioError */
const scenario = values.scenario ? parseScenario(readFileSync(values.scenario, 'utf8')) : undefined;
const sizes = values.quick ? [20] : [20, 40, 60];
/** Of one market. Those that are not proven in time are counted, and their ratios are to a bound. */
const TIME_LIMIT_MS = values.quick ? 10_000 : 30_000;

/** What spectrum.md says, of the same kind of market. */
const PUBLISHED: Record<string, string> = {
	'seed/1': '0.32–0.50',
	'seed/5': '0.58–0.73',
	'greedy/1': '0.96–1.00'
};
const LEAST_GREEDY = { with: 0.95, without: 0.99 };
const MCAFEE: [traders: number, percent: number][] = [
	[2, 77.2],
	[5, 94.6],
	[10, 98.4],
	[50, 99.9]
];
const MCAFEE_SEEDS = 20_000;
const MCAFEE_POINTS = 0.5;

const CONTENDERS: SweepContender[] = [
	{ mechanism: mechanismNamed('greedy') },
	{ mechanism: mechanismNamed('seed') },
	{ mechanism: mechanismNamed('seed'), rounds: 5 },
	{ mechanism: mechanismNamed('mcafee') },
	{ mechanism: mechanismNamed('veritas') },
	{ mechanism: mechanismNamed('trust') },
	{ mechanism: mechanismNamed('veritas'), reuse: true },
	{ mechanism: mechanismNamed('trust'), reuse: true }
];

const CONFLICTS = 'with conflicts';
const missed: string[] = [];
const start = performance.now();

const service = new OptimumService(startThread);
const sweep = await runSweep({
	cases: scenario ? casesOf(scenario, seeds()) : cases(),
	contenders: CONTENDERS,
	optimum: (market) => service.clear(market, TIME_LIMIT_MS)
});
service.stop();

say(`Welfare over the optimum (HiGHS), ${markets} markets of each kind, seeds 0 to ${markets - 1}:\n`);
table([
	['market', 'mechanism', 'mean', 'least', 'spectrum.md', 'trades', 'fairness'],
	...sweep.rows.map((row) => [
		row.group,
		nameOf(row),
		row.ratio?.toFixed(3) ?? '–',
		row.leastRatio?.toFixed(3) ?? '–',
		row.reuse || scenario ? '' : (PUBLISHED[`${row.mechanism}/${row.rounds}`] ?? ''),
		row.trades.toFixed(1),
		row.fairness.toFixed(2)
	])
]);
say(
	`\n${sweep.bounds} optima were not proven within ${TIME_LIMIT_MS / 1000} s: there the ratio is to a bound.`
);
say(
	'Shared: a channel may have several holders; the optimum beside it does not share, so a ratio may pass 1.'
);
say(`Reproduction hash of all trades: ${sweep.hash}\n`);

for (const row of sweep.rows)
	if (row.conflictingPairs > 0)
		missed.push(`${row.group}, ${nameOf(row)}: ${row.conflictingPairs} conflicting pairs`);
const mcAfee = scenario ? [] : published();
if (scenario) showSteps(scenario);

const seconds = (performance.now() - start) / 1000;
say(`\n${seconds.toFixed(1)} s`);
if (values.json)
	writeFileSync(values.json, JSON.stringify({ ...sweep, mcAfee, missed, seconds }, null, '\t') + '\n');
for (const line of missed) say(`MISSED: ${line}`);
process.exitCode = missed.length === 0 ? 0 : 1;

/** What the instances of spectrum.md must reach. */
function published(): { traders: number; published: number; measured: number }[] {
	for (const row of sweep.rows) {
		if (row.mechanism !== 'greedy') continue;
		const least = row.group.endsWith(CONFLICTS) ? LEAST_GREEDY.with : LEAST_GREEDY.without;
		if (row.ratio === null || row.ratio < least)
			missed.push(`${row.group}, greedy: ${row.ratio?.toFixed(3)} is below ${least}`);
	}
	const efficiencies = MCAFEE.map(([traders, percent]) => ({
		traders,
		published: percent,
		measured: mcAfeeEfficiency(traders, MCAFEE_SEEDS)
	}));
	say(`McAfee’s auction over ${MCAFEE_SEEDS} random markets:\n`);
	table([
		['buyers and sellers', 'efficiency %', 'published %'],
		...efficiencies.map(({ traders, measured, published: percent }) => [
			String(traders),
			measured.toFixed(2),
			percent.toFixed(1)
		])
	]);
	for (const { traders, measured, published: percent } of efficiencies)
		if (!(Math.abs(measured - percent) <= MCAFEE_POINTS))
			missed.push(
				`McAfee with ${traders}: ${measured.toFixed(2)} % is not within ${MCAFEE_POINTS} of ${percent} %`
			);
	return efficiencies;
}

function showSteps(shown: Scenario): void {
	const { steps, hash } = runScenario(shown);
	say(`“${shown.name}” by ${shown.mechanism}, step by step:\n`);
	table([
		['step', 'buyers', 'sellers', 'trades', 'welfare', 'mean occupancy %'],
		...steps.map((step) => [
			String(step.step),
			String(step.buyers),
			String(step.sellers),
			String(step.trades),
			String(step.welfare),
			(step.meanOccupancyPpm / 10_000).toFixed(1)
		])
	]);
	const conflicts = steps.reduce((sum, step) => sum + step.conflictingPairs, 0);
	if (conflicts > 0) missed.push(`${shown.name}: ${conflicts} conflicting pairs`);
	say(`\nReproduction hash of the scenario: ${hash}`);
}

function* seeds(): Generator<number> {
	for (let seed = 0; seed < markets; seed++) yield seed;
}

function* cases(): Generator<SweepCase> {
	for (const size of sizes)
		for (const conflicts of [false, true])
			for (let seed = 0; seed < markets; seed++)
				yield {
					group: `${size}×${size} ${conflicts ? CONFLICTS : 'without'}`,
					market: marketInstance({ seed, size, conflicts })
				};
}

function nameOf({ mechanism, rounds, reuse }: SweepRow): string {
	return `${mechanism}${rounds > 1 ? `, ${rounds} rounds` : ''}${reuse ? ', shared' : ''}`;
}

function table(lines: string[][]): void {
	const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
	for (const line of lines)
		say(
			`  ${line
				.map((cell, i) => cell.padEnd(widths[i]!))
				.join('  ')
				.trimEnd()}`
		);
}

function say(line: string): void {
	process.stdout.write(`${line}\n`);
}
