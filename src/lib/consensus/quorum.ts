/** R1: the one place that knows how many votes are enough, in a partition and between partitions. */
import { invariant } from '../ledger/errors.ts';

/** f(n) = ⌊(n−1)/3⌋, also b(m) for m partitions. */
export function faultyBound(members: number): number {
	invariant(Number.isInteger(members) && members >= 0, 'R1', `${members} members`);
	return members === 0 ? 0 : Math.floor((members - 1) / 3);
}

/**
 * So many that say no, and the others are no quorum any more. More than f of them, so that an honest one is among them:
 * n − q + 1 = ⌊(n−f+1)/2⌋ ≥ f + 1.
 */
export function blockingCount(members: number): number {
	return members - quorum(members) + 1;
}

/** q(n) = ⌈(n+f+1)/2⌉, also q_u(m). "2f+1" is smaller wherever n ≠ 3f+1, and then two quorums may share no honest member. */
export function quorum(members: number): number {
	invariant(members > 0, 'R1', 'a quorum of nobody');
	return Math.ceil((members + faultyBound(members) + 1) / 2);
}

/** Of a set of which nobody lies: the Booter cluster's replicas, whose Raft stands crashes alone. Any two majorities share one. */
export function majority(replicas: number): number {
	invariant(Number.isInteger(replicas) && replicas > 0, 'R1', `a majority of ${replicas}`);
	return Math.floor(replicas / 2) + 1;
}
