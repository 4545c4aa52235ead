/** Re-checks stored blocks as if they had come from a stranger: hashes, Merkle roots and both certificates. */
import { checkBlockCertificate } from '../../consensus/certificates.ts';
import { membershipSignatures } from '../../consensus/membership/change.ts';
import { checkFinality, type Chain } from '../../consensus/ordering/chain.ts';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import { merkleRoot } from '../../crypto/merkle.ts';
import type { Suite, Verification } from '../../crypto/suite.ts';
import {
	decodeMembershipChange,
	decodeProposal,
	isHeaderOnly,
	membershipChangeId,
	proposalId,
	splitHashes
} from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { transactionsRoot } from '../../ledger/runtime.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import type { VerifyReport } from '../api.ts';
import { readBlock, type ReadBlock } from '../api/describe.ts';

const BLOCKS_AT_ONCE = 20;
const BYTES_AT_ONCE = 4_000_000;

/** What blocks are checked against: the chain, or the history of members that a snapshot has. */
export type LedgerView = Pick<Chain, 'topology' | 'genesis' | 'chainId' | 'parse'>;

/**
 * @param from first height, 1 or more; @param to last height
 * @param missingTo blocks of this height and below are not here yet, and left out
 */
export async function verifyChain(
	chain: Chain,
	store: LedgerStore,
	suite: Suite,
	from: number,
	to: number,
	missingTo = 0
): Promise<VerifyReport> {
	let checked = 0;
	const first = Math.max(from, missingTo + 1);
	const missing = Math.max(0, Math.min(to, missingTo) - from + 1);
	const report = (firstBad: VerifyReport['firstBad']): VerifyReport => ({
		checked,
		firstBad,
		...(missing > 0 && { missing })
	});
	// What the lowest one follows is known when the next one below it has come.
	let previous =
		first === 1 ? chain.chainId : first - 1 === missingTo ? null : await hashAt(chain, store, first - 1);
	for (let height = first; height <= to;) {
		const blocks = await store.blocks(height, Math.min(BLOCKS_AT_ONCE, to - height + 1), BYTES_AT_ONCE);
		if (blocks.length === 0) return report({ height, reason: 'the block is missing from this store' });
		for (const bytes of blocks) {
			const outcome = await checkOne(chain, suite, bytes, height, previous);
			if ('reason' in outcome) return report({ height, reason: outcome.reason });
			previous = outcome.hash;
			checked += 1;
			height += 1;
		}
	}
	if (to === chain.head.height && checked > 0 && !equalBytes(previous!, chain.head.hash))
		return report({ height: to, reason: 'the last block is not the head' });
	return report(null);
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

/** @returns the block's hash, or what is wrong with the block */
async function checkOne(
	chain: Chain,
	suite: Suite,
	bytes: Uint8Array,
	height: number,
	previous: Uint8Array | null
): Promise<{ hash: Uint8Array } | { reason: string }> {
	let read: ReadBlock;
	let checks: Verification[];
	try {
		read = readBlock(chain, bytes);
		checkHeight(read, height);
		const { previousHash } = read.header;
		const follows = previous === null || equalBytes(previousHash, previous);
		require(follows, 'the previous hash is not that of the block before');
		checkContents(read);
		checks = checksOf(chain, read);
	} catch (error) {
		if (error instanceof LedgerError) return { reason: error.message };
		throw error;
	}
	// Not by the memory of what was checked before: this is a check of what is stored.
	const holds = await Promise.all(checks.map((check) => suite.verify(check)));
	return holds.every(Boolean) ? { hash: read.hash } : { reason: 'a signature does not hold' };
}

/**
 * Checks a block whose state is not known: all but the block before it, and the signatures.
 * @param view with the members of its time
 * @throws LedgerError
 */
export function checkStored(
	view: LedgerView,
	bytes: Uint8Array,
	height: number
): { read: ReadBlock; checks: Verification[] } {
	const read = readBlock(view, bytes);
	checkHeight(read, height);
	checkContents(read);
	return { read, checks: checksOf(view, read) };
}

function checkHeight({ header }: ReadBlock, height: number): void {
	require(header.height === height, `the block says that it is of height ${header.height}`);
}

function checkContents({ block, header, transactions }: ReadBlock): void {
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

function checksOf({ topology, genesis, chainId }: LedgerView, { block, header }: ReadBlock): Verification[] {
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
