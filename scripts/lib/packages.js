/** Installs the packages of package-lock.json where they are missing or others, and finds the Node.js that runs the rest. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, ScriptError, endOf, npm, run, say, seconds } from './project.js';

const LOCK = join(ROOT, 'package-lock.json');
const STAMP = join(ROOT, 'node_modules', '.tabwave-lock');
/** What npm itself writes at the end of an installation. */
const INSTALLED = join(ROOT, 'node_modules', '.package-lock.json');
/** The first that runs .ts files as they are, without a warning. */
const OLDEST_NODE = { major: 22, minor: 18 };

const QUIETLY = ['--no-audit', '--no-fund', '--loglevel=error'];

/** @throws {ScriptError} */
export async function ensurePackages() {
	const stamp = createHash('sha256').update(readFileSync(LOCK)).digest('hex');
	if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return;
	if (!agrees()) {
		const start = performance.now();
		say(
			existsSync(INSTALLED)
				? 'The packages changed: installing them again (a minute). · 依赖已变化，正在重新安装……'
				: 'Installing the packages (once, about a minute). · 正在安装依赖（仅首次）……'
		);
		let { code, output } = await npm(['ci', ...QUIETLY], { quiet: true });
		if (code !== 0 && /EUSAGE/.test(output)) {
			// The lockfile misses what only another system has; npm install adds it here and holds to the rest.
			say('npm ci does not take the lockfile on this system; npm install --no-save fills the gap.');
			({ code, output } = await npm(['install', '--no-save', ...QUIETLY], { quiet: true }));
		}
		if (code !== 0)
			throw new ScriptError(
				`${endOf(output)}\nThe packages could not be installed (npm’s reason is above). It needs to reach the npm registry: check the network or proxy, then run the same command again.`
			);
		say(`Installed in ${seconds(start)}. · 安装完成。`);
	}
	writeFileSync(STAMP, stamp);
}

/**
 * The npm package `node` brings Node.js 24, so that an older one on the machine is enough to start with.
 * @returns {Promise<string>} path of a node that runs the project
 * @throws {ScriptError}
 */
export async function ensureNode() {
	const folder = join(ROOT, 'node_modules', 'node');
	const binary = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
	if (!runs(binary) && existsSync(folder)) {
		// Some npm settings refuse the install scripts of packages; its own one is then started here.
		say('Fetching Node.js 24 for this project. · 正在为本项目获取 Node.js 24……');
		await run(process.execPath, ['installArchSpecificPackage.js'], { cwd: folder, quiet: true });
	}
	if (runs(binary)) return binary;
	if (runs(process.execPath)) return process.execPath;
	throw new ScriptError(
		`Node.js 24 is needed and could not be fetched for this system (this is ${process.version}). Install Node.js 24 from https://nodejs.org and run the same command again.`
	);
}

/** @param {string} binary */
function runs(binary) {
	if (!existsSync(binary)) return false;
	const version = /^v(\d+)\.(\d+)/.exec(
		spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 20_000 }).stdout ?? ''
	);
	if (!version) return false;
	const [major, minor] = [Number(version[1]), Number(version[2])];
	return major > OLDEST_NODE.major || (major === OLDEST_NODE.major && minor >= OLDEST_NODE.minor);
}

/** Whether what is installed is what the lockfile asks for, however it was installed. */
function agrees() {
	if (!existsSync(INSTALLED)) return false;
	/** @param {string} file @returns {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>} */
	const read = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
	const wanted = read(LOCK);
	const found = read(INSTALLED);
	return (
		Object.entries(wanted).every(
			([path, entry]) =>
				path === '' || entry.optional || entry.devOptional || found[path]?.version === entry.version
		) && Object.entries(found).every(([path, entry]) => wanted[path]?.version === entry.version)
	);
}
