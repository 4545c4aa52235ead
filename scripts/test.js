/**
 * npm test: everything, from nothing. `npm test -- --only unit,lint` runs a part of it; the parts are build, format,
 * lint, types, unit and browser. The last line counts what passed, failed and was skipped.
 */
import { TESTS, runChecks } from './lib/checks.js';
import { ensureNode, ensurePackages } from './lib/packages.js';
import { ScriptError, say, script, seconds } from './lib/project.js';

await script(async () => {
	const start = performance.now();
	const checks = chosen(process.argv.slice(2));
	await ensurePackages();
	const node = await ensureNode();
	const { passed, failed, skipped } = await runChecks(checks, node);
	say(`\nAll of it took ${seconds(start)}.`);
	say(`${passed} passed, ${failed} failed, ${skipped} skipped`);
	return failed === 0 ? 0 : 1;
});

/** @param {string[]} args */
function chosen(args) {
	if (args.length === 0) return TESTS;
	const names = TESTS.map((check) => check.name);
	const wanted = args[0] === '--only' ? (args[1] ?? '').split(',') : [];
	if (args.length !== 2 || wanted.some((name) => !names.includes(name)))
		throw new ScriptError(`Allowed: npm test, or npm test -- --only A,B with any of ${names.join(', ')}.`);
	return TESTS.filter((check) => wanted.includes(check.name));
}
