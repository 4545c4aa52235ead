/** The contract's records as plain objects, and their bytes. What is in state was written by this file, so reading trusts it. */
import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../../crypto/hex.ts';
import {
	AccessPointSchema,
	AccessPointStateSchema,
	Band as WireBand,
	BidStateSchema,
	BidStatus as WireBidStatus,
	GrantEndedEventSchema,
	GrantSchema,
	GrantsRenewedEventSchema,
	UpdateAPChannelInfoEventSchema,
	type AccessPoint as WireAccessPoint,
	type AccessPointState as WireAccessPointState,
	type BidState as WireBidState,
	type Grant as WireGrant
} from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import type { OwnAccessPoint } from '../access-point.ts';
import type { Band } from '../radio/bands.ts';

/** What the owner says of an access point. */
export type AccessPoint = Omit<OwnAccessPoint, 'issued' | 'updatedHeight'>;

export interface AccessPointRecord extends AccessPoint {
	/** Account, lower-case hex. */
	owner: string;
	registeredHeight: number;
	changedHeight: number;
	/** Held by others by its grant, and not among its channels; they come back. Absent where there are none. */
	lentChannels?: number[];
	/** Those of its channels that it holds by a grant. Absent where there are none. */
	grantedChannels?: number[];
}

export type BidStatus = 'open' | 'taken' | 'expired' | 'replaced' | 'committed' | 'forfeited';

export interface BidRecord {
	/** Id of the transaction that made it, lower-case hex. */
	id: string;
	/** Account, lower-case hex. */
	buyer: string;
	buyerAp: string;
	sellerAp: string;
	channel: number;
	/** 0 while it is committed, and where it was forfeited. */
	price: bigint;
	/** The last height at which it may be taken, or revealed while it is committed. */
	expiryHeight: number;
	/** Empty while it is committed, and where it was forfeited. */
	mechanism: string;
	height: number;
	timeMs: number;
	status: BidStatus;
	/** Of a sealed bid. */
	commitment?: Commitment;
}

/** What is known of a sealed bid before it is revealed. */
export interface Commitment {
	/** Lower-case hex. */
	hash: string;
	/** For the buyer alone, lower-case hex. */
	note: string;
	deposit: bigint;
	/** 0 until it is revealed. */
	revealedHeight: number;
}

/** A channel that was switched, and goes back where its holder does not keep the grant alive. */
export interface GrantRecord {
	/** The access point that holds the channel. */
	ap: string;
	channel: number;
	/** The access point to which it goes back. */
	grantorAp: string;
	/** The bid by which it was bought, lower-case hex. */
	bidId: string;
	grantedHeight: number;
	/** The last height at which a heartbeat renews it. */
	expiryHeight: number;
}

/** What `GrantExpired` and `GrantRelinquished` say. */
export interface GrantEndRecord {
	grant: GrantRecord;
	/** As they are now. */
	ap: AccessPointRecord;
	grantorAp: AccessPointRecord;
}

/** What an `UpdateAPChannelInfo` says: the result of a switch. */
export interface UpdateRecord {
	bid: BidRecord;
	/** Account, lower-case hex. */
	seller: string;
	buyerAp: AccessPointRecord;
	sellerAp: AccessPointRecord;
	mechanism: string;
	/** Where channels are held by grants. */
	grant?: GrantRecord;
}

export function encodeAccessPoint(record: AccessPointRecord): Uint8Array {
	return toBinary(AccessPointStateSchema, accessPointToWire(record));
}

export function decodeAccessPoint(bytes: Uint8Array): AccessPointRecord {
	return accessPointFromWire(read(AccessPointStateSchema, bytes));
}

export function encodeBid(record: BidRecord): Uint8Array {
	return toBinary(BidStateSchema, bidToWire(record));
}

export function decodeBid(bytes: Uint8Array): BidRecord {
	return bidFromWire(read(BidStateSchema, bytes));
}

export function encodeUpdate(record: UpdateRecord): Uint8Array {
	return toBinary(
		UpdateAPChannelInfoEventSchema,
		create(UpdateAPChannelInfoEventSchema, {
			bid: bidToWire(record.bid),
			seller: fromHex(record.seller),
			buyerAp: accessPointToWire(record.buyerAp),
			sellerAp: accessPointToWire(record.sellerAp),
			mechanism: record.mechanism,
			grant: record.grant && grantToWire(record.grant)
		})
	);
}

export function decodeUpdate(bytes: Uint8Array): UpdateRecord {
	const event = read(UpdateAPChannelInfoEventSchema, bytes);
	if (!event.bid || !event.buyerAp || !event.sellerAp) throw new RecordError('an update lacks a part');
	return {
		bid: bidFromWire(event.bid),
		seller: toHex(event.seller),
		buyerAp: accessPointFromWire(event.buyerAp),
		sellerAp: accessPointFromWire(event.sellerAp),
		mechanism: event.mechanism,
		...(event.grant && { grant: grantFromWire(event.grant) })
	};
}

export function encodeRenewed(grants: readonly GrantRecord[]): Uint8Array {
	return toBinary(
		GrantsRenewedEventSchema,
		create(GrantsRenewedEventSchema, { grants: grants.map(grantToWire) })
	);
}

export function decodeRenewed(bytes: Uint8Array): GrantRecord[] {
	return read(GrantsRenewedEventSchema, bytes).grants.map(grantFromWire);
}

export function encodeGrantEnd({ grant, ap, grantorAp }: GrantEndRecord): Uint8Array {
	return toBinary(
		GrantEndedEventSchema,
		create(GrantEndedEventSchema, {
			grant: grantToWire(grant),
			ap: accessPointToWire(ap),
			grantorAp: accessPointToWire(grantorAp)
		})
	);
}

export function decodeGrantEnd(bytes: Uint8Array): GrantEndRecord {
	const { grant, ap, grantorAp } = read(GrantEndedEventSchema, bytes);
	if (!grant || !ap || !grantorAp) throw new RecordError('the end of a grant lacks a part');
	return {
		grant: grantFromWire(grant),
		ap: accessPointFromWire(ap),
		grantorAp: accessPointFromWire(grantorAp)
	};
}

export function grantToWire(record: GrantRecord): WireGrant {
	return create(GrantSchema, { ...record, bidId: fromHex(record.bidId) });
}

export function grantFromWire({
	ap,
	channel,
	grantorAp,
	bidId,
	grantedHeight,
	expiryHeight
}: WireGrant): GrantRecord {
	return { ap, channel, grantorAp, bidId: toHex(bidId), grantedHeight, expiryHeight };
}

const WIRE_BANDS: Readonly<Record<Band, WireBand>> = {
	'2.4GHz': WireBand.BAND_2_4_GHZ,
	'5GHz': WireBand.BAND_5_GHZ,
	'6GHz': WireBand.BAND_6_GHZ,
	CBRS: WireBand.BAND_CBRS
};

export function bandToWire(band: Band): WireBand {
	return WIRE_BANDS[band];
}

/** undefined for a number that this version does not know */
export function bandFromWire(wire: WireBand): Band | undefined {
	return (Object.keys(WIRE_BANDS) as Band[]).find((band) => WIRE_BANDS[band] === wire);
}

const WIRE_STATUSES: Readonly<Record<BidStatus, WireBidStatus>> = {
	open: WireBidStatus.OPEN,
	taken: WireBidStatus.TAKEN,
	expired: WireBidStatus.EXPIRED,
	replaced: WireBidStatus.REPLACED,
	committed: WireBidStatus.COMMITTED,
	forfeited: WireBidStatus.FORFEITED
};

export function accessPointBodyToWire(ap: AccessPoint): WireAccessPoint {
	return create(AccessPointSchema, {
		id: ap.id,
		name: ap.name,
		latitudeMicrodegrees: ap.latitudeMicrodegrees,
		longitudeMicrodegrees: ap.longitudeMicrodegrees,
		coverageRadiusM: ap.coverageRadiusM,
		antennaHeightCm: ap.antennaHeightCm,
		eirpMilliDbm: ap.eirpMilliDbm,
		band: bandToWire(ap.band),
		channels: [...ap.channels],
		idleChannels: [...ap.idleChannels],
		occupancyPpm: ap.occupancyPpm,
		assigned: [...ap.assigned]
	});
}

function accessPointToWire(record: AccessPointRecord): WireAccessPointState {
	return create(AccessPointStateSchema, {
		owner: fromHex(record.owner),
		accessPoint: accessPointBodyToWire(record),
		registeredHeight: record.registeredHeight,
		changedHeight: record.changedHeight,
		lentChannels: record.lentChannels ?? [],
		grantedChannels: record.grantedChannels ?? []
	});
}

function accessPointFromWire(wire: WireAccessPointState): AccessPointRecord {
	const ap = wire.accessPoint;
	const band = ap && bandFromWire(ap.band);
	if (!ap || !band) throw new RecordError('a record of an access point lacks a part');
	return {
		id: ap.id,
		name: ap.name,
		latitudeMicrodegrees: ap.latitudeMicrodegrees,
		longitudeMicrodegrees: ap.longitudeMicrodegrees,
		coverageRadiusM: ap.coverageRadiusM,
		antennaHeightCm: ap.antennaHeightCm,
		eirpMilliDbm: ap.eirpMilliDbm,
		band,
		channels: ap.channels,
		idleChannels: ap.idleChannels,
		occupancyPpm: ap.occupancyPpm,
		assigned: ap.assigned,
		owner: toHex(wire.owner),
		registeredHeight: wire.registeredHeight,
		changedHeight: wire.changedHeight,
		...(wire.lentChannels.length > 0 && { lentChannels: wire.lentChannels }),
		...(wire.grantedChannels.length > 0 && { grantedChannels: wire.grantedChannels })
	};
}

function bidToWire({ commitment, ...record }: BidRecord): WireBidState {
	return create(BidStateSchema, {
		...record,
		id: fromHex(record.id),
		buyer: fromHex(record.buyer),
		timeMs: BigInt(record.timeMs),
		status: WIRE_STATUSES[record.status],
		...(commitment && {
			...commitment,
			hash: fromHex(commitment.hash),
			note: fromHex(commitment.note)
		})
	});
}

function bidFromWire(wire: WireBidState): BidRecord {
	const status = (Object.keys(WIRE_STATUSES) as BidStatus[]).find(
		(name) => WIRE_STATUSES[name] === wire.status
	);
	if (!status) throw new RecordError(`a bid has the unknown status ${wire.status}`);
	return {
		id: toHex(wire.id),
		buyer: toHex(wire.buyer),
		buyerAp: wire.buyerAp,
		sellerAp: wire.sellerAp,
		channel: wire.channel,
		price: wire.price,
		expiryHeight: wire.expiryHeight,
		mechanism: wire.mechanism,
		height: wire.height,
		timeMs: Number(wire.timeMs),
		status,
		...(wire.hash.length > 0 && {
			commitment: {
				hash: toHex(wire.hash),
				note: toHex(wire.note),
				deposit: wire.deposit,
				revealedHeight: wire.revealedHeight
			}
		})
	};
}

/** Unknown fields are dropped: a record that is written again must hold what this version put there, and nothing else. */
function read<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
	return fromBinary(schema, bytes, { readUnknownFields: false });
}

/** Bytes that are no record of this contract. */
export class RecordError extends Error {
	override readonly name = 'RecordError';
}
