/** A relay in a process of its own, which can be killed and started again with the same port and data. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RelayStatus } from '../network/relay-host.ts';
import type { Health } from '../http/server.ts';

export class KillableRelay {
	readonly #folder = mkdtempSync(join(tmpdir(), 'tabwave-killable-'));
	readonly #ini: string;
	#child: ChildProcess | null = null;
	#port = 0;

	constructor(ini: string) {
		this.#ini = ini;
	}

	get origin(): string {
		return `http://127.0.0.1:${this.#port}`;
	}

	/** Resolves when it listens and tabs can join. */
	async start(): Promise<void> {
		const child = fork(join(import.meta.dirname, 'relay-child.ts'), [
			join(this.#folder, 'data'),
			String(this.#port),
			this.#ini
		]);
		this.#child = child;
		this.#port = await new Promise((resolve, reject) => {
			child.once('message', (port) => resolve(port as number));
			child.once('exit', (code) => reject(new Error(`the relay ended with code ${code}`)));
		});
	}

	/** SIGKILL: nothing is said to anybody. */
	async kill(): Promise<void> {
		const child = this.#child;
		this.#child = null;
		if (!child || child.exitCode !== null || child.signalCode !== null) return;
		const exited = new Promise((resolve) => child.once('exit', resolve));
		child.kill('SIGKILL');
		await exited;
	}

	async tabs(): Promise<RelayStatus> {
		return ((await (await fetch(`${this.origin}/healthz`)).json()) as Health).tabs!;
	}

	/** Of the process that runs now. */
	get pid(): number {
		return this.#child!.pid!;
	}

	async dispose(): Promise<void> {
		await this.kill();
		rmSync(this.#folder, { recursive: true, force: true });
	}
}
