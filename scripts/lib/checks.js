/** The checks of `npm run check` and `npm test`, and how each one's outcome is counted. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBrowser } from './browser.js';
import { canIsolate, isolated } from './namespace.js';
import { ROOT, ScriptError, endOf, environment, run, say, seconds } from './project.js';
import { ensureBuilt } from './builds.js';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */
/**
 * `oneCore`: it keeps one core busy and measures no times, so it runs beside its neighbours of that kind.
 * @typedef {{ name: string, title: string, oneCore?: boolean, run: (node: string) => Promise<Counts> }} Check
 */

const RESULTS = join(ROOT, 'test-results');
const PASSED = { passed: 1, failed: 0, skipped: 0 };
const FAILED = { passed: 0, failed: 1, skipped: 0 };
/** Longer than any of them takes on two slow cores; a check that hangs must not hang the run. */
const STATIC_TIMEOUT_MS = 300_000;
const UNIT_TIMEOUT_MS = 480_000;
const BROWSER_TIMEOUT_MS = 780_000;
const LONG_BROWSER_TIMEOUT_MS = 3_060_000;

/** @type {Check[]} */
export const STATIC_CHECKS = [
	{
		name: 'format',
		oneCore: true,
		title: 'Format (Prettier)',
		run: (node) => program(node, 'prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.'])
	},
	{
		name: 'lint',
		oneCore: true,
		title: 'Rules of the code (ESLint)',
		run: (node) => program(node, 'eslint/bin/eslint.js', ['--max-warnings', '0', '.'])
	},
	{
		name: 'types',
		oneCore: true,
		title: 'Types (svelte-check)',
		run: (node) =>
			program(node, 'svelte-check/bin/svelte-check', ['--output', 'human', '--threshold', 'error'])
	}
];

/** @type {Check[]} */
export const TESTS = [
	{ name: 'build', title: 'The site builds', run: build },
	...STATIC_CHECKS,
	{ name: 'unit', title: 'Unit tests and short simulation (Vitest)', run: unitTests },
	{ name: 'browser', title: 'Browser tests (Playwright)', run: (node) => browserTests(node) }
];

/** What takes too long for every run. @type {Check[]} */
export const LONG_TESTS = [
	{
		name: 'browser',
		title: 'Long browser tests (Playwright)',
		run: (node) => browserTests(node, { TABWAVE_LONG: '1' }, LONG_BROWSER_TIMEOUT_MS)
	}
];

/**
 * Runs all of them, even where one fails.
 * @param {Check[]} checks
 * @param {string} node path of the node binary
 * @returns {Promise<Counts>}
 */
export async function runChecks(checks, node) {
	mkdirSync(RESULTS, { recursive: true });
	const total = { passed: 0, failed: 0, skipped: 0 };
	for (const group of groups(checks)) {
		say(`\n▸ ${group.map(({ title }) => title).join(' · ')}`);
		for (const counts of await Promise.all(group.map((check) => runCheck(check, node)))) {
			total.passed += counts.passed;
			total.failed += counts.failed;
			total.skipped += counts.skipped;
		}
	}
	return total;
}

/**
 * Neighbours that take one core each, together.
 * @param {Check[]} checks
 */
function groups(checks) {
	/** @type {Check[][]} */
	const found = [];
	for (const check of checks) {
		const last = found.at(-1);
		if (check.oneCore && last?.[0]?.oneCore) last.push(check);
		else found.push([check]);
	}
	return found;
}

/**
 * @param {Check} check
 * @param {string} node
 * @returns {Promise<Counts>}
 */
async function runCheck(check, node) {
	const start = performance.now();
	let counts = FAILED;
	try {
		counts = await check.run(node);
	} catch (error) {
		if (!(error instanceof ScriptError)) throw error;
		say(error.message);
	}
	const name = check.oneCore ? `${check.title}: ` : '';
	say(`  ${name}${counts.failed === 0 ? 'passed' : 'FAILED'} in ${seconds(start)}`);
	return counts;
}

/** @param {string} node */
async function build(node) {
	await ensureBuilt(node);
	return PASSED;
}

/**
 * A program that only says yes or no.
 * @param {string} node
 * @param {string} path below node_modules
 * @param {string[]} args
 */
async function program(node, path, args) {
	const { code, output } = await run(node, [join('node_modules', path), ...args], {
		env: environment(node),
		quiet: true,
		timeoutMs: STATIC_TIMEOUT_MS
	});
	if (code !== 0) say(endOf(output));
	return code === 0 ? PASSED : FAILED;
}

/** @param {string} node */
async function unitTests(node) {
	const report = join(RESULTS, 'vitest.json');
	rmSync(report, { force: true });
	const args = ['run', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
	const { code } = await run(node, [join('node_modules', 'vitest', 'vitest.mjs'), ...args], {
		env: environment(node),
		timeoutMs: UNIT_TIMEOUT_MS
	});
	return countVitest(report, code);
}

/**
 * @param {string} node
 * @param {NodeJS.ProcessEnv} [more]
 * @param {number} [timeoutMs]
 */
async function browserTests(node, more = {}, timeoutMs = BROWSER_TIMEOUT_MS) {
	await ensureBuilt(node);
	const browser = await ensureBrowser(node);
	const report = join(RESULTS, 'playwright.json');
	rmSync(report, { force: true });
	const program = [join('node_modules', '@playwright', 'test', 'cli.js'), 'test', '--reporter=list,json'];
	const alone = canIsolate();
	say(
		`  with ${browser}${alone ? ', in a network namespace of its own' : ', on this machine’s network (a namespace needs root)'}`
	);
	const [command, args] = alone ? isolated(node, program) : [node, program];
	const { code } = await run(command, args, {
		// Playwright decides about colour for itself and its programs; told twice, Node.js warns in each of them.
		env: {
			...environment(node),
			NO_COLOR: undefined,
			TABWAVE_CHROMIUM: browser,
			PLAYWRIGHT_JSON_OUTPUT_NAME: report,
			...more
		},
		timeoutMs
	});
	return countPlaywright(report, code);
}

/**
 * @param {string} file Vitest's JSON report
 * @param {number} code its exit code
 * @returns {Counts}
 */
export function countVitest(file, code) {
	const report = read(file);
	if (!report) return FAILED;
	// A file that does not load has no test that could fail.
	const broken = report.testResults.filter(
		(/** @type {any} */ result) =>
			result.status === 'failed' &&
			result.assertionResults.every((/** @type {any} */ test) => test.status !== 'failed')
	).length;
	return honest(
		report.numPassedTests,
		report.numFailedTests + broken,
		report.numPendingTests + report.numTodoTests,
		code
	);
}

/**
 * @param {string} file Playwright's JSON report
 * @param {number} code its exit code
 * @returns {Counts}
 */
export function countPlaywright(file, code) {
	const report = read(file);
	if (!report) return FAILED;
	const { expected, unexpected, flaky, skipped } = report.stats;
	return honest(expected + flaky, unexpected, skipped, code);
}

/**
 * A runner that ends badly without a failed test has failed all the same.
 * @param {number} passed
 * @param {number} failed
 * @param {number} skipped
 * @param {number} code
 */
function honest(passed, failed, skipped, code) {
	return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped };
}

/** @param {string} file */
function read(file) {
	try {
		return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
	} catch {
		// Cut short by a crash or the time limit: as good as none.
		return null;
	}
}
