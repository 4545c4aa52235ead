/** The contract's events, decoded: what views and managers are fed with. */
import { decodeIndex } from './expiry.ts';
import {
	decodeAccessPoint,
	decodeBid,
	decodeGrantEnd,
	decodeRenewed,
	decodeUpdate,
	type AccessPointRecord,
	type BidRecord,
	type GrantEndRecord,
	type GrantRecord,
	type UpdateRecord
} from './records.ts';

/** An event as a receipt carries it (ledger's Event). */
export interface RawEvent {
	contract: string;
	kind: string;
	data: Uint8Array;
}

export type SpectrumEvent =
	| { kind: 'IssueAPChannelInfo'; accessPoint: AccessPointRecord }
	| { kind: 'IssueBidingCommitInfo'; bid: BidRecord }
	| { kind: 'IssueBidingPriceInfo'; bid: BidRecord }
	| { kind: 'BidReplaced'; bid: BidRecord }
	| { kind: 'BidsExpired'; bidIds: string[] }
	| { kind: 'BidsForfeited'; bidIds: string[] }
	| { kind: 'UpdateAPChannelInfo'; update: UpdateRecord }
	| { kind: 'GrantsRenewed'; grants: GrantRecord[] }
	| { kind: 'GrantExpired'; end: GrantEndRecord }
	| { kind: 'GrantRelinquished'; end: GrantEndRecord };

/** Events of other contracts, and kinds that this version does not know, are left out. @throws RecordError, or protobuf's own */
export function decodeEvents(events: Iterable<RawEvent>): SpectrumEvent[] {
	const decoded: SpectrumEvent[] = [];
	for (const { contract, kind, data } of events) {
		if (contract !== 'spectrum') continue;
		switch (kind) {
			case 'IssueAPChannelInfo':
				decoded.push({ kind, accessPoint: decodeAccessPoint(data) });
				break;
			case 'IssueBidingCommitInfo':
			case 'IssueBidingPriceInfo':
			case 'BidReplaced':
				decoded.push({ kind, bid: decodeBid(data) });
				break;
			case 'BidsExpired':
			case 'BidsForfeited':
				decoded.push({ kind, bidIds: decodeIndex(data) });
				break;
			case 'UpdateAPChannelInfo':
				decoded.push({ kind, update: decodeUpdate(data) });
				break;
			case 'GrantsRenewed':
				decoded.push({ kind, grants: decodeRenewed(data) });
				break;
			case 'GrantExpired':
			case 'GrantRelinquished':
				decoded.push({ kind, end: decodeGrantEnd(data) });
				break;
		}
	}
	return decoded;
}
