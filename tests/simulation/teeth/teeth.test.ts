import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TEETH } from './teeth.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

it.each(TEETH.map(({ rule }) => rule))('the patch that takes %s away still applies', (rule) => {
	const patch = join(import.meta.dirname, `${rule}.patch`);
	const { status, stderr } = spawnSync('git', ['apply', '--check', patch], { cwd: ROOT, encoding: 'utf8' });
	expect(stderr).toBe('');
	expect(status).toBe(0);
});

it('each patch has its row', () => {
	const patches = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.patch'));
	expect(patches.sort()).toEqual(TEETH.map(({ rule }) => `${rule}.patch`).sort());
});
