/** "Why am I stuck?" as data: for each wait, what is missing, from whom, and when this node next acts by itself. */
import { quorum } from '../../consensus/quorum.ts';
import { upperQuorum } from '../../consensus/topology.ts';
import type { Wait } from '../../consensus/pbft/pbft.ts';
import type { Lost } from '../peers/lost-partitions.ts';
import type { Stuck } from '../api.ts';
import type { TabwaveNode } from '../node.ts';
import type { Timing } from '../timing.ts';

/** Shorter waits are the ordinary way of things. */
export const STUCK_AFTER_MS = 1500;

export interface Surroundings {
	isBooterLinked: boolean;
	/** Stable name of why no relay takes this tab's link, where one has said it lately. */
	refusal?: string | null;
	/** How long the chain has not moved, milliseconds. */
	stillMs: number;
	timing: Timing;
}

export function stuckOf(
	node: TabwaveNode,
	{ isBooterLinked, refusal, stillMs, timing }: Surroundings
): Stuck | null {
	const { pbft, partition, grievance } = node;
	if (!isBooterLinked) return wait(refusal ?? 'WaitingForRelay', ['booter'], timing.resendMs);
	const { booters } = node;
	// One alone elects nobody: what is waited for is its word.
	if (!booters.current && booters.booters.length > 1 && stillMs >= STUCK_AFTER_MS)
		return booters.unreached
			? wait('WaitingForBooter', [booters.unreached], timing.resendMs)
			: wait('BooterElection', booters.silent, timing.resendMs);
	// Whatever else moves: this partition's blocks do not.
	if (grievance?.name === 'BooterCensors') return wait(grievance.name, ['booter'], null);
	if (!pbft || !partition || stillMs < STUCK_AFTER_MS) return null;
	const alive = partition.members.filter((member) => node.isAlive(member));
	const away = partition.members.filter((member) => !alive.includes(member));
	const order = node.voter.state();
	const lower = pbft.waiting(node.pool.size > 0);
	if (lower === null && order === null && pbft.rounds().length === 0) return null;
	if (node.sync.status()) return wait('WaitingForSync', [], timing.resendMs);
	const { lost } = node;
	if (alive.length < quorum(partition.members.length)) {
		const own = lost.filter((one) => one.partition === partition.id);
		return own.length > 0 ? recoveryWait(own, away) : wait('WaitingForQuorum', away, null);
	}
	const inMs = (ticks: number | null): number | null => (ticks === null ? null : ticks * timing.tickMs);
	// Another leader is on its way: everything else waits for that.
	const isChanging = lower !== null && VIEW_WAITS.includes(lower.reason);
	if (lower && isChanging) return wait(lower.reason, lower.missing, inMs(lower.ticks));
	if (!node.isAlive(pbft.leader)) return wait('WaitingForLeader', [pbft.leader], inMs(pbft.viewTimerTicks));
	// R22: no ballot comes to its end without them.
	const active = node.chain.topology.active();
	if (order && lost.length > 0 && active.length - lost.length < upperQuorum(active))
		return recoveryWait(
			lost,
			lost.map((one) => `partition ${one.partition}`)
		);
	const askedInMs = inMs(node.voter.resendTicks);
	if (order?.phase === 'fetching') return wait('WaitingForBodies', order.missing, askedInMs);
	// What follows waits for the Booter, and that for too long.
	if (grievance && (order || lower === null)) return wait(grievance.name, ['booter'], askedInMs);
	if (order?.phase === 'joined') return wait('WaitingForNext', ['booter'], askedInMs);
	if (order?.phase === 'signed') return wait('WaitingForOrderCommit', ['booter'], askedInMs);
	if (order?.phase === 'locked') return wait('WaitingForFinality', ['booter'], askedInMs);
	if (order?.phase === 'refused') return wait('OrderRefused', ['booter'], null);
	const hasRounds = pbft.rounds().length > 0;
	if (!lower || (lower.reason === 'WaitingForPrePrepare' && hasRounds))
		return wait('WaitingForNext', ['booter'], inMs(pbft.viewTimerTicks));
	return wait(lower.reason, lower.missing, inMs(lower.ticks));
}

/** R22: who is missing, and when the relay lets the others go on; null where the operator has to. */
function recoveryWait(lost: Lost[], missing: string[]): Stuck {
	const dueMs = lost.map(({ recoversInMs }) => recoversInMs);
	if (dueMs.some((inMs) => inMs === null)) return wait('WaitingForOperator', missing, null);
	return wait('WaitingForRecovery', missing, Math.max(...(dueMs as number[])));
}

const VIEW_WAITS: readonly Wait['reason'][] = ['ViewChange', 'WaitingForNewViews', 'WaitingForLeaderChange'];

function wait(reason: string, missing: string[], nextTimeoutMs: number | null): Stuck {
	return { reason, missing, nextTimeoutMs };
}
