/** State, arguments and events as plain JSON, for people. None of these throws: what cannot be read is null. */
import type { AccessPoint, AccessPointRecord, BidRecord, UpdateRecord } from './records.ts';
import { decodeAccessPoint, decodeBid, decodeUpdate } from './records.ts';
import { fromBinary, toJson, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import {
	ExpiryScheduleSchema,
	HolderCellSchema,
	OwnerStateSchema
} from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import { parseBidArguments, parseIssueArguments, parseSwitchArguments } from './arguments.ts';
import { decodeIndex } from './expiry.ts';
import { AP_PREFIX, BID_PREFIX, CELL_PREFIX, EXPIRY_PREFIX, OWNER_PREFIX, SCHEDULE_KEY } from './keys.ts';

export function describeState(key: string, value: Uint8Array): unknown {
	return attempt(() => {
		if (key.startsWith(AP_PREFIX)) return describeAccessPoint(decodeAccessPoint(value));
		if (key.startsWith(BID_PREFIX)) return describeBid(decodeBid(value));
		if (key === SCHEDULE_KEY) return plain(ExpiryScheduleSchema, value);
		if (key.startsWith(EXPIRY_PREFIX)) return { bids: decodeIndex(value) };
		if (key.startsWith(CELL_PREFIX)) return plain(HolderCellSchema, value);
		if (key.startsWith(OWNER_PREFIX)) return plain(OwnerStateSchema, value);
		return null;
	});
}

export function describeCall(fn: string, args: Uint8Array): unknown {
	return attempt(() => {
		switch (fn) {
			case 'IssueAPChannelInfo':
				return describeAccessPoint(parseIssueArguments(args));
			case 'IssueBidingPriceInfo': {
				const { price, replaces, ...rest } = parseBidArguments(args);
				return { ...rest, price: price.toString(), ...(replaces && { replaces }) };
			}
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
			case 'IssueBidingPriceInfo':
			case 'BidReplaced':
				return describeBid(decodeBid(data));
			case 'BidsExpired':
				return { bids: decodeIndex(data) };
			case 'UpdateAPChannelInfo':
				return describeUpdate(decodeUpdate(data));
			default:
				return null;
		}
	});
}

function describeAccessPoint(ap: AccessPoint | AccessPointRecord): unknown {
	return { ...ap };
}

function describeBid({ price, ...rest }: BidRecord): unknown {
	return { ...rest, price: price.toString() };
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
