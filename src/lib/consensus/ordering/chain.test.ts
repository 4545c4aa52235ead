import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import { readBalance } from '../../ledger/accounts.ts';
import { blockHash, decodeFinalBlock, splitHashes } from '../../ledger/block.ts';
import { InvariantError } from '../../ledger/errors.ts';
import { roundKey } from '../../ledger/genesis.ts';
import { reasonOf } from '../../ledger/testing/transactions.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import { transferArguments } from '../../ledger/transfer.ts';
import { RoundStateSchema } from '../../wire/gen/tabwave/v1/contracts_pb.js';
import { ReceiptStatus, type OrderContent } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { Kind } from '../statement.ts';
import { testMembers } from '../testing/members.ts';
import { blockEntry, membershipEntry, orderEntry, TestLedger } from '../testing/test-ledger.ts';
import { Chain, type EntryBody } from './chain.ts';

fc.configureGlobal({ seed: 13 });

let ledger: TestLedger;
let transaction: ParsedTransaction;

beforeEach(async () => {
	// Two partitions of four; heights 1 and 2 are their members.
	ledger = await TestLedger.found([4, 4], { maxBlocksPerNext: 4, maxTransactionsPerBlock: 3 });
	transaction = await ledger.transaction(ledger.members(1)[0]!);
});

const one = async (roundId?: number): Promise<EntryBody> =>
	blockEntry(await ledger.certified(1, [await ledger.transaction(ledger.members(1)[0]!)], { roundId }));

describe('a chain begins', () => {
	it('at genesis: its hash is the chain id', () => {
		const chain = ledger.fresh();
		expect(chain.head).toEqual({
			height: 0,
			hash: ledger.chainId,
			stateDigest: ledger.genesis.stateDigest,
			timeMs: ledger.genesis.timeMs
		});
		expect(chain.genesisRows().map(({ key, height }) => [key, height])).toEqual([
			['partition/0001', 0],
			['partition/0002', 0]
		]);
	});

	it('where a store left it', async () => {
		await ledger.grow();
		const { head, state } = ledger.chain;
		const chain = new Chain(ledger.genesis, ledger.contracts, { head, state: [...state.rows()] });
		expect(chain.head).toEqual(head);
		expect(chain.topology.partition(1)).toEqual(ledger.chain.topology.partition(1));
		expect(chain.topology.lastRoundId(1)).toBe(1);
	});

	it('only with every contract that its network runs', () => {
		expect(reasonOf(() => new Chain(ledger.genesis, []))).toBe('UnknownContract');
	});
});

describe('executing an order', () => {
	it('leaves the chain as it was: nothing of it is final (R13)', async () => {
		const before = {
			head: ledger.chain.head,
			rows: [...ledger.chain.state.rows()],
			recent: ledger.chain.recent.size
		};
		const { blocks } = ledger.execute(await one());
		expect(blocks).toHaveLength(1);
		expect(ledger.chain.head).toEqual(before.head);
		expect([...ledger.chain.state.rows()]).toEqual(before.rows);
		expect(ledger.chain.recent.size).toBe(before.recent);
	});

	it('gives equal blocks each time, and other blocks for another ballot or time', async () => {
		const entries = [await one()];
		const blocksOf = (fields: Parameters<TestLedger['order']>[1]) => {
			const { content, bytes } = ledger.order(entries, fields);
			return toHex(ledger.chain.execute(content, bytes, entries).blockHashes);
		};
		expect(blocksOf({})).toBe(blocksOf({}));
		const others = [{}, { term: 2 }, { attempt: 1 }, { timeMs: BigInt(ledger.chain.head.timeMs + 11) }];
		expect(new Set(others.map(blocksOf)).size).toBe(others.length);
	});

	it('makes a block of each entry, one height and one millisecond after another', async () => {
		const other = blockEntry(
			await ledger.certified(2, [await ledger.transaction(ledger.members(2)[0]!)], { view: 3 })
		);
		const { content, blocks, blockHashes } = ledger.execute(await one(1), other, await one(2));
		expect(
			blocks.map(({ header }) => [header.height, header.partition, header.roundId, header.view])
		).toEqual([
			[3, 1, 1, 0],
			[4, 2, 1, 3],
			[5, 1, 2, 0]
		]);
		expect(blocks.map(({ header }) => header.timeMs - content.timeMs)).toEqual([0n, 1n, 2n]);
		expect(blocks[1]!.header.previousHash).toEqual(blocks[0]!.hash);
		expect(splitHashes(blockHashes)).toEqual(blocks.map(({ hash }) => hash));
		expect(blocks.every(({ hash, headerBytes }) => toHex(hash) === toHex(blockHash(headerBytes)))).toBe(true);
		expect(new Set(blocks.map(({ header }) => toHex(header.stateDigest))).size).toBe(3);
	});

	it.each<[string, Partial<OrderContent> | (() => Partial<OrderContent>), string]>([
		['a height too far', { height: 9 }, 'stands at'],
		['a height that is final', { height: 2 }, 'stands at'],
		['another block before it', { previousHash: new Uint8Array(32) }, 'follows another block'],
		['the time of the block before', () => ({ timeMs: BigInt(ledger.chain.head.timeMs) }), 'time'],
		['no time', { timeMs: 0n }, 'time']
	])('refuses an order of %s', async (_what, fields, message) => {
		const entries = [await one()];
		const { content, bytes } = ledger.order(entries, typeof fields === 'function' ? fields() : fields);
		const run = () => ledger.chain.execute(content, bytes, entries);
		expect(reasonOf(run)).toBe('OrderInvalid');
		expect(run).toThrow(message);
	});

	it('takes as many entries as genesis allows, and no more', async () => {
		const entries: EntryBody[] = [];
		for (let roundId = 1; roundId <= 5; roundId++) entries.push(await one(roundId));
		expect(ledger.execute(...entries.slice(0, 4)).blocks).toHaveLength(4);
		expect(reasonOf(() => ledger.execute(...entries))).toBe('OrderInvalid');
	});

	it.each([
		['partition', { partition: 2 }],
		['epoch', { epoch: 2 }],
		['view', { view: 1 }],
		['round', { roundId: 2 }],
		['id', { id: new Uint8Array(32) }]
	])('refuses an entry that names another %s than its body', async (_what, fields) => {
		const entries = [await one()];
		const { content } = ledger.order(entries);
		content.entries = [{ ...orderEntry(entries[0]!), ...fields }];
		expect(reasonOf(() => ledger.chain.execute(content, new Uint8Array(1), entries))).toBe('OrderInvalid');
	});

	it('never runs without a body (R12)', async () => {
		const { content, bytes } = ledger.order([await one()]);
		expect(() => ledger.chain.execute(content, bytes, [])).toThrow(InvariantError);
	});

	it('refuses a block with more transactions than genesis allows', async () => {
		const from = ledger.members(1)[0]!;
		const many = await Promise.all(Array.from({ length: 4 }, () => ledger.transaction(from)));
		const body = async (count: number) => blockEntry(await ledger.certified(1, many.slice(0, count)));
		expect(ledger.execute(await body(3)).blocks[0]!.included).toHaveLength(3);
		const tooLarge = await body(4);
		expect(reasonOf(() => ledger.execute(tooLarge))).toBe('OrderInvalid');
	});
});

describe('rounds of a partition (R9)', () => {
	it('increase in the ledger, and may leave gaps', async () => {
		await ledger.commit(await one(3));
		expect(ledger.chain.topology.lastRoundId(1)).toBe(3);
		expect(fromBinary(RoundStateSchema, ledger.chain.state.get(roundKey(1))!)).toMatchObject({
			epoch: 1,
			lastRoundId: 3
		});
		for (const [roundId, reason] of [
			[2, 'RoundPassed'],
			[3, 'RoundPassed'],
			[4, 'none'],
			[9, 'none']
		] as const) {
			const entry = await one(roundId);
			expect([roundId, reasonOf(() => ledger.execute(entry))]).toEqual([roundId, reason]);
		}
		// Of another partition this says nothing.
		expect(ledger.chain.topology.lastRoundId(2)).toBe(0);
	});

	it('increase inside one order too', async () => {
		const [first, second] = [await one(1), await one(2)];
		expect(reasonOf(() => ledger.execute(second, first))).toBe('RoundPassed');
		expect(reasonOf(() => ledger.execute(first, first))).toBe('RoundPassed');
		expect(reasonOf(() => ledger.execute(first, second))).toBe('none');
	});

	it('of an epoch enter only before the next one begins, and begin again with it', async () => {
		await ledger.commit(await one(5));
		const old = await one(6);
		await ledger.admit(1, await testMembers(1));
		expect(ledger.chain.topology.partition(1)!.epoch).toBe(2);
		expect(reasonOf(() => ledger.execute(old))).toBe('EpochPassed');
		const early = blockEntry(await ledger.certified(1, [transaction], { epoch: 3 }));
		expect(reasonOf(() => ledger.execute(early))).toBe('EpochPassed');
		const next = await one(1);
		expect(reasonOf(() => ledger.execute(next))).toBe('none');
	});
});

describe('a transaction that comes twice costs once', () => {
	const paid = (): bigint => readBalance(ledger.chain.state, ledger.operator.id);
	const again = async (roundId: number) => blockEntry(await ledger.certified(1, [transaction], { roundId }));

	it('in two orders', async () => {
		await ledger.commit(await again(1));
		const { blocks } = await ledger.commit(await again(2));
		expect(blocks[0]!.receipts[0]).toMatchObject({ status: ReceiptStatus.SKIPPED, error: 'Duplicate' });
		expect(paid()).toBe(1n);
		expect(ledger.chain.recent.position(transaction.id)).toMatchObject({ height: 3, index: 0 });
	});

	it('in two blocks of one order', async () => {
		const { blocks } = await ledger.commit(await again(1), await again(2));
		expect(blocks.map(({ receipts }) => receipts[0]!.status)).toEqual([
			ReceiptStatus.OK,
			ReceiptStatus.SKIPPED
		]);
		expect(paid()).toBe(1n);
	});

	it('in two partitions', async () => {
		const other = blockEntry(await ledger.certified(2, [transaction]));
		await ledger.commit(await again(1), other);
		expect(paid()).toBe(1n);
	});

	it('after a restart: the blocks of the last window are enough to remember', async () => {
		const commit = await ledger.commit(await again(1));
		const { head, state } = ledger.chain;
		const chain = new Chain(ledger.genesis, ledger.contracts, { head, state: [...state.rows()] });
		expect(chain.recent.has(transaction.id)).toBe(false);
		chain.remember(commit.blocks[0]!.bytes);
		expect(chain.recent.position(transaction.id)).toEqual(ledger.chain.recent.position(transaction.id));
	});

	it('what was skipped is not remembered where it stood', async () => {
		const first = await ledger.commit(await again(1));
		const second = await ledger.commit(await again(2));
		const { head, state } = ledger.chain;
		const chain = new Chain(ledger.genesis, ledger.contracts, { head, state: [...state.rows()] });
		for (const { blocks } of [first, second]) chain.remember(blocks[0]!.bytes);
		expect(chain.recent.position(transaction.id)).toMatchObject({ height: 3, index: 0 });
	});

	it('is forgotten once it has expired', async () => {
		const short = await ledger.transaction(ledger.members(1)[0]!, { expiryHeight: 4 });
		const { blocks } = await ledger.commit(blockEntry(await ledger.certified(1, [short])));
		expect(ledger.chain.recent.has(short.id)).toBe(true);
		await ledger.commit(await one());
		expect(ledger.chain.head.height).toBe(4);
		expect(ledger.chain.recent.has(short.id)).toBe(false);
		ledger.chain.remember(blocks[0]!.bytes);
		expect(ledger.chain.recent.has(short.id)).toBe(false);
	});
});

describe('a change of members in an order (R22)', () => {
	const joining = async () => {
		const [newcomer] = await testMembers(1);
		return membershipEntry(ledger.change(1, { joins: [await ledger.join(newcomer!, 1)] }));
	};

	it('is its last entry: the voters of a list are those of its first height', async () => {
		const [change, block] = [await joining(), await one()];
		expect(reasonOf(() => ledger.execute(change, block))).toBe('OrderInvalid');
		const { blocks } = ledger.execute(block, change);
		expect(blocks[1]!.header).toMatchObject({ height: 4, partition: 1, epoch: 2, view: 0, roundId: 0 });
		expect(blocks[1]!.receipts).toEqual([]);
	});

	it('begins the epoch, credits the newcomer, and keeps the old epoch for old certificates', async () => {
		const before = ledger.chain.topology.partition(1)!;
		const entry = await joining();
		await ledger.commit(entry);
		const after = ledger.chain.topology.partition(1)!;
		expect(after).toMatchObject({ epoch: 2, sinceHeight: 3 });
		expect(after.members).toHaveLength(5);
		expect(ledger.chain.topology.epoch(1, 1)).toEqual(before);
		const [newcomer] = after.members.filter((id) => !before.members.includes(id));
		expect(readBalance(ledger.chain.state, newcomer!)).toBe(1_000_000n);
	});

	it.each([
		['partition', { partition: 2 }],
		['epoch', { epoch: 3 }],
		['round', { roundId: 1 }],
		['view', { view: 1 }]
	])('is refused where the order names another %s', async (_what, fields) => {
		const entry = await joining();
		const { content } = ledger.order([entry]);
		content.entries = [{ ...orderEntry(entry), ...fields }];
		expect(reasonOf(() => ledger.chain.execute(content, new Uint8Array(1), [entry]))).toBe('OrderInvalid');
	});

	it('sees what the entries before it have made', async () => {
		const first = await joining();
		await ledger.commit(first);
		// For the epoch that has just begun: it was made for the one before.
		expect(reasonOf(() => ledger.execute(first))).toBe('MembershipInvalid');
	});
});

describe('making an order final', () => {
	it('moves head, state and remembered ids, and says all that has to reach the disk', async () => {
		const from = ledger.members(1)[0]!;
		const to = ledger.members(2)[0]!;
		const pay = await ledger.transaction(from, { arguments: transferArguments(to.signer.publicKey, 5n) });
		const entries = [blockEntry(await ledger.certified(1, [pay])), await one(2)];
		const execution = ledger.execute(...entries);
		const commit = ledger.chain.commit(execution, await ledger.certificate(Kind.DONE, execution));
		expect(commit.head).toEqual(ledger.chain.head);
		expect(commit.head).toMatchObject({ height: 4, hash: execution.blocks[1]!.hash });
		expect(commit.head.stateDigest).toEqual(execution.blocks[1]!.header.stateDigest);
		expect(commit.head.timeMs).toBe(Number(execution.content.timeMs) + 1);
		expect(readBalance(ledger.chain.state, to.id)).toBe(1_000_005n);
		expect(ledger.chain.recent.position(pay.id)).toMatchObject({ height: 3, index: 0 });
		// A key that both blocks wrote is stored once, as the last one left it.
		const keys = commit.state.map(({ key }) => key);
		expect(new Set(keys).size).toBe(keys.length);
		for (const { key, ...row } of commit.state) expect(ledger.chain.state.row(key)).toEqual(row);
		expect(commit.blocks.map(({ height, kind, change }) => [height, kind, change])).toEqual([
			[3, 'block', null],
			[4, 'block', null]
		]);
		expect(commit.blocks[0]!.transactions.map(({ id }) => id)).toEqual([pay.id]);
		expect(commit.blocks[0]!.receipts[0]!.status).toBe(ReceiptStatus.OK);
	});

	it('stores a block as others can check it', async () => {
		const { blocks } = await ledger.commit(await one());
		const stored = decodeFinalBlock(blocks[0]!.bytes);
		expect(blockHash(stored.header)).toEqual(blocks[0]!.hash);
		expect(stored.certificate).toBeDefined();
		expect(stored.finality!.height).toBe(3);
		expect(stored.transactions).toHaveLength(1);
		expect(stored.receipts).toHaveLength(1);
	});

	it('happens once, and in order of height (R13)', async () => {
		const execution = ledger.execute(await one());
		const proof = await ledger.certificate(Kind.DONE, execution);
		ledger.chain.commit(execution, proof);
		expect(() => ledger.chain.commit(execution, proof)).toThrow(/^R13/);
	});

	it('stops the node where the network made other blocks of the same order (R17)', async () => {
		const execution = ledger.execute(await one());
		const proof = await ledger.certificate(Kind.DONE, execution);
		for (const other of [
			{ ...proof, blockHashes: new Uint8Array(32) },
			{ ...proof, height: 4 }
		])
			expect(() => ledger.chain.commit(execution, other)).toThrow(/^R17/);
		expect(ledger.chain.head.height).toBe(2);
	});
});
