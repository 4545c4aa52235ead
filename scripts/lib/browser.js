/** Finds a Chromium for the browser tests, or installs one. The tests' harness finds it in the same way. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { ROOT, ScriptError, endOf, environment, run, say, succeeds } from './project.js';

const NAMES = [
	'chromium',
	'chromium-browser',
	'google-chrome-stable',
	'google-chrome',
	'chrome',
	'microsoft-edge-stable',
	'microsoft-edge'
];
const PLACES =
	process.platform === 'darwin'
		? ['Chromium', 'Google Chrome', 'Microsoft Edge'].map(
				(name) => `/Applications/${name}.app/Contents/MacOS/${name}`
			)
		: process.platform === 'win32'
			? [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA].flatMap(
					(base) =>
						base
							? [
									join(base, 'Google/Chrome/Application/chrome.exe'),
									join(base, 'Microsoft/Edge/Application/msedge.exe')
								]
							: []
				)
			: [];

/**
 * TABWAVE_CHROMIUM, else Playwright's own, else one that the system has.
 * @returns {string | null} path of the program
 */
export function findBrowser() {
	const named = process.env.TABWAVE_CHROMIUM;
	if (named) return existsSync(named) ? named : null;
	const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
	const onPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
	return [playwrightsOwn(), ...onPath, ...PLACES].find((path) => path !== null && existsSync(path)) ?? null;
}

/**
 * @param {string} node path of the node binary
 * @returns {Promise<string>}
 * @throws {ScriptError}
 */
export async function ensureBrowser(node) {
	const found = findBrowser();
	if (found) return found;
	if (process.env.TABWAVE_CHROMIUM)
		throw new ScriptError(
			`TABWAVE_CHROMIUM names ${process.env.TABWAVE_CHROMIUM}, and there is no such file.`
		);
	const administrator = asAdministrator();
	if (isDebian() && administrator) {
		say('No Chromium found: installing the one of Debian (apt-get install chromium).');
		const [command, ...args] = [...administrator, 'apt-get'];
		const updated = await run(command, [...args, 'update'], { quiet: true });
		if (updated.code === 0)
			await run(command, [...args, 'install', '-y', '--no-install-recommends', 'chromium'], { quiet: true });
	}
	if (!findBrowser()) {
		say('No Chromium found: installing the one of Playwright (playwright install chromium).');
		const cli = join('node_modules', '@playwright', 'test', 'cli.js');
		const dependencies = administrator && process.platform === 'linux' ? ['--with-deps'] : [];
		const args = [cli, 'install', ...dependencies, 'chromium'];
		const { code, output } = await run(node, args, { env: environment(node), quiet: true });
		if (code !== 0) say(endOf(output));
	}
	const installed = findBrowser();
	if (installed) return installed;
	throw new ScriptError(
		'The browser tests need Chromium, Chrome or Edge, and none could be installed. Install one ("apt-get install chromium" on Debian), or name it: TABWAVE_CHROMIUM=/path/to/chromium npm test'
	);
}

function playwrightsOwn() {
	try {
		return createRequire(join(ROOT, 'package.json'))('playwright-core').chromium.executablePath();
	} catch {
		// Not installed yet, or Playwright has no browser for this system: another one is looked for.
		return null;
	}
}

/** @returns {string[] | null} what to put before a command; null where this user may install nothing */
function asAdministrator() {
	if (process.getuid?.() === 0) return [];
	return succeeds('sudo', ['-n', 'true']) ? ['sudo', '-n'] : null;
}

/** Ubuntu's package is a snap, which a container cannot run. */
function isDebian() {
	return existsSync('/etc/os-release') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
}
