/**
 * Many seeds of the Booter's faults, one after another, and a table of what happened in them:
 *
 *     node tests/simulation/booter-main.ts --seeds 200 --from 1 --minutes 1
 */
import { parseArgs } from 'node:util';
import { booterRerunLine, booterScenarioOf, runBooterScenario } from './booter-scenario.ts';

const { values } = parseArgs({
	options: {
		seeds: { type: 'string', default: '100' },
		from: { type: 'string', default: '1' },
		minutes: { type: 'string', default: '10' },
		log: { type: 'boolean', default: false }
	}
});
const from = Number(values.from);
const seeds = Number(values.seeds);
const endMs = performance.now() + Number(values.minutes) * 60_000;
const startedMs = performance.now();
const totals = new Map<string, number>();
let failures = 0;
let ran = 0;
for (let seed = from; seed < from + seeds && performance.now() < endMs; seed++) {
	const outcome = await runBooterScenario(booterScenarioOf(seed));
	ran += 1;
	const counted = { ...outcome.happened, ...outcome.checks, blocks: outcome.height };
	for (const [name, count] of Object.entries(counted)) totals.set(name, (totals.get(name) ?? 0) + count);
	if (!outcome.failure) continue;
	failures += 1;
	console.log(booterRerunLine(outcome));
	if (values.log || seeds === 1) console.log(outcome.log.join('\n'));
}
const tookS = (performance.now() - startedMs) / 1000;
console.log(`\n${ran} seeds in ${tookS.toFixed(0)} s (${(tookS / ran).toFixed(2)} s a seed)`);
console.table(
	Object.fromEntries(
		[...totals].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => [name, { count }])
	)
);
console.log(failures === 0 ? 'No violation.' : `${failures} seeds failed; the lines above run them again.`);
process.exit(failures === 0 ? 0 : 1);
