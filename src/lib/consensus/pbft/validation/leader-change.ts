/**
 * R6: a LeaderChange is recomputed, never trusted. It holds q NewViews and the proof of every word in them, and it chooses
 * what they mean.
 */
import { toHex } from '../../../crypto/hex.ts';
import type { Verification } from '../../../crypto/suite.ts';
import { LedgerError } from '../../../ledger/errors.ts';
import { decodeMessage } from '../../../wire/codec.ts';
import { MAX_PACKET_BYTES } from '../../../wire/limits.ts';
import {
	LeaderChangeContentSchema,
	type LeaderChange,
	type LeaderChangeContent,
	type NewViewContent,
	type PreparedRound
} from '../../../wire/gen/tabwave/v1/view_change_pb.js';
import { quorum } from '../../quorum.ts';
import { Kind, signedCheck } from '../../statement.ts';
import { leaderOf } from '../../topology.ts';
import { chooseRounds, sameChoices } from '../choose-rounds.ts';
import { checkPayload, checkSigned, malformed, type ViewContext } from './context.ts';
import { checkLedgerProof } from './ledger-proof.ts';
import { readNewView } from './new-view.ts';
import { checkPreparedCertificate } from './prepared-certificate.ts';

export interface CheckedLeaderChange {
	view: number;
	content: LeaderChangeContent;
	/** Signature checks still to be made: the leader's, q NewViews', and those of all certificates and proofs. */
	checks: Verification[];
}

/**
 * @returns null where this node has to catch up before it can judge
 * @throws LedgerError, DecodeError
 */
export function checkLeaderChange(
	leaderChange: LeaderChange,
	context: ViewContext
): CheckedLeaderChange | null {
	const { chain, partition } = context;
	const signed = checkSigned(leaderChange.signed, Kind.LEADER_CHANGE, context);
	if (toHex(signed.sender) !== leaderOf(partition.members, signed.view))
		throw malformed('a LeaderChange is from who does not lead its view');
	checkPayload(signed);
	const { newViews, certificates, proof } = leaderChange;
	const needed = quorum(partition.members.length);
	if (newViews.length !== needed)
		throw malformed(`a LeaderChange holds ${newViews.length} NewViews; it takes exactly ${needed}`);
	const read = newViews.map((newView) => readNewView(newView, context));
	if (read.some((newView) => newView.signed.view !== signed.view))
		throw malformed('a LeaderChange holds a NewView for another view');
	if (new Set(read.map((newView) => toHex(newView.signed.sender))).size < needed)
		throw malformed('a LeaderChange counts a member twice');
	const contents = read.map((newView) => newView.content);

	// Each claim has its certificate and each certificate its claim, so that their number is bounded by what q members signed.
	// What lies at or below the highest L is in the ledger or void, whatever is said of it.
	const lastRoundId = Math.max(...contents.map((newView) => newView.lastRoundId));
	const claimed = new Set(contents.flatMap((newView) => claimsAbove(lastRoundId, newView)));
	const proven = new Set(certificates.map(claimOf));
	if (proven.size < certificates.length || !isSame(claimed, proven))
		throw malformed('a LeaderChange carries one certificate for each prepared round in its NewViews');
	if ((proof !== undefined) !== lastRoundId > 0)
		throw malformed('a LeaderChange proves its last round with a final block, and no round with none');

	const content = decodeMessage(LeaderChangeContentSchema, signed.payload, MAX_PACKET_BYTES);
	if (signed.slot !== content.lastRoundId || !sameChoices(content, chooseRounds(contents)))
		throw new LedgerError(
			'LeaderChangeInvalid',
			'a LeaderChange chooses other rounds than its NewViews mean'
		);

	const proofChecks = proof ? checkLedgerProof(proof, lastRoundId, context) : [];
	if (!proofChecks) return null;
	return {
		view: signed.view,
		content,
		checks: [
			signedCheck(chain.chainId, signed),
			...newViews.map((newView) => signedCheck(chain.chainId, newView)),
			...proofChecks,
			...certificates.flatMap((certificate) =>
				checkPreparedCertificate(certificate, partition, chain.chainId)
			)
		]
	};
}

/** Names what a certificate, or a member's word for it, is about. */
export function claimOf({
	roundId,
	view,
	blockId
}: Pick<PreparedRound, 'roundId' | 'view' | 'blockId'>): string {
	return `${roundId}/${view}/${toHex(blockId)}`;
}

/** What a member says of the rounds above `roundId`. */
export function claimsAbove(roundId: number, { prepared }: NewViewContent): string[] {
	return prepared.filter((round) => round.roundId > roundId).map(claimOf);
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
	return a.size === b.size && [...a].every((item) => b.has(item));
}
