/** Runs in the copy of a tree, or in the tree itself: `node search.ts RULE FIRST LAST` prints the first seed that fails, as JSON. */
import { focusedScenarioOf, runScenario } from '../scenario.ts';
import { runSeed } from '../seeds.ts';
import { TEETH } from './teeth.ts';

const [rule, first, last] = process.argv.slice(2);
const tooth = TEETH.find((one) => one.rule === rule);
if (!tooth) throw new Error(`there is no tooth for ${rule}`);
const { search } = tooth;
let found: { seed: number; violation: string } | null = null;
for (let seed = Number(first); seed <= Number(last) && !found; seed++) {
	const { failure } =
		'kind' in search
			? await runSeed(seed, search.kind)
			: await runScenario(focusedScenarioOf(seed, search.focus));
	if (failure) found = { seed, violation: `${failure.name}: ${failure.message}` };
}
console.log(JSON.stringify(found));
process.exit(0);
