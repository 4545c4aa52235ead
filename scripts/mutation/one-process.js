/**
 * A test runner for StrykerJS that loads the cores and their tests once and runs, for each mutant, the tests that reach it,
 * the shortest first. Vitest's own runner loads them anew for each mutant, which takes ten times as long; it judges alike
 * (`npm run mutation -- --testRunner vitest --mutate FILE` compares). This works for the cores because they are pure: no test
 * leaves anything behind but what its hooks make anew.
 */
import { globSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import * as api from './test-api.js';

/** @import { Hook, Suite, Test } from './test-api.js' */
/** @typedef {{ id: string, test: Test, suites: Suite[], ms: number }} Listed */
/** @typedef {{ id: string, name: string, timeSpentMs: number, fileName: string, status: 0 | 1, failureMessage: string }} Result */
/** @typedef {Record<string, number>} Hits */
/**
 * What Stryker's instrumentation and this runner say to each other.
 * @typedef {object} Instrumentation
 * @property {string} [activeMutant]
 * @property {string} [currentTestId]
 * @property {{ static: Hits, perTest: Record<string, Hits> }} [mutantCoverage]
 * @property {number} [hitCount]
 * @property {number} [hitLimit]
 */

const TESTS = 'src/lib/{consensus,ledger}/**/*.test.ts';
/** A test that a mutant makes wait for ever is stopped after this, or after ten times what it takes otherwise. */
const MIN_TEST_TIMEOUT_MS = 3000;
const HOOK_TIMEOUT_MS = 30_000;
/** A few of the turmoil's seeds: all of them take seconds, for every mutant of Raft. */
const TURMOIL_SEEDS = '1…25';
const PASSED = 0;
const FAILED = 1;

class OneProcessRunner {
	/** What Stryker is to hand to the constructor. @type {string[]} */
	static inject = [];
	/** @type {Instrumentation} */
	#stryker = {};
	/** @type {Listed[]} In the order of their files. */
	#tests = [];
	/** What each file has told fast-check. @type {Map<string, ReturnType<typeof fc.readConfigureGlobal>>} */
	#properties = new Map();
	/** @type {Map<Suite, string>} */
	#suiteIds = new Map();

	capabilities() {
		return { reloadEnvironment: false };
	}

	async init() {
		process.env.NODE_ENV = 'test';
		process.env.TURMOIL_SEEDS ??= TURMOIL_SEEDS;
		// Of a test that is over: its mutant has been judged.
		process.on('unhandledRejection', () => {});
		registerHooks({
			resolve: (specifier, context, next) =>
				specifier === 'vitest'
					? { url: new URL('./test-api.js', import.meta.url).href, shortCircuit: true }
					: next(specifier, context)
		});
		const scope = /** @type {{ __stryker__?: Instrumentation }} */ (globalThis);
		this.#stryker = scope.__stryker__ ??= {};
		for (const file of globSync(TESTS).sort()) {
			const suite = api.openFile(file);
			await import(pathToFileURL(resolve(file)).href);
			this.#properties.set(file, { ...fc.readConfigureGlobal() });
			fc.resetConfigureGlobal();
			this.#list(suite, `${file}#`, []);
		}
	}

	/** All tests without a mutant: what each of them reaches, and how long it takes. */
	async dryRun() {
		const tests = await this.#run(this.#tests, true);
		const coverage = this.#stryker.mutantCoverage ?? { static: {}, perTest: {} };
		// What a hook reaches before all tests of a suite, each of them has reached.
		for (const { id, suites } of this.#tests)
			for (const suite of suites) {
				const reached = (coverage.perTest[id] ??= {});
				for (const [mutant, hits] of Object.entries(coverage.perTest[this.#idOf(suite)] ?? {}))
					reached[mutant] = (reached[mutant] ?? 0) + hits;
			}
		for (const id of this.#suiteIds.values()) delete coverage.perTest[id];
		return { status: 'complete', tests, mutantCoverage: coverage };
	}

	/** @param {{ activeMutant: { id: string }, testFilter?: string[], hitLimit?: number }} options */
	async mutantRun({ activeMutant, testFilter, hitLimit }) {
		const stryker = this.#stryker;
		Object.assign(stryker, { activeMutant: activeMutant.id, hitCount: 0, hitLimit });
		const reaching = testFilter && new Set(testFilter);
		const tests = this.#tests.filter(({ id }) => !reaching || reaching.has(id));
		const results = await this.#run(
			tests.sort((a, b) => a.ms - b.ms),
			false
		);
		stryker.activeMutant = undefined;
		if (this.#isEndless()) return { status: 'timeout', reason: `more than ${hitLimit} hits` };
		const nrOfTests = results.length;
		const failed = results.find(({ status }) => status === FAILED);
		return failed
			? { status: 'killed', killedBy: [failed.id], failureMessage: failed.failureMessage, nrOfTests }
			: { status: 'survived', nrOfTests };
	}

	/**
	 * @param {Suite | Test} node
	 * @param {string} prefix
	 * @param {Suite[]} suites
	 */
	#list(node, prefix, suites) {
		if ('run' in node) {
			const id = prefix + node.name;
			const same = this.#tests.filter((other) => other.id === id || other.id.startsWith(`${id} (`)).length;
			this.#tests.push({ id: same > 0 ? `${id} (${same + 1})` : id, test: node, suites, ms: 0 });
			return;
		}
		const inner = node.parent ? `${prefix}${node.name} > ` : prefix;
		for (const child of node.children) this.#list(child, inner, [...suites, node]);
	}

	/**
	 * @param {Listed[]} tests
	 * @param {boolean} isDry without a mutant: all of them, to know what each reaches
	 * @returns {Promise<Result[]>} up to the first that fails, where there is a mutant
	 */
	async #run(tests, isDry) {
		const stryker = this.#stryker;
		/** @type {Result[]} */
		const results = [];
		/** Suites that have begun, and how that went. @type {Map<Suite, Promise<void>>} */
		const begun = new Map();
		for (const listed of tests) {
			const startedMs = performance.now();
			/** @type {string | null} */
			let failure = null;
			try {
				// The smallest counterexample is of no use here.
				fc.configureGlobal({ ...this.#properties.get(fileOf(listed)), endOnFailure: true });
				for (const suite of listed.suites) {
					stryker.currentTestId = isDry ? this.#idOf(suite) : undefined;
					if (!begun.has(suite)) begun.set(suite, inTurn(suite.beforeAll));
					await begun.get(suite);
				}
				stryker.currentTestId = listed.id;
				for (const suite of listed.suites) await inTurn(suite.beforeEach);
				await within(isDry ? Infinity : Math.max(MIN_TEST_TIMEOUT_MS, 10 * listed.ms), listed.test.run);
			} catch (error) {
				failure = String(error instanceof Error ? error.message : error);
			}
			stryker.currentTestId = undefined;
			const ms = performance.now() - startedMs;
			if (isDry) listed.ms = ms;
			results.push({
				id: listed.id,
				name: listed.id,
				timeSpentMs: ms,
				fileName: resolve(fileOf(listed)),
				status: failure === null ? PASSED : FAILED,
				failureMessage: failure ?? ''
			});
			if (!isDry && (failure !== null || this.#isEndless())) break;
		}
		return results;
	}

	#isEndless() {
		const { hitCount = 0, hitLimit = Infinity } = this.#stryker;
		return hitCount > hitLimit;
	}

	/** @param {Suite} suite */
	#idOf(suite) {
		const id = this.#suiteIds.get(suite) ?? `suite ${this.#suiteIds.size}`;
		this.#suiteIds.set(suite, id);
		return id;
	}
}

/** @param {Listed} listed */
function fileOf({ test }) {
	return test.parent.file;
}

/** @param {Hook[]} hooks */
async function inTurn(hooks) {
	for (const hook of hooks) await within(HOOK_TIMEOUT_MS, hook);
}

/**
 * @param {number} timeoutMs
 * @param {Hook} run
 */
async function within(timeoutMs, run) {
	const running = run();
	if (!(running instanceof Promise)) return;
	if (timeoutMs === Infinity) return running;
	/** @type {NodeJS.Timeout | undefined} */
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`no end after ${timeoutMs} ms`)), timeoutMs);
	});
	try {
		await Promise.race([running, late]);
	} finally {
		clearTimeout(timer);
	}
}

export const strykerPlugins = [
	{ kind: 'TestRunner', name: 'one-process', injectableClass: OneProcessRunner }
];
