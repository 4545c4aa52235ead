/** Builds what runs, the site and the relay, where their sources are not those of the last build. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, ScriptError, endOf, environment, run, say, seconds } from './project.js';

/**
 * What is built: from which sources, into which folder, by which arguments of Vite.
 * @typedef {{ en: string, zh: string, sources: string[], folder: string, main: string, args: string[] }} Product
 */

/** @type {Product} */
const SITE = {
	en: 'the site',
	zh: '网站',
	sources: [
		'src',
		'static',
		'messages',
		'project.inlang/settings.json',
		'vite.config.ts',
		'scripts/lib/site-files.js',
		'tsconfig.json',
		'package-lock.json'
	],
	folder: 'build',
	main: '200.html',
	args: ['build']
};
/** @type {Product} */
const RELAY = {
	en: 'the relay',
	zh: '中继',
	sources: ['src', 'relay', 'vite.relay.config.ts', 'tsconfig.json', 'package-lock.json'],
	folder: join('dist', 'relay'),
	main: 'main.js',
	args: ['build', '--config', 'vite.relay.config.ts']
};
/** The relay as a program: all of its modules in one file, of which it starts three times as fast. */
export const RELAY_PROGRAM = join(ROOT, RELAY.folder, RELAY.main);

/** Made by the build itself. */
const GENERATED = join('src', 'lib', 'ui', 'paraglide');
/** Beside what was built; says from which sources. */
const STAMP = '.tabwave-sources';
const LOCK = join(ROOT, 'node_modules', '.tabwave-build');
const BUILD_TIMEOUT_MS = 300_000;

/**
 * Builds the site and the relay, each where its sources are not those of its last build.
 * @param {string} node path of the node binary
 * @param {{ always?: boolean }} [options]
 * @throws {ScriptError}
 */
export async function ensureBuilt(node, options = {}) {
	const outdated = () => [SITE, RELAY].filter((product) => options.always || !isBuilt(product));
	if (outdated().length === 0) return;
	const release = await takeLock();
	try {
		// Whoever held the lock may have built just this.
		for (const product of outdated()) await build(product, node);
	} finally {
		release();
	}
}

/**
 * @param {Product} product
 * @param {string} node
 */
async function build(product, node) {
	const start = performance.now();
	say(`Building ${product.en}. · 正在构建${product.zh}……`);
	const sources = hashSources(product);
	const { code, output } = await run(
		node,
		[join('node_modules', 'vite', 'bin', 'vite.js'), ...product.args],
		{
			env: { ...environment(node), NODE_ENV: 'production' },
			quiet: true,
			timeoutMs: BUILD_TIMEOUT_MS
		}
	);
	if (code !== 0) throw new ScriptError(`${endOf(output)}\nThe build failed; the reason is above.`);
	writeFileSync(join(ROOT, product.folder, STAMP), sources);
	say(`Built in ${seconds(start)}. · 构建完成。`);
}

/** @param {Product} product */
function isBuilt(product) {
	const folder = join(ROOT, product.folder);
	const stamp = join(folder, STAMP);
	return (
		existsSync(stamp) &&
		existsSync(join(folder, product.main)) &&
		readFileSync(stamp, 'utf8') === hashSources(product)
	);
}

/**
 * Over contents and not times: a checkout sets all times to now.
 * @param {Product} product
 */
function hashSources({ sources }) {
	const hash = createHash('sha256');
	/** @param {string} path */
	const add = (path) => {
		if (path === GENERATED || /\.test\.\w+$/.test(path)) return;
		let names;
		try {
			names = readdirSync(join(ROOT, path)).sort();
		} catch {
			// Not a folder: a file, or not there.
			if (existsSync(join(ROOT, path))) hash.update(`${path}\0`).update(readFileSync(join(ROOT, path)));
			return;
		}
		for (const name of names) add(join(path, name));
	};
	sources.forEach(add);
	return hash.digest('hex');
}

/** Two builds at once would write into one folder. @returns {Promise<() => void>} */
async function takeLock() {
	const deadline = performance.now() + BUILD_TIMEOUT_MS;
	let told = false;
	for (;;) {
		try {
			mkdirSync(LOCK);
			writeFileSync(join(LOCK, 'pid'), String(process.pid));
			return () => rmSync(LOCK, { recursive: true, force: true });
		} catch (error) {
			if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
		}
		if (!holderLives() || performance.now() > deadline) rmSync(LOCK, { recursive: true, force: true });
		else if (!told) {
			say('Waiting for another build of this folder. · 正在等待同一文件夹的另一次构建……');
			told = true;
		}
		await new Promise((resolve) => setTimeout(resolve, 300));
	}
}

function holderLives() {
	try {
		process.kill(Number(readFileSync(join(LOCK, 'pid'), 'utf8')), 0);
		return true;
	} catch (error) {
		// EPERM: it lives, as somebody else. No pid yet: it has just begun.
		const { code } = /** @type {NodeJS.ErrnoException} */ (error);
		return code === 'EPERM' || code === 'ENOENT';
	}
}
