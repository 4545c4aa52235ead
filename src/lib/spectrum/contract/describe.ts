/** State, arguments and events as plain JSON, for people. None of these throws: what cannot be read is null. */
import type { AccessPoint, AccessPointRecord, BidRecord, GrantEndRecord, UpdateRecord } from './records.ts';
import { decodeAccessPoint, decodeBid, decodeGrantEnd, decodeRenewed, decodeUpdate } from './records.ts';
import { toHex } from '../../crypto/hex.ts';
import { fromBinary, toJson, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import {
	ExpiryScheduleSchema,
	GrantListSchema,
	HolderCellSchema,
	OwnerStateSchema
} from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import {
	parseBidArguments,
	parseCommitArguments,
	parseHeartbeatArguments,
	parseIssueArguments,
	parseRelinquishArguments,
	parseRoundArguments,
	parseSwitchArguments
} from './arguments.ts';
import { decodeIndex } from './expiry.ts';
import { decodeGrant } from './grants.ts';
import {
	AP_PREFIX,
	BID_PREFIX,
	CELL_PREFIX,
	EXPIRY_PREFIX,
	GRANT_LIST_KEY,
	GRANT_PREFIX,
	OWNER_PREFIX,
	SCHEDULE_KEY
} from './keys.ts';

export function describeState(key: string, value: Uint8Array): unknown {
	return attempt(() => {
		if (key.startsWith(AP_PREFIX)) return describeAccessPoint(decodeAccessPoint(value));
		if (key.startsWith(BID_PREFIX)) return describeBid(decodeBid(value));
		if (key === SCHEDULE_KEY) return plain(ExpiryScheduleSchema, value);
		if (key.startsWith(EXPIRY_PREFIX)) return { bids: decodeIndex(value) };
		if (key.startsWith(CELL_PREFIX)) return plain(HolderCellSchema, value);
		if (key.startsWith(OWNER_PREFIX)) return plain(OwnerStateSchema, value);
		if (key.startsWith(GRANT_PREFIX)) return decodeGrant(value);
		if (key === GRANT_LIST_KEY) return plain(GrantListSchema, value);
		return null;
	});
}

export function describeCall(fn: string, args: Uint8Array): unknown {
	return attempt(() => {
		switch (fn) {
			case 'IssueAPChannelInfo':
				return describeAccessPoint(parseIssueArguments(args));
			case 'IssueBidingPriceInfo': {
				const { price, replaces, reveals, ...rest } = parseBidArguments(args);
				return {
					...rest,
					price: price.toString(),
					...(replaces && { replaces }),
					...(reveals && { commitment: reveals.commitment, salt: toHex(reveals.salt) })
				};
			}
			case 'IssueBidingCommitInfo': {
				const { replaces, note, ...rest } = parseCommitArguments(args);
				return { ...rest, note: toHex(note), ...(replaces && { replaces }) };
			}
			case 'IssueBidingRoundInfo':
				return { commitment: parseRoundArguments(args) };
			case 'IssueGrantHeartbeatInfo':
				return { grants: parseHeartbeatArguments(args) };
			case 'IssueGrantRelinquishInfo':
				return parseRelinquishArguments(args);
			case 'IssueChannelSwitchInfo':
				return parseSwitchArguments(args);
			default:
				return null;
		}
	});
}

export function describeEvent(kind: string, data: Uint8Array): unknown {
	return attempt(() => {
		switch (kind) {
			case 'IssueAPChannelInfo':
				return describeAccessPoint(decodeAccessPoint(data));
			case 'IssueBidingCommitInfo':
			case 'IssueBidingPriceInfo':
			case 'BidReplaced':
				return describeBid(decodeBid(data));
			case 'BidsExpired':
			case 'BidsForfeited':
				return { bids: decodeIndex(data) };
			case 'UpdateAPChannelInfo':
				return describeUpdate(decodeUpdate(data));
			case 'GrantsRenewed':
				return { grants: decodeRenewed(data) };
			case 'GrantExpired':
			case 'GrantRelinquished':
				return describeGrantEnd(decodeGrantEnd(data));
			default:
				return null;
		}
	});
}

function describeAccessPoint(ap: AccessPoint | AccessPointRecord): unknown {
	return { ...ap };
}

/** While a bid is committed, nobody knows price and mechanism. */
function describeBid({ price, mechanism, commitment, ...rest }: BidRecord): unknown {
	return {
		...rest,
		...(mechanism !== '' && { price: price.toString(), mechanism }),
		...(commitment && { commitment: { ...commitment, deposit: commitment.deposit.toString() } })
	};
}

function describeGrantEnd({ grant, ap, grantorAp }: GrantEndRecord): unknown {
	return { grant, ap: describeAccessPoint(ap), grantorAp: describeAccessPoint(grantorAp) };
}

function describeUpdate({ bid, buyerAp, sellerAp, ...rest }: UpdateRecord): unknown {
	return {
		...rest,
		bid: describeBid(bid),
		buyerAp: describeAccessPoint(buyerAp),
		sellerAp: describeAccessPoint(sellerAp)
	};
}

function plain<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): JsonValue {
	return toJson(schema, fromBinary(schema, bytes));
}

function attempt(read: () => unknown): unknown {
	try {
		return read();
	} catch {
		return null; // Unreadable bytes are shown as such; the receipt says what is wrong with them.
	}
}
