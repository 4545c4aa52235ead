/** Genesis: the document whose hash is the chain id, and the state that it makes. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { taggedHash, ZERO_HASH } from '../crypto/hash.ts';
import { PartitionStateSchema } from '../wire/gen/tabwave/v1/contracts_pb.js';
import { Admission, GenesisSchema, RecoveryMode, type Genesis } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { LedgerError } from './errors.ts';
import { nextStateDigest, type StateWrite } from './state.ts';
import { KEY_BYTES } from './transaction.ts';

export const SUITE_NAME = 'ed25519-sha256';
export const MAX_PARTITIONS = 64;
export const MAX_PARTITION_MEMBERS = 64;
/** A LeaderChange proves every round of the window (R6): with 64 members this many fit a packet several times over. */
export const MAX_ROUNDS_IN_FLIGHT = 64;

export const MAX_CHECKPOINT_INTERVAL = 1_000_000;
/** A day: who waits longer waits for nobody. */
export const MAX_RECOVERY_SILENCE_MS = 86_400_000n;

/**
 * Options of the spectrum contract, lowest and highest. Fewer than two heights are no window for commitments; at thirty blocks a
 * second a thousand are half a minute. A grant for so few heights that its heartbeat cannot come into a block in time is none.
 */
export const BID_COMMIT_HEIGHTS = [2, 1000] as const;
export const BID_REVEAL_HEIGHTS = [2, 10_000] as const;
export const GRANT_HEARTBEAT_HEIGHTS = [16, 1_000_000] as const;
export const MAX_BID_DEPOSIT = 10n ** 12n;

export type GenesisFields = Omit<Genesis, '$typeName' | '$unknown'>;

/** The values that an absent network.ini means. Keys and the creation time are the operator's. */
export const GENESIS_DEFAULTS = {
	name: 'tabwave',
	suite: SUITE_NAME,
	partitions: [1, 2].map((id) => ({ $typeName: 'tabwave.v1.PartitionGenesis' as const, id, maxMembers: 16 })),
	admission: Admission.OPEN,
	initialBalance: 1_000_000n,
	// At thirty blocks a second, ten seconds for a transaction to be ordered; ids are kept for as long.
	expiryWindow: 300,
	maxTransactionsPerBlock: 500,
	maxTransactionBytes: 4096,
	maxBlocksPerNext: 8,
	// Rounds count as in flight until they are final, so the window covers both tiers.
	maxRoundsInFlight: 16,
	// Laptops without internet drift; the bound keeps block time meaningful and nobody's vote hostage.
	maxClockSkewMs: 600_000n,
	silenceWindow: 10_000,
	contracts: ['transfer', 'spectrum'],
	conflictDistancePercent: 100,
	// A network that anybody may join is a classroom: whoever closes all tabs and opens new ones has nobody to ask.
	recoveryMode: RecoveryMode.AUTOMATIC,
	// Three times what evicts a member where there is a quorum.
	recoverySilenceMs: 60_000n,
	maxPartitions: 8,
	// At full rate some twenty seconds; cutting and hashing a state of ten thousand rows takes less than a tenth of one.
	checkpointInterval: 500,
	// Bids are open, and a channel that was switched is held for good.
	bidCommitHeights: 0,
	bidRevealHeights: 0,
	bidDeposit: 0n,
	grantHeartbeatHeights: 0
} satisfies Omit<GenesisFields, 'operator' | 'booters' | 'createdMs'>;

export interface GenesisBlock {
	fields: Genesis;
	/** As received; their hash is the chain id and the hash of height 0. */
	bytes: Uint8Array;
	chainId: Uint8Array;
	writes: StateWrite[];
	stateDigest: Uint8Array;
	timeMs: number;
}

export function encodeGenesis(fields: GenesisFields): Uint8Array {
	return toBinary(GenesisSchema, create(GenesisSchema, fields));
}

/** @throws LedgerError `GenesisMalformed` with the field that is wrong */
export function readGenesis(bytes: Uint8Array): GenesisBlock {
	let fields: Genesis;
	try {
		fields = fromBinary(GenesisSchema, bytes, { readUnknownFields: false });
	} catch (cause) {
		throw new LedgerError('GenesisMalformed', `not a genesis: ${(cause as Error).message}`);
	}
	check(fields.name.length > 0 && fields.name.length <= 64, 'name');
	check(fields.suite.length > 0, 'suite');
	check(Number.isSafeInteger(Number(fields.createdMs)), 'createdMs');
	check(fields.operator.length === KEY_BYTES, 'operator');
	check(fields.booters.length > 0 && fields.booters.every((key) => key.length === KEY_BYTES), 'booters');
	check(fields.partitions.length > 0 && fields.partitions.length <= MAX_PARTITIONS, 'partitions');
	check(
		fields.partitions.every(
			(p, i) => p.id === i + 1 && p.maxMembers > 0 && p.maxMembers <= MAX_PARTITION_MEMBERS
		),
		'partitions'
	);
	check(fields.admission === Admission.OPEN || fields.admission === Admission.INVITATION, 'admission');
	check(fields.initialBalance < 2n ** 40n, 'initialBalance');
	check(fields.expiryWindow > 0 && fields.expiryWindow <= 100_000, 'expiryWindow');
	check(
		fields.maxTransactionsPerBlock > 0 && fields.maxTransactionsPerBlock <= 2000,
		'maxTransactionsPerBlock'
	);
	check(fields.maxTransactionBytes >= 256 && fields.maxTransactionBytes <= 65_536, 'maxTransactionBytes');
	check(fields.maxBlocksPerNext > 0 && fields.maxBlocksPerNext <= 64, 'maxBlocksPerNext');
	check(
		fields.maxRoundsInFlight > 0 && fields.maxRoundsInFlight <= MAX_ROUNDS_IN_FLIGHT,
		'maxRoundsInFlight'
	);
	check(fields.silenceWindow > 0, 'silenceWindow');
	check(RecoveryMode[fields.recoveryMode] !== undefined, 'recoveryMode');
	check(fields.recoverySilenceMs <= MAX_RECOVERY_SILENCE_MS, 'recoverySilenceMs');
	check(fields.maxPartitions <= MAX_PARTITIONS, 'maxPartitions');
	check(fields.checkpointInterval <= MAX_CHECKPOINT_INTERVAL, 'checkpointInterval');
	checkSealedBids(fields);
	check(
		fields.grantHeartbeatHeights === 0 || isWithin(fields.grantHeartbeatHeights, GRANT_HEARTBEAT_HEIGHTS),
		'grantHeartbeatHeights'
	);
	const chainId = taggedHash('genesis', bytes);
	const writes: StateWrite[] = fields.partitions
		.map(({ id, maxMembers }) => ({
			key: partitionKey(id),
			value: toBinary(PartitionStateSchema, create(PartitionStateSchema, { id, maxMembers }))
		}))
		.sort((a, b) => (a.key < b.key ? -1 : 1));
	return {
		fields,
		bytes,
		chainId,
		writes,
		stateDigest: nextStateDigest(ZERO_HASH, writes),
		timeMs: Number(fields.createdMs)
	};
}

/** Ids that partitions of this network may have: those of genesis, and those that splits make (R22). */
export function partitionIds({
	partitions,
	maxPartitions
}: Pick<Genesis, 'partitions' | 'maxPartitions'>): number[] {
	return Array.from({ length: Math.max(partitions.length, maxPartitions) }, (_, i) => i + 1);
}

/** State key of a partition as it is now. */
export function partitionKey(id: number): string {
	return `partition/${String(id).padStart(4, '0')}`;
}

/** State key of the highest round of a partition in the ledger (R9). */
export function roundKey(id: number): string {
	return `round/${String(id).padStart(4, '0')}`;
}

/** State key of a partition as it was in an epoch: kept, since old certificates are checked against it (R22). */
export function epochKey(id: number, epoch: number): string {
	return `epoch/${String(id).padStart(4, '0')}/${String(epoch).padStart(8, '0')}`;
}

/** State key of a key that was evicted for evidence (R24). @param id lower-case hex */
export function banKey(id: string): string {
	return `banned/${id}`;
}

/** All of them, or none. */
function checkSealedBids({ bidCommitHeights, bidRevealHeights, bidDeposit }: Genesis): void {
	const isSealed = bidCommitHeights !== 0;
	check(!isSealed || isWithin(bidCommitHeights, BID_COMMIT_HEIGHTS), 'bidCommitHeights');
	check(
		isSealed ? isWithin(bidRevealHeights, BID_REVEAL_HEIGHTS) : bidRevealHeights === 0,
		'bidRevealHeights'
	);
	check(isSealed ? bidDeposit > 0n && bidDeposit <= MAX_BID_DEPOSIT : bidDeposit === 0n, 'bidDeposit');
}

function isWithin(value: number, [low, high]: readonly [number, number]): boolean {
	return value >= low && value <= high;
}

function check(condition: boolean, field: string): void {
	if (!condition) throw new LedgerError('GenesisMalformed', `genesis has no valid ${field}`);
}
