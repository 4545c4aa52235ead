/** Intervals of a running node. Genesis does not fix them: they move liveness only. network.ini sets them for a network. */
export interface Timing {
	/** One tick of the cores. */
	tickMs: number;
	heartbeatMs: number;
	/** Silence after which what was sent is sent again. */
	resendMs: number;
	/** R5: after this Commits go to everyone. */
	commitToAllMs: number;
	/** How long the Booter gathers requests to join or leave. */
	gatherMs: number;
	/** R19: how often the active Booter says to the other replicas that it lives: six times in an election timeout, so that lost ones cost no election. */
	booterHeartbeatMs: number;
	/**
	 * R19: the least silence of the active Booter after which another replica asks to take its place; the real one is up to twice
	 * that, at random. Above what a busy machine's disk and scheduler may hold a process up.
	 */
	booterElectionMs: number;
	/** R9: how long a leader, and then the Booter, waits for a gap in a partition's rounds. */
	gapMs: number;
	/** How long the head may stand still while blocks wait, or a block wait while others pass it, before the Booter is complained of. */
	booterPatienceMs: number;
	/** R8: work without a block certificate for so long makes members ask for another leader. It doubles with each view that fails. */
	viewTimeoutMs: number;
	/** Silence after which a member is shown as away. */
	awayMs: number;
	/** R22: silence after which a member is evicted, so that a reload is not a change of members. */
	evictionGraceMs: number;
}

export const DEFAULT_TIMING: Timing = {
	tickMs: 50,
	heartbeatMs: 500,
	resendMs: 500,
	commitToAllMs: 2000,
	gatherMs: 200,
	booterHeartbeatMs: 150,
	booterElectionMs: 1000,
	gapMs: 1000,
	booterPatienceMs: 10_000,
	viewTimeoutMs: 4000,
	awayMs: 2000,
	evictionGraceMs: 20_000
};

export function ticks(timing: Timing, ms: number): number {
	return Math.max(1, Math.ceil(ms / timing.tickMs));
}

/** R8: the view timer doubles up to this many times its first length. */
export const VIEW_TIMEOUT_CAP_FACTOR = 8;

/** R8: a transaction that has waited for this part of the view timeout is work that the leader should have done. */
export const OVERDUE_SHARE = 0.5;

/** After this part of the view timeout a leader that has nothing to do is handed what waits; below OVERDUE_SHARE, so that it can do it. */
export const HAND_ON_SHARE = 0.25;
