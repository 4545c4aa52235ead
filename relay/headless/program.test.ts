/** `npm run headless` as a program: the real script in a process of its own, on a real relay. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningRelay } from '../relay.ts';
import { PROJECT_ROOT } from '../terminal/arguments.ts';
import { startLocalRelay } from '../testing/local-relay.ts';

const folder = mkdtempSync(join(tmpdir(), 'tabwave-program-'));
let relay: RunningRelay;
const running = new Set<ChildProcess>();

beforeAll(async () => {
	relay = await startLocalRelay(join(folder, 'relay'));
});
afterAll(async () => {
	for (const child of running) child.kill('SIGKILL');
	await relay.stop();
	rmSync(folder, { recursive: true });
});

interface Program {
	child: ChildProcess;
	/** All that it has said so far, on both channels. */
	said(): string;
	/** Resolves with what matches, once the program has said it. @throws where it ends before */
	says(what: RegExp): Promise<RegExpExecArray>;
	/** Exit code, or the signal's name. */
	ended: Promise<number | string>;
}

/** What `npm run headless --` runs. */
function headless(...args: string[]): Program {
	const child = spawn(process.execPath, [join(PROJECT_ROOT, 'scripts', 'run.js'), 'headless', ...args], {
		stdio: ['ignore', 'pipe', 'pipe']
	});
	running.add(child);
	let text = '';
	const listeners = new Set<() => void>();
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding('utf8').on('data', (piece: string) => {
			text += piece;
			for (const listener of listeners) listener();
		});
	const ended = new Promise<number | string>((resolve, reject) => {
		child.on('error', reject);
		// Only then has everything been read that it said.
		child.on('close', (code, signal) => {
			running.delete(child);
			resolve(code ?? signal!);
		});
	});
	return {
		child,
		said: () => text,
		says: (what) =>
			new Promise((resolve, reject) => {
				const look = (): void => {
					const found = what.exec(text);
					if (!found) return;
					listeners.delete(look);
					resolve(found);
				};
				listeners.add(look);
				void ended.then((code) => reject(new Error(`it ended with ${code} and never said ${what}: ${text}`)));
				look();
			}),
		ended
	};
}

it('joins, registers what its SQLite file says, and leaves at a signal', { timeout: 60_000 }, async () => {
	const file = join(folder, 'points.sqlite');
	const program = headless(
		...['--relay', `http://127.0.0.1:${relay.port}`, '--database', `sqlite:${file}`],
		...['--data', join(folder, 'node'), '--nickname', 'roof']
	);
	const [, owner] = await program.says(/rows with owner = ([0-9a-f]{64}) /);
	await program.says(/Joined partition \d at height [1-9]/);
	const database = new DatabaseSync(file, { timeout: 5_000 });
	database
		.prepare(
			`insert into tabwave_access_points (owner, id, name, latitude_microdegrees, longitude_microdegrees, coverage_radius_m,
			antenna_height_cm, eirp_milli_dbm, band, channels, idle_channels, occupancy_ppm)
			values (?, 'roof-1', 'Roof', 40750000, -73980000, 50, 300, 30000, '5GHz', '[36]', '[]', 500000)`
		)
		.run(owner!);
	await program.says(/roof-1 is on the ledger, height [1-9]/);
	program.child.kill('SIGTERM');
	expect(await program.ended).toBe(0);
	expect(program.said()).toMatch(/Leaving …[^]*Left\./);
	// The file is whole, and nobody holds it any more.
	expect(database.prepare('select updated_height > 0 as known from tabwave_access_points').all()).toEqual([
		{ known: 1 }
	]);
	database.exec('begin exclusive; commit');
	database.close();
});

it('refuses what it cannot run with, by name and with a code', { timeout: 60_000 }, async () => {
	const origin = `http://127.0.0.1:${relay.port}`;
	const bad: [name: string, words: string, args: string[]][] = [
		['BadArgument', 'Did you mean --relay?', ['--rely', origin]],
		['RelayNotReached', 'http://127.0.0.1:9', ['--relay', 'http://127.0.0.1:9']],
		['ManagerSettings', 'sell', ['--relay', origin, '--sell-at', '41', '--data', join(folder, 'bad')]]
	];
	await Promise.all(
		bad.map(async ([name, words, args]) => {
			const program = headless(...args);
			expect(await program.ended, words).toBe(2);
			expect(program.said()).toContain(`(${name})`);
			expect(program.said()).toContain(words);
		})
	);
});
