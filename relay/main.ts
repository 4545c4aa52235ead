/** The relay as a program, and what its operator does beside it: `npm start`, `npm run invite`, `npm run recover`. */
import { clusterFileOf } from './cluster-file.ts';
import { loadNetworkIni, parseNetworkIni } from './config/network-ini.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { checkPlace } from './identity.ts';
import { invite } from './invite.ts';
import { askForRecovery } from './recover.ts';
import { startRelay } from './relay.ts';
import { revoke } from './revocations.ts';
import type { RunningRelay } from './relay.ts';
import { readInviteArguments, readRecoverArguments, readRelayArguments } from './terminal/arguments.ts';
import type { RelayArguments } from './terminal/arguments.ts';
import { endWith } from './terminal/end-with.ts';
import { greeting, paint } from './terminal/greeting.ts';
import { startLogging, stopLogging } from './terminal/logging.ts';
import { HELP, INVITE_HELP, RECOVER_HELP, WORDS } from './terminal/words.ts';

/** Ctrl-C ends within 2 s even where a part hangs in a way that no timeout of ours sees. */
const EXIT_AFTER_MS = 1900;

const [command, ...rest] = process.argv.slice(2);
try {
	if (command === 'invite') await printInvitation(rest);
	else if (command === 'recover') recover(rest);
	else await runRelay(process.argv.slice(2));
} catch (error) {
	endWith(error);
}

async function runRelay(args: string[]): Promise<void> {
	const options = readRelayArguments(args, process.env);
	if (options.help) {
		process.stdout.write(HELP);
		process.disconnect?.();
		return;
	}
	const config = readConfig(options);
	const color = options.color && process.stdout.isTTY === true;
	await startLogging(config.logging, { dataDirectory: options.dataDirectory, color });
	let relay: RunningRelay | null = null;
	let ending = false;
	const end = async (): Promise<void> => {
		// A second Ctrl-C means: now.
		if (ending) process.exit(1);
		ending = true;
		setTimeout(() => process.exit(1), EXIT_AFTER_MS).unref();
		process.stdout.write(`\n${WORDS.stopping}\n`);
		await relay?.stop();
		process.stdout.write(`${WORDS.stopped}\n`);
		await stopLogging();
		// What is left open (sockets of a part that did not stop) must not hold the terminal.
		process.exit(0);
	};
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());
	// The script that started this program is gone: nobody is left to stop it.
	process.on('disconnect', () => void end());
	relay = await startRelay({
		config,
		host: options.host,
		port: options.port,
		cluster:
			options.replica === undefined
				? undefined
				: { replica: options.replica, file: clusterFileOf(options.configPath!, config.network.name) },
		dataDirectory: options.dataDirectory,
		tls: options.tls,
		siteDirectory: options.siteDirectory,
		onFatal: (error) => {
			process.stderr.write(`\n${WORDS.fatal}: ${error.message}\n\n`);
			process.exit(1);
		}
	});
	process.stdout.write(`${greeting(relay, paint(color))}\n`);
	// Tests and scripts wait for the port here; a terminal has no such channel.
	const { port, chainId, joinUrl, joinCode, origins, replicas } = relay;
	process.send?.({ kind: 'ready', port, chainId, joinUrl, joinCode, origins, replicas });
}

async function printInvitation(args: string[]): Promise<void> {
	const options = readInviteArguments(args);
	if (options.help) {
		process.stdout.write(INVITE_HELP);
		return;
	}
	if (options.revoke !== undefined) {
		process.stdout.write(`${WORDS.revoked(revoke(options.dataDirectory, options.revoke))}\n`);
		return;
	}
	const { link, id, expiresMs, needed } = await invite(options, Date.now());
	process.stdout.write(`${link}\n`);
	const until = new Date(expiresMs).toLocaleString();
	process.stderr.write(`${WORDS.invitationTerms(options.uses, until)}\n${WORDS.invitationId(id)}\n`);
	if (!needed)
		process.stderr.write(
			'This network is open: nobody needs the invitation. · 本网络开放，无需邀请也可加入。\n'
		);
}

function recover(args: string[]): void {
	const options = readRecoverArguments(args);
	if (options.help) {
		process.stdout.write(RECOVER_HELP);
		return;
	}
	askForRecovery(options);
	process.stdout.write(`${WORDS.recoverAsked(options.partition)}\n`);
}

/** @throws ConfigError; RelayStartError where this is no replica of the cluster, or does not say which */
function readConfig(options: RelayArguments): NetworkConfig {
	const config = options.configPath === null ? parseNetworkIni('') : loadNetworkIni(options.configPath);
	checkPlace(config, options.replica);
	return config;
}
