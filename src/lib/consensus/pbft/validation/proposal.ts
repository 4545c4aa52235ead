/** R3: what a proposal must be for a member to vote on it. Only what it shows by itself counts, not the height at which it is read. */
import { equalBytes, toHex } from '../../../crypto/hex.ts';
import { decodeProposal, proposalId, splitHashes } from '../../../ledger/block.ts';
import { LedgerError } from '../../../ledger/errors.ts';
import type { PbftInit } from '../standing.ts';

/** @returns the ids of its transactions, hex; null where no honest leader would have sent this */
export function readProposal(
	bytes: Uint8Array,
	blockId: Uint8Array,
	roundId: number,
	{ chainId, partition, epoch, genesis }: Pick<PbftInit, 'chainId' | 'partition' | 'epoch' | 'genesis'>
): string[] | null {
	try {
		const proposal = decodeProposal(bytes);
		const ids = splitHashes(proposal.transactionIds).map(toHex);
		const holds =
			equalBytes(proposalId(bytes), blockId) &&
			equalBytes(proposal.chainId, chainId) &&
			proposal.partition === partition &&
			proposal.epoch === epoch &&
			proposal.roundId === roundId &&
			ids.length <= genesis.maxTransactionsPerBlock &&
			new Set(ids).size === ids.length;
		return holds ? ids : null;
	} catch (error) {
		if (error instanceof LedgerError) return null;
		throw error;
	}
}
