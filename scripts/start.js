/** npm start: whatever is missing is installed and built, then the relay runs until Ctrl-C. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureNode, ensurePackages } from './lib/packages.js';
import { ROOT, environment, onEnd, script } from './lib/project.js';
import { RELAY_PROGRAM, ensureBuilt } from './lib/builds.js';

await script(async () => {
	const args = process.argv.slice(2);
	await ensurePackages();
	const node = await ensureNode();
	// --help answers at once, from the sources.
	const needsNoBuild = args.some((arg) => arg === '--help' || arg === '-h');
	if (!needsNoBuild) await ensureBuilt(node);
	const program = needsNoBuild ? join(ROOT, 'relay', 'main.ts') : RELAY_PROGRAM;
	// The channel tells the relay when this script is gone, however it went.
	const relay = spawn(node, [program, ...args], {
		env: environment(node),
		stdio: ['inherit', 'inherit', 'inherit', 'ipc']
	});
	// In a terminal Ctrl-C reaches both; this script waits for the relay, which ends by itself.
	process.on('SIGINT', () => {});
	onEnd((signal) => relay.kill(signal));
	return new Promise((resolve, reject) => {
		relay.on('error', reject);
		relay.on('exit', (code) => resolve(code ?? 1));
		relay.on('message', (message) => process.send?.(message));
	});
});
