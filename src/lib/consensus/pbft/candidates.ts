/** R7: which view to ask for. This moves liveness only: members that skip differently meet again by the join rule of R6. */
import { leaderOf } from '../topology.ts';

/**
 * The smallest view above this one whose leader looks alive and up to date.
 * @param self is always fit, so that there is always one
 */
export function nextView(
	members: string[],
	self: string,
	view: number,
	isFit: (member: string) => boolean
): number {
	for (let candidate = view + 1; candidate <= view + members.length; candidate++) {
		const leader = leaderOf(members, candidate);
		if (leader === self || isFit(leader)) return candidate;
	}
	return view + 1;
}
