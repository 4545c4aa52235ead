/**
 * The built relay as a program of its own, with a data directory that is thrown away:
 *
 *     const relay = await startRelayProcess({ ini: '[partitions]\ncount = 1\n' });
 *     await relay.restart();              // the same port, the same chain
 *     await relay.dispose();
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RELAY_PROGRAM } from '../../../scripts/lib/builds.js';
import { ensureNode } from '../../../scripts/lib/packages.js';
import { ROOT } from '../../../scripts/lib/project.js';

export interface RelayProcess {
	/** http://127.0.0.1:… is a secure context. */
	readonly url: string;
	/** The same relay by this machine's address on its network, which is none; null without a network. */
	readonly lanUrl: string | null;
	readonly port: number;
	readonly chainId: string;
	readonly joinUrl: string;
	readonly joinCode: string;
	readonly dataDirectory: string;
	/** The build that it serves. */
	readonly site: string;
	/** Node id of its Booter, lower-case hex. */
	readonly id: string;
	/** null while it is stopped. */
	readonly pid: number | null;
	/** What it printed and logged, newest last; bounded. */
	output(): string;
	/** Ctrl-C. @returns the exit code and how long it took, in milliseconds */
	stop(): Promise<{ code: number | null; tookMs: number }>;
	/** As a crash does it. */
	kill(): Promise<void>;
	start(): Promise<void>;
	/** stop() and start(): the same port and the same data. */
	restart(): Promise<void>;
	/** Ends it, and removes its data. */
	dispose(): Promise<void>;
}

export interface RelayProcessOptions {
	/** Text of network.ini. */
	ini?: string;
	/** A file in place of `ini`. */
	config?: string;
	/** Which replica of the file's [booters] this is; it listens at that one's address. */
	replica?: string;
	/** 0, the default: any free one. */
	port?: number;
	/** Kept by dispose(); the default is a new folder that is removed. */
	dataDirectory?: string;
	host?: string;
	/** It serves a copy of the build, which the test may change. */
	ownSite?: boolean;
	/** More of the relay's arguments, for example `--tls`. */
	args?: string[];
}

const START_TIMEOUT_MS = 30_000;
/** The relay promises 2 s; a test that waits longer hangs. */
const STOP_TIMEOUT_MS = 5_000;
const MAX_OUTPUT_CHARACTERS = 200_000;

interface Ready {
	kind: 'ready';
	port: number;
	chainId: string;
	joinUrl: string;
	joinCode: string;
	origins: { local: string | null; lan: string[] };
	replicas: { id: string; state: string }[];
}

export async function startRelayProcess(options: RelayProcessOptions = {}): Promise<RelayProcess> {
	if (!existsSync(RELAY_PROGRAM)) throw new Error('The relay is not built: npm run build.');
	const node = await ensureNode();
	const folder = mkdtempSync(join(tmpdir(), 'tabwave-test-'));
	const dataDirectory = options.dataDirectory ?? join(folder, 'data');
	const config = options.config ?? join(folder, 'network.ini');
	if (options.config === undefined) writeFileSync(config, options.ini ?? '');
	const site = join(options.ownSite ? folder : ROOT, 'build');
	if (options.ownSite) cpSync(join(ROOT, 'build'), site, { recursive: true });
	let child: ChildProcess | null = null;
	let output = '';
	let ready: Ready | null = null;

	const start = async (): Promise<void> => {
		const args = ['--config', config, '--data', dataDirectory, '--site', site, '--no-color'];
		// After the first start the tabs know the port.
		if (options.replica === undefined) args.push('--port', String(ready?.port ?? options.port ?? 0));
		else args.push('--replica', options.replica);
		if (options.host !== undefined) args.push('--host', options.host);
		args.push(...(options.args ?? []));
		child = spawn(node, [RELAY_PROGRAM, ...args], {
			stdio: ['ignore', 'pipe', 'pipe', 'ipc']
		});
		const keep = (chunk: Buffer): void => {
			output = (output + chunk.toString('utf8')).slice(-MAX_OUTPUT_CHARACTERS);
		};
		child.stdout!.on('data', keep);
		child.stderr!.on('data', keep);
		ready = await readiness(child, () => output);
	};
	const end = async (signal: NodeJS.Signals): Promise<{ code: number | null; tookMs: number }> => {
		const running = child;
		child = null;
		if (!running || running.exitCode !== null) return { code: running?.exitCode ?? null, tookMs: 0 };
		const startMs = performance.now();
		const exited = new Promise<number | null>((resolve) => running.once('exit', resolve));
		running.kill(signal);
		const timer = setTimeout(() => running.kill('SIGKILL'), STOP_TIMEOUT_MS);
		const code = await exited;
		clearTimeout(timer);
		return { code, tookMs: performance.now() - startMs };
	};

	try {
		await start();
	} catch (error) {
		await end('SIGKILL');
		rmSync(folder, { recursive: true, force: true });
		throw error;
	}
	return {
		get url() {
			return `${options.args?.includes('--tls') ? 'https' : 'http'}://127.0.0.1:${ready!.port}`;
		},
		get lanUrl() {
			return ready!.origins.lan[0] ?? null;
		},
		get port() {
			return ready!.port;
		},
		get chainId() {
			return ready!.chainId;
		},
		get joinUrl() {
			return ready!.joinUrl;
		},
		get joinCode() {
			return ready!.joinCode;
		},
		dataDirectory,
		site,
		get id() {
			return ready!.replicas.find(({ state }) => state === 'self')!.id;
		},
		get pid() {
			return child?.pid ?? null;
		},
		output: () => output,
		stop: () => end('SIGTERM'),
		kill: async () => {
			await end('SIGKILL');
		},
		start,
		restart: async () => {
			await end('SIGTERM');
			await start();
		},
		dispose: async () => {
			await end('SIGTERM');
			rmSync(folder, { recursive: true, force: true });
		}
	};
}

function readiness(child: ChildProcess, output: () => string): Promise<Ready> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => fail(`did not start in ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
		const fail = (why: string): void => {
			clearTimeout(timer);
			reject(new Error(`The relay ${why}. It said:\n${output()}`));
		};
		child.once('error', (error) => fail(`could not be started: ${error.message}`));
		child.once('close', (code) => fail(`ended with code ${code}`));
		child.on('message', (message: Ready) => {
			if (message.kind !== 'ready') return;
			clearTimeout(timer);
			resolve(message);
		});
	});
}
