/** The next build of the site, made of the present one without building. */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** `name.hash.js`, `name-hash.js` or `hash.js`, as Vite names what it makes. */
const HASHED = /^(.*?)([\w-]{8})(\.(?:js|css))$/;
const NAME = /[\w.-]+\.(?:js|css)/g;
const TEXT = /\.(?:js|css|html|json|webmanifest)$/;

/**
 * Turns the build in the folder, a copy, into the next one: the same code, with another version and other names of all that has a hash in its
 * name, as when a file that everything imports has changed. Nothing is left of the old names.
 * @returns the old version, the new one, and the paths that are no more
 */
export function buildAnew(folder: string): { before: string; version: string; gone: string[] } {
	const { version: before } = JSON.parse(readFileSync(join(folder, '_app', 'version.json'), 'utf8')) as {
		version: string;
	};
	const version = `${before}-next`;
	const files = readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));
	// Compressed copies are of the old text; the relay does without.
	for (const file of files.filter((name) => /\.(?:br|gz)$/.test(name))) rmSync(file);
	const hashed = files.filter((file) => file.includes('immutable') && HASHED.test(basename(file)));
	const names = new Map(hashed.map((file) => [basename(file), renamed(basename(file))]));
	for (const file of files.filter((name) => TEXT.test(name))) {
		const text = readFileSync(file, 'utf8').replaceAll(NAME, (name) => names.get(name) ?? name);
		writeFileSync(file, text.replaceAll(before, version));
	}
	for (const file of hashed) renameSync(file, join(dirname(file), names.get(basename(file))!));
	return { before, version, gone: hashed.map((file) => file.slice(folder.length).replaceAll('\\', '/')) };
}

function renamed(name: string): string {
	const [, stem, hash, extension] = HASHED.exec(name)!;
	return `${stem}${[...hash!].reverse().join('')}${extension}`;
}
