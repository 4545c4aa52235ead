/** A lower block with its bodies, as one partition hands it to the others. */
import { create } from '@bufbuild/protobuf';
import { equalBytes, toHex } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { decodeProposal, MAX_BLOCK_BODY_BYTES, proposalId, splitHashes } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import { parseTransaction, transactionCheck, type ParsedTransaction } from '../../ledger/transaction.ts';
import {
	CertifiedBlockSchema,
	type BlockCertificate,
	type CertifiedBlock,
	type Genesis,
	type Proposal
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { checkBlockCertificate } from '../certificates.ts';
import { faultyBound } from '../quorum.ts';
import type { Topology } from '../topology.ts';

export interface CertifiedBody {
	/** Lower-case hex of the proposal's hash. */
	id: string;
	idBytes: Uint8Array;
	proposal: Proposal;
	proposalBytes: Uint8Array;
	certificate: BlockCertificate;
	transactions: ParsedTransaction[];
	bodyBytes: number;
}

/**
 * Reads a certified block that came from anywhere.
 * @returns the block and the signature checks still to be made. The transactions' own signatures are among them only where
 * a whole partition may be Byzantine (b ≥ 1): otherwise q Commits hold an honest member, and it has checked them (R3).
 * @throws LedgerError
 */
export function readCertifiedBlock(
	block: CertifiedBlock,
	topology: Topology,
	genesis: Genesis,
	chainId: Uint8Array
): { body: CertifiedBody; checks: Verification[] } {
	if (!block.certificate) throw new LedgerError('BlockMalformed', 'a certified block has a certificate');
	const proposal = decodeProposal(block.proposal);
	const idBytes = proposalId(block.proposal);
	const { certificate } = block;
	if (
		!equalBytes(certificate.blockId, idBytes) ||
		!equalBytes(proposal.chainId, chainId) ||
		certificate.roundId !== proposal.roundId
	)
		throw new LedgerError('CertificateInvalid', 'a certificate belongs to another block');
	// Of the proposal's partition and epoch, or it does not hold.
	const checks = checkBlockCertificate(
		certificate,
		topology.epoch(proposal.partition, proposal.epoch),
		chainId
	);
	const ids = splitHashes(proposal.transactionIds);
	if (ids.length > genesis.maxTransactionsPerBlock || ids.length !== block.transactions.length)
		throw new LedgerError('BlockMalformed', 'a certified block has one body for each id, within the bound');
	const transactions = block.transactions.map((bytes) =>
		parseTransaction(bytes, chainId, genesis.maxTransactionBytes)
	);
	const wrong = transactions.findIndex((transaction, i) => !equalBytes(transaction.idBytes, ids[i]!));
	if (wrong >= 0)
		throw new LedgerError('BlockMalformed', `body ${wrong} is not the one that the proposal names`);
	checks.push(...senderChecks(transactions, topology));
	return { body: assemble(idBytes, proposal, block.proposal, certificate, transactions), checks };
}

/**
 * No id commits to a signature: where voters check those of other partitions' transactions, whoever hands a block on is not believed
 * either that they are the ones.
 */
export function senderChecks(transactions: ParsedTransaction[], topology: Topology): Verification[] {
	return faultyBound(topology.active().length) > 0 ? transactions.map(transactionCheck) : [];
}

/** Puts a block together from parts that this node has checked itself. */
export function certifiedBodyOf(
	proposalBytes: Uint8Array,
	certificate: BlockCertificate,
	transactions: ParsedTransaction[]
): CertifiedBody {
	return assemble(
		certificate.blockId,
		decodeProposal(proposalBytes),
		proposalBytes,
		certificate,
		transactions
	);
}

export function toCertifiedBlock(body: CertifiedBody): CertifiedBlock {
	return create(CertifiedBlockSchema, {
		proposal: body.proposalBytes,
		certificate: body.certificate,
		transactions: body.transactions.map((transaction) => transaction.bytes)
	});
}

function assemble(
	idBytes: Uint8Array,
	proposal: Proposal,
	proposalBytes: Uint8Array,
	certificate: BlockCertificate,
	transactions: ParsedTransaction[]
): CertifiedBody {
	const bodyBytes = transactions.reduce((sum, transaction) => sum + transaction.bytes.length, 0);
	if (bodyBytes > MAX_BLOCK_BODY_BYTES)
		throw new LedgerError(
			'BlockMalformed',
			`bodies of ${bodyBytes} bytes; a block holds at most ${MAX_BLOCK_BODY_BYTES}`
		);
	return { id: toHex(idBytes), idBytes, proposal, proposalBytes, certificate, transactions, bodyBytes };
}
