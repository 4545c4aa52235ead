/** The entries of an order as the Booter handles them: certified blocks and changes of members, by their ids. */
import { toHex } from '../../../crypto/hex.ts';
import { decodeMembershipChange, membershipChangeId } from '../../../ledger/block.ts';
import type { MembershipChange, OrderEntry } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import type { EntryBody } from '../chain.ts';

/** Lower-case hex. */
export function entryId(entry: EntryBody): string {
	return entry.kind === 'block' ? entry.body.id : toHex(membershipChangeId(entry.bytes));
}

/** As an order names it. */
export function toEntry(entry: EntryBody): Omit<OrderEntry, '$unknown'> {
	if (entry.kind === 'membership') return membershipEntry(entry.bytes, entry.change);
	const { proposal, certificate, idBytes } = entry.body;
	return {
		$typeName: 'tabwave.v1.OrderEntry',
		partition: proposal.partition,
		epoch: proposal.epoch,
		view: certificate.view,
		roundId: proposal.roundId,
		id: idBytes,
		membershipChange: new Uint8Array(0)
	};
}

/** A change of members that an order holds. @throws LedgerError `BlockMalformed` */
export function membershipBody(bytes: Uint8Array): EntryBody {
	return { kind: 'membership', bytes, change: decodeMembershipChange(bytes) };
}

function membershipEntry(bytes: Uint8Array, change: MembershipChange): Omit<OrderEntry, '$unknown'> {
	return {
		$typeName: 'tabwave.v1.OrderEntry',
		partition: change.partition,
		epoch: change.epoch,
		view: 0,
		roundId: 0,
		id: membershipChangeId(bytes),
		membershipChange: bytes
	};
}
