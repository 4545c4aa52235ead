/** R9: a final block of a partition proves the partition's last round in the ledger. */
import type { Verification } from '../../../crypto/suite.ts';
import { decodeHeader } from '../../../ledger/block.ts';
import { LedgerError } from '../../../ledger/errors.ts';
import type { LedgerProof } from '../../../wire/gen/tabwave/v1/view_change_pb.js';
import { checkFinality } from '../../ordering/chain.ts';
import type { ViewContext } from './context.ts';

/**
 * @returns the signature checks still to be made; null where the proof rests on changes of members that this node does not
 * know yet: it has to catch up before it can judge
 * @throws LedgerError `CertificateInvalid`, `BlockMalformed`, `BlockInvalid`
 */
export function checkLedgerProof(
	proof: LedgerProof,
	lastRoundId: number,
	{ chain, partition }: ViewContext
): Verification[] | null {
	const header = decodeHeader(proof.header);
	if (header.partition !== partition.id || header.epoch !== partition.epoch || header.roundId !== lastRoundId)
		throw new LedgerError(
			'CertificateInvalid',
			`a block of partition ${header.partition}, epoch ${header.epoch}, round ${header.roundId} proves nothing about round ${lastRoundId}`
		);
	if (proof.finality && proof.finality.height > chain.head.height + 1) return null;
	return checkFinality(proof, header, chain.topology, chain.genesis);
}
