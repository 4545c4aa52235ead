/**
 * Files of earlier builds of the site, kept in the data directory. A tab that runs goes on with the code that it was opened with,
 * and asks for a part of it when a person first goes to a page: after an upgrade the build that stands there has it no more.
 *
 *     const folder = keepFiles(siteDirectory, dataDirectory); // beside the build, as the second place to look
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getLogger } from '@logtape/logtape';

/** Of files whose names hold their content's hash: what is asked for by such a name is the same in every build. */
const HASHED = join('_app', 'immutable');
const VERSION_FILE = join('_app', 'version.json');
const FOLDER = 'site-files';
const LIST = 'site-builds.json';

/** The build that is served and those before it: a day of an operator who edits and starts again. Some 4 MB each, at most. */
export const MAX_KEPT_BUILDS = 8;

interface Build {
	version: string;
	/** Below the folder of hashed names, with `/`. */
	files: string[];
}

/**
 * Copies what has a hash in its name of the build that is served, and forgets what none of the last builds had.
 * @returns the folder, laid out as a build is; null where it cannot be written
 */
export function keepFiles(siteDirectory: string, dataDirectory: string): string | null {
	try {
		const folder = join(dataDirectory, FOLDER);
		copyBuild(join(siteDirectory, HASHED), join(folder, HASHED), {
			list: join(dataDirectory, LIST),
			version: versionOf(siteDirectory)
		});
		return folder;
	} catch (error) {
		// A relay without it is a relay: tabs of an earlier build may have to reload.
		getLogger(['tabwave', 'relay', 'http']).warn('the files of this build are not kept: {error}', { error });
		return null;
	}
}

function copyBuild(from: string, to: string, { list, version }: { list: string; version: string }): void {
	mkdirSync(to, { recursive: true });
	const current: Build = { version, files: filesIn(from) };
	const before = listed(list).filter((build) => build.version !== version);
	const builds = [...before, current].slice(-MAX_KEPT_BUILDS);
	for (const file of current.files) {
		const copy = join(to, file);
		if (existsSync(copy)) continue;
		mkdirSync(dirname(copy), { recursive: true });
		cpSync(join(from, file), copy);
	}
	writeFileSync(list, JSON.stringify(builds));
	const wanted = new Set(builds.flatMap(({ files }) => files));
	for (const file of filesIn(to)) if (!wanted.has(file)) rmSync(join(to, file));
}

function filesIn(folder: string): string[] {
	if (!existsSync(folder)) return [];
	return readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) =>
			join(entry.parentPath, entry.name)
				.slice(folder.length + 1)
				.replaceAll('\\', '/')
		);
}

function versionOf(siteDirectory: string): string {
	const file = join(siteDirectory, VERSION_FILE);
	if (!existsSync(file)) return '';
	return String((JSON.parse(readFileSync(file, 'utf8')) as { version?: unknown }).version);
}

/** What cannot be read is begun anew: nothing but convenience is lost. */
function listed(list: string): Build[] {
	try {
		const builds = JSON.parse(readFileSync(list, 'utf8')) as unknown;
		return Array.isArray(builds) ? builds.filter(isBuild) : [];
	} catch {
		return [];
	}
}

function isBuild(entry: unknown): entry is Build {
	const { version, files } = (entry ?? {}) as Partial<Build>;
	return (
		typeof version === 'string' && Array.isArray(files) && files.every((file) => typeof file === 'string')
	);
}
