/** "Why am I stuck?" in the lower tier, as data: for each wait what is missing, from whom, and when this member next acts by itself. */
import { matching, type Round } from './round.ts';
import type { Standing } from './standing.ts';
import type { ViewChange } from './view-change.ts';

export interface Wait {
	/** Stable name, as in the client API. */
	reason:
		| 'ViewChange'
		| 'WaitingForNewViews'
		| 'WaitingForLeaderChange'
		| 'WaitingForProposal'
		| 'WaitingForTransactions'
		| 'WaitingForPrepares'
		| 'WaitingForCommits'
		| 'WaitingForCertificate'
		| 'WaitingForPrePrepare';
	/** Members, or ids of transactions. */
	missing: string[];
	/** Ticks until this member acts by itself; null where only others can. */
	ticks: number | null;
}

/** As many ids as a person reads. */
const MAX_MISSING_IDS = 8;

/**
 * The change of views that is under way, where there is one: it comes before everything else.
 * @returns null in a view that goes its way
 */
export function viewWait(standing: Standing, { state }: ViewChange): Wait | null {
	const { members, self } = standing.init;
	if (!standing.isActive)
		return standing.leader === self
			? {
					reason: 'WaitingForNewViews',
					missing: without(members, state.newViews),
					ticks: earliest(state.newViewAgainTicks, state.timerTicks)
				}
			: {
					reason: 'WaitingForLeaderChange',
					missing: [standing.leader],
					ticks: earliest(state.newViewAgainTicks, state.timerTicks)
				};
	if (state.asked === null) return null;
	return { reason: 'ViewChange', missing: without(members, state.supporters), ticks: state.askAgainTicks };
}

/** What the oldest round that is not done waits for; null where all are done. */
export function roundWait(standing: Standing, rounds: Round[]): Wait | null {
	const round = rounds.find(({ digest, isDelivered }) => digest !== null && !isDelivered);
	if (!round) return null;
	const { init, leader, isLeader, tick } = standing;
	const resendTicks = Math.max(0, round.lastSentTick + init.resendTicks - tick);
	if (!round.proposal) return { reason: 'WaitingForProposal', missing: [leader], ticks: resendTicks };
	if (round.missing.size > 0)
		return {
			reason: 'WaitingForTransactions',
			missing: [...round.missing].slice(0, MAX_MISSING_IDS),
			ticks: resendTicks
		};
	const voters = (votes: Round['prepares']): string[] =>
		matching(votes, round.digest!).map(({ sender }) => sender);
	if (round.phase === 'pre-prepared') {
		// The leader's PrePrepare is its Prepare.
		const heard = [...voters(round.prepares), ...(round.isCarried ? [] : [leader])];
		return { reason: 'WaitingForPrepares', missing: without(init.members, heard), ticks: resendTicks };
	}
	if (isLeader || round.commitToAll)
		return {
			reason: 'WaitingForCommits',
			missing: without(init.members, voters(round.commits)),
			ticks: resendTicks
		};
	// R5: then Commits go to everyone.
	const commitToAllTicks = Math.max(0, round.startedTick + init.commitToAllTicks - tick);
	return { reason: 'WaitingForCertificate', missing: [leader], ticks: commitToAllTicks };
}

/** Transactions wait, and no round holds them: the leader's part, until the view timer ends its time. */
export function proposalWait(standing: Standing, { state }: ViewChange): Wait {
	return { reason: 'WaitingForPrePrepare', missing: [standing.leader], ticks: state.timerTicks };
}

function without(members: string[], heard: string[]): string[] {
	return members.filter((member) => !heard.includes(member));
}

function earliest(...ticks: (number | null)[]): number | null {
	const known = ticks.filter((tick) => tick !== null);
	return known.length > 0 ? Math.min(...known) : null;
}
