/** The relay as a program: `npm start`, `npm run invite` and their like end up here. */
import { ApiError } from '#lib/node/api.ts';
import { ManagerSettingsError } from '#lib/spectrum/manager/settings.ts';
import { StoreError } from '#lib/storage/ledger-store.ts';
import { clusterFileOf } from './cluster-file.ts';
import { ConfigError } from './config/config-error.ts';
import { loadNetworkIni, parseNetworkIni } from './config/network-ini.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { RelayStartError } from './errors.ts';
import { checkPlace } from './identity.ts';
import { invite } from './invite.ts';
import { askForRecovery } from './recover.ts';
import { startRelay } from './relay.ts';
import { revoke } from './revocations.ts';
import type { RunningRelay } from './relay.ts';
import { DatabaseError } from './storage/sql/database-error.ts';
import {
	readHeadlessArguments,
	readInviteArguments,
	readRecoverArguments,
	readRelayArguments
} from './terminal/arguments.ts';
import type { RelayArguments } from './terminal/arguments.ts';
import { greeting, paint } from './terminal/greeting.ts';
import { HEADLESS_HELP } from './terminal/headless-words.ts';
import { startLogging, stopLogging } from './terminal/logging.ts';
import { HELP, INVITE_HELP, RECOVER_HELP, WORDS } from './terminal/words.ts';

/** A start that is refused, as against a crash. */
const EXIT_REFUSED = 2;
/** Ctrl-C ends within 2 s even where a part hangs in a way that no timeout of ours sees. */
const EXIT_AFTER_MS = 1900;

const [command, ...rest] = process.argv.slice(2);
try {
	if (command === 'invite') await printInvitation(rest);
	else if (command === 'recover') recover(rest);
	else if (command === 'headless') await headless(rest);
	else await runRelay(process.argv.slice(2));
} catch (error) {
	const isRefused = [
		RelayStartError,
		ConfigError,
		DatabaseError,
		StoreError,
		ApiError,
		ManagerSettingsError
	].some((kind) => error instanceof kind);
	const code = isRefused ? EXIT_REFUSED : 1;
	// The channel to the script that started this program would keep it alive.
	process.stderr.write(`\n${explain(error)}\n\n`, () => process.exit(code));
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

async function headless(args: string[]): Promise<void> {
	const options = readHeadlessArguments(args);
	if (options.help) {
		process.stdout.write(HEADLESS_HELP);
		process.disconnect?.();
		return;
	}
	// The drivers of databases are nothing that a relay needs.
	const { runHeadless } = await import('./headless/program.ts');
	await runHeadless(options);
}

/** @throws ConfigError; RelayStartError where this is no replica of the cluster, or does not say which */
function readConfig(options: RelayArguments): NetworkConfig {
	const config = options.configPath === null ? parseNetworkIni('') : loadNetworkIni(options.configPath);
	checkPlace(config, options.replica);
	return config;
}

function explain(error: unknown): string {
	if (error instanceof RelayStartError) return `${error.words.en}\n${error.words.zh}\n(${error.name})`;
	if (error instanceof ConfigError)
		return `${WORDS.badConfig('network.ini')}\n${error.message}\n(${error.name})`;
	// What was refused by name, and says what to do: of the database, the ledger's store, or the network.
	if (
		error instanceof StoreError ||
		error instanceof ApiError ||
		error instanceof DatabaseError ||
		error instanceof ManagerSettingsError
	)
		return `${error.message}\n(${error instanceof StoreError ? `${error.name} ${error.reason}` : error.name})`;
	return `${WORDS.unexpected}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
