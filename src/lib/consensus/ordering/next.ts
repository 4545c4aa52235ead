/** A Next, as every member checks it before it looks at what it proposes: who sent it, what it holds, and what justifies it. */
import { create } from '@bufbuild/protobuf';
import { equalBytes } from '../../crypto/hex.ts';
import type { Verification } from '../../crypto/suite.ts';
import { contentDigest, decodeContent, decodeMembershipChange } from '../../ledger/block.ts';
import { LedgerError } from '../../ledger/errors.ts';
import {
	PartitionIdsSchema,
	type OrderContent,
	type PartitionIds
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { membershipSignatures } from '../membership/change.ts';
import { checkLeftOut, readRecovery, recoverySignature, type RecoveryTerms } from '../membership/recovery.ts';
import { isWellFormed, Kind, signedCheck } from '../statement.ts';
import type { PartitionView } from '../topology.ts';
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
 * @throws LedgerError `MessageMalformed`, `NotBooter`, `OrderInvalid`, `StatusInvalid`, `CertificateInvalid`, `RecoveryInvalid`
 */
export function checkNext(
	next: Next,
	voters: Voters,
	bounds: {
		maxBlocksPerNext: number;
		isOwnHeight: boolean;
		/** Of genesis; where it is absent no ballot may leave a partition out. */
		recovery?: RecoveryTerms['genesis'];
	}
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
	const left = checkRecoveries(next, content, voters, bounds.recovery);
	checks.push(...left.checks);
	if (statuses.length > 0) {
		if (!bounds.isOwnHeight) throw malformed('its Statuses are of another height');
		const order = { ballot, height: content.height, contentDigest: signed.digest };
		checks.push(...checkJustification(statuses, lock, order, { ...voters, active: left.voters }, voters));
	} else if (left.ids.length > 0) throw malformed('it leaves partitions out and shows no Statuses');
	else if (lock) throw malformed('it shows a lock without Statuses');
	return { content, ballot, checks };
}

/**
 * R22 (membership/recovery.ts): which partitions the ballot leaves out, and that it may. What it orders is a lock's content, or
 * one recovery.
 */
function checkRecoveries(
	{ recoveries: shown, lock }: Next,
	content: OrderContent,
	voters: Voters,
	genesis: RecoveryTerms['genesis'] | undefined
): { ids: number[]; voters: PartitionView[]; checks: Verification[] } {
	const recoveries = shown?.recoveries ?? [];
	if (recoveries.length === 0) return { ids: [], voters: voters.active, checks: [] };
	if (!genesis) throw malformed('it leaves partitions out');
	const terms = { chainId: voters.chainId, genesis, timeMs: Number(content.timeMs) };
	// What a lock orders may be older than the silence; that it is a lock is what counts.
	const ids = checkLeftOut(recoveries, voters.active, lock ? { ...terms, timeMs: Infinity } : terms);
	const [entry, ...others] = content.entries;
	const change = entry!.membershipChange.length > 0 ? decodeMembershipChange(entry!.membershipChange) : null;
	if (!lock && (others.length > 0 || !change?.recovery || !ids.includes(change.partition)))
		throw malformed('it leaves partitions out and orders something else than their recovery');
	return {
		ids,
		voters: voters.active.filter(({ id }) => !ids.includes(id)),
		checks: recoveries.map((signed) => recoverySignature(signed, voters.operator))
	};
}

/** R22: the partitions that a Next that was checked leaves out, as its votes name them. */
export function leftOutBy({ recoveries }: Next): PartitionIds | undefined {
	if (!recoveries || recoveries.recoveries.length === 0) return undefined;
	return create(PartitionIdsSchema, {
		ids: recoveries.recoveries.map((signed) => readRecovery(signed).partition)
	});
}

function malformed(why: string): LedgerError {
	return new LedgerError('MessageMalformed', `a Next is malformed: ${why}`);
}
