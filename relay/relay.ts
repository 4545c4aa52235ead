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
import { addressSeenFrom, isLoopback, originsOf, ownNames, portOf } from './addresses.ts';
import type { Origins } from './addresses.ts';
import { compose } from './compose.ts';
import type { Composition } from './compose.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { LEDGER_FILE, openDataDirectory } from './data-directory.ts';
import type { DataDirectory } from './data-directory.ts';
import { keepFiles } from './http/kept-files.ts';
import { networkDocument } from './http/network-document.ts';
import { createServer } from './http/server.ts';
import type { RelayState } from './http/server.ts';
import { checkSite } from './http/site.ts';
import { relayIdentity } from './identity.ts';
import type { ClusterPlace } from './identity.ts';
import { MAX_HOURS, joinPath, readInvitation, signInvitation } from './invitations.ts';
import { listen } from './listen.ts';
import { Replicas } from './replicas.ts';
import type { ReplicaStatus } from './replicas.ts';
import { Revocations } from './revocations.ts';
import { CERTIFICATE_CHECK_MS, Certificates } from './tls/certificates.ts';
import type { TlsFiles } from './tls/certificates.ts';

/** An invitation that the relay itself gives out at its terminal holds for a school day. */
const TERMINAL_INVITATION_HOURS = 8;
/** Ctrl-C must end the relay within 2 s; a part that has not stopped by now is left behind, and the log says which. */
const STOP_TIMEOUT_MS = 1500;

export interface RelayOptions {
	config: NetworkConfig;
	/** Default: config.relay.host */
	host?: string;
	/** Default: that of this replica's address, else config.relay.port; 0 takes a free one. */
	port?: number;
	/** Needed where config.booters has several replicas. */
	cluster?: ClusterPlace;
	dataDirectory: string;
	/** https: with a certificate that the relay makes, or with these files; undefined serves http. */
	tls?: 'self-made' | TlsFiles;
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
	/** Of the Booter: this relay, and in a cluster the others, in the order of genesis. */
	readonly replicas: readonly ReplicaStatus[];
	/** The cluster file that this start made; null where it was there, or there is no cluster. */
	readonly newClusterFile: string | null;
	/** null where it serves http. */
	readonly tls: { isSelfMade: boolean; fingerprint: string } | null;
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
	const identity = await relayIdentity(config, data, suite, options.cluster ?? null, Date.now());
	const { genesis, operator, joinCode } = identity;
	const revocations = new Revocations(data.path);
	const invitations = terminalInvitations(operator, genesis, revocations);
	const chainId = toHex(genesis.chainId);
	const { publicUrl } = config.relay;
	const replicas = new Replicas({
		replicas: identity.replicas,
		chainId,
		clusterFile: options.cluster?.file ?? null,
		secure: publicUrl?.startsWith('https:') ?? false
	});

	const host = options.host ?? config.relay.host;
	const certificates =
		options.tls === undefined
			? null
			: await Certificates.open({
					dataDirectory: data.path,
					files: options.tls === 'self-made' ? null : options.tls,
					names: () => ownNames([publicUrl, host, replicas.self.address]),
					nowMs: Date.now
				});

	let state: RelayState = 'starting';
	let parts: Composition | null = null;
	let origins: Origins = { local: null, lan: [] };
	const reachable = (): string[] =>
		[publicUrl, ...namedOrigin(replicas), ...origins.lan, origins.local].filter((origin) => origin !== null);
	const replicaStatuses = (): ReplicaStatus[] =>
		replicas.statuses(parts?.linked() ?? new Set(), parts?.booter.active() ?? null);
	const finalHeight = (): number => parts?.booter.network().finalHeight ?? 0;
	const { server, setCertificate } = await createServer({
		certificate: certificates?.current ?? null,
		siteDirectory: options.siteDirectory,
		keptFiles: options.siteDirectory === null ? null : keepFiles(options.siteDirectory, data.path),
		replicaHosts: (host) => replicas.others.map(({ address }) => addressSeenFrom(host, address)),
		requestsPerMinute: config.relay.requestsPerMinute,
		health: () => ({
			status: state,
			name: genesis.fields.name,
			chainId,
			...(state === 'ready' ? { finalHeight: finalHeight() } : {}),
			...(replicas.self.name === '' ? {} : { replica: replicas.self.name }),
			replicas: replicaStatuses(),
			...(parts ? { tabs: parts.tabs() } : {})
		}),
		networkDocument: (origin) =>
			networkDocument({
				genesis,
				config,
				network: parts!.booter.network(),
				peerId: parts!.peerId,
				origins: [...asSeenOutside(origin, publicUrl), ...reachable()],
				replicas: replicaStatuses()
			}),
		joinTarget: async (code) => (code.toUpperCase() === joinCode ? joinPath(0, await invitations()) : null)
	});

	const certificateCheck = setInterval(() => {
		certificates?.look().then(
			(next) => next && setCertificate(next),
			(error: unknown) => log.error('the certificate could not be looked at: {error}', { error })
		);
	}, CERTIFICATE_CHECK_MS);

	let stopping: Promise<void> | null = null;
	const stop = (): Promise<void> => {
		clearInterval(certificateCheck);
		state = 'stopping';
		stopping ??= stopInOrder([
			['booter', async () => parts?.booter.stop()],
			['server', async () => server.close()],
			['data directory', async () => data.release()]
		]);
		return stopping;
	};

	try {
		await listen(server, host, options.port ?? portToListenOn(config, options.cluster?.replica));
		const { port } = server.server.address() as AddressInfo;
		origins = originsOf(host, port, undefined, certificates ? 'https' : 'http');
		parts = compose({
			config,
			suite,
			genesis,
			operator,
			booter: identity.booter,
			booterSeed: identity.booterSeed,
			ledgerPath: join(data.path, LEDGER_FILE),
			server: server.server,
			revocations,
			replicas,
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
			continued: identity.continued,
			get replicas() {
				return replicaStatuses();
			},
			newClusterFile: identity.newClusterFile,
			get tls() {
				return certificates && { isSelfMade: certificates.isSelfMade, fingerprint: certificates.fingerprint };
			},
			stop
		};
	} catch (error) {
		await stop();
		throw error;
	}
}

/** The replicas of one network.ini differ in their addresses alone. A port that it states is one behind a proxy. */
function portToListenOn(config: NetworkConfig, replica: string | undefined): number {
	const { replicas } = config.booters;
	const own = replicas.length === 1 ? replicas[0] : replicas.find(({ name }) => name === replica);
	return own && !config.stated.has('relay.port') ? portOf(own.address) : config.relay.port;
}

/** The address in [booters] is the one that other machines use, where it is not this machine's name for itself. */
function namedOrigin(replicas: Replicas): string[] {
	const { address } = replicas.self;
	return address === null || isLoopback(address) ? [] : [replicas.originOf({ address })];
}

/** Behind a proxy the browser speaks https, and this program hears http. */
function asSeenOutside(origin: string | null, publicUrl: string | null): string[] {
	if (origin === null) return [];
	return publicUrl !== null && new URL(publicUrl).host === new URL(origin).host ? [publicUrl] : [origin];
}

/** The invitation behind the terminal's QR and the join code: made anew when the one before has served half its time or is revoked. */
function terminalInvitations(
	operator: Signer,
	genesis: GenesisBlock,
	revocations: Revocations
): () => Promise<Uint8Array | null> {
	if (genesis.fields.admission === Admission.OPEN) return async () => null;
	const uses = genesis.fields.partitions.reduce((seats, partition) => seats + partition.maxMembers, 0);
	const lifetimeMs = Math.min(TERMINAL_INVITATION_HOURS, MAX_HOURS) * 3_600_000;
	let current: { bytes: Uint8Array; renewMs: number } | null = null;
	return async () => {
		const nowMs = Date.now();
		const isRevoked = current !== null && revocations.has(readInvitation(current.bytes));
		if (current === null || current.renewMs <= nowMs || isRevoked) {
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
