/**
 * What every script needs: where the project is, how to say something, how to run a program. Plain JavaScript for
 * Node 20 and later, because it runs before any package is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { dirname, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A script cannot go on; the message says what to do. */
export class ScriptError extends Error {
	/** @override */
	name = 'ScriptError';
}

/** @param {string} text */
export function say(text) {
	process.stdout.write(`${text}\n`);
}

/** @param {number} startMs of performance.now() */
export function seconds(startMs) {
	return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}

/**
 * Programs of the project and its own node come first.
 * @param {string} [node] path of the node binary
 * @returns {NodeJS.ProcessEnv}
 */
export function environment(node) {
	const first = [...(node ? [dirname(node)] : []), join(ROOT, 'node_modules', '.bin')];
	// A log file is for reading.
	const plain = process.stdout.isTTY ? {} : { NO_COLOR: '1' };
	return { ...process.env, ...plain, PATH: [...first, process.env.PATH ?? ''].join(delimiter) };
}

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, quiet?: boolean, shell?: boolean, timeoutMs?: number, cwd?: string }} [options] quiet: keep the output and return it
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, options = {}) {
	return new Promise((resolve) => {
		const child = spawn(command, args, {
			cwd: options.cwd ?? ROOT,
			env: {
				...(options.env ?? environment()),
				...(options.quiet ? { NO_COLOR: '1' } : {})
			},
			shell: options.shell ?? false,
			stdio: options.quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit']
		});
		running.add(child);
		let output = '';
		/** @param {Buffer} chunk */
		const keep = (chunk) => {
			output += chunk;
			if (output.length > MAX_KEPT_OUTPUT) output = output.slice(-MAX_KEPT_OUTPUT);
		};
		child.stdout?.on('data', keep);
		child.stderr?.on('data', keep);
		const timer = options.timeoutMs
			? setTimeout(() => {
					output += `\n(ended: it took longer than ${options.timeoutMs} ms)`;
					// It may have programs of its own to end: a browser, a relay.
					child.kill('SIGTERM');
					setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref();
				}, options.timeoutMs)
			: undefined;
		child.on('error', (error) => finish(127, error.message));
		child.on('close', (code) => finish(code ?? 1, ''));
		/** @param {number} code @param {string} more */
		function finish(code, more) {
			clearTimeout(timer);
			running.delete(child);
			resolve({ code, output: output + more });
		}
	});
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
const END_TIMEOUT_MS = 3_000;
const PARENT_POLL_MS = 200;
const KILL_AFTER_MS = 10_000;
/** Of a program that never ends its complaints, the end is what matters. */
const MAX_SHOWN_LINES = 40;
const MAX_KEPT_OUTPUT = 400_000;

/**
 * What a person is shown of a failed program: its end.
 * @param {string} output
 */
export function endOf(output) {
	const lines = output.trimEnd().split('\n');
	const shown = lines.slice(-MAX_SHOWN_LINES);
	return (
		lines.length > shown.length ? [`(the last ${shown.length} of ${lines.length} lines)`, ...shown] : shown
	).join('\n');
}

/**
 * Calls once when this script is to end: by a signal, or because the shell that npm started it in is gone. npm passes
 * SIGTERM to that shell alone, which ends and tells nobody.
 * @param {(signal: NodeJS.Signals) => void} listener
 */
export function onEnd(listener) {
	const parent = process.ppid;
	const timer = setInterval(() => process.ppid !== parent && end('SIGTERM'), PARENT_POLL_MS);
	timer.unref();
	let ended = false;
	/** @param {NodeJS.Signals} signal */
	const end = (signal) => {
		if (ended) return;
		ended = true;
		clearInterval(timer);
		listener(signal);
	};
	for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => end(signal));
}

/**
 * Whether a short program ends well.
 * @param {string} command
 * @param {string[]} args
 */
export function succeeds(command, args) {
	return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/**
 * npm as it was called, or as it is on the PATH.
 * @param {string[]} args
 * @param {{ quiet?: boolean, cwd?: string }} [options]
 */
export function npm(args, options = {}) {
	const script = process.env.npm_execpath;
	if (script?.endsWith('.js')) return run(process.execPath, [script, ...args], options);
	return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
		...options,
		shell: process.platform === 'win32'
	});
}

/**
 * The frame of every script: one line for what a person can mend, the stack for what they cannot.
 * @param {() => Promise<number>} main returns the exit code
 */
export async function script(main) {
	onEnd((signal) => {
		process.exitCode = 1;
		for (const child of running) child.kill(signal);
		// What still runs by then, or was started since, is left to itself.
		setTimeout(() => process.exit(1), END_TIMEOUT_MS).unref();
	});
	try {
		process.exitCode = await main();
	} catch (error) {
		const text =
			error instanceof ScriptError ? error.message : error instanceof Error ? error.stack : String(error);
		process.stderr.write(`\n${text}\n`);
		process.exitCode = 1;
	}
}
