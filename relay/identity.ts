/** Who this relay is: its keys, the chain that it serves, and which replicas its Booter has. */
import { toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import { checkAgainstChain, newGenesis } from './chain.ts';
import { openCluster } from './cluster-file.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import type { DataDirectory } from './data-directory.ts';
import { RelayStartError } from './errors.ts';
import { newJoinCode } from './invitations.ts';
import type { Replica } from './replicas.ts';

/** Which replica of several this relay is. */
export interface ClusterPlace {
	/** Name in [booters]. */
	replica: string;
	/** See cluster-file.ts. */
	file: string;
}

export interface RelayIdentity {
	operator: Signer;
	booter: Signer;
	/** 32 bytes: libp2p identifies the relay by the same key. */
	booterSeed: Uint8Array;
	genesis: GenesisBlock;
	/** The data directory held this chain before. */
	continued: boolean;
	joinCode: string;
	/** This one alone, or all of the cluster in the order of genesis. */
	replicas: Replica[];
	/** The file that this start made, to be copied to the other machines; null where there is none or it was there. */
	newClusterFile: string | null;
}

/** @throws RelayStartError `ChainMismatch`, `ReplicaNotNamed`, `UnknownReplica`, and what the files of keys throw */
export async function relayIdentity(
	config: NetworkConfig,
	data: DataDirectory,
	suite: Suite,
	cluster: ClusterPlace | null,
	nowMs: number
): Promise<RelayIdentity> {
	checkPlace(config, cluster?.replica);
	return config.booters.replicas.length > 1
		? inCluster(config, data, suite, cluster!, nowMs)
		: alone(config, data, suite, nowMs);
}

/**
 * @param replica - as given with --replica
 * @throws RelayStartError `ReplicaNotNamed` where there are several and none is chosen, `UnknownReplica`
 */
export function checkPlace(config: NetworkConfig, replica: string | undefined): void {
	const names = config.booters.replicas.map(({ name }) => name);
	const known = names.length === 0 ? 'none · 无' : names.join(', ');
	if (replica === undefined && names.length > 1)
		throw new RelayStartError('ReplicaNotNamed', {
			en: `[booters] in network.ini has ${names.length} replicas: ${known}. Say which one this is, for example: npm start -- --replica ${names[0]}`,
			zh: `network.ini 的 [booters] 中有 ${names.length} 个副本：${known}。请指明本机是哪一个，例如：npm start -- --replica ${names[0]}`
		});
	if (replica !== undefined && !names.includes(replica))
		throw new RelayStartError('UnknownReplica', {
			en: `[booters] in network.ini has no replica "${replica}". It has: ${known}.`,
			zh: `network.ini 的 [booters] 中没有 “${replica}”。现有：${known}。`
		});
}

async function alone(
	config: NetworkConfig,
	data: DataDirectory,
	suite: Suite,
	nowMs: number
): Promise<RelayIdentity> {
	const operator = await data.operator(suite);
	const booter = await data.booter(suite);
	const keys = { operator: operator.publicKey, booters: [booter.publicKey] };
	const stored = data.genesis();
	if (stored) checkAgainstChain(config, keys, stored, data.path);
	const genesis = stored ?? newGenesis(config, keys, nowMs);
	if (!stored) data.writeGenesis(genesis);
	const [named] = config.booters.replicas;
	return {
		operator,
		booter,
		booterSeed: data.booterSeed(suite),
		genesis,
		continued: stored !== null,
		joinCode: data.joinCode(newJoinCode),
		replicas: [
			{ id: toHex(booter.publicKey), name: named?.name ?? '', address: named?.address ?? null, isSelf: true }
		],
		newClusterFile: null
	};
}

async function inCluster(
	config: NetworkConfig,
	data: DataDirectory,
	suite: Suite,
	place: ClusterPlace,
	nowMs: number
): Promise<RelayIdentity> {
	const cluster = await openCluster(place.file, config, suite, nowMs);
	const { genesis } = cluster;
	const stored = data.genesis();
	if (stored && toHex(stored.chainId) !== toHex(genesis.chainId))
		throw new RelayStartError('ChainMismatch', {
			en: `The ledger in ${data.path} is of the chain ${toHex(stored.chainId).slice(0, 16)}, and the cluster file ${place.file} of ${toHex(genesis.chainId).slice(0, 16)}. Copy the right cluster file from another replica, or choose another folder with --data FOLDER.`,
			zh: `${data.path} 中的账本属于链 ${toHex(stored.chainId).slice(0, 16)}，集群文件 ${place.file} 则属于链 ${toHex(genesis.chainId).slice(0, 16)}。请从另一副本复制正确的集群文件，或用 --data 文件夹 另选一个。`
		});
	if (!stored) data.writeGenesis(genesis);
	const booterSeed = cluster.booterSeed(place.replica);
	return {
		operator: cluster.operator,
		booter: await suite.signer(booterSeed),
		booterSeed,
		genesis,
		continued: stored !== null,
		joinCode: cluster.joinCode,
		replicas: [...config.booters.replicas]
			.sort((a, b) => (a.name < b.name ? -1 : 1))
			.map(({ name, address }) => ({
				id: cluster.booterId(name),
				name,
				address,
				isSelf: name === place.replica
			})),
		newClusterFile: cluster.created ? place.file : null
	};
}
