/** R4: a prepared certificate holds q members of the epoch, the leader by its PrePrepare or, in a round carried over, by its Prepare. */
import { HASH_BYTES } from '../../../crypto/hash.ts';
import { toHex } from '../../../crypto/hex.ts';
import type { Verification } from '../../../crypto/suite.ts';
import { LedgerError } from '../../../ledger/errors.ts';
import type { PreparedCertificate } from '../../../wire/gen/tabwave/v1/view_change_pb.js';
import { quorum } from '../../quorum.ts';
import { Kind, statementCheck, type Statement } from '../../statement.ts';
import { leaderOf, type PartitionView } from '../../topology.ts';

/** @throws LedgerError `CertificateInvalid` */
export function checkPreparedCertificate(
	certificate: PreparedCertificate,
	partition: PartitionView,
	chainId: Uint8Array
): Verification[] {
	const { members } = partition;
	const { prePrepare, prepares, view, roundId, blockId } = certificate;
	if (blockId.length !== HASH_BYTES) throw invalid('its block id is not 32 bytes');
	if (prepares.length > members.length) throw invalid('it holds more votes than there are members');
	if (prePrepare && toHex(prePrepare.member) !== leaderOf(members, view))
		throw invalid('its PrePrepare is not of the leader of its view');
	const votes = prePrepare ? [prePrepare, ...prepares] : prepares;
	const voters = new Set(votes.map((vote) => toHex(vote.member)));
	if (voters.size < votes.length) throw invalid('a member is counted twice');
	for (const voter of voters)
		if (!members.includes(voter))
			throw invalid(`${voter.slice(0, 8)} is no member of partition ${partition.id}`);
	if (voters.size < quorum(members.length))
		throw invalid(`${voters.size} of ${members.length} members; ${quorum(members.length)} are needed`);
	const statement = (kind: Kind): Statement => ({
		kind,
		partition: partition.id,
		epoch: partition.epoch,
		view,
		attempt: 0,
		slot: roundId,
		digest: blockId
	});
	return [
		...(prePrepare ? [statementCheck(chainId, statement(Kind.PRE_PREPARE), prePrepare)] : []),
		...prepares.map((prepare) => statementCheck(chainId, statement(Kind.PREPARE), prepare))
	];
}

function invalid(why: string): LedgerError {
	return new LedgerError('CertificateInvalid', `a prepared certificate does not hold: ${why}`);
}
