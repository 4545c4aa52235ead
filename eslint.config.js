/** The rules of the code that a program can hold: scripts/lint has those that are this project's own. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import { floors } from './scripts/lint/floors.js';
import { purity } from './scripts/lint/purity.js';

const ROOT = dirname(fileURLToPath(import.meta.url));

/** Below ui nothing knows that there are pages. */
const BELOW_UI = 'src/lib/{crypto,wire,ledger,consensus,network,storage,spectrum,node}/**/*.ts';

export default ts.config(
	{
		ignores: [
			'node_modules/',
			'.svelte-kit/',
			'build/',
			'dist/',
			'data/',
			'test-results/',
			'playwright-report/',
			'src/lib/wire/gen/',
			'src/lib/ui/paraglide/'
		]
	},
	js.configs.recommended,
	...ts.configs.recommended,
	...svelte.configs.recommended,
	{
		languageOptions: { globals: { ...globals.browser, ...globals.node } },
		linterOptions: { reportUnusedDisableDirectives: 'error' },
		rules: {
			// The compiler finds undefined names, and knows types as well.
			'no-undef': 'off',
			'@typescript-eslint/no-unused-vars': [
				'error',
				{ argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }
			],
			'@typescript-eslint/consistent-type-imports': [
				'error',
				{ fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }
			],
			// An index that a check has just shown to be there.
			'@typescript-eslint/no-non-null-assertion': 'off',
			// == null asks for both kinds of nothing.
			eqeqeq: ['error', 'always', { null: 'ignore' }],
			'no-empty': ['error', { allowEmptyCatch: false }],
			'no-throw-literal': 'error',
			'prefer-const': ['error', { destructuring: 'all' }],
			'no-control-regex': 'off'
		}
	},
	{
		files: ['**/*.ts'],
		languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: ROOT } },
		rules: {
			// A Promise that nobody waits for swallows its error.
			'@typescript-eslint/no-floating-promises': 'error',
			'@typescript-eslint/no-misused-promises': [
				'error',
				{ checksVoidReturn: { arguments: false, attributes: false } }
			],
			'@typescript-eslint/await-thenable': 'error'
		}
	},
	{
		files: ['**/*.svelte', '**/*.svelte.ts'],
		languageOptions: { parserOptions: { parser: ts.parser } },
		rules: {
			// let { … } = $props() is Svelte's own way to write it.
			'prefer-const': 'off',
			// The relay serves the site at the root, always.
			'svelte/no-navigation-without-resolve': 'off',
			// A Map that is derived anew each time needs to watch nothing.
			'svelte/prefer-svelte-reactivity': 'off'
		}
	},
	{
		files: [BELOW_UI],
		rules: {
			'no-restricted-imports': [
				'error',
				{
					patterns: [
						{
							regex: '^(svelte(/|$)|@sveltejs/|\\$app/|\\$env/)|\\.svelte(\\.ts)?$',
							message: 'Nothing below ui knows Svelte.'
						}
					]
				}
			]
		}
	},
	// CommonJS is what eslint-plugin-boundaries loads.
	{ files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
	floors(ROOT),
	...purity
);
