/**
 * Many seeds, one after another, and a table of what happened in them:
 *
 *     npm run simulate -- --seeds 500 --from 1 --minutes 10
 */
import { parseArgs } from 'node:util';
import { FAULTS } from './faults.ts';
import { rerunLine, runScenario, scenarioOf, type Outcome } from './scenario.ts';

const { values } = parseArgs({
	options: {
		seeds: { type: 'string', default: '200' },
		from: { type: 'string', default: '1' },
		minutes: { type: 'string' },
		log: { type: 'boolean', default: false }
	}
});
const from = whole('from', values.from);
const seeds = whole('seeds', values.seeds);
const endMs =
	values.minutes === undefined ? Infinity : performance.now() + whole('minutes', values.minutes) * 60_000;

// Every kind of fault has its row: one that never happened shows.
const totals = new Map<string, number>(Object.keys(FAULTS).map((name) => [name, 0]));
let longestHealMs = 0;
const failures: Outcome[] = [];
const startedMs = performance.now();
let ran = 0;
let virtualMs = 0;
for (let seed = from; seed < from + seeds && performance.now() < endMs; seed++) {
	const outcome = await runScenario(scenarioOf(seed));
	ran += 1;
	virtualMs += outcome.virtualMs;
	longestHealMs = Math.max(longestHealMs, outcome.healMs);
	for (const [name, count] of Object.entries({
		...outcome.happened,
		...prefixed(outcome.checks),
		blocks: outcome.height,
		transfers: outcome.submitted
	}))
		totals.set(name, (totals.get(name) ?? 0) + count);
	if (outcome.failure) {
		failures.push(outcome);
		console.log(rerunLine(outcome));
		if (seeds === 1 || values.log) console.log(outcome.log.join('\n'));
	}
}
const tookS = (performance.now() - startedMs) / 1000;
console.log(
	`\n${ran} seeds, ${(virtualMs / 60_000).toFixed(1)} virtual minutes in ${tookS.toFixed(0)} s (${(tookS / ran).toFixed(2)} s a seed)`
);
console.table(
	Object.fromEntries(
		[...totals].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => [name, { count }])
	)
);
console.log(`At most ${(longestHealMs / 1000).toFixed(1)} virtual seconds from the last fault to rest.`);
console.log(
	failures.length === 0 ? 'No violation.' : `${failures.length} seeds failed; the lines above run them again.`
);
process.exit(failures.length === 0 ? 0 : 1);

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
