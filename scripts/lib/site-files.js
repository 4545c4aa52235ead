/**
 * For Vite: `virtual:site-files`, the list of what the build has made, for the service worker that is built last. SvelteKit's own list
 * leaves out what a worker of the page is made of. What few ever ask for is in a list of its own.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'virtual:site-files';
const RESOLVED = `\0${NAME}`;
/** Where SvelteKit puts the pages' part of a build, before the adapter copies it. */
const CLIENT = join('.svelte-kit', 'output', 'client');
/** Not asked for by any page, or never to be kept. */
const LEFT_OUT = /^(?:\.vite\/|service-worker\.js|_app\/version\.json|_app\/env\.js)|\.(?:map|br|gz)$/;
/** The solver of the market's optimum: 3.5 MB. */
const ON_DEMAND = /\/(?:optimum-worker|highs)[^/]*\.(?:js|wasm)$/;

/** @returns {import('vite').Plugin} */
export function siteFiles() {
	return {
		name: 'tabwave-site-files',
		resolveId: (id) => (id === NAME ? RESOLVED : undefined),
		load(id) {
			if (id !== RESOLVED) return undefined;
			const files = readdirSync(CLIENT, { recursive: true, withFileTypes: true })
				.filter((entry) => entry.isFile())
				.map((entry) =>
					join(entry.parentPath, entry.name)
						.slice(CLIENT.length + 1)
						.replaceAll('\\', '/')
				)
				.filter((file) => !LEFT_OUT.test(file))
				.map((file) => `/${file}`)
				.sort();
			const named = (/** @type {boolean} */ onDemand) =>
				JSON.stringify(files.filter((file) => ON_DEMAND.test(file) === onDemand));
			const { version } = JSON.parse(readFileSync(join(CLIENT, '_app', 'version.json'), 'utf8'));
			return `export const files = ${named(false)};
export const filesOnDemand = ${named(true)};
export const version = ${JSON.stringify(version)};
`;
		}
	};
}
