/** `npm run invite`: an invitation, signed beside a running relay or without one. */
import { networkInterfaces } from 'node:os';
import { openSuite } from '#lib/crypto/open-suite.ts';
import { Admission } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { Signer } from '#lib/crypto/suite.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import { isLoopback, originsOf, portOf } from './addresses.ts';
import { clusterFileOf, readCluster } from './cluster-file.ts';
import { loadNetworkIni, parseNetworkIni } from './config/network-ini.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { peekDataDirectory } from './data-directory.ts';
import { RelayStartError } from './errors.ts';
import { checkPlace } from './identity.ts';
import { joinPath, readInvitation, signInvitation } from './invitations.ts';
import { invitationId } from './revocations.ts';
import type { InviteArguments } from './terminal/arguments.ts';

export interface InvitationLink {
	link: string;
	/** By which it can be revoked. */
	id: string;
	/** Milliseconds since the epoch. */
	expiresMs: number;
	/** False where anyone may join: the invitation is then not needed. */
	needed: boolean;
}

/** @throws RelayStartError, ConfigError */
export async function invite(options: InviteArguments, nowMs: number): Promise<InvitationLink> {
	const config = options.configPath === null ? parseNetworkIni('') : loadNetworkIni(options.configPath);
	const { genesis, operator, lastOrigin, port } = await signing(options, config);
	const partitions = genesis.fields.partitions.length;
	if (options.partition > partitions)
		throw new RelayStartError('BadArgument', {
			en: `--partition is wrong. Found: ${options.partition}. Allowed: 1 to ${partitions}, or 0 for any.`,
			zh: `--partition 的值不对：${options.partition}。允许：1 到 ${partitions}，或 0 表示任意。`
		});
	const { host, publicUrl } = config.relay;
	const origins = originsOf(host, port, networkInterfaces());
	const origin = options.url ?? publicUrl ?? lastOrigin ?? origins.lan[0] ?? origins.local;
	const expiresMs = nowMs + options.hours * 3_600_000;
	const invitation = await signInvitation(operator, {
		chainId: genesis.chainId,
		partition: options.partition,
		uses: options.uses,
		expiresMs
	});
	return {
		link: `${origin}${joinPath(options.partition, invitation)}`,
		id: invitationId(readInvitation(invitation)),
		expiresMs,
		needed: genesis.fields.admission === Admission.INVITATION
	};
}

interface Signing {
	genesis: GenesisBlock;
	operator: Signer;
	/** Where people reach the relay, as far as its files tell. */
	lastOrigin: string | null;
	port: number;
}

/** In a cluster its file has all that is needed, and no replica has to have been started here. */
async function signing(options: InviteArguments, config: NetworkConfig): Promise<Signing> {
	const { replicas } = config.booters;
	if (options.replica !== undefined) checkPlace(config, options.replica);
	if (replicas.length > 1) {
		const file = clusterFileOf(options.configPath!, config.network.name);
		const cluster = await readCluster(file, config, await openSuite(config.network.suite));
		if (!cluster) throw noChainYet(file);
		const replica = replicas.find(({ name }) => name === options.replica) ?? replicas[0]!;
		const lastOrigin = isLoopback(replica.address) ? null : `http://${replica.address}`;
		return { ...cluster, lastOrigin, port: portOf(replica.address) };
	}
	const data = peekDataDirectory(options.dataDirectory);
	const genesis = data.genesis();
	if (!genesis) throw noChainYet(options.dataDirectory);
	const operator = await data.operator(await openSuite(genesis.fields.suite));
	return { genesis, operator, lastOrigin: data.lastOrigin(), port: config.relay.port };
}

function noChainYet(place: string): RelayStartError {
	return new RelayStartError('NoChainYet', {
		en: `There is no chain in ${place} yet. Start the relay once with npm start, then ask again.`,
		zh: `${place} 中还没有链。请先运行一次 npm start，再试。`
	});
}
