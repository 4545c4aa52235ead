/** Blocks from anybody: what block sync asks of the chain (R23). */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import {
	blockHash,
	decodeFinalBlock,
	decodeHeader,
	decodeMembershipChange,
	encodeHeader,
	membershipChangeId
} from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { reasonOf } from '../../ledger/testing/transactions.ts';
import type { BlockHeader, FinalBlock } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { mutated } from '../../wire/mutated-bytes.ts';
import { encodeMembershipChange } from '../membership/change.ts';
import { testMembers } from '../testing/members.ts';
import { blockEntry, hold, membershipEntry, TestLedger } from '../testing/test-ledger.ts';
import { Chain, type CheckedBlock, checkFinality, type EntryBody, type ExecutedBlock } from './chain.ts';

fc.configureGlobal({ seed: 13 });

let ledger: TestLedger;

beforeEach(async () => {
	// Two partitions of four; heights 1 and 2 are their members.
	ledger = await TestLedger.found([4, 4], { maxBlocksPerNext: 4, maxTransactionsPerBlock: 3 });
});

const one = async (roundId?: number): Promise<EntryBody> =>
	blockEntry(await ledger.certified(1, [await ledger.transaction(ledger.members(1)[0]!)], { roundId }));

describe('a block from another node', () => {
	let blocks: Uint8Array[];
	/** At genesis, then moved to below the block under test. */
	let chain: Chain;
	const LAST = 6;

	beforeEach(async () => {
		await ledger.grow(1, 2);
		const [newcomer] = await testMembers(1);
		await ledger.commit(
			await one(2),
			membershipEntry(ledger.change(1, { joins: [await ledger.join(newcomer!, 1)] }))
		);
		await ledger.grow(2);
		blocks = ledger.blocks;
		chain = ledger.fresh();
	});

	const follow = (to: number): void => {
		for (const bytes of blocks.slice(chain.head.height, to)) {
			const checked = chain.check(decodeFinalBlock(bytes));
			chain.commitChecked(executedOf(checked), checked.finality);
		}
	};

	it('is checked, executed and kept: a newcomer ends where the others are', async () => {
		expect(blocks).toHaveLength(LAST);
		for (const bytes of blocks) {
			const checked = chain.check(decodeFinalBlock(bytes));
			const { checks, finality } = checked;
			const executed = executedOf(checked);
			expect(checks.length).toBeGreaterThan(0);
			expect(await hold(checks)).toBe(true);
			const commit = chain.commitChecked(executed, finality);
			expect(toHex(commit.blocks[0]!.bytes)).toBe(toHex(bytes));
		}
		expect(chain.head).toEqual(ledger.chain.head);
		expect([...chain.state.rows()]).toEqual([...ledger.chain.state.rows()]);
		expect(chain.recent.size).toBe(ledger.chain.recent.size);
	});

	it('is only checked: the chain moves by commitChecked, and once', () => {
		const checked = chain.check(decodeFinalBlock(blocks[0]!));
		const [executed, { finality }] = [executedOf(checked), checked];
		expect(chain.head.height).toBe(0);
		chain.commitChecked(executed, finality);
		expect(chain.head.height).toBe(1);
		expect(() => chain.commitChecked(executed, finality)).toThrow(/^R13/);
	});

	const rewritten = (block: FinalBlock, fields: Parameters<typeof encodeHeader>[0] | object): FinalBlock => ({
		...block,
		header: encodeHeader({ ...decodeHeader(block.header), ...fields })
	});

	it.each<[string, (block: FinalBlock, other: FinalBlock) => FinalBlock, string]>([
		['it is of another height', (block) => rewritten(block, { height: 9 }), 'BlockInvalid'],
		['it is that of another height', (_block, other) => other, 'BlockInvalid'],
		['its header is none', (block) => ({ ...block, header: new Uint8Array(3) }), 'BlockMalformed'],
		['it has no finality proof', (block) => ({ ...block, finality: undefined }), 'BlockInvalid'],
		[
			'its proof is that of another block',
			(block, other) => ({ ...block, finality: other.finality }),
			'BlockInvalid'
		],
		[
			'its header says another state',
			(block) => rewritten(block, { stateDigest: new Uint8Array(32) }),
			'BlockInvalid'
		],
		['its header says another time', (block) => rewritten(block, { timeMs: 99n }), 'BlockInvalid'],
		[
			'too few vouch for it',
			(block) => ({
				...block,
				finality: { ...block.finality!, partitions: block.finality!.partitions.slice(0, 1) }
			}),
			'CertificateInvalid'
		],
		['it has no certificate', (block) => ({ ...block, certificate: undefined }), 'BlockInvalid'],
		[
			'too few of its partition certify it',
			(block) => ({
				...block,
				certificate: { ...block.certificate!, commits: block.certificate!.commits.slice(0, 2) }
			}),
			'CertificateInvalid'
		],
		[
			'it carries the certificate of another block',
			(block, other) => ({ ...block, certificate: other.certificate }),
			'BlockInvalid'
		],
		[
			'its certificate says another block',
			(block) => ({ ...block, certificate: { ...block.certificate!, blockId: new Uint8Array(32) } }),
			'BlockInvalid'
		],
		[
			'its certificate is of another view than was ordered',
			(block) => ({ ...block, certificate: { ...block.certificate!, view: 9 } }),
			'BlockInvalid'
		],
		[
			'its certificate is of another round',
			(block) => ({ ...block, certificate: { ...block.certificate!, roundId: 9 } }),
			'BlockInvalid'
		],
		['its proposal is another', (block, other) => ({ ...block, entry: other.entry }), 'BlockInvalid'],
		[
			'its transactions are others',
			(block, other) => ({ ...block, transactions: other.transactions }),
			'BlockInvalid'
		],
		[
			'a transaction is missing',
			(block) => ({ ...block, transactions: block.transactions.slice(1) }),
			'BlockInvalid'
		],
		[
			'the last transaction is missing',
			(block) => ({ ...block, transactions: block.transactions.slice(0, -1) }),
			'BlockInvalid'
		],
		[
			'its transactions stand in another order',
			(block) => ({ ...block, transactions: [...block.transactions].reverse() }),
			'BlockInvalid'
		],
		[
			'a transaction is none',
			(block) => ({ ...block, transactions: [new Uint8Array(2)] }),
			'TransactionMalformed'
		],
		['a receipt is missing', (block) => ({ ...block, receipts: block.receipts.slice(1) }), 'BlockInvalid'],
		[
			'a receipt is another',
			(block) => ({ ...block, receipts: [...block.receipts].reverse() }),
			'BlockInvalid'
		],
		[
			'a receipt is added',
			(block) => ({ ...block, receipts: [...block.receipts, block.receipts[0]!] }),
			'BlockInvalid'
		]
	])('is refused where %s', (_what, tamper, reason) => {
		follow(2);
		const [block, other] = [decodeFinalBlock(blocks[2]!), decodeFinalBlock(blocks[3]!)];
		expect(reasonOf(() => chain.check(tamper(block, other)))).toBe(reason);
		expect(reasonOf(() => chain.check(block))).toBe('none');
	});

	it.each<[string, (header: BlockHeader) => Partial<BlockHeader>, string, RegExp]>([
		[
			'says what the block does not do',
			() => ({ receiptsRoot: new Uint8Array(32) }),
			'R17',
			/another result than this node's own/
		],
		[
			'has a time that does not move forward',
			() => ({ timeMs: 1n }),
			'R17',
			/this node refuses it: block time does not move forward/
		],
		[
			'follows another block',
			() => ({ previousHash: new Uint8Array(32).fill(9) }),
			'R23',
			/follows another block 2 than this node's/
		]
	])('whose header %s breaks a rule, if its signatures hold', async (_what, fields, rule, message) => {
		follow(2);
		const block = decodeFinalBlock(blocks[2]!);
		const before = decodeHeader(block.header);
		const header = encodeHeader({ ...before, ...fields(before) });
		const finality = { ...block.finality!, blockHashes: blockHash(header) };
		const { checks, outcome } = chain.check({ ...block, header, finality });
		expect(outcome).toMatchObject({ broken: rule, message: expect.stringMatching(message) });
		// Here they do not: nobody has signed this proof, and whoever brought it is the one who lies.
		expect(await hold(checks)).toBe(false);
	});

	it.each<[string, (block: FinalBlock) => FinalBlock, string]>([
		[
			'it carries another change',
			(block) => ({ ...block, entry: decodeFinalBlock(blocks[0]!).entry }),
			'BlockInvalid'
		],
		[
			'it poses as a block of transactions',
			(block) => ({ ...block, certificate: decodeFinalBlock(blocks[2]!).certificate }),
			'BlockInvalid'
		]
	])('with a change of members is refused where %s', (_what, tamper, reason) => {
		follow(4);
		const block = decodeFinalBlock(blocks[4]!);
		expect(decodeHeader(block.header)).toMatchObject({ height: 5, epoch: 2, roundId: 0 });
		expect(reasonOf(() => chain.check(tamper(block)))).toBe(reason);
		expect(reasonOf(() => chain.check(block))).toBe('none');
	});

	it('with a change of members brings the signatures of its proofs, and its finality alone is not enough', () => {
		follow(4);
		const block = decodeFinalBlock(blocks[4]!);
		const [join] = decodeMembershipChange(block.entry).joins;
		const keys = chain.check(block).checks.map(({ publicKey }) => toHex(publicKey));
		expect(keys).toContain(toHex(join!.sender));
	});

	it('with a change of members whose proofs have no form is refused, and stops nobody (R22)', () => {
		follow(4);
		const block = decodeFinalBlock(blocks[4]!);
		for (const field of ['sender', 'digest', 'signature'] as const) {
			const change = decodeMembershipChange(block.entry);
			change.joins[0]![field] = change.joins[0]![field].subarray(1);
			const entry = encodeMembershipChange(change);
			const header = encodeHeader({
				...decodeHeader(block.header),
				lowerBlockId: membershipChangeId(entry)
			});
			// Nobody has signed this proof; what it vouches for is read before its signatures are checked.
			const finality = { ...block.finality!, height: 5, blockHashes: blockHash(header) };
			expect(reasonOf(() => chain.check({ ...block, header, entry, finality }))).toBe('BlockMalformed');
		}
	});

	it('certified by a partition that everybody has left is refused, and stops nobody', async () => {
		const gone = ledger.members(2);
		const leaves = await Promise.all(gone.map((member) => ledger.leave(member, 2)));
		await ledger.commit(membershipEntry(ledger.change(2, { leaves })));
		const { body } = blockOf(await one());
		const { proposalBytes, certificate } = await ledger.certified(2, body.transactions, {
			epoch: 2,
			roundId: 1,
			voters: gone
		});
		const { blocks: last } = await ledger.commit({ kind: 'block', body });
		const stored = decodeFinalBlock(last[0]!.bytes);
		const header = encodeHeader({
			...decodeHeader(stored.header),
			partition: 2,
			epoch: 2,
			view: 0,
			roundId: 1,
			lowerBlockId: certificate.blockId
		});
		const finality = { ...stored.finality!, blockHashes: blockHash(header) };
		const chain = ledger.fresh();
		for (const bytes of ledger.blocks.slice(0, -1)) {
			const checked = chain.check(decodeFinalBlock(bytes));
			chain.commitChecked(executedOf(checked), checked.finality);
		}
		const forged = { ...stored, header, entry: proposalBytes, certificate, finality };
		expect(reasonOf(() => chain.check(forged))).toBe('CertificateInvalid');
		expect(reasonOf(() => chain.check(stored))).toBe('none');
	});

	it('of a later epoch is checked by the members of its own time', async () => {
		follow(LAST);
		const stored = decodeFinalBlock(blocks[2]!);
		const checks = checkFinality(stored, decodeHeader(stored.header), chain.topology, chain.genesis);
		expect(await hold(checks)).toBe(true);
		const last = decodeFinalBlock(blocks[LAST - 1]!);
		// Five members of partition 1 by then; their quorum is four.
		expect(last.finality!.partitions[0]!.votes).toHaveLength(4);
	});

	it('damaged in any way is refused by name, fails a signature, or is the same block', async () => {
		follow(2);
		const count = { refused: 0, unsigned: 0, same: 0 };
		await fc.assert(
			fc.asyncProperty(mutated(fc.constantFrom(blocks[2]!)), async (bytes) => {
				let checked;
				try {
					checked = chain.check(decodeFinalBlock(bytes));
				} catch (error) {
					expect(error).toBeInstanceOf(LedgerError);
					count.refused += 1;
					return;
				}
				if (!(await hold(checked.checks))) {
					count.unsigned += 1;
					return;
				}
				count.same += 1;
				expect(toHex(executedOf(checked).hash)).toBe(toHex(blockHash(decodeFinalBlock(blocks[2]!).header)));
			}),
			{ numRuns: 1000 }
		);
		expect(count.refused).toBeGreaterThan(500);
		expect(count.unsigned).toBeGreaterThan(10);
	});
});

describe('a finality proof of several blocks', () => {
	it('makes all of them final: a node that has only the first votes on nothing in their place', async () => {
		await ledger.commit(await one(1), await one(2), await one(3));
		const chain = ledger.fresh();
		expect(chain.provenHeight).toBe(0);
		for (const bytes of ledger.blocks.slice(0, 3)) {
			const checked = chain.check(decodeFinalBlock(bytes));
			chain.commitChecked(executedOf(checked), checked.finality);
		}
		expect([chain.head.height, chain.provenHeight]).toEqual([3, 5]);
		const { content, bytes } = ledger.order([await one(9)], { height: 4, previousHash: chain.head.hash });
		expect(() => chain.execute(content, bytes, [])).toThrow('inside an order that is final');
		// The same after a restart, from the block that is stored.
		const again = new Chain(ledger.genesis, ledger.contracts, {
			head: chain.head,
			state: [...chain.state.rows()]
		});
		expect(again.provenHeight).toBe(3);
		again.remember(ledger.blocks[2]!);
		expect(again.provenHeight).toBe(5);
	});

	it('vouches for each of them, at its place', async () => {
		const entries = [await one(1), await one(2)];
		const { blocks } = await ledger.commit(...entries);
		const stored = blocks.map(({ bytes }) => decodeFinalBlock(bytes));
		for (const block of stored) {
			const header = decodeHeader(block.header);
			expect(await hold(checkFinality(block, header, ledger.chain.topology, ledger.genesis))).toBe(true);
			expect(
				reasonOf(() =>
					checkFinality(
						block,
						{ ...header, height: header.height + 1 },
						ledger.chain.topology,
						ledger.genesis
					)
				)
			).toBe('BlockInvalid');
		}
	});
});

function blockOf(entry: EntryBody): Extract<EntryBody, { kind: 'block' }> {
	if (entry.kind !== 'block') throw new Error('a change of members');
	return entry;
}

/** Of a block that this node executes to the result that the others signed. */
function executedOf({ outcome }: CheckedBlock): ExecutedBlock {
	if ('broken' in outcome) throw new Error(`${outcome.broken}: ${outcome.message}`);
	return outcome.executed;
}
