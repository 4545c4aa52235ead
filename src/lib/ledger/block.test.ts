import { create, equals, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { taggedHash } from '../crypto/hash.ts';
import {
	BlockHeaderSchema,
	FinalBlockSchema,
	MembershipChangeSchema,
	OrderContentSchema,
	OrderEntrySchema,
	ProposalSchema,
	ReceiptSchema,
	type BlockHeader,
	type Signed
} from '../wire/gen/tabwave/v1/ledger_pb.js';
import { anyMessage } from '../wire/message-arbitrary.ts';
import { anyBytes } from '../wire/mutated-bytes.ts';
import {
	blockHash,
	contentDigest,
	decodeContent,
	decodeFinalBlock,
	decodeHeader,
	decodeMembershipChange,
	decodeProposal,
	decodeReceipt,
	encodeFinalBlock,
	encodeHeader,
	joinHashes,
	MAX_FINAL_BLOCK_BYTES,
	membershipChangeId,
	proposalId,
	splitHashes
} from './block.ts';
import { LedgerError } from './errors.ts';
import { reasonOf } from './testing/transactions.ts';

fc.configureGlobal({ seed: 23 });

const hash = (value: number): Uint8Array => new Uint8Array(32).fill(value);

const header = {
	height: 9,
	previousHash: hash(1),
	partition: 2,
	epoch: 3,
	view: 4,
	roundId: 5,
	lowerBlockId: hash(2),
	transactionsRoot: hash(3),
	receiptsRoot: hash(4),
	stateDigest: hash(5),
	timeMs: 1_700_000_000_000n,
	term: 6,
	attempt: 7,
	stateRoot: hash(8),
	topologyDigest: new Uint8Array(0)
};
const proposal = {
	chainId: hash(7),
	partition: 1,
	epoch: 2,
	roundId: 3,
	transactionIds: joinHashes([hash(1), hash(2)])
};
const entry = { partition: 1, epoch: 1, view: 0, roundId: 1, id: hash(6) };
const content = { height: 9, previousHash: hash(1), timeMs: 5n, term: 1, attempt: 0, entries: [entry] };

/** The fields of fixed size of a signed message. */
const PROOF = { sender: hash(1), digest: hash(2), signature: new Uint8Array(64) };

const encode = <Schema extends DescMessage>(schema: Schema, fields: object): Uint8Array =>
	toBinary(schema, create(schema, fields as never));

describe('a block’s header', () => {
	it('comes back as it was written', () => {
		expect(decodeHeader(encodeHeader(header))).toMatchObject(header);
	});

	it('gives the block another hash for every field that differs', () => {
		const fields = Object.keys(header) as (keyof typeof header)[];
		const hashes = fields.map((field) => {
			const value = header[field];
			const other = typeof value === 'number' ? value + 1 : typeof value === 'bigint' ? value + 1n : hash(9);
			return blockHash(encodeHeader({ ...header, [field]: other })).join();
		});
		expect(new Set([...hashes, blockHash(encodeHeader(header)).join()]).size).toBe(fields.length + 1);
	});

	it.each(['previousHash', 'lowerBlockId', 'transactionsRoot', 'receiptsRoot', 'stateDigest'] as const)(
		'is refused where its %s is no hash',
		(field) => {
			for (const length of [0, 31, 33]) {
				const bytes = encodeHeader({ ...header, [field]: new Uint8Array(length) });
				expect(() => decodeHeader(bytes)).toThrow(`the header's ${field} is not 32 bytes`);
			}
		}
	);

	it.each(['stateRoot', 'topologyDigest'] as const)('may have no %s, or one that is a hash', (field) => {
		for (const length of [0, 31, 32, 33])
			expect(reasonOf(() => decodeHeader(encodeHeader({ ...header, [field]: new Uint8Array(length) })))).toBe(
				length % 32 === 0 ? 'none' : 'BlockMalformed'
			);
	});

	it.each([
		['the last time that is exact', 2n ** 53n - 1n, 'none'],
		['the first that is not', 2n ** 53n, 'BlockMalformed'],
		// As a number it would round to 2^64, which no header can be written with again.
		['the greatest that fits', 2n ** 64n - 1n, 'BlockMalformed']
	])('%s: %s', (_what, timeMs, reason) => {
		expect(reasonOf(() => decodeHeader(encodeHeader({ ...header, timeMs })))).toBe(reason);
		expect(reasonOf(() => decodeContent(encode(OrderContentSchema, { ...content, timeMs })))).toBe(reason);
	});
});

describe('ids are hashes of bytes as received, and of one kind only', () => {
	it.each([
		['block', blockHash],
		['proposal', proposalId],
		['membership-change', membershipChangeId],
		['order-content', contentDigest]
	])('%s', (domain, idOf) => {
		const bytes = Uint8Array.of(1, 2, 3);
		expect(idOf(bytes)).toEqual(taggedHash(domain, bytes));
		expect(idOf(Uint8Array.of(1, 2, 4))).not.toEqual(idOf(bytes));
	});
});

describe('a proposal', () => {
	it('names whole ids, and at least one', () => {
		expect(decodeProposal(encode(ProposalSchema, proposal))).toMatchObject(proposal);
		for (const length of [0, 31, 33, 63])
			expect(
				reasonOf(() =>
					decodeProposal(encode(ProposalSchema, { ...proposal, transactionIds: new Uint8Array(length) }))
				)
			).toBe('BlockMalformed');
	});

	it('its ids are cut and joined without loss', () => {
		const ids = splitHashes(proposal.transactionIds);
		expect(ids).toEqual([hash(1), hash(2)]);
		expect(joinHashes(ids)).toEqual(proposal.transactionIds);
		expect(splitHashes(new Uint8Array(0))).toEqual([]);
		expect(joinHashes([])).toEqual(new Uint8Array(0));
		// What is left over is no id.
		expect(splitHashes(new Uint8Array(63))).toHaveLength(1);
	});
});

describe('an order', () => {
	it.each<[string, object, string]>([
		['names a block', {}, 'none'],
		['names several', { entries: [entry, { ...entry, id: hash(8) }] }, 'none'],
		['names none', { entries: [] }, 'BlockMalformed'],
		['follows nothing', { previousHash: new Uint8Array(0) }, 'BlockMalformed'],
		['follows what is no hash', { previousHash: new Uint8Array(33) }, 'BlockMalformed'],
		['names what is no hash', { entries: [entry, { ...entry, id: new Uint8Array(31) }] }, 'BlockMalformed']
	])('%s: %s', (_what, fields, reason) => {
		expect(reasonOf(() => decodeContent(encode(OrderContentSchema, { ...content, ...fields })))).toBe(reason);
	});
});

describe('a change of members', () => {
	const eviction = (silence: object) => ({ member: hash(1), silences: [silence] });

	it.each<[string, (proof: object) => object]>([
		['join', (proof) => ({ joins: [PROOF, proof] })],
		['leave', (proof) => ({ leaves: [proof] })],
		['declaration of silence', (proof) => ({ evictions: [eviction(PROOF), eviction(proof)] })]
	])('is refused where a %s has a field of wrong size', (_what, changeWith) => {
		const read = (proof: object) =>
			reasonOf(() => decodeMembershipChange(encode(MembershipChangeSchema, changeWith(proof))));
		expect(read(PROOF)).toBe('none');
		for (const [field, bytes] of Object.entries(PROOF))
			for (const length of [0, bytes.length - 1, bytes.length + 1])
				expect(read({ ...PROOF, [field]: new Uint8Array(length) })).toBe('BlockMalformed');
	});
});

describe('a final block', () => {
	it('is refused past its bound, before it is read', () => {
		expect(() => decodeFinalBlock(new Uint8Array(MAX_FINAL_BLOCK_BYTES + 1))).toThrow(
			`a block of ${MAX_FINAL_BLOCK_BYTES + 1} bytes`
		);
		const filling = MAX_FINAL_BLOCK_BYTES - encodeFinalBlock(finalBlock(new Uint8Array(1_300_000))).length;
		const largest = encodeFinalBlock(finalBlock(new Uint8Array(1_300_000 + filling)));
		expect(largest).toHaveLength(MAX_FINAL_BLOCK_BYTES);
		expect(decodeFinalBlock(largest).entry).toHaveLength(1_300_000 + filling);
	});

	it('comes back as it was written', () => {
		const block = create(FinalBlockSchema, finalBlock(new Uint8Array(10)));
		expect(equals(FinalBlockSchema, decodeFinalBlock(encodeFinalBlock(block)), block)).toBe(true);
	});

	it.each<[string, (bytes: Uint8Array) => unknown, number]>([
		// An empty submessage costs 2 bytes in a block and some 200 in memory.
		[
			'parts of a certificate',
			(parts) => decodeFinalBlock(Uint8Array.of(...tag(5, parts.length), ...parts)),
			0x32
		],
		['members', decodeMembershipChange, 0x1a],
		['joins', decodeMembershipChange, 0x22],
		['entries', decodeContent, 0x32]
	])('is refused where it holds more %s than any honest one does', (_what, decode, fieldTag) => {
		const parts = Uint8Array.from({ length: 100_000 }, (_, i) => (i % 2 === 0 ? fieldTag : 0));
		expect(() => decode(parts)).toThrow(/more than 32768 fields/);
	});
});

describe('bytes from anybody give a named refusal, or what can be written and read again', () => {
	const sized = (fields: string[]) => (message: Record<string, unknown>) => ({
		...message,
		...Object.fromEntries(fields.map((field) => [field, hash(1)]))
	});
	const headers = anyMessage(BlockHeaderSchema)
		.map(sized(['previousHash', 'lowerBlockId', 'transactionsRoot', 'receiptsRoot', 'stateDigest']))
		.map(
			(message) =>
				({
					...message,
					timeMs: 5n,
					stateRoot: hash(1),
					topologyDigest: new Uint8Array(0)
				}) as unknown as BlockHeader
		);
	const contents = anyMessage(OrderContentSchema).map((message) => ({
		...message,
		timeMs: 5n,
		previousHash: hash(1),
		entries: [create(OrderEntrySchema, entry)]
	}));
	const proposals = anyMessage(ProposalSchema).map((message) => ({ ...message, transactionIds: hash(1) }));

	const proof = (message: Signed): Signed => ({ ...message, ...PROOF });
	const changes = anyMessage(MembershipChangeSchema).map((message) => ({
		...message,
		joins: message.joins.map(proof),
		leaves: message.leaves.map(proof),
		evictions: message.evictions.map((eviction) => ({
			...eviction,
			silences: eviction.silences.map(proof),
			evidence: eviction.evidence && {
				...eviction.evidence,
				first: eviction.evidence.first && proof(eviction.evidence.first),
				second: eviction.evidence.second && proof(eviction.evidence.second)
			}
		}))
	}));

	it.each<[string, DescMessage, (bytes: Uint8Array) => MessageShape<DescMessage>, fc.Arbitrary<object>]>([
		['header', BlockHeaderSchema, decodeHeader, headers],
		['proposal', ProposalSchema, decodeProposal, proposals],
		['order', OrderContentSchema, decodeContent, contents],
		['change of members', MembershipChangeSchema, decodeMembershipChange, changes],
		['receipt', ReceiptSchema, decodeReceipt, anyMessage(ReceiptSchema)],
		['block', FinalBlockSchema, decodeFinalBlock, anyMessage(FinalBlockSchema)]
	])('%s', (_what, schema, decode, messages) => {
		const count = { read: 0, refused: 0 };
		fc.assert(
			fc.property(anyBytes(messages.map((message) => encode(schema, message))), (bytes) => {
				let message;
				try {
					message = decode(bytes);
				} catch (error) {
					expect(error).toBeInstanceOf(LedgerError);
					expect((error as LedgerError).reason).toBe('BlockMalformed');
					count.refused += 1;
					return;
				}
				count.read += 1;
				expect(equals(schema, decode(toBinary(schema, message)), message)).toBe(true);
			}),
			{ numRuns: 1000 }
		);
		expect(count.read).toBeGreaterThan(300);
		expect(count.refused).toBeGreaterThan(300);
	});
});

function finalBlock(entryBytes: Uint8Array) {
	return {
		header: encodeHeader(header),
		entry: entryBytes,
		transactions: [Uint8Array.of(1)],
		receipts: [Uint8Array.of(2)],
		certificate: undefined,
		finality: undefined
	};
}

/** Field `number` of a message with a submessage of `length` bytes (of three bytes as a varint). */
function tag(number: number, length: number): number[] {
	return [(number << 3) | 2, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
}
