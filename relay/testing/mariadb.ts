/**
 * A MariaDB or MySQL server of a test's own: its data in a temporary directory, its port a free one, nothing of the machine's own
 * server touched. Where none is installed, it says so.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { createConnection } from 'mysql2/promise';

export const NODE_USER = 'node';
/** With what a URL has a meaning for. */
export const NODE_PASSWORD = 'p@ss/w:rd';

/** Servers are not always on the path of people. */
const PLACES = [
	...(process.env.PATH ?? '').split(delimiter),
	'/usr/sbin',
	'/usr/local/sbin',
	'/opt/homebrew/bin'
];
const SERVERS = ['mariadbd', 'mysqld'];
const INSTALLERS = ['mariadb-install-db', 'mysql_install_db'];

function find(names: readonly string[]): string | undefined {
	return names.flatMap((name) => PLACES.map((place) => join(place, name))).find((path) => existsSync(path));
}

const server = find(SERVERS);

/** null where a server can be started; otherwise why not. */
export const whyNoMariadb: string | null =
	server === undefined
		? 'neither mariadbd nor mysqld is installed (Debian: apt-get install mariadb-server)'
		: null;

/** Root is asked to say that it means it. */
const USER = process.getuid?.() === 0 ? ['--user=root'] : [];

export class TestMariadb {
	readonly folder: string = mkdtempSync(join(tmpdir(), 'tabwave-mariadb-'));
	port = 0;
	#process: ChildProcess | undefined;
	readonly #onExit = () => this.#process?.kill('SIGKILL');

	/** A new server with a database `tabwave` and a user for it. */
	static async start(): Promise<TestMariadb> {
		const mariadb = new TestMariadb();
		mariadb.#install();
		mariadb.port = await freePort();
		await mariadb.run();
		await mariadb.asRoot(
			'create database tabwave',
			...['localhost', '127.0.0.1', '%'].flatMap((host) => [
				`create user '${NODE_USER}'@'${host}' identified by '${NODE_PASSWORD}'`,
				`grant all on tabwave.* to '${NODE_USER}'@'${host}'`
			])
		);
		return mariadb;
	}

	/** For --database. */
	get url(): string {
		return `mysql://${NODE_USER}:${encodeURIComponent(NODE_PASSWORD)}@127.0.0.1:${this.port}/tabwave`;
	}

	/** Starts the server where it is stopped; its data and its port are as before. */
	async run(): Promise<void> {
		const started = spawn(
			server!,
			[
				'--no-defaults',
				...USER,
				`--datadir=${join(this.folder, 'data')}`,
				`--socket=${join(this.folder, 'socket')}`,
				`--pid-file=${join(this.folder, 'pid')}`,
				`--port=${this.port}`,
				'--bind-address=127.0.0.1',
				// It is thrown away: nothing of it need be safe from a power cut.
				'--innodb-flush-log-at-trx-commit=0',
				'--innodb-buffer-pool-size=16M',
				'--skip-log-bin'
			],
			{ stdio: ['ignore', 'ignore', 'pipe'] }
		);
		this.#process = started;
		process.on('exit', this.#onExit);
		const said: string[] = [];
		for await (const line of createInterface(started.stderr!)) {
			said.push(line);
			if (/ready for connections/i.test(line)) {
				started.stderr!.resume();
				return;
			}
		}
		throw new Error(`the server ended:\n${said.slice(-20).join('\n')}`);
	}

	async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
		const running = this.#process;
		this.#process = undefined;
		process.off('exit', this.#onExit);
		if (!running || running.exitCode !== null) return;
		const ended = new Promise((resolve) => running.once('exit', resolve));
		running.kill(signal);
		await ended;
	}

	async asRoot(...statements: string[]): Promise<void> {
		const connection = await createConnection({ socketPath: join(this.folder, 'socket'), user: 'root' });
		for (const statement of statements) await connection.query(statement);
		await connection.end();
	}

	async stop(): Promise<void> {
		await this.halt('SIGKILL');
		rmSync(this.folder, { recursive: true });
	}

	#install(): void {
		const data = join(this.folder, 'data');
		const installer = find(INSTALLERS);
		const { status, stdout, stderr } = installer
			? spawnSync(installer, [
					'--no-defaults',
					...USER,
					`--datadir=${data}`,
					'--auth-root-authentication-method=normal',
					'--skip-test-db'
				])
			: spawnSync(server!, ['--no-defaults', ...USER, `--datadir=${data}`, '--initialize-insecure']);
		if (status !== 0) throw new Error(`the server's data cannot be made:\n${stdout}\n${stderr}`);
	}
}

async function freePort(): Promise<number> {
	const probe = createServer();
	await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
	const { port } = probe.address() as { port: number };
	await new Promise((resolve) => probe.close(resolve));
	return port;
}
