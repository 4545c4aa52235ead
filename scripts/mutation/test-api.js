/**
 * What the tests of the cores import as `vitest`, for one-process.js: they register here, once, and are run as often as there
 * are mutants. It has as much of Vitest as these tests use; what they expect is Vitest's own.
 */
import { format } from 'node:util';

export { expect } from 'vitest';

/** @typedef {() => unknown} Hook */
/** @typedef {{ name: string, parent: Suite, run: Hook }} Test */
/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} file
 * @property {Suite | null} parent
 * @property {Hook[]} beforeAll
 * @property {Hook[]} beforeEach
 * @property {(Suite | Test)[]} children in the order in which they were written
 */

/** @type {Suite | null} */
let open = null;

/**
 * All that is registered from now on is of this file.
 * @param {string} file
 * @returns {Suite}
 */
export function openFile(file) {
	open = { name: '', file, parent: null, beforeAll: [], beforeEach: [], children: [] };
	return open;
}

/** @returns {Suite} */
function current() {
	if (!open) throw new Error('a test was registered outside of a file');
	return open;
}

/**
 * @param {string} name
 * @param {Hook} register
 */
export function describe(name, register) {
	const parent = current();
	open = { name, file: parent.file, parent, beforeAll: [], beforeEach: [], children: [] };
	parent.children.push(open);
	try {
		register();
	} finally {
		open = parent;
	}
}

/**
 * @param {string} name
 * @param {Hook} run
 */
export function it(name, run) {
	const parent = current();
	parent.children.push({ name, parent, run });
}
it.each = each(it);
describe.each = each(describe);

/** @param {(name: string, run: Hook) => void} register */
function each(register) {
	/** @param {unknown[]} table */
	return (table) =>
		/**
		 * @param {string} name
		 * @param {(...row: any[]) => unknown} run
		 */
		(name, run) => {
			for (const row of table) {
				const args = Array.isArray(row) ? row : [row];
				const named = args.slice(0, name.match(/%[sidj]/g)?.length ?? 0);
				register(format(name, ...named), () => run(...args));
			}
		};
}

/** @param {Hook} hook */
export function beforeAll(hook) {
	current().beforeAll.push(hook);
}

/** @param {Hook} hook */
export function beforeEach(hook) {
	current().beforeEach.push(hook);
}
