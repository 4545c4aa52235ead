/** Re-checks stored blocks as if they had come from a stranger: hashes, Merkle roots and both certificates. */
import { checkBlockCertificate } from '../consensus/certificates.ts';
import { membershipSignatures } from '../consensus/membership/change.ts';
import { checkFinality, type Chain } from '../consensus/ordering/chain.ts';
import { equalBytes, toHex } from '../crypto/hex.ts';
import { merkleRoot } from '../crypto/merkle.ts';
import type { Suite, Verification } from '../crypto/suite.ts';
import {
	decodeMembershipChange,
	decodeProposal,
	isHeaderOnly,
	membershipChangeId,
	proposalId,
	splitHashes
} from '../ledger/block.ts';
import { LedgerError } from '../ledger/errors.ts';
import { transactionsRoot } from '../ledger/runtime.ts';
import type { LedgerStore } from '../storage/ledger-store.ts';
import type { VerifyReport } from './api.ts';
import { readBlock, type ReadBlock } from './describe.ts';

const BLOCKS_AT_ONCE = 20;
const BYTES_AT_ONCE = 4_000_000;

/** @param from first height, 1 or more; @param to last height */
export async function verifyChain(
	chain: Chain,
	store: LedgerStore,
	suite: Suite,
	from: number,
	to: number
): Promise<VerifyReport> {
	let checked = 0;
	let previous = from > 1 ? await hashAt(chain, store, from - 1) : chain.chainId;
	for (let height = from; height <= to;) {
		const blocks = await store.blocks(height, Math.min(BLOCKS_AT_ONCE, to - height + 1), BYTES_AT_ONCE);
		if (blocks.length === 0)
			return { checked, firstBad: { height, reason: 'the block is missing from this store' } };
		for (const bytes of blocks) {
			const reason = await problemOf(chain, suite, bytes, height, previous);
			if (reason) return { checked, firstBad: { height, reason } };
			previous = readBlock(chain, bytes).hash;
			checked += 1;
			height += 1;
		}
	}
	if (to === chain.head.height && checked > 0 && !equalBytes(previous, chain.head.hash))
		return { checked, firstBad: { height: to, reason: 'the last block is not the head' } };
	return { checked, firstBad: null };
}

async function hashAt(chain: Chain, store: LedgerStore, height: number): Promise<Uint8Array> {
	const bytes = await store.block(height);
	try {
		return bytes ? readBlock(chain, bytes).hash : new Uint8Array(0);
	} catch (error) {
		// The block above cannot be tied to it, and that is what the report says.
		if (error instanceof LedgerError) return new Uint8Array(0);
		throw error;
	}
}

async function problemOf(
	chain: Chain,
	suite: Suite,
	bytes: Uint8Array,
	height: number,
	previous: Uint8Array
): Promise<string | null> {
	let checks: Verification[];
	try {
		const read = readBlock(chain, bytes);
		checkContents(read, height, previous);
		checks = checksOf(chain, read);
	} catch (error) {
		if (error instanceof LedgerError) return error.message;
		throw error;
	}
	// Not by the memory of what was checked before: this is a check of what is stored.
	const holds = await Promise.all(checks.map((check) => suite.verify(check)));
	return holds.every(Boolean) ? null : 'a signature does not hold';
}

function checkContents(
	{ block, header, transactions }: ReadBlock,
	height: number,
	previous: Uint8Array
): void {
	require(header.height === height, `the block says that it is of height ${header.height}`);
	require(equalBytes(header.previousHash, previous), 'the previous hash is not that of the block before');
	// The store was full and gave the body up: hashes and both certificates are what is left to check.
	if (isHeaderOnly(block)) return checkCertified(block, header);
	require(equalBytes(
		header.transactionsRoot,
		transactionsRoot(transactions)
	), 'the transactions root does not fit');
	require(equalBytes(header.receiptsRoot, merkleRoot(block.receipts)), 'the receipts root does not fit');
	const id = block.certificate ? proposalId(block.entry) : membershipChangeId(block.entry);
	require(equalBytes(header.lowerBlockId, id), 'the lower block is not the one that the header names');
	if (!block.certificate) return;
	const ids = splitHashes(decodeProposal(block.entry).transactionIds).map(toHex);
	require(ids.length === transactions.length &&
		transactions.every(
			(transaction, i) => transaction.id === ids[i]
		), 'the transactions are not those of the proposal');
	checkCertified(block, header);
}

function checkCertified({ certificate }: ReadBlock['block'], header: ReadBlock['header']): void {
	const isNamed = certificate !== undefined && equalBytes(certificate.blockId, header.lowerBlockId);
	require(isNamed, 'the certificate belongs to another block');
}

function checksOf(chain: Chain, { block, header }: ReadBlock): Verification[] {
	const { topology, genesis, chainId } = chain;
	const checks = checkFinality(block, header, topology, genesis);
	if (block.certificate) {
		const members = topology.epoch(block.certificate.partition, block.certificate.epoch);
		return [...checks, ...checkBlockCertificate(block.certificate, members, chainId)];
	}
	return [
		...checks,
		...membershipSignatures(decodeMembershipChange(block.entry), genesis.fields.operator, chainId)
	];
}

function require(condition: boolean, problem: string): asserts condition {
	if (!condition) throw new LedgerError('BlockInvalid', problem);
}
