/**
 * Many seeds, several at once, and a table of what happened in them:
 *
 *     npm run simulate -- --seeds 500 --from 1 --minutes 10 --jobs 2
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Outcome } from './scenario.ts';
import type { Task } from './seed-worker.ts';
import { FAULT_NAMES, KINDS, kindOf, rerunLine, type ScenarioKind } from './seeds.ts';

/** So many seeds of all kinds show every row of the table. */
const ENOUGH_SEEDS = 500;

const { values } = parseArgs({
	options: {
		seeds: { type: 'string', default: '200' },
		from: { type: 'string', default: '1' },
		minutes: { type: 'string' },
		jobs: { type: 'string' },
		/** One of KINDS; default: they take turns. */
		kind: { type: 'string' },
		/** Seeds mean what they meant before the market had options: for failures that were noted then. */
		'open-market': { type: 'boolean', default: false },
		log: { type: 'boolean', default: false }
	}
});
const from = whole('from', values.from);
const seeds = whole('seeds', values.seeds);
const jobs = Math.min(seeds, values.jobs === undefined ? availableParallelism() : whole('jobs', values.jobs));
const endMs =
	values.minutes === undefined ? Infinity : performance.now() + whole('minutes', values.minutes) * 60_000;
const hasOpenMarket = values['open-market'];
const kind = values.kind as ScenarioKind | undefined;
if (kind && !KINDS.includes(kind)) {
	console.error(`--kind takes ${KINDS.join(', ')}, not "${kind}"`);
	process.exit(2);
}

const totals = new Map<string, number>(FAULT_NAMES.map((name) => [name, 0]));
let longestHealMs = 0;
let failures = 0;
let ran = 0;
let virtualMs = 0;
let next = from;
const startedMs = performance.now();

await Promise.all(Array.from({ length: jobs }, () => work()));

const tookS = (performance.now() - startedMs) / 1000;
console.log(
	`\n${ran} seeds, ${(virtualMs / 60_000).toFixed(1)} virtual minutes in ${tookS.toFixed(0)} s with ${jobs} jobs (${((tookS * jobs) / ran).toFixed(2)} s a seed)`
);
console.table(
	Object.fromEntries(
		[...totals].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => [name, { count }])
	)
);
console.log(`At most ${(longestHealMs / 1000).toFixed(1)} virtual seconds from the last fault to rest.`);
console.log(failures === 0 ? 'No violation.' : `${failures} seeds failed; the lines above run them again.`);
// What never happened was not shown to do no harm.
const missing =
	kind || hasOpenMarket || ran < ENOUGH_SEEDS ? [] : [...totals].filter(([, count]) => count === 0);
for (const [name] of missing) console.log(`Never in ${ran} seeds: ${name}.`);
process.exit(failures + missing.length === 0 ? 0 : 1);

/** One thread, until there is no seed left, or no time. */
async function work(): Promise<void> {
	const worker = new Worker(new URL('seed-worker.ts', import.meta.url));
	await new Promise<void>((resolve, reject) => {
		let which: ScenarioKind;
		const goOn = (): void => {
			if (next >= from + seeds || performance.now() >= endMs) return resolve();
			const seed = next++;
			which = kind ?? kindOf(seed, hasOpenMarket);
			worker.postMessage({ seed, kind: which, hasOpenMarket } satisfies Task);
		};
		worker.on('error', reject);
		worker.on('message', (outcome: Outcome) => {
			take(outcome, which);
			goOn();
		});
		goOn();
	});
	await worker.terminate();
}

function take(outcome: Outcome, which: ScenarioKind): void {
	ran += 1;
	virtualMs += outcome.virtualMs;
	longestHealMs = Math.max(longestHealMs, outcome.healMs);
	for (const [name, count] of Object.entries({
		...outcome.happened,
		...prefixed(outcome.checks),
		blocks: outcome.height,
		transfers: outcome.submitted,
		[`seeds: ${which}`]: 1
	}))
		totals.set(name, (totals.get(name) ?? 0) + count);
	if (!outcome.failure) return;
	failures += 1;
	console.log(rerunLine(outcome, which, hasOpenMarket));
	if (seeds === 1 || values.log) console.log([...outcome.log, outcome.failure.stack].join('\n'));
}

function prefixed(checks: Record<string, number>): Record<string, number> {
	return Object.fromEntries(Object.entries(checks).map(([name, count]) => [`checked: ${name}`, count]));
}

function whole(name: string, text: string): number {
	const value = Number(text);
	if (!Number.isSafeInteger(value) || value < 1) {
		console.error(`--${name} takes a whole number of 1 or more, not "${text}"`);
		process.exit(2);
	}
	return value;
}
