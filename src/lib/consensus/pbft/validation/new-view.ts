/** R6: a NewView proves its L with a final block and each round above it with a prepared certificate. */
import { HASH_BYTES } from '../../../crypto/hash.ts';
import { equalBytes } from '../../../crypto/hex.ts';
import type { Verification } from '../../../crypto/suite.ts';
import { MAX_PACKET_BYTES } from '../../../wire/limits.ts';
import { decodeMessage } from '../../../wire/codec.ts';
import type { Signed } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import {
	NewViewContentSchema,
	type NewView,
	type NewViewContent,
	type PreparedCertificate,
	type PreparedRound
} from '../../../wire/gen/tabwave/v1/view_change_pb.js';
import { Kind, signedCheck } from '../../statement.ts';
import { checkPayload, checkSigned, malformed, type ViewContext } from './context.ts';
import { checkLedgerProof } from './ledger-proof.ts';
import { checkPreparedCertificate } from './prepared-certificate.ts';

export interface CheckedNewView {
	content: NewViewContent;
	/** Signature checks still to be made. */
	checks: Verification[];
}

/**
 * @returns null where this node has to catch up before it can judge
 * @throws LedgerError, DecodeError
 */
export function checkNewView(newView: NewView, context: ViewContext): CheckedNewView | null {
	const { chain, partition } = context;
	const { signed, content } = readNewView(newView.signed, context);
	const { certificates, proof } = newView;
	if (
		certificates.length !== content.prepared.length ||
		!certificates.every((certificate, i) => isSameRound(certificate, content.prepared[i]!))
	)
		throw malformed('a NewView carries one certificate for each round that it names, in the same order');
	if ((proof !== undefined) !== content.lastRoundId > 0)
		throw malformed('a NewView proves its last round with a final block, and no round with none');
	const proofChecks = proof ? checkLedgerProof(proof, content.lastRoundId, context) : [];
	if (!proofChecks) return null;
	return {
		content,
		checks: [
			signedCheck(chain.chainId, signed),
			...proofChecks,
			...certificates.flatMap((certificate) =>
				checkPreparedCertificate(certificate, partition, chain.chainId)
			)
		]
	};
}

/**
 * The signed part alone, all but its signature: at most one round for each place in the window.
 * @throws LedgerError, DecodeError
 */
export function readNewView(
	message: Signed | undefined,
	context: ViewContext
): { signed: Signed; content: NewViewContent } {
	const signed = checkSigned(message, Kind.NEW_VIEW, context);
	checkPayload(signed);
	const content = decodeMessage(NewViewContentSchema, signed.payload, MAX_PACKET_BYTES);
	const { lastRoundId, prepared } = content;
	const { maxRoundsInFlight } = context.chain.genesis.fields;
	if (signed.slot !== lastRoundId) throw malformed('a NewView names another last round than it signed');
	if (prepared.length > maxRoundsInFlight)
		throw malformed(`a NewView names ${prepared.length} rounds, the window holds ${maxRoundsInFlight}`);
	prepared.forEach((round, i) => {
		const before = i === 0 ? lastRoundId : prepared[i - 1]!.roundId;
		if (round.roundId <= before || round.roundId > lastRoundId + maxRoundsInFlight)
			throw malformed('the rounds of a NewView are in order and inside its window');
		if (round.view >= signed.view) throw malformed('a NewView names a round of no lower view');
		if (round.blockId.length !== HASH_BYTES) throw malformed('a block id in a NewView is not 32 bytes');
	});
	return { signed, content };
}

/** Whether a certificate is about what a member says of a round. */
export function isSameRound(certificate: PreparedCertificate, round: PreparedRound): boolean {
	return (
		certificate.roundId === round.roundId &&
		certificate.view === round.view &&
		equalBytes(certificate.blockId, round.blockId)
	);
}
