/**
 * What the replicas of one cluster share: a secret, from which the operator's key, the join code and the key of each replica
 * are derived, and genesis, which names those keys. The first replica that starts makes the file beside network.ini; the
 * operator copies it to the other machines. Whoever has it is the operator.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, linkSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { taggedHash } from '#lib/crypto/hash.ts';
import { fromHex, toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import { readGenesis } from '#lib/ledger/genesis.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import { checkAgainstChain, newGenesis } from './chain.ts';
import type { ChainKeys } from './chain.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { keepToOwner, readSmallFile } from './data-directory.ts';
import { RelayStartError } from './errors.ts';
import type { Words } from './errors.ts';
import { joinCodeOf } from './invitations.ts';

export interface Cluster {
	readonly file: string;
	/** This call made the file. */
	readonly created: boolean;
	readonly operator: Signer;
	readonly genesis: GenesisBlock;
	readonly joinCode: string;
	/** 32 bytes: the Booter's and libp2p's identity of this replica. */
	booterSeed(replica: string): Uint8Array;
	/** Lower-case hex of that replica's public key. */
	booterId(replica: string): string;
}

/** Beside network.ini, under the chain's name: two networks of one folder are two clusters. */
export function clusterFileOf(configPath: string, networkName: string): string {
	// Letters of any script are fine in a file's name; what separates folders, or hides a file, is not.
	const plain = networkName.replaceAll(/[^\p{L}\p{N}._-]/gu, '_').replace(/^\./, '_');
	return join(dirname(configPath), `${plain}.cluster`);
}

/**
 * Reads the cluster's file, or makes it. Of two replicas that start at the same moment one makes it, and both read that.
 * @param nowMs - milliseconds since the epoch, for a new chain's genesis
 * @throws RelayStartError `ClusterUnusable`, `ChainMismatch`
 */
export async function openCluster(
	file: string,
	config: NetworkConfig,
	suite: Suite,
	nowMs: number
): Promise<Cluster> {
	const known = await readCluster(file, config, suite);
	if (known) return known;
	const secret = new Uint8Array(randomBytes(SECRET_BYTES));
	const genesis = newGenesis(config, (await keysOf(secret, namesOf(config), suite)).chain, nowMs);
	const created = makeFile(file, {
		tabwave: 'cluster',
		version: VERSION,
		name: config.network.name,
		replicas: namesOf(config),
		secret: toHex(secret),
		genesis: Buffer.from(genesis.bytes).toString('base64')
	});
	const cluster = await readCluster(file, config, suite);
	if (!cluster) throw unusable(file, 'it was removed while this relay started');
	return { ...cluster, created };
}

/**
 * @returns null where there is no such file
 * @throws RelayStartError `ClusterUnusable`; `ChainMismatch` where network.ini states what genesis contradicts
 */
export async function readCluster(
	file: string,
	config: NetworkConfig,
	suite: Suite
): Promise<Cluster | null> {
	const bytes = readSmallFile(file);
	if (!bytes) return null;
	keepToOwner(file);
	const { replicas, secret, genesis } = parse(file, bytes.toString('utf8'));
	const names = namesOf(config);
	if (names.join() !== replicas.join()) throw otherReplicas(file, replicas, names);
	const { operator, ids, chain } = await keysOf(secret, names, suite);
	checkAgainstChain(config, chain, genesis, file, ANOTHER_CLUSTER);
	return {
		file,
		created: false,
		operator,
		genesis,
		joinCode: joinCodeOf(taggedHash('cluster/join-code', secret)),
		booterSeed: (replica) => booterSeed(secret, replica),
		booterId: (replica) => ids.get(replica)!
	};
}

interface Contents {
	tabwave: 'cluster';
	version: number;
	/** Of the network; for people. */
	name: string;
	/** Names, sorted. */
	replicas: string[];
	/** Hex. */
	secret: string;
	/** Encoded Genesis, base64. */
	genesis: string;
}

/** How another chain is started. */
const ANOTHER_CLUSTER: Words = {
	en: 'by moving this file and the replicas’ data folders away, on every machine',
	zh: '在每台机器上移走该文件和各副本的数据文件夹后'
};

const VERSION = 1;
const SECRET_BYTES = 32;

/** Sorted: the order in which they stand in network.ini is nobody's concern. */
function namesOf(config: NetworkConfig): string[] {
	return config.booters.replicas.map(({ name }) => name).sort();
}

async function keysOf(
	secret: Uint8Array,
	names: string[],
	suite: Suite
): Promise<{ operator: Signer; ids: Map<string, string>; chain: ChainKeys }> {
	const operator = await suite.signer(taggedHash('cluster/operator', secret));
	const signers = await Promise.all(names.map((name) => suite.signer(booterSeed(secret, name))));
	const booters = signers.map(({ publicKey }) => publicKey);
	return {
		operator,
		ids: new Map(names.map((name, i) => [name, toHex(booters[i]!)])),
		chain: { operator: operator.publicKey, booters }
	};
}

function booterSeed(secret: Uint8Array, name: string): Uint8Array {
	return taggedHash('cluster/booter', secret, new TextEncoder().encode(name));
}

function parse(
	file: string,
	text: string
): { replicas: string[]; secret: Uint8Array; genesis: GenesisBlock } {
	try {
		const { tabwave, version, replicas, secret, genesis } = JSON.parse(text) as Partial<Contents>;
		if (tabwave !== 'cluster' || version !== VERSION || !Array.isArray(replicas)) throw new Error('fields');
		return {
			replicas: replicas.map(String),
			secret: fromHex(String(secret), SECRET_BYTES),
			genesis: readGenesis(Buffer.from(String(genesis), 'base64'))
		};
	} catch {
		// The cause would show what is in the file, and that is a key.
		throw unusable(file, 'it is damaged, or of another version');
	}
}

/** Whole or not at all, and never over another's. @returns false where there was one already */
function makeFile(file: string, contents: Contents): boolean {
	const draft = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
	try {
		const descriptor = openSync(draft, 'wx', 0o600);
		try {
			writeSync(descriptor, `${JSON.stringify(contents, null, '\t')}\n`);
			fsyncSync(descriptor);
		} finally {
			closeSync(descriptor);
		}
		chmodSync(draft, 0o600);
		// A rename would replace what another replica has made in this moment; a link does not.
		linkSync(draft, file);
		return true;
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
		throw unusable(file, cause instanceof Error ? cause.message : String(cause), cause);
	} finally {
		rmSync(draft, { force: true });
	}
}

function otherReplicas(file: string, found: string[], wanted: string[]): RelayStartError {
	return new RelayStartError('ChainMismatch', {
		en: `${file} is of a cluster with the replicas ${found.join(', ')}; [booters] in network.ini names ${wanted.join(', ')}. Names are part of the chain: undo the change, or start another chain ${ANOTHER_CLUSTER.en}.`,
		zh: `${file} 属于副本为 ${found.join('、')} 的集群；network.ini 的 [booters] 写的是 ${wanted.join('、')}。名字是链的一部分：请撤销改动，或${ANOTHER_CLUSTER.zh}建立新链。`
	});
}

function unusable(file: string, reason: string, cause?: unknown): RelayStartError {
	return new RelayStartError(
		'ClusterUnusable',
		{
			en: `The cluster file ${file} cannot be used: ${reason}. Copy it again from the machine of another replica, or mend the permissions of its folder.`,
			zh: `无法使用集群文件 ${file}：${reason}。请从另一副本所在的机器重新复制，或检查所在文件夹的权限。`
		},
		{ cause }
	);
}
