/** "Why am I stuck?" as data: for each wait, what is missing, from whom, and when this node next acts by itself. */
import { quorum } from '../consensus/quorum.ts';
import type { Stuck } from './api.ts';
import type { TabwaveNode } from './node.ts';
import type { Timing } from './timing.ts';

/** Shorter waits are the ordinary way of things. */
export const STUCK_AFTER_MS = 1500;

export interface Surroundings {
	isBooterLinked: boolean;
	/** How long the chain has not moved, milliseconds. */
	stillMs: number;
	timing: Timing;
}

export function stuckOf(node: TabwaveNode, { isBooterLinked, stillMs, timing }: Surroundings): Stuck | null {
	const { pbft, partition, grievance } = node;
	if (!isBooterLinked) return wait('WaitingForRelay', ['booter'], timing.resendMs);
	// Whatever else moves: this partition's blocks do not.
	if (grievance?.name === 'BooterCensors') return wait(grievance.name, ['booter'], null);
	if (!pbft || !partition || stillMs < STUCK_AFTER_MS) return null;
	const alive = partition.members.filter((member) => node.isAlive(member));
	const away = partition.members.filter((member) => !alive.includes(member));
	const order = node.voter.state();
	const round = pbft.rounds().find(({ certificate }) => !certificate);
	const hasWork = node.pool.size > 0 || order !== null || round !== undefined;
	if (!hasWork) return null;
	if (node.sync.status()) return wait('WaitingForSync', [], timing.resendMs);
	if (alive.length < quorum(partition.members.length)) return wait('WaitingForQuorum', away, null);
	if (!node.isAlive(pbft.leader)) return wait('WaitingForLeader', [pbft.leader], null);
	if (order?.phase === 'fetching') return wait('WaitingForBodies', order.missing, timing.resendMs);
	// What follows waits for the Booter, and that for too long.
	if (grievance && (order || !round)) return wait(grievance.name, ['booter'], timing.resendMs);
	if (order?.phase === 'joined') return wait('WaitingForNext', ['booter'], timing.resendMs);
	if (order?.phase === 'signed') return wait('WaitingForOrderCommit', ['booter'], timing.resendMs);
	if (order?.phase === 'locked') return wait('WaitingForFinality', ['booter'], timing.resendMs);
	if (order?.phase === 'refused') return wait('OrderRefused', ['booter'], null);
	if (!round)
		return node.pool.size > 0 && pbft.rounds().length === 0
			? wait('WaitingForPrePrepare', [pbft.leader], null)
			: wait('WaitingForNext', ['booter'], timing.resendMs);
	if (round.missing.size > 0)
		return wait('WaitingForTransactions', [...round.missing].slice(0, 8), timing.resendMs);
	if (round.phase === 'pre-prepared') {
		const heard = [...round.prepares.keys(), pbft.leader, node.self];
		return wait(
			'WaitingForPrepares',
			partition.members.filter((member) => !heard.includes(member)),
			timing.resendMs
		);
	}
	if (!pbft.isLeader) return wait('WaitingForCertificate', [pbft.leader], timing.commitToAllMs);
	return wait(
		'WaitingForCommits',
		partition.members.filter((member) => !round.commits.has(member)),
		timing.resendMs
	);
}

function wait(reason: string, missing: string[], nextTimeoutMs: number | null): Stuck {
	return { reason, missing, nextTimeoutMs };
}
