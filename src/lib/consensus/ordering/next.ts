/** A Next, as every member checks it before it looks at what it proposes: who sent it, what it holds, and what justifies it. */
import { equalBytes } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { contentDigest, decodeContent, decodeMembershipChange } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import type { OrderContent } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { membershipSignatures } from '../membership/change.ts';
import { isWellFormed, Kind, signedCheck } from '../statement.ts';
import { compareBallots, type Ballot } from './ballot.ts';
import { checkBooter, checkJustification, type Voters } from './status.ts';

export interface CheckedNext {
	content: OrderContent;
	ballot: Ballot;
	checks: Verification[];
}

/**
 * All but the proof that the height before is final, which stands on its own.
 * @param bounds.isOwnHeight the voters are those of the Next's height; before the chain is there, Statuses cannot be judged
 * @throws LedgerError `MessageMalformed`, `NotBooter`, `OrderInvalid`, `StatusInvalid`, `CertificateInvalid`
 */
export function checkNext(
	next: Next,
	voters: Voters,
	bounds: { maxBlocksPerNext: number; isOwnHeight: boolean }
): CheckedNext {
	const { signed, statuses, lock } = next;
	if (!signed || !isWellFormed(signed) || signed.kind !== Kind.NEXT) throw malformed('it is not one');
	checkBooter(signed.sender, voters.booters);
	if (!equalBytes(contentDigest(signed.payload), signed.digest)) throw malformed('it has another content');
	const content = decodeContent(signed.payload);
	if (content.height !== signed.slot) throw malformed('it is for another height than it says');
	if (content.entries.length > bounds.maxBlocksPerNext)
		throw new LedgerError('OrderInvalid', `an order of ${content.entries.length} blocks is too long`);
	const ballot = { term: signed.view, attempt: signed.attempt };
	// A later ballot keeps the content that a lower one proposed first, and no ballot names a later one.
	if (compareBallots(content, ballot) > 0) throw malformed('its content is of a later ballot');
	const checks = [signedCheck(voters.chainId, signed)];
	for (const entry of content.entries)
		if (entry.membershipChange.length > 0)
			checks.push(
				...membershipSignatures(
					decodeMembershipChange(entry.membershipChange),
					voters.operator,
					voters.chainId
				)
			);
	if (statuses.length > 0) {
		if (!bounds.isOwnHeight) throw malformed('its Statuses are of another height');
		const order = { ballot, height: content.height, contentDigest: signed.digest };
		checks.push(...checkJustification(statuses, lock, order, voters));
	} else if (lock) throw malformed('it shows a lock without Statuses');
	return { content, ballot, checks };
}

function malformed(why: string): LedgerError {
	return new LedgerError('MessageMalformed', `a Next is malformed: ${why}`);
}
