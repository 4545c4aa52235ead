/**
 * R6: O, what q NewViews mean for the rounds above the ledger. The new leader computes it, and every member computes it again:
 * it is never taken on trust.
 */
import { create } from '@bufbuild/protobuf';
import { equalBytes } from '../../crypto/hex.ts';
import { LedgerError } from '../../ledger/errors.ts';
import {
	LeaderChangeContentSchema,
	RoundChoiceSchema,
	type LeaderChangeContent,
	type NewViewContent,
	type PreparedRound
} from '../../wire/gen/tabwave/v1/view_change_pb.js';

/**
 * For each round from the highest proven L + 1 to the highest prepared: the block of its highest-view certificate, else a null round.
 * @param newViews of q members, each of which proves what it says
 * @throws LedgerError `LeaderChangeInvalid` where two blocks were prepared in one view: more than f members lie
 */
export function chooseRounds(newViews: NewViewContent[]): LeaderChangeContent {
	const lastRoundId = Math.max(...newViews.map((newView) => newView.lastRoundId));
	const highest = new Map<number, PreparedRound>();
	let end = lastRoundId;
	for (const round of newViews.flatMap(({ prepared }) => prepared)) {
		if (round.roundId <= lastRoundId) continue;
		end = Math.max(end, round.roundId);
		const known = highest.get(round.roundId);
		if (known?.view === round.view && !equalBytes(known.blockId, round.blockId))
			throw new LedgerError(
				'LeaderChangeInvalid',
				`two blocks were prepared for round ${round.roundId} in view ${round.view}`
			);
		if (!known || round.view > known.view) highest.set(round.roundId, round);
	}
	return create(LeaderChangeContentSchema, {
		lastRoundId,
		choices: Array.from({ length: end - lastRoundId }, (_, i) => {
			const roundId = lastRoundId + 1 + i;
			return create(RoundChoiceSchema, { roundId, blockId: highest.get(roundId)?.blockId });
		})
	});
}

export function sameChoices(a: LeaderChangeContent, b: LeaderChangeContent): boolean {
	return (
		a.lastRoundId === b.lastRoundId &&
		a.choices.length === b.choices.length &&
		a.choices.every(
			({ roundId, blockId }, i) =>
				roundId === b.choices[i]!.roundId && equalBytes(blockId, b.choices[i]!.blockId)
		)
	);
}
