/** Changes of members as the client API shows them: who came and went, on what evidence, and what was an override (R22, R24). */
import { readRecovery } from '../../consensus/membership/recovery.ts';
import { Kind } from '../../consensus/statement.ts';
import type { Topology } from '../../consensus/topology.ts';
import { toHex } from '../../crypto/hex.ts';
import type { Evidence, Member, MembershipChange, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { EvidenceInfo, MembershipInfo } from '../api.ts';

export function membershipInfo(change: MembershipChange, topology: Topology, height: number): MembershipInfo {
	const evidence = change.evictions.flatMap((eviction) =>
		eviction.evidence ? [evidenceInfo(toHex(eviction.member), eviction.evidence, topology, height)] : []
	);
	const recovery = change.recovery && readRecovery(change.recovery);
	return {
		members: change.members.map(memberName),
		joined: change.joins.map((join) => toHex(join.sender)),
		left: change.leaves.map((leave) => toHex(leave.sender)),
		evicted: change.evictions.map((eviction) => toHex(eviction.member)),
		evidence,
		recovery: recovery
			? {
					lost: lostBy(change, topology),
					retired: recovery.retire,
					silentSince: Number(recovery.silentSinceMs),
					automatic: recovery.automatic
				}
			: null,
		split: change.split
			? { partition: change.split.partition, members: change.split.members.map(memberName) }
			: null
	};
}

/** @param height of the block that holds it; null while none does */
export function evidenceInfo(
	member: string,
	{ first, second }: Evidence,
	topology: Topology,
	height: number | null
): EvidenceInfo {
	const { kind, partition, epoch, view, attempt, slot } = first!;
	return {
		member,
		nickname: topology.epoch(partition, epoch)?.nicknames.get(member) ?? '',
		reason: reasonOf(first!, second),
		kind: Kind[kind],
		partition,
		epoch,
		view,
		attempt,
		slot,
		first: { digest: toHex(first!.digest), signature: toHex(first!.signature) },
		second: second ? { digest: toHex(second.digest), signature: toHex(second.signature) } : null,
		height
	};
}

/** The evidence holds, so that its shape says what it is. */
function reasonOf(first: Signed, second: Signed | undefined): EvidenceInfo['reason'] {
	if (!second) return 'ProposalInvalid';
	return first.kind === second.kind ? 'DoubleVote' : 'HiddenLock';
}

function lostBy({ partition, epoch, members }: MembershipChange, topology: Topology): string[] {
	const staying = new Set(members.map(({ id }) => toHex(id)));
	return (topology.epoch(partition, epoch - 1)?.members ?? []).filter((member) => !staying.has(member));
}

function memberName({ id, nickname }: Member): { id: string; nickname: string } {
	return { id: toHex(id), nickname };
}
