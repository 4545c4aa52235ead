/** A copy of the project whose site is built without minifying, so that a profile names functions as the sources do. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, run } from '../../scripts/lib/project.js';

const COPIED = [
	'messages',
	'package.json',
	'package-lock.json',
	'project.inlang',
	'proto',
	'relay',
	'scripts',
	'src',
	'static',
	'tests',
	'tsconfig.json',
	'vite.config.ts',
	'vite.relay.config.ts'
];

/** Runs this program with these arguments in such a copy. @returns its exit code */
export async function runInReadableCopy(args: string[]): Promise<number> {
	const copy = mkdtempSync(join(tmpdir(), 'tabwave-readable-'));
	try {
		for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
		symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'), 'junction');
		const vite = join('node_modules', 'vite', 'bin', 'vite.js');
		for (const args of [
			['--minify', 'false'],
			['--config', 'vite.relay.config.ts']
		]) {
			const built = await run(process.execPath, [vite, 'build', ...args], { cwd: copy, quiet: true });
			if (built.code !== 0) throw new Error(`The readable copy could not be built:\n${built.output}`);
		}
		const child = spawn(process.execPath, [join(copy, 'tests', 'bench', 'main.ts'), ...args], {
			cwd: copy,
			stdio: 'inherit'
		});
		// It ends its browser and relay itself.
		for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
			process.once(signal, () => child.kill(signal));
		return await new Promise((resolve, reject) => {
			child.on('error', reject);
			child.on('exit', (code) => resolve(code ?? 1));
		});
	} finally {
		rmSync(copy, { recursive: true, force: true });
	}
}
