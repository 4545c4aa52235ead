/**
 * The cores decide and do nothing else (architecture.md, "The core does no I/O"), and contracts compute the same
 * everywhere (R18). What would break that is refused here by name.
 */

/** Exact by the standard on every engine, for the integers that they are used on. */
const EXACT_MATH = ['abs', 'ceil', 'clz32', 'floor', 'imul', 'max', 'min', 'round', 'sign', 'sqrt', 'trunc'];

const CLOCKS_AND_TIMERS = [
	'Date',
	'performance',
	'setTimeout',
	'setInterval',
	'setImmediate',
	'queueMicrotask',
	'requestAnimationFrame',
	'clearTimeout',
	'clearInterval'
];
const RANDOMNESS = ['crypto', 'Crypto'];
const INPUT_AND_OUTPUT = [
	'fetch',
	'WebSocket',
	'Worker',
	'indexedDB',
	'localStorage',
	'sessionStorage',
	'navigator',
	'window',
	'document',
	'process',
	'console',
	'globalThis',
	'self',
	'structuredClone',
	'postMessage',
	'MessageChannel',
	'BroadcastChannel'
];
const LOCALE = ['Intl'];

const globals = (/** @type {string[]} */ names, /** @type {string} */ reason) =>
	names.map((name) => ({ name, message: reason }));

/** @type {Record<string, any>} */
const PURE = {
	'no-restricted-globals': [
		'error',
		...globals(CLOCKS_AND_TIMERS, 'A core has no clock: time comes in as ticks.'),
		...globals(RANDOMNESS, 'A core has no randomness of its own: a seeded generator is handed in.'),
		...globals(INPUT_AND_OUTPUT, 'A core does no I/O: it returns what the driver shall do.'),
		...globals(['Promise'], 'A core answers at once: nothing here waits.'),
		...globals(LOCALE, 'What depends on the locale differs from one tab to the next (R18).')
	],
	'no-restricted-syntax': [
		'error',
		{
			selector: 'AwaitExpression, ForOfStatement[await=true]',
			message: 'A core answers at once: nothing here waits.'
		},
		{ selector: ':function[async=true]', message: 'A core answers at once: nothing here waits.' },
		{ selector: 'ImportExpression', message: 'A core answers at once: nothing here waits.' },
		{
			selector: `MemberExpression[object.name='Math']:not([computed=false][property.name=/^(${EXACT_MATH.join('|')})$/])`,
			message: `Only ${EXACT_MATH.map((name) => `Math.${name}`).join(', ')} are the same on every engine (R18).`
		},
		{
			selector: "VariableDeclarator[init.name='Math']",
			message: 'Call Math by its name, so that it can be seen what is called (R18).'
		},
		{
			selector:
				'CallExpression[callee.property.name=/^(toLocale|localeCompare|toLocaleString|toLocaleDateString|toLocaleTimeString|toLocaleLowerCase|toLocaleUpperCase)$/]',
			message: 'What depends on the locale differs from one tab to the next (R18).'
		}
	],
	'no-restricted-imports': [
		'error',
		{
			patterns: [
				{
					// Of libraries, only those that compute: nothing with a clock, a timer or a Promise in it.
					regex: '^(?!\\.|#lib/|@noble/|@bufbuild/protobuf)',
					message: 'Only @noble and @bufbuild/protobuf are pure; everything else is the driver’s.'
				}
			]
		}
	]
};

/**
 * Contract code: integers alone.
 * @type {Record<string, any>}
 */
const INTEGERS_ONLY = {
	'no-restricted-syntax': [
		.../** @type {any[]} */ (PURE['no-restricted-syntax']),
		{
			selector:
				"CallExpression[callee.name='parseFloat'], CallExpression[callee.property.name=/^(parseFloat|toFixed|toPrecision|toExponential)$/]",
			message: 'Contracts compute in integers (R18).'
		},
		{
			selector: "MemberExpression[object.name='Math'][property.name='sqrt']",
			message: 'Contracts compute in integers (R18): compare squares.'
		},
		{
			selector:
				'NewExpression[callee.name=/^Float(16|32|64)Array$/], CallExpression[callee.property.name=/^[gs]etFloat/]',
			message: 'Contracts compute in integers (R18).'
		},
		{
			selector: 'Literal[raw=/^[0-9_]*\\.[0-9]|^[0-9_.]+e-/i]',
			message: 'Contracts compute in integers (R18).'
		},
		{
			selector: 'ForInStatement',
			message: 'The order of keys is not part of a contract (R18): go over an array.'
		}
	]
};

// What tests share stands beside them in a folder of its own.
const TESTS = ['**/*.test.ts', '**/testing/*.ts'];

/** @type {import('eslint').Linter.Config[]} */
export const purity = [
	{ files: ['src/lib/{consensus,ledger}/**/*.ts'], ignores: TESTS, rules: PURE },
	{
		files: [
			'src/lib/spectrum/contract/**/*.ts',
			'src/lib/spectrum/**/contract*.ts',
			'src/lib/spectrum/**/*-contract.ts',
			'src/lib/ledger/{transfer,accounts,runtime}.ts',
			'src/lib/**/*.contract-code.ts'
		],
		ignores: TESTS,
		rules: { ...PURE, ...INTEGERS_ONLY }
	}
];
