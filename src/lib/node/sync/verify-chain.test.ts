import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testMembers, testSuite } from '../../consensus/testing/members.ts';
import { blockEntry, membershipEntry, TestLedger } from '../../consensus/testing/test-ledger.ts';
import { decodeFinalBlock, decodeHeader, encodeFinalBlock, encodeHeader } from '../../ledger/block.ts';
import type { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';
import type { FinalBlock, MemberSignature } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { recordOf, storeOf } from '../testing/stored-ledger.ts';
import { verifyChain } from './verify-chain.ts';

/** 1: members of partition 1; 2: of 2; 3: a block; 4 and 5: one order of a block and a newcomer; 6, 7: blocks. */
let ledger: TestLedger;
let store: MemoryLedgerStore;
const HEAD = 7;

beforeAll(async () => {
	ledger = await TestLedger.found([2, 1]);
	await ledger.grow(1, 2);
	const [newcomer] = await testMembers(1);
	const transaction = await ledger.transaction(ledger.members(2)[0]!);
	const change = ledger.change(1, { joins: [await ledger.join(newcomer!, 1)] });
	await ledger.commit(blockEntry(await ledger.certified(2, [transaction])), membershipEntry(change));
	await ledger.grow(2);
	await ledger.grow(1);
});

beforeEach(async () => {
	store = await storeOf(ledger);
});

const verify = (from = 1, to = HEAD) => verifyChain(ledger.chain, store, testSuite, from, to);

/** Overwrites one stored block. */
async function tamper(height: number, change: (block: FinalBlock) => Partial<FinalBlock>): Promise<void> {
	const block = decodeFinalBlock(ledger.blocks[height - 1]!);
	const bytes = encodeFinalBlock({ ...block, ...change(block) });
	await store.write({
		blocks: [{ ...recordOf(height, ledger.blocks[height - 1]!), bytes }],
		durability: 'strict'
	});
}

const spoilt = ([first, ...rest]: MemberSignature[]): MemberSignature[] => [
	{ ...first!, signature: first!.signature.map((byte) => byte ^ 1) },
	...rest
];

describe('verifying the chain', () => {
	it('finds a sound one sound, over changes of members and orders of several blocks', async () => {
		expect(ledger.chain.head.height).toBe(HEAD);
		expect(await verify()).toEqual({ checked: HEAD, firstBad: null });
	});

	it.each([
		[1, 1, 1],
		[3, 5, 3],
		[7, 7, 1],
		[5, 4, 0]
	])('from %i to %i checks %i blocks', async (from, to, checked) => {
		expect(await verify(from, to)).toEqual({ checked, firstBad: null });
	});

	it('checks more blocks than are read at once', async () => {
		const long = await TestLedger.found([1]);
		while (long.chain.head.height < 43) await long.grow();
		store = await storeOf(long);
		expect(await verifyChain(long.chain, store, testSuite, 1, 43)).toEqual({ checked: 43, firstBad: null });
		expect(await verifyChain(long.chain, store, testSuite, 22, 43)).toEqual({ checked: 22, firstBad: null });
	});

	it.each<[string, number, (block: FinalBlock) => Partial<FinalBlock>, string]>([
		[
			'a signature under its proof',
			3,
			({ finality }) => ({
				finality: {
					...finality!,
					partitions: finality!.partitions.map((votes) => ({ ...votes, votes: spoilt(votes.votes) }))
				}
			}),
			'a signature does not hold'
		],
		[
			'a signature of its certificate',
			4,
			({ certificate }) => ({
				certificate: { ...certificate!, commits: spoilt(certificate!.commits) }
			}),
			'a signature does not hold'
		],
		[
			'too few votes',
			3,
			({ finality }) => ({
				finality: { ...finality!, partitions: finality!.partitions.slice(1) }
			}),
			'partitions'
		],
		[
			'too few Commits',
			3,
			({ certificate }) => ({
				certificate: { ...certificate!, commits: certificate!.commits.slice(1) }
			}),
			'members'
		],
		['no proof', 3, () => ({ finality: undefined }), 'no finality proof'],
		[
			'another block’s certificate',
			6,
			() => ({
				certificate: decodeFinalBlock(ledger.blocks[3]!).certificate
			}),
			'certificate belongs to another block'
		],
		['another proposal', 3, () => ({ entry: decodeFinalBlock(ledger.blocks[3]!).entry }), 'lower block'],
		[
			'another change of members',
			5,
			() => ({ entry: decodeFinalBlock(ledger.blocks[0]!).entry }),
			'lower block'
		],
		[
			'other transactions',
			3,
			() => ({
				transactions: decodeFinalBlock(ledger.blocks[3]!).transactions
			}),
			'transactions root'
		],
		[
			'its transactions in another order',
			3,
			({ transactions }) => ({
				transactions: [...transactions].reverse()
			}),
			'transactions root'
		],
		[
			'one transaction less',
			3,
			({ transactions }) => ({
				transactions: transactions.slice(1)
			}),
			'transactions root'
		],
		['other receipts', 3, ({ receipts }) => ({ receipts: [...receipts].reverse() }), 'receipts root'],
		['a receipt that is none', 3, () => ({ receipts: [Uint8Array.of(0xff)] }), 'receipt'],
		['a transaction that is none', 3, () => ({ transactions: [Uint8Array.of(0xff)] }), 'not a transaction'],
		['a proof of joining that is none', 5, () => ({ entry: Uint8Array.of(0xff) }), 'lower block'],
		[
			'a header of another state',
			3,
			({ header }) => ({
				header: encodeHeader({ ...decodeHeader(header), stateDigest: new Uint8Array(32) })
			}),
			'names another block'
		],
		[
			'a header of another height',
			3,
			({ header }) => ({
				header: encodeHeader({ ...decodeHeader(header), height: 9 })
			}),
			'of height 9'
		],
		[
			'a header that follows another block',
			3,
			({ header }) => ({
				header: encodeHeader({ ...decodeHeader(header), previousHash: new Uint8Array(32) })
			}),
			'previous hash'
		],
		['a header that is none', 3, () => ({ header: Uint8Array.of(1) }), 'not a header']
	])('names the first block that holds %s', async (_what, height, change, reason) => {
		await tamper(height, change);
		const { checked, firstBad } = await verify();
		expect([checked, firstBad?.height]).toEqual([height - 1, height]);
		expect(firstBad!.reason).toContain(reason);
		// Those before it are sound all the same.
		expect(await verify(1, height - 1)).toEqual({ checked: height - 1, firstBad: null });
	});

	it('names a block whose bytes are none', async () => {
		await store.write({
			blocks: [{ ...recordOf(4, ledger.blocks[3]!), bytes: Uint8Array.of(0xff, 1) }],
			durability: 'strict'
		});
		expect(await verify()).toMatchObject({ checked: 3, firstBad: { height: 4 } });
		// What follows it cannot be tied to it.
		expect(await verify(5, 6)).toEqual({
			checked: 0,
			firstBad: { height: 5, reason: 'the previous hash is not that of the block before' }
		});
	});

	it('names a block of this height that another history holds', async () => {
		const other = await TestLedger.found([1]);
		await store.write({ blocks: [recordOf(1, other.blocks[0]!)], durability: 'strict' });
		const { firstBad } = await verify();
		expect(firstBad?.height).toBe(1);
	});

	it('names a block that is missing', async () => {
		expect(await verifyChain(ledger.chain, store, testSuite, 6, 9)).toEqual({
			checked: 2,
			firstBad: { height: 8, reason: 'the block is missing from this store' }
		});
	});

	it('names the last block where it is not the head', async () => {
		const { chain } = ledger;
		const head = { ...chain.head, hash: new Uint8Array(32) };
		const lying = Object.create(chain, { head: { value: head } }) as typeof chain;
		expect(await verifyChain(lying, store, testSuite, 1, HEAD)).toEqual({
			checked: HEAD,
			firstBad: { height: HEAD, reason: 'the last block is not the head' }
		});
	});
});
