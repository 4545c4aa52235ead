import { equals, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { LedgerError } from '../../ledger/errors.ts';
import { reasonOf } from '../../ledger/testing/transactions.ts';
import { decodeMessage } from '../../wire/codec.ts';
import { CertifiedBlockSchema, type CertifiedBlock } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { mutated } from '../../wire/mutated-bytes.ts';
import { membershipEntry, hold, TestLedger } from '../testing/test-ledger.ts';
import {
	certifiedBodyOf,
	readCertifiedBlock,
	toCertifiedBlock,
	type CertifiedBody
} from './certified-block.ts';

fc.configureGlobal({ seed: 12 });

let ledger: TestLedger;
let body: CertifiedBody;
let other: CertifiedBody;
let block: CertifiedBlock;

beforeAll(async () => {
	ledger = await TestLedger.found([4, 1], { maxTransactionsPerBlock: 2, maxTransactionBytes: 1000 });
	const [from] = ledger.members(1);
	body = await ledger.certified(1, [await ledger.transaction(from!), await ledger.transaction(from!)]);
	other = await ledger.certified(1, [await ledger.transaction(from!)], { roundId: 2 });
	block = toCertifiedBlock(body);
});

const read = (one: CertifiedBlock, of = ledger) =>
	readCertifiedBlock(one, of.chain.topology, of.genesis.fields, of.chainId);

describe('a certified block', () => {
	it('goes over the wire and comes back with the same id, bodies and certificate', async () => {
		const { body: received, checks } = read(
			decodeMessage(CertifiedBlockSchema, toBinary(CertifiedBlockSchema, block), 10_000)
		);
		expect(received.id).toBe(body.id);
		expect(received.idBytes).toEqual(body.idBytes);
		expect(received.transactions.map(({ id }) => id)).toEqual(body.transactions.map(({ id }) => id));
		expect(received.bodyBytes).toBe(body.transactions.reduce((sum, { bytes }) => sum + bytes.length, 0));
		expect(received.proposal.roundId).toBe(1);
		expect(await hold(checks)).toBe(true);
		expect(equals(CertifiedBlockSchema, toCertifiedBlock(received), block)).toBe(true);
	});

	it('costs the checks of its Commits; its transactions were checked by an honest member of q (R3)', () => {
		expect(read(block).checks).toHaveLength(3);
	});

	it('costs those of its transactions too where a whole partition may be Byzantine', async () => {
		const four = await TestLedger.found([1, 1, 1, 1]);
		const one = await four.certified(1, [await four.transaction(four.members(1)[0]!)]);
		expect(read(toCertifiedBlock(one), four).checks).toHaveLength(2);
		expect(await hold(read(toCertifiedBlock(one), four).checks)).toBe(true);
		// The id does not change with the signature: only its own check finds that.
		const bytes = one.transactions[0]!.bytes.slice();
		bytes[bytes.length - 1]! ^= 1;
		const { checks } = read({ ...toCertifiedBlock(one), transactions: [bytes] }, four);
		expect(await hold(checks)).toBe(false);
	});

	it('of an epoch that has passed is read with the members of that time', async () => {
		const local = await TestLedger.found([2]);
		const [from, leaver] = local.members(1);
		const old = toCertifiedBlock(await local.certified(1, [await local.transaction(from!)]));
		const leaves = [await local.leave(leaver!, 1)];
		await local.commit(membershipEntry(local.change(1, { leaves })));
		expect(await hold(read(old, local).checks)).toBe(true);
	});

	it.each<[string, () => CertifiedBlock, string]>([
		['it has no certificate', () => ({ ...block, certificate: undefined }), 'BlockMalformed'],
		['its proposal is none', () => ({ ...block, proposal: new Uint8Array(5) }), 'BlockMalformed'],
		[
			'the certificate is of another block',
			() => ({ ...block, certificate: other.certificate }),
			'CertificateInvalid'
		],
		[
			'the certificate names another block',
			() => ({ ...block, certificate: { ...body.certificate, blockId: other.idBytes } }),
			'CertificateInvalid'
		],
		[
			'the certificate is of another partition',
			() => ({ ...block, certificate: { ...body.certificate, partition: 2 } }),
			'CertificateInvalid'
		],
		[
			'the certificate is of another epoch',
			() => ({ ...block, certificate: { ...body.certificate, epoch: 2 } }),
			'CertificateInvalid'
		],
		[
			'the certificate is of another round',
			() => ({ ...block, certificate: { ...body.certificate, roundId: 2 } }),
			'CertificateInvalid'
		],
		[
			'too few have signed',
			() => ({ ...block, certificate: { ...body.certificate, commits: body.certificate.commits.slice(1) } }),
			'CertificateInvalid'
		],
		['a body is missing', () => ({ ...block, transactions: block.transactions.slice(1) }), 'BlockMalformed'],
		[
			'there is a body more',
			() => ({ ...block, transactions: [...block.transactions, other.transactions[0]!.bytes] }),
			'BlockMalformed'
		],
		[
			'the bodies are in another order',
			() => ({ ...block, transactions: [...block.transactions].reverse() }),
			'BlockMalformed'
		],
		[
			'a body is another',
			() => ({ ...block, transactions: [block.transactions[0]!, other.transactions[0]!.bytes] }),
			'BlockMalformed'
		],
		[
			'a body is none',
			() => ({ ...block, transactions: [block.transactions[0]!, new Uint8Array(3)] }),
			'TransactionMalformed'
		]
	])('is refused where %s', (_what, make, reason) => {
		expect(reasonOf(() => read(make()))).toBe(reason);
	});

	it('is refused where it is of another network', async () => {
		const elsewhere = await TestLedger.found([4]);
		expect(reasonOf(() => read(block, elsewhere))).toBe('CertificateInvalid');
	});

	it('is refused with more transactions than genesis allows', async () => {
		const from = ledger.members(1)[0]!;
		const many = await Promise.all([0, 1, 2].map(() => ledger.transaction(from)));
		const tooLarge = toCertifiedBlock(await ledger.certified(1, many));
		expect(() => read(tooLarge)).toThrow('within the bound');
	});

	it('is refused with a transaction longer than genesis allows', async () => {
		const long = await TestLedger.found([4], { maxTransactionBytes: 2000 });
		const from = long.members(1)[0]!;
		const body = await long.certified(1, [await long.transaction(from, { arguments: new Uint8Array(1500) })]);
		const fields = { ...long.genesis.fields, maxTransactionBytes: 1000 };
		expect(
			reasonOf(() => readCertifiedBlock(toCertifiedBlock(body), long.chain.topology, fields, long.chainId))
		).toBe('TransactionTooLarge');
	});

	it('with bodies of more than a megabyte is made and read by nobody', async () => {
		const wide = await TestLedger.found([1], { maxTransactionBytes: 65_536 });
		const from = wide.members(1)[0]!;
		const filled = async (bytes: number) => wide.transaction(from, { arguments: new Uint8Array(bytes) });
		const fifteen = await Promise.all(Array.from({ length: 15 }, () => filled(65_000)));
		const rest = 1_000_000 - fifteen.reduce((sum, { bytes }) => sum + bytes.length, 0);
		const overhead = (await filled(20_000)).bytes.length - 20_000;
		const full = [...fifteen, await filled(rest - overhead)];
		expect((await wide.certified(1, full)).bodyBytes).toBe(1_000_000);
		const { proposalBytes, certificate } = await wide.certified(1, fifteen);
		const over = [...fifteen, await filled(rest - overhead + 1)];
		expect(reasonOf(() => certifiedBodyOf(proposalBytes, certificate, over))).toBe('BlockMalformed');
	});

	it('damaged in any way is refused by name, fails a signature, or is the same block', async () => {
		const count = { refused: 0, unsigned: 0, same: 0 };
		await fc.assert(
			fc.asyncProperty(mutated(fc.constantFrom(toBinary(CertifiedBlockSchema, block))), async (bytes) => {
				let result;
				try {
					result = read(decodeMessage(CertifiedBlockSchema, bytes, 10_000));
				} catch (error) {
					expect(error instanceof LedgerError || (error as Error).name === 'DecodeError').toBe(true);
					count.refused += 1;
					return;
				}
				if (await hold(result.checks)) {
					count.same += 1;
					expect(result.body.id).toBe(body.id);
					expect(result.body.transactions.map(({ id }) => id)).toEqual(body.transactions.map(({ id }) => id));
				} else count.unsigned += 1;
			}),
			{ numRuns: 1000 }
		);
		expect(count.refused).toBeGreaterThan(300);
		expect(count.unsigned).toBeGreaterThan(20);
	});
});
