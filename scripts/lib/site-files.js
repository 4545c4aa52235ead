/**
 * For Vite: `virtual:site-files`, the list of what the build has made, for the service worker that is built last. SvelteKit's own list
 * leaves out what a worker of the page is made of.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'virtual:site-files';
const RESOLVED = `\0${NAME}`;
/** Where SvelteKit puts the pages' part of a build, before the adapter copies it. */
const CLIENT = join('.svelte-kit', 'output', 'client');
/** Not asked for by any page, or never to be kept. */
const LEFT_OUT = /^(?:\.vite\/|service-worker\.js|_app\/version\.json|_app\/env\.js)|\.(?:map|br|gz)$/;

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
			const { version } = JSON.parse(readFileSync(join(CLIENT, '_app', 'version.json'), 'utf8'));
			return `export const files = ${JSON.stringify(files)};\nexport const version = ${JSON.stringify(version)};\n`;
		}
	};
}
