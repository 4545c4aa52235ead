/**
 * The relay as a whole: data directory, one port, libp2p host and Booter. Tests and benchmarks start it with port 0:
 *
 *     const relay = await startRelay({ config: parseNetworkIni(''), port: 0, dataDirectory, siteDirectory: null });
 *     await relay.stop();
 */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getLogger } from '@logtape/logtape';
import { toHex } from '#lib/crypto/hex.ts';
import { openSuite } from '#lib/crypto/open-suite.ts';
import type { Signer } from '#lib/crypto/suite.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import { Admission } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { originsOf } from './addresses.ts';
import type { Origins } from './addresses.ts';
import { checkAgainstChain, newGenesis } from './chain.ts';
import { compose } from './compose.ts';
import type { Composition } from './compose.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { LEDGER_FILE, openDataDirectory } from './data-directory.ts';
import type { DataDirectory } from './data-directory.ts';
import { networkDocument } from './http/network-document.ts';
import { createServer } from './http/server.ts';
import type { RelayState } from './http/server.ts';
import { checkSite } from './http/site.ts';
import { MAX_HOURS, joinPath, newJoinCode, signInvitation } from './invitations.ts';
import { listen } from './listen.ts';

/** An invitation that the relay itself gives out at its terminal holds for a school day. */
const TERMINAL_INVITATION_HOURS = 8;
/** Ctrl-C must end the relay within 2 s; a part that has not stopped by now is left behind, and the log says which. */
const STOP_TIMEOUT_MS = 1500;

export interface RelayOptions {
	config: NetworkConfig;
	/** Default: config.relay.host */
	host?: string;
	/** Default: config.relay.port; 0 takes a free one. */
	port?: number;
	dataDirectory: string;
	/** The built site; null serves none. */
	siteDirectory: string | null;
	/** A part of the relay that cannot go on; by then it is stopping. */
	onFatal?: (error: Error) => void;
}

export interface RunningRelay {
	readonly name: string;
	readonly port: number;
	readonly chainId: string;
	readonly admission: 'open' | 'invitation';
	readonly origins: Origins;
	readonly finalHeight: number;
	/** Below which other machines join, and a code that people type in its place: `<address>/j/<code>`. */
	readonly joinUrl: string;
	readonly joinCode: string;
	/** True where the data directory held this chain before. */
	readonly continued: boolean;
	/** Ends within 2 s, whatever its parts do. Safe to call twice. */
	stop(): Promise<void>;
}

/** @throws RelayStartError */
export async function startRelay(options: RelayOptions): Promise<RunningRelay> {
	if (options.siteDirectory !== null) checkSite(options.siteDirectory);
	const data = openDataDirectory(options.dataDirectory);
	try {
		return await startWith(options, data);
	} catch (error) {
		data.release();
		throw error;
	}
}

async function startWith(options: RelayOptions, data: DataDirectory): Promise<RunningRelay> {
	const { config } = options;
	const log = getLogger(['tabwave', 'relay']);
	const suite = await openSuite(config.network.suite);
	const operator = await data.operator(suite);
	const booterKey = await data.booter(suite);
	const keys = { operator: operator.publicKey, booters: [booterKey.publicKey] };
	const stored = data.genesis();
	if (stored) checkAgainstChain(config, keys, stored, data.path);
	const genesis = stored ?? newGenesis(config, keys, Date.now());
	if (!stored) data.writeGenesis(genesis);
	const joinCode = data.joinCode(newJoinCode);
	const invitations = terminalInvitations(operator, genesis);
	const chainId = toHex(genesis.chainId);

	let state: RelayState = 'starting';
	let parts: Composition | null = null;
	let origins: Origins = { local: null, lan: [] };
	const reachable = (): string[] =>
		[config.relay.publicUrl, ...origins.lan, origins.local].filter((origin) => origin !== null);
	const finalHeight = (): number => parts?.booter.network().finalHeight ?? 0;
	const server = await createServer({
		siteDirectory: options.siteDirectory,
		replicas: config.booters.replicas.map((replica) => replica.address),
		requestsPerMinute: config.relay.requestsPerMinute,
		health: () => ({
			status: state,
			name: genesis.fields.name,
			chainId,
			...(state === 'ready' ? { finalHeight: finalHeight() } : {})
		}),
		networkDocument: (origin) =>
			networkDocument({
				genesis,
				config,
				network: parts!.booter.network(),
				peerId: parts!.peerId,
				origins: [...asSeenOutside(origin, config.relay.publicUrl), ...reachable()]
			}),
		joinTarget: async (code) => (code.toUpperCase() === joinCode ? joinPath(0, await invitations()) : null)
	});

	let stopping: Promise<void> | null = null;
	const stop = (): Promise<void> => {
		state = 'stopping';
		stopping ??= stopInOrder([
			['booter', async () => parts?.booter.stop()],
			['server', async () => server.close()],
			['data directory', async () => data.release()]
		]);
		return stopping;
	};

	try {
		const host = options.host ?? config.relay.host;
		await listen(server, host, options.port ?? config.relay.port);
		const { port } = server.server.address() as AddressInfo;
		origins = originsOf(host, port);
		parts = compose({
			config,
			suite,
			genesis,
			operator,
			booter: booterKey,
			booterSeed: data.booterSeed(suite),
			ledgerPath: join(data.path, LEDGER_FILE),
			server: server.server,
			origins: reachable(),
			onFatal: (error) => {
				log.fatal('the relay cannot go on: {error}', { error });
				void stop().then(() => options.onFatal?.(error));
			}
		});
		await parts.booter.start();
		state = 'ready';
		data.writeLastOrigin(reachable()[0]!);
		log.info('chain {chainId} at height {finalHeight} on port {port}', {
			chainId,
			finalHeight: finalHeight(),
			port
		});
		return {
			name: genesis.fields.name,
			port,
			chainId,
			admission: genesis.fields.admission === Admission.OPEN ? 'open' : 'invitation',
			get origins() {
				return origins;
			},
			get finalHeight() {
				return finalHeight();
			},
			joinUrl: `${reachable()[0]}${joinPath(0, await invitations())}`,
			joinCode,
			continued: stored !== null,
			stop
		};
	} catch (error) {
		await stop();
		throw error;
	}
}

/** Behind a proxy the browser speaks https, and this program hears http. */
function asSeenOutside(origin: string | null, publicUrl: string | null): string[] {
	if (origin === null) return [];
	return publicUrl !== null && new URL(publicUrl).host === new URL(origin).host ? [publicUrl] : [origin];
}

/** The invitation behind the terminal's QR and the join code: made anew when the one before has served half its time. */
function terminalInvitations(operator: Signer, genesis: GenesisBlock): () => Promise<Uint8Array | null> {
	if (genesis.fields.admission === Admission.OPEN) return async () => null;
	const uses = genesis.fields.partitions.reduce((seats, partition) => seats + partition.maxMembers, 0);
	const lifetimeMs = Math.min(TERMINAL_INVITATION_HOURS, MAX_HOURS) * 3_600_000;
	let current: { bytes: Uint8Array; renewMs: number } | null = null;
	return async () => {
		const nowMs = Date.now();
		if (current === null || current.renewMs <= nowMs) {
			const terms = { chainId: genesis.chainId, partition: 0, uses, expiresMs: nowMs + lifetimeMs };
			current = { bytes: await signInvitation(operator, terms), renewMs: nowMs + lifetimeMs / 2 };
		}
		return current.bytes;
	};
}

/** One after the other, so that the ledger is closed before the lock on its folder goes. */
async function stopInOrder(parts: readonly (readonly [string, () => Promise<unknown>])[]): Promise<void> {
	const log = getLogger(['tabwave', 'relay']);
	const deadline = performance.now() + STOP_TIMEOUT_MS;
	for (const [name, stop] of parts) {
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<'late'>((resolve) => {
			timer = setTimeout(() => resolve('late'), Math.max(0, deadline - performance.now()));
		});
		try {
			if ((await Promise.race([stop(), late])) === 'late') log.warn('{name} did not stop in time', { name });
		} catch (error) {
			log.error('{name} failed to stop: {error}', { name, error });
		} finally {
			clearTimeout(timer);
		}
	}
}
