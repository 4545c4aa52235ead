/** Builds the site where its sources are not those of the last build. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, ScriptError, endOf, environment, run, say, seconds } from './project.js';

const SOURCES = [
	'src',
	'static',
	'messages',
	'project.inlang/settings.json',
	'vite.config.ts',
	'scripts/lib/site-files.js',
	'tsconfig.json',
	'package-lock.json'
];
/** Made by the build itself. */
const GENERATED = join('src', 'lib', 'ui', 'paraglide');
const SITE = join(ROOT, 'build');
const STAMP = join(SITE, '.tabwave-sources');
const LOCK = join(ROOT, 'node_modules', '.tabwave-build');
const BUILD_TIMEOUT_MS = 300_000;

/**
 * @param {string} node path of the node binary
 * @param {{ always?: boolean }} [options]
 * @throws {ScriptError}
 */
export async function ensureSite(node, options = {}) {
	if (!options.always && isBuilt()) return;
	const release = await takeLock();
	try {
		// Whoever held the lock may have built just this.
		if (!options.always && isBuilt()) return;
		const start = performance.now();
		say('Building the site. · 正在构建网站……');
		const sources = hashSources();
		const { code, output } = await run(node, [join('node_modules', 'vite', 'bin', 'vite.js'), 'build'], {
			env: { ...environment(node), NODE_ENV: 'production' },
			quiet: true,
			timeoutMs: BUILD_TIMEOUT_MS
		});
		if (code !== 0)
			throw new ScriptError(`${endOf(output)}\nThe site could not be built; the reason is above.`);
		writeFileSync(STAMP, sources);
		say(`Built in ${seconds(start)}. · 构建完成。`);
	} finally {
		release();
	}
}

function isBuilt() {
	return (
		existsSync(STAMP) && existsSync(join(SITE, '200.html')) && readFileSync(STAMP, 'utf8') === hashSources()
	);
}

/** Over contents and not times: a checkout sets all times to now. */
function hashSources() {
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
	SOURCES.forEach(add);
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
