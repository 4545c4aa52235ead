/** Final blocks: their header, its hash, and reading one from bytes that came from anywhere. */
import { create, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { HASH_BYTES, taggedHash } from '../crypto/hash.ts';
import { decodeMessage } from '../wire/codec.ts';
import {
	BlockHeaderSchema,
	FinalBlockSchema,
	MembershipChangeSchema,
	OrderContentSchema,
	ProposalSchema,
	ReceiptSchema,
	type BlockHeader,
	type FinalBlock,
	type MembershipChange,
	type OrderContent,
	type Proposal,
	type Receipt
} from '../wire/gen/tabwave/v1/ledger_pb.js';
import { MAX_PACKET_BYTES } from '../wire/limits.ts';
import { LedgerError } from './errors.ts';
import { KEY_BYTES, SIGNATURE_BYTES } from './transaction.ts';

/** A final block on the wire or on disk. A full block of 500 transactions is some 130 KB. */
export const MAX_FINAL_BLOCK_BYTES = 1_400_000;

/** The bodies of one block together; what a block adds to them fits between this and MAX_FINAL_BLOCK_BYTES. */
export const MAX_BLOCK_BODY_BYTES = 1_000_000;

/** What only some headers have; empty elsewhere. */
type OptionalHeaderField = 'stateRoot' | 'topologyDigest';

export function encodeHeader(
	header: Omit<BlockHeader, '$typeName' | '$unknown' | OptionalHeaderField> &
		Partial<Pick<BlockHeader, OptionalHeaderField>>
): Uint8Array {
	return toBinary(BlockHeaderSchema, create(BlockHeaderSchema, header));
}

/** The hash of a block is that of its header's bytes as received. */
export function blockHash(header: Uint8Array): Uint8Array {
	return taggedHash('block', header);
}

export function proposalId(proposal: Uint8Array): Uint8Array {
	return taggedHash('proposal', proposal);
}

export function membershipChangeId(change: Uint8Array): Uint8Array {
	return taggedHash('membership-change', change);
}

export function contentDigest(content: Uint8Array): Uint8Array {
	return taggedHash('order-content', content);
}

/** @throws LedgerError `BlockMalformed` */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
	const header = decode('header', BlockHeaderSchema, bytes);
	for (const field of [
		'previousHash',
		'lowerBlockId',
		'transactionsRoot',
		'receiptsRoot',
		'stateDigest'
	] as const)
		if (header[field].length !== HASH_BYTES)
			throw new LedgerError('BlockMalformed', `the header's ${field} is not 32 bytes`);
	for (const field of ['stateRoot', 'topologyDigest'] as const)
		if (header[field].length !== 0 && header[field].length !== HASH_BYTES)
			throw new LedgerError('BlockMalformed', `the header's ${field} is not 32 bytes`);
	checkTime(header.timeMs);
	return header;
}

/** @throws LedgerError `BlockMalformed` */
export function decodeProposal(bytes: Uint8Array): Proposal {
	const proposal = decode('proposal', ProposalSchema, bytes);
	if (proposal.transactionIds.length === 0 || proposal.transactionIds.length % HASH_BYTES !== 0)
		throw new LedgerError('BlockMalformed', 'a proposal names whole transaction ids, and at least one');
	return proposal;
}

/** @throws LedgerError `BlockMalformed` */
export function decodeMembershipChange(bytes: Uint8Array): MembershipChange {
	const change = decode('change of members', MembershipChangeSchema, bytes);
	const proofs = [
		...change.joins,
		...change.leaves,
		...change.evictions.flatMap(({ silences, evidence }) => [
			...silences,
			...(evidence?.first ? [evidence.first] : []),
			...(evidence?.second ? [evidence.second] : [])
		])
	];
	// Their signatures are checked as those of statements, which are made of fields of fixed length (R2).
	for (const { sender, digest, signature } of proofs)
		if (sender.length !== KEY_BYTES || digest.length !== HASH_BYTES || signature.length !== SIGNATURE_BYTES)
			throw new LedgerError('BlockMalformed', 'a proof of a change of members has fields of wrong size');
	return change;
}

/** @throws LedgerError `BlockMalformed` */
export function decodeContent(bytes: Uint8Array): OrderContent {
	const content = decode('order', OrderContentSchema, bytes);
	if (content.entries.length === 0)
		throw new LedgerError('BlockMalformed', 'an order names at least one block');
	if (content.previousHash.length !== HASH_BYTES)
		throw new LedgerError('BlockMalformed', 'the previous hash is not 32 bytes');
	for (const entry of content.entries)
		if (entry.id.length !== HASH_BYTES)
			throw new LedgerError('BlockMalformed', 'an entry of the order is not 32 bytes');
	checkTime(content.timeMs);
	return content;
}

/** @throws LedgerError `BlockMalformed` */
export function decodeFinalBlock(bytes: Uint8Array): FinalBlock {
	if (bytes.length > MAX_FINAL_BLOCK_BYTES)
		throw new LedgerError(
			'BlockMalformed',
			`a block of ${bytes.length} bytes; at most ${MAX_FINAL_BLOCK_BYTES} are allowed`
		);
	return decode('block', FinalBlockSchema, bytes);
}

/** Whether the store gave its body up: what is left proves the header, and names no transaction. */
export function isHeaderOnly({ certificate, entry }: Pick<FinalBlock, 'certificate' | 'entry'>): boolean {
	return certificate !== undefined && entry.length === 0;
}

/**
 * A stored block without proposal, transactions and receipts: header, certificate and finality proof, by which it is still known to
 * be final. A change of members is kept whole: the members of its epoch are read from it.
 * @returns null where there is nothing to leave out
 */
export function withoutBody(finalBlock: Uint8Array): Uint8Array | null {
	const block = decodeFinalBlock(finalBlock);
	if (!block.certificate || isHeaderOnly(block)) return null;
	return encodeFinalBlock({ ...block, entry: new Uint8Array(0), transactions: [], receipts: [] });
}

/** @throws LedgerError `BlockMalformed` */
export function decodeReceipt(bytes: Uint8Array): Receipt {
	return decode('receipt', ReceiptSchema, bytes);
}

export function encodeFinalBlock(block: Omit<FinalBlock, '$typeName' | '$unknown'>): Uint8Array {
	return toBinary(FinalBlockSchema, create(FinalBlockSchema, block));
}

/** Cuts bytes into 32-byte pieces; the length was checked before. */
export function splitHashes(bytes: Uint8Array): Uint8Array[] {
	const hashes: Uint8Array[] = [];
	for (let i = 0; i + HASH_BYTES <= bytes.length; i += HASH_BYTES)
		hashes.push(bytes.subarray(i, i + HASH_BYTES));
	return hashes;
}

export function joinHashes(hashes: Uint8Array[]): Uint8Array {
	const bytes = new Uint8Array(hashes.length * HASH_BYTES);
	hashes.forEach((hash, i) => bytes.set(hash, i * HASH_BYTES));
	return bytes;
}

/** By the one codec, which bounds what a few bytes can make; whatever is read here came in a packet, or could have. */
function decode<Schema extends DescMessage>(
	what: string,
	schema: Schema,
	bytes: Uint8Array
): MessageShape<Schema> {
	try {
		return decodeMessage(schema, bytes, MAX_PACKET_BYTES);
	} catch (cause) {
		throw new LedgerError('BlockMalformed', `not a ${what}: ${(cause as Error).message}`);
	}
}

/** Times are calculated with as numbers. One that a number rounds would give a header that cannot be written again. */
function checkTime(timeMs: bigint): void {
	if (!Number.isSafeInteger(Number(timeMs)))
		throw new LedgerError('BlockMalformed', `${timeMs} is no time in milliseconds`);
}
