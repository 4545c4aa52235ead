import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepFiles, MAX_KEPT_BUILDS } from './kept-files.ts';

let folder: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'tabwave-kept-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Replaces the build by one that has these files. @returns the names that are kept after it */
function build(version: string, files: Record<string, string>): string[] {
	const site = join(folder, 'site');
	rmSync(site, { recursive: true, force: true });
	for (const [name, content] of Object.entries(files)) {
		const file = join(site, '_app', 'immutable', name);
		mkdirSync(join(file, '..'), { recursive: true });
		writeFileSync(file, content);
	}
	mkdirSync(join(site, '_app'), { recursive: true });
	writeFileSync(join(site, '_app', 'version.json'), JSON.stringify({ version }));
	const kept = keepFiles(site, join(folder, 'data'))!;
	return readdirSync(join(kept, '_app', 'immutable'), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ name }) => name)
		.sort();
}

describe('files of earlier builds', () => {
	it('stay beside those of the present one', () => {
		expect(build('1', { 'a.js': 'a', 'nodes/b.js': 'b', 'nodes/b.js.br': 'B' })).toEqual([
			'a.js',
			'b.js',
			'b.js.br'
		]);
		expect(build('2', { 'a.js': 'a', 'nodes/c.js': 'c' })).toEqual(['a.js', 'b.js', 'b.js.br', 'c.js']);
		const file = join(folder, 'data', 'site-files', '_app', 'immutable', 'nodes', 'b.js');
		expect(readFileSync(file, 'utf8')).toBe('b');
	});

	it('go when none of the last builds had them, however often one of those is started', () => {
		build('0', { 'old.js': '', 'shared.js': '' });
		for (let n = 1; n < MAX_KEPT_BUILDS; n++) build(String(n), { 'shared.js': '', [`${n}.js`]: '' });
		expect(build('1', { 'shared.js': '', '1.js': '' })).toContain('old.js');
		expect(build('next', { 'shared.js': '' })).toEqual([
			'1.js',
			'2.js',
			'3.js',
			'4.js',
			'5.js',
			'6.js',
			'7.js',
			'shared.js'
		]);
	});

	it('are begun anew where the list of them cannot be read, and are no reason not to start', () => {
		build('1', { 'a.js': '' });
		writeFileSync(join(folder, 'data', 'site-builds.json'), '[{"version":1}]');
		expect(build('2', { 'b.js': '' })).toEqual(['b.js']);
		writeFileSync(join(folder, 'file'), '');
		expect(keepFiles(join(folder, 'site'), join(folder, 'file'))).toBeNull();
	});
});
