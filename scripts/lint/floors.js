/** The floors of the house (architecture.md): a file imports only from floors below its own. */
import { join } from 'node:path';
import boundaries from 'eslint-plugin-boundaries';

/** From each folder, the folders that its files may import besides their own. */
const MAY_IMPORT = {
	crypto: [],
	wire: [],
	ledger: ['crypto', 'wire'],
	consensus: ['crypto', 'wire', 'ledger'],
	network: ['crypto', 'wire'],
	storage: ['crypto', 'wire', 'ledger'],
	spectrum: ['crypto', 'wire', 'ledger'],
	node: ['crypto', 'wire', 'ledger', 'consensus', 'network', 'storage', 'spectrum'],
	// Through the client API: pages never reach past the node.
	ui: ['node'],
	relay: ['crypto', 'wire', 'ledger', 'consensus', 'network', 'storage', 'spectrum', 'node'],
	routes: ['ui', 'node']
};

/**
 * @param {string} root of the project
 * @returns {import('eslint').Linter.Config}
 */
export function floors(root) {
	return {
		files: ['src/**/*.{ts,js,svelte}', 'relay/**/*.ts'],
		// A test may build what it tests from any floor.
		ignores: ['**/*.test.ts', 'src/lib/wire/gen/**'],
		plugins: { boundaries },
		settings: {
			'boundaries/root-path': root,
			'boundaries/elements': Object.keys(MAY_IMPORT).map((type) => ({
				type,
				pattern: type === 'relay' ? 'relay' : type === 'routes' ? 'src/routes' : `src/lib/${type}`
			})),
			'import/resolver': { [join(root, 'scripts', 'lint', 'import-resolver.cjs')]: {} }
		},
		rules: {
			'boundaries/dependencies': [
				'error',
				{
					default: 'disallow',
					message:
						'{{from.element.type}} does not import from {{to.element.type}}: imports go to the floors below, and network, storage and spectrum stand beside each other (architecture.md)',
					policies: Object.entries(MAY_IMPORT).map(([type, below]) => ({
						from: { element: { type } },
						allow: { to: { element: { types: { anyOf: [type, ...below] } } } }
					}))
				}
			]
		}
	};
}
