/** That the rules report what they are there for: a rule that matches nothing looks just like a clean house. */
import { ESLint } from 'eslint';
import ts from 'typescript-eslint';
import { expect, it, vi } from 'vitest';

// The first text is read once all plugins are, which takes ESLint long beside other work.
vi.setConfig({ testTimeout: 120_000 });

const eslint = new ESLint({
	// Types are not what is tested here, and reading them takes seconds.
	overrideConfig: [{ files: ['**/*.ts'], ...ts.configs.disableTypeChecked }]
});

async function report(file: string, code: string): Promise<string[]> {
	const [result] = await eslint.lintText(code, { filePath: file });
	return result!.messages.map((message) => message.ruleId ?? message.message);
}

const FLOOR = 'boundaries/dependencies';

it.each([
	['src/lib/crypto/a.ts', "import '#lib/wire/frame.ts';", FLOOR],
	['src/lib/ledger/a.ts', "import type { X } from '../consensus/quorum.ts'; export type Y = X;", FLOOR],
	['src/lib/consensus/pbft/a.ts', "export * from '#lib/storage/ledger-store.ts';", FLOOR],
	['src/lib/network/a.ts', "import '#lib/storage/ledger-store.ts';", FLOOR],
	['src/lib/network/a.ts', "import '../ledger/block.ts';", FLOOR],
	['src/lib/storage/a.ts', "import '#lib/network/network.ts';", FLOOR],
	['src/lib/spectrum/a.ts', "import '#lib/storage/ledger-store.ts';", FLOOR],
	['src/lib/node/a.ts', "import '#lib/ui/invite.ts';", FLOOR],
	['src/lib/node/a.ts', "import '../../../relay/errors.ts';", FLOOR],
	['src/lib/ui/a.ts', "import '#lib/storage/ledger-store.ts';", FLOOR],
	['src/lib/ui/a.svelte', "<script>import '#lib/ledger/block.ts';</script>", FLOOR],
	['src/routes/+page.svelte', "<script>import '#lib/consensus/quorum.ts';</script>", FLOOR],
	['relay/a.ts', "import '#lib/ui/invite.ts';", FLOOR],
	['relay/a.ts', "await import('#lib/ui/invite.ts');", FLOOR]
])('keeps the floors: %s does not %s', async (file, code, rule) => {
	expect(await report(file, code)).toContain(rule);
});

it.each([
	['relay/a.ts', "import '#lib/node/api.ts'; import './errors.ts'; import 'node:fs';"],
	[
		'src/lib/node/a.ts',
		"import '#lib/consensus/quorum.ts'; import '#lib/network/network.ts'; import 'dexie';"
	],
	['src/lib/ui/a.ts', "import '#lib/node/api.ts'; import 'svelte';"],
	[
		'src/lib/ledger/a.test.ts',
		"import '#lib/node/api.ts'; await Promise.resolve(Math.random() + Date.now());"
	],
	['src/lib/consensus/a.ts', "import '#lib/ledger/block.ts'; export const a = Math.floor(7 / 2);"],
	['src/lib/spectrum/contract/a.ts', 'export const a = (x: bigint): bigint => (x * 3n) / 1_000n;'],
	['src/lib/spectrum/radio/a.ts', 'export const a = Math.log10(0.5);']
])('lets %s do what belongs there: %s', async (file, code) => {
	expect(await report(file, code)).toEqual([]);
});

it.each([
	['Date.now()', 'no-restricted-globals'],
	['new Date()', 'no-restricted-globals'],
	['performance.now()', 'no-restricted-globals'],
	['setTimeout(() => {}, 1)', 'no-restricted-globals'],
	['crypto.getRandomValues(new Uint8Array(1))', 'no-restricted-globals'],
	['globalThis.Date', 'no-restricted-globals'],
	['Promise.resolve(1)', 'no-restricted-globals'],
	['async () => 1', 'no-restricted-syntax'],
	['Math.random()', 'no-restricted-syntax'],
	['Math.log10(2)', 'no-restricted-syntax'],
	["Math['random']()", 'no-restricted-syntax'],
	["'a'.localeCompare('b')", 'no-restricted-syntax'],
	["import('./block.ts')", 'no-restricted-syntax']
])('keeps the cores pure of %s', async (expression, rule) => {
	for (const file of ['src/lib/consensus/a.ts', 'src/lib/ledger/a.ts', 'src/lib/spectrum/contract/a.ts'])
		expect(await report(file, `export const a = ${expression};`), file).toContain(rule);
	expect(await report('src/lib/node/a.ts', `export const a = ${expression};`)).toEqual([]);
});

it.each(['0.5', '.5', '1e-3', 'parseFloat("1")', '(7).toFixed(2)', 'Math.sqrt(4)', 'new Float64Array(1)'])(
	'keeps contracts to integers: %s',
	async (expression) => {
		const code = `export const a = ${expression};`;
		expect(await report('src/lib/spectrum/contract/a.ts', code)).toContain('no-restricted-syntax');
		expect(await report('src/lib/spectrum/radio/a.ts', code)).toEqual([]);
	}
);

it('keeps Svelte out of the floors below ui, and libraries out of the cores', async () => {
	const rule = 'no-restricted-imports';
	expect(await report('src/lib/node/a.ts', "import 'svelte/store';")).toContain(rule);
	expect(await report('src/lib/spectrum/a.ts', "import './a.svelte.ts';")).toContain(rule);
	expect(await report('src/lib/consensus/a.ts', "import 'libp2p';")).toContain(rule);
	expect(await report('src/lib/ledger/a.ts', "import 'node:fs';")).toContain(rule);
	expect(await report('src/lib/ledger/a.ts', "import '@noble/hashes/sha2.js';")).toEqual([]);
});

it('waits for every promise', async () => {
	const typed = new ESLint();
	const [result] = await typed.lintText('async function a() {}\na();\n', { filePath: 'relay/errors.ts' });
	expect(result!.messages.map((message) => message.ruleId)).toContain(
		'@typescript-eslint/no-floating-promises'
	);
});
