/**
 * A check that cannot fail is none: takes the rules away one at a time, from a copy of the tree, and shows the first seed that
 * notices.
 *
 *     npm run simulate:teeth -- --only R4,R8
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TEETH, type Tooth } from './teeth.ts';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const only = values.only?.split(',');
const unknown = only?.find((rule) => !TEETH.some((tooth) => tooth.rule === rule));
if (unknown) {
	console.error(`--only takes rules of ${TEETH.map(({ rule }) => rule).join(', ')}, not "${unknown}"`);
	process.exit(2);
}

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** What a simulation needs of the tree. */
const PARTS = ['src', 'relay', 'tests', 'package.json', 'tsconfig.json'];

interface Result {
	removed: string;
	seed: number | null;
	violation: string;
}

const table: Record<string, Result> = {};
for (const tooth of TEETH) {
	if (only && !only.includes(tooth.rule)) continue;
	table[tooth.rule] = bite(tooth);
	const { seed, violation } = table[tooth.rule]!;
	console.log(`${tooth.rule}: ${seed === null ? violation : `seed ${seed}: ${violation}`}`);
}
console.table(table);
const missed = Object.values(table).filter(({ seed }) => seed === null).length;
console.log(missed === 0 ? 'All caught.' : `${missed} not caught.`);
process.exit(missed === 0 ? 0 : 1);

function bite({ rule, removed, maxSeeds }: Tooth): Result {
	const copy = mkdtempSync(join(tmpdir(), 'tabwave-teeth-'));
	try {
		for (const part of PARTS) cpSync(join(ROOT, part), join(copy, part), { recursive: true });
		symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
		const patch = join(import.meta.dirname, `${rule}.patch`);
		const applied = spawnSync('git', ['apply', patch], { cwd: copy, encoding: 'utf8' });
		if (applied.status !== 0)
			return { removed, seed: null, violation: `does not apply: ${applied.stderr.trim()}` };
		const found = searchIn(copy, rule, 1, maxSeeds);
		if (!found) return { removed, seed: null, violation: `not caught in ${maxSeeds} seeds` };
		// With the rule in its place the same seed must pass: what was found is what was taken away.
		const whole = searchIn(ROOT, rule, found.seed, found.seed);
		if (whole) return { removed, seed: null, violation: `fails with the rule too: ${whole.violation}` };
		return { removed, ...found };
	} finally {
		rmSync(copy, { recursive: true, force: true });
	}
}

function searchIn(
	tree: string,
	rule: string,
	first: number,
	last: number
): { seed: number; violation: string } | null {
	const script = join(tree, 'tests', 'simulation', 'teeth', 'search.ts');
	const run = spawnSync(process.execPath, [script, rule, String(first), String(last)], {
		cwd: tree,
		encoding: 'utf8',
		maxBuffer: 64 * 1024 * 1024
	});
	if (run.status !== 0)
		return { seed: first, violation: `the search itself failed: ${run.stderr.trim().slice(-300)}` };
	return JSON.parse(run.stdout.trim().split('\n').at(-1)!) as { seed: number; violation: string } | null;
}
