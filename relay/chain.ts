/**
 * The chain that this relay serves: genesis is made from network.ini once, written beside the ledger, and binding from
 * then on. Later starts compare what network.ini says with it, since a changed file would otherwise silently do nothing.
 */
import { create } from '@bufbuild/protobuf';
import { toHex } from '#lib/crypto/hex.ts';
import { encodeGenesis, readGenesis } from '#lib/ledger/genesis.ts';
import type { GenesisBlock, GenesisFields } from '#lib/ledger/genesis.ts';
import { Admission, PartitionGenesisSchema, RecoveryMode } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { NetworkConfig } from './config/network-ini.ts';
import { RelayStartError } from './errors.ts';
import type { Words } from './errors.ts';

/** What genesis takes from the keys of this relay and not from network.ini. */
export interface ChainKeys {
	/** Public key of the operator. */
	operator: Uint8Array;
	/** Public keys of the Booter's replicas, in the order of their names. */
	booters: Uint8Array[];
}

/** @param createdMs - milliseconds since the epoch; it makes two networks of the same description two chains */
export function newGenesis(config: NetworkConfig, keys: ChainKeys, createdMs: number): GenesisBlock {
	return readGenesis(encodeGenesis({ ...fieldsFromConfig(config), ...keys, createdMs: BigInt(createdMs) }));
}

/**
 * Only what network.ini states can contradict the chain: a default may be another in a later version.
 * @param elsewhere - how to start another chain
 * @throws RelayStartError `ChainMismatch` with every field in which network.ini or the keys and the chain differ
 */
export function checkAgainstChain(
	config: NetworkConfig,
	keys: ChainKeys,
	chain: GenesisBlock,
	place: string,
	elsewhere: Words = ANOTHER_FOLDER
): void {
	const wanted = fieldsFromConfig(config);
	const stored: Record<string, unknown> = { ...chain.fields };
	const statedFields = Object.entries(KEYS_OF_FIELD).filter(([, keysOfField]) =>
		keysOfField.some((key) => config.stated.has(key))
	);
	const toCompare: Record<string, unknown> = { ...keys };
	for (const [field] of statedFields) toCompare[field] = wanted[field as ConfiguredField];
	const differences = Object.entries(toCompare)
		.filter(([field, value]) => plain(value) !== plain(stored[field]))
		.map(([field, value]) => `${field}: ${plain(stored[field])} → ${plain(value)}`);
	if (differences.length === 0) return;
	throw new RelayStartError('ChainMismatch', {
		en: `network.ini or the keys no longer fit the chain in ${place} (chain → now): ${differences.join('; ')}. Undo the change, or start another chain ${elsewhere.en}.`,
		zh: `network.ini 或密钥与 ${place} 中的链不符（链 → 现在）：${differences.join('；')}。请撤销改动，或${elsewhere.zh}建立新链。`
	});
}

const ANOTHER_FOLDER: Words = { en: 'with --data OTHER-FOLDER', zh: '用 --data 另一个文件夹 ' };

type ConfiguredField = keyof Omit<GenesisFields, 'operator' | 'booters' | 'createdMs'>;

/** Which keys of network.ini make a field of genesis. */
const KEYS_OF_FIELD: Record<ConfiguredField, string[]> = {
	name: ['network.name'],
	suite: ['network.suite'],
	partitions: ['partitions.count', 'partitions.maxMembers', 'partitions.sizes'],
	admission: ['network.admission'],
	initialBalance: ['network.initialBalance'],
	expiryWindow: ['blocks.expiryWindow'],
	maxTransactionsPerBlock: ['blocks.maxTransactionsPerBlock'],
	maxTransactionBytes: ['blocks.maxTransactionBytes'],
	maxBlocksPerNext: ['blocks.maxBlocksPerNext'],
	maxRoundsInFlight: ['blocks.maxRoundsInFlight'],
	maxClockSkewMs: ['timeouts.maxClockSkewMs'],
	silenceWindow: ['blocks.silenceWindow'],
	contracts: ['network.contracts'],
	conflictDistancePercent: ['spectrum.conflictDistancePercent'],
	recoveryMode: ['membership.recovery'],
	recoverySilenceMs: ['membership.recoverySilenceMs'],
	maxPartitions: ['membership.maxPartitions'],
	checkpointInterval: ['blocks.checkpointInterval'],
	bidCommitHeights: ['spectrum.bids', 'spectrum.bidCommitHeights'],
	bidRevealHeights: ['spectrum.bids', 'spectrum.bidRevealHeights'],
	bidDeposit: ['spectrum.bids', 'spectrum.bidDeposit'],
	grantHeartbeatHeights: ['spectrum.grants', 'spectrum.grantHeartbeatHeights']
};

function fieldsFromConfig(config: NetworkConfig): Pick<GenesisFields, ConfiguredField> {
	const { network, blocks, partitions, timeouts, spectrum, membership } = config;
	return {
		name: network.name,
		suite: network.suite,
		partitions: partitions.map((partition) => create(PartitionGenesisSchema, partition)),
		admission: network.admission === 'open' ? Admission.OPEN : Admission.INVITATION,
		initialBalance: BigInt(network.initialBalance),
		expiryWindow: blocks.expiryWindow,
		maxTransactionsPerBlock: blocks.maxTransactionsPerBlock,
		maxTransactionBytes: blocks.maxTransactionBytes,
		maxBlocksPerNext: blocks.maxBlocksPerNext,
		maxRoundsInFlight: blocks.maxRoundsInFlight,
		maxClockSkewMs: BigInt(timeouts.maxClockSkewMs),
		silenceWindow: blocks.silenceWindow,
		contracts: [...network.contracts],
		conflictDistancePercent: spectrum.conflictDistancePercent,
		recoveryMode: membership.recovery === 'automatic' ? RecoveryMode.AUTOMATIC : RecoveryMode.MANUAL,
		recoverySilenceMs: BigInt(membership.recoverySilenceMs),
		maxPartitions: membership.maxPartitions,
		checkpointInterval: blocks.checkpointInterval,
		bidCommitHeights: spectrum.bids === 'sealed' ? spectrum.bidCommitHeights : 0,
		bidRevealHeights: spectrum.bids === 'sealed' ? spectrum.bidRevealHeights : 0,
		bidDeposit: spectrum.bids === 'sealed' ? BigInt(spectrum.bidDeposit) : 0n,
		grantHeartbeatHeights: spectrum.grants === 'on' ? spectrum.grantHeartbeatHeights : 0
	};
}

/** A field's value as text that two equal values share. */
function plain(value: unknown): string {
	if (typeof value === 'bigint') return String(value);
	// A Buffer is one too, and would otherwise be written in a form of its own.
	if (value instanceof Uint8Array) return toHex(value);
	if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`;
	if (typeof value !== 'object' || value === null) return JSON.stringify(value);
	const fields = Object.entries(value).filter(([name]) => !name.startsWith('$'));
	return `{ ${fields.map(([name, inner]) => `${name} ${plain(inner)}`).join(', ')} }`;
}
