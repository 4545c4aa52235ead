import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { taggedHash, ZERO_HASH } from '../crypto/hash.ts';
import { toHex } from '../crypto/hex.ts';
import { PartitionStateSchema } from '../wire/gen/tabwave/v1/contracts_pb.js';
import { Admission, type RecoveryMode } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { anyBytes } from '../wire/mutated-bytes.ts';
import { LedgerError } from './errors.ts';
import {
	encodeGenesis,
	epochKey,
	GENESIS_DEFAULTS,
	MAX_BID_DEPOSIT,
	MAX_PARTITION_MEMBERS,
	MAX_PARTITIONS,
	MAX_RECOVERY_SILENCE_MS,
	partitionKey,
	readGenesis,
	roundKey,
	type GenesisFields
} from './genesis.ts';
import { nextStateDigest } from './state.ts';
import { reasonOf } from './testing/transactions.ts';

fc.configureGlobal({ seed: 22 });

const sound: GenesisFields = {
	...GENESIS_DEFAULTS,
	createdMs: 1_700_000_000_000n,
	operator: new Uint8Array(32).fill(1),
	booters: [new Uint8Array(32).fill(2)]
};

const read = (fields: Partial<GenesisFields> = {}) => readGenesis(encodeGenesis({ ...sound, ...fields }));

const SEALED = { bidCommitHeights: 8, bidRevealHeights: 256, bidDeposit: 100n };

const partitions = (count: number, maxMembers = 16) =>
	Array.from({ length: count }, (_, i) => ({
		$typeName: 'tabwave.v1.PartitionGenesis' as const,
		id: i + 1,
		maxMembers
	}));

describe('genesis', () => {
	it('is the hash of its bytes as received: that is the chain id', () => {
		const bytes = encodeGenesis(sound);
		const genesis = readGenesis(bytes);
		expect(genesis.chainId).toEqual(taggedHash('genesis', bytes));
		expect(genesis.bytes).toBe(bytes);
		expect(genesis.timeMs).toBe(1_700_000_000_000);
		expect(genesis.fields.contracts).toEqual(['transfer', 'spectrum']);
		expect(read({ createdMs: 1_700_000_000_001n }).chainId).not.toEqual(genesis.chainId);
	});

	it('has the same bytes as before there were options of the spectrum contract, where none is set', () => {
		const { bidCommitHeights, bidRevealHeights, bidDeposit, grantHeartbeatHeights, ...before } = sound;
		expect([bidCommitHeights, bidRevealHeights, bidDeposit, grantHeartbeatHeights]).toEqual([0, 0, 0n, 0]);
		expect(encodeGenesis(sound)).toEqual(encodeGenesis(before as GenesisFields));
		expect(toHex(read().chainId)).toBe('b5d2fc01dff2c9b5ef2df3fa7ff9745f98267607a6ecd226c4df81af571bad6a');
	});

	it('makes one empty partition for each that it names, in order of key', () => {
		const { writes, stateDigest } = read({ partitions: partitions(12, 7) });
		expect(writes.map(({ key }) => key)).toEqual(partitions(12).map(({ id }) => partitionKey(id)));
		expect(fromBinary(PartitionStateSchema, writes[11]!.value!)).toMatchObject({
			id: 12,
			epoch: 0,
			members: [],
			maxMembers: 7,
			sinceHeight: 0
		});
		expect(stateDigest).toEqual(nextStateDigest(ZERO_HASH, writes));
	});

	it('has keys of one width, so that partitions and epochs sort as numbers', () => {
		expect([partitionKey(2), partitionKey(10)]).toEqual(['partition/0002', 'partition/0010']);
		expect([roundKey(2), roundKey(64)]).toEqual(['round/0002', 'round/0064']);
		expect([epochKey(1, 9), epochKey(1, 10)]).toEqual(['epoch/0001/00000009', 'epoch/0001/00000010']);
	});
});

describe('a genesis that is none is refused, and the field is named', () => {
	const key = (length: number) => new Uint8Array(length);

	it.each<[string, string, Partial<GenesisFields>]>([
		['without a name', 'name', { name: '' }],
		['with a name that fills a screen', 'name', { name: 'x'.repeat(65) }],
		['without a suite', 'suite', { suite: '' }],
		['whose operator is no key', 'operator', { operator: key(31) }],
		['without an operator', 'operator', { operator: key(0) }],
		['without a Booter', 'booters', { booters: [] }],
		['with a Booter that is no key', 'booters', { booters: [key(32), key(33)] }],
		['without partitions', 'partitions', { partitions: [] }],
		['with too many partitions', 'partitions', { partitions: partitions(MAX_PARTITIONS + 1) }],
		['whose partitions do not count from 1', 'partitions', { partitions: partitions(3).slice(1) }],
		['with a partition twice', 'partitions', { partitions: [...partitions(1), ...partitions(1)] }],
		['with a partition for nobody', 'partitions', { partitions: partitions(2, 0) }],
		[
			'with a partition that is too large',
			'partitions',
			{ partitions: partitions(1, MAX_PARTITION_MEMBERS + 1) }
		],
		['that admits in no known way', 'admission', { admission: Admission.UNSPECIFIED }],
		['that admits in a way of a later version', 'admission', { admission: 3 as Admission }],
		['that gives each newcomer too much', 'initialBalance', { initialBalance: 2n ** 40n }],
		['in which nothing can be valid', 'expiryWindow', { expiryWindow: 0 }],
		['in which ids are kept for ever', 'expiryWindow', { expiryWindow: 100_001 }],
		['whose blocks hold nothing', 'maxTransactionsPerBlock', { maxTransactionsPerBlock: 0 }],
		['whose blocks hold too much', 'maxTransactionsPerBlock', { maxTransactionsPerBlock: 2001 }],
		['whose transactions hold nothing', 'maxTransactionBytes', { maxTransactionBytes: 255 }],
		['whose transactions are too large', 'maxTransactionBytes', { maxTransactionBytes: 65_537 }],
		['whose orders hold nothing', 'maxBlocksPerNext', { maxBlocksPerNext: 0 }],
		['whose orders are too long', 'maxBlocksPerNext', { maxBlocksPerNext: 65 }],
		['without a round', 'maxRoundsInFlight', { maxRoundsInFlight: 0 }],
		['with too many rounds', 'maxRoundsInFlight', { maxRoundsInFlight: 257 }],
		['in which no silence can be declared', 'silenceWindow', { silenceWindow: 0 }],
		['that recovers in no known way', 'recoveryMode', { recoveryMode: 9 as RecoveryMode }],
		[
			'that waits for ever before it recovers',
			'recoverySilenceMs',
			{ recoverySilenceMs: MAX_RECOVERY_SILENCE_MS + 1n }
		],
		['that splits without end', 'maxPartitions', { maxPartitions: MAX_PARTITIONS + 1 }],
		['whose commitments have no time', 'bidCommitHeights', { ...SEALED, bidCommitHeights: 1 }],
		['whose commitments have all time', 'bidCommitHeights', { ...SEALED, bidCommitHeights: 1001 }],
		['whose bids cannot be revealed', 'bidRevealHeights', { ...SEALED, bidRevealHeights: 1 }],
		['whose bids need not be revealed', 'bidRevealHeights', { ...SEALED, bidRevealHeights: 10_001 }],
		['that reveals bids that are open', 'bidRevealHeights', { bidRevealHeights: 8 }],
		['whose commitments cost nothing', 'bidDeposit', { ...SEALED, bidDeposit: 0n }],
		['whose commitments cost all', 'bidDeposit', { ...SEALED, bidDeposit: MAX_BID_DEPOSIT + 1n }],
		['that takes deposits for bids that are open', 'bidDeposit', { bidDeposit: 1n }],
		['whose grants end at once', 'grantHeartbeatHeights', { grantHeartbeatHeights: 15 }],
		['whose grants never end', 'grantHeartbeatHeights', { grantHeartbeatHeights: 1_000_001 }],
		['of a time that no clock will show', 'createdMs', { createdMs: 2n ** 53n }]
	])('%s: %s', (_what, field, fields) => {
		expect(reasonOf(() => read(fields))).toBe('GenesisMalformed');
		expect(() => read(fields)).toThrow(`genesis has no valid ${field}`);
	});

	it.each<[string, Partial<GenesisFields>]>([
		['the longest name', { name: 'x'.repeat(64) }],
		['as many partitions as are allowed', { partitions: partitions(MAX_PARTITIONS, MAX_PARTITION_MEMBERS) }],
		['one partition for one tab', { partitions: partitions(1, 1) }],
		[
			'as many splits as are allowed, after the longest silence',
			{ maxPartitions: MAX_PARTITIONS, recoverySilenceMs: MAX_RECOVERY_SILENCE_MS }
		],
		['invitations', { admission: Admission.INVITATION }],
		['money for nobody', { initialBalance: 0n }],
		['much money', { initialBalance: 2n ** 40n - 1n }],
		['the shortest window', { expiryWindow: 1, silenceWindow: 1 }],
		['the longest window', { expiryWindow: 100_000 }],
		['the smallest blocks', { maxTransactionsPerBlock: 1, maxTransactionBytes: 256 }],
		['the largest blocks', { maxTransactionsPerBlock: 2000, maxTransactionBytes: 65_536 }],
		['one block and one round at a time', { maxBlocksPerNext: 1, maxRoundsInFlight: 1 }],
		['many blocks and rounds at a time', { maxBlocksPerNext: 64, maxRoundsInFlight: 64 }],
		['the shortest rounds of sealed bids', { bidCommitHeights: 2, bidRevealHeights: 2, bidDeposit: 1n }],
		[
			'the longest rounds of sealed bids',
			{ bidCommitHeights: 1000, bidRevealHeights: 10_000, bidDeposit: MAX_BID_DEPOSIT }
		],
		['the shortest grants', { grantHeartbeatHeights: 16 }],
		['the longest grants', { grantHeartbeatHeights: 1_000_000 }],
		['five Booters', { booters: Array.from({ length: 5 }, (_, i) => key(32).fill(i)) }]
	])('at the edge of what is allowed it is read: %s', (_what, fields) => {
		expect(read(fields).fields).toMatchObject(fields);
	});

	it('bytes that are no protobuf', () => {
		expect(() => readGenesis(Uint8Array.of(0x0a, 5, 1))).toThrow('not a genesis');
		expect(reasonOf(() => readGenesis(new Uint8Array(0)))).toBe('GenesisMalformed');
	});

	it('bytes from anybody: a named refusal, or a genesis within all bounds', () => {
		const count = { read: 0, refused: 0 };
		fc.assert(
			fc.property(anyBytes(fc.constant(encodeGenesis(sound))), (bytes) => {
				let genesis;
				try {
					genesis = readGenesis(bytes);
				} catch (error) {
					expect(error).toBeInstanceOf(LedgerError);
					expect((error as LedgerError).reason).toBe('GenesisMalformed');
					count.refused += 1;
					return;
				}
				count.read += 1;
				// What it says can be said again, and is then sound as well.
				expect(readGenesis(encodeGenesis(genesis.fields)).fields).toEqual(genesis.fields);
				expect(genesis.writes).toHaveLength(genesis.fields.partitions.length);
				expect(Number.isSafeInteger(genesis.timeMs)).toBe(true);
			}),
			{ numRuns: 2000 }
		);
		expect(count.read).toBeGreaterThan(500);
		expect(count.refused).toBeGreaterThan(500);
	});
});
