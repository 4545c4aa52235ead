import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { countPlaywright, countVitest } from './checks.js';

const folder = mkdtempSync(join(tmpdir(), 'tabwave-counts-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** @param {unknown} content */
function file(content) {
	const path = join(folder, 'report.json');
	writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
	return path;
}

const vitest = { numPassedTests: 7, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1, testResults: [] };

it('counts a good run', () => {
	expect(countVitest(file(vitest), 0)).toEqual({ passed: 7, failed: 0, skipped: 2 });
	const stats = { expected: 3, unexpected: 0, flaky: 1, skipped: 2 };
	expect(countPlaywright(file({ stats }), 0)).toEqual({ passed: 4, failed: 0, skipped: 2 });
});

it('counts a file that does not load as a failure', () => {
	const testResults = [
		{ status: 'failed', assertionResults: [] },
		{ status: 'failed', assertionResults: [{ status: 'failed' }] }
	];
	expect(countVitest(file({ ...vitest, numFailedTests: 1, testResults }), 1).failed).toBe(2);
});

it('calls no report, half a report and a bad end a failure', () => {
	expect(countVitest(join(folder, 'none.json'), 0).failed).toBe(1);
	expect(countPlaywright(file('{"stats":'), 1).failed).toBe(1);
	expect(countVitest(file(vitest), 1).failed).toBe(1);
});
