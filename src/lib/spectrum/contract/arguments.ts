/**
 * Arguments of the transactions: how a caller encodes them, and how the contract reads them. What arrives is from a stranger:
 * every field has its bound here, and every refusal its code.
 */
import { create, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { HASH_BYTES } from '../../crypto/hash.ts';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { Refused } from '../../ledger/contract.ts';
import { decodeMessage } from '../../wire/codec.ts';
import {
	IssueAPChannelInfoArgumentsSchema,
	IssueBidingCommitInfoArgumentsSchema,
	IssueBidingPriceInfoArgumentsSchema,
	IssueBidingRoundInfoArgumentsSchema,
	IssueChannelSwitchInfoArgumentsSchema,
	IssueGrantHeartbeatInfoArgumentsSchema,
	IssueGrantRelinquishInfoArgumentsSchema,
	type AccessPoint as WireAccessPoint
} from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import {
	AP_ID_PATTERN,
	ASSIGNED_PATTERN,
	MAX_ANTENNA_HEIGHT_CM,
	MAX_ASSIGNED_COLUMNS,
	MAX_CHANNELS_PER_AP,
	MAX_EIRP_MILLI_DBM,
	MAX_LATITUDE_MICRODEGREES,
	MAX_LONGITUDE_MICRODEGREES,
	MAX_NAME_LENGTH,
	MAX_OCCUPANCY_PPM,
	MIN_COVERAGE_RADIUS_M,
	MIN_EIRP_MILLI_DBM
} from '../access-point.ts';
import { bandPlan, isChannel, type Band } from '../radio/bands.ts';
import {
	BID_ID_BYTES,
	MAX_ARGUMENT_BYTES,
	MAX_GRANTS_PER_HEARTBEAT,
	MAX_NOTE_BYTES,
	MAX_PRICE,
	MAX_SALT_BYTES,
	MECHANISM_PATTERN,
	MIN_SALT_BYTES
} from './limits.ts';
import { accessPointBodyToWire, bandFromWire, type AccessPoint } from './records.ts';

export interface BidArguments {
	buyerAp: string;
	sellerAp: string;
	channel: number;
	price: bigint;
	expiryHeight: number;
	mechanism: string;
	/** Bid id, lower-case hex; empty for none. */
	replaces: string;
	/** Where bids are sealed: the commitment that this bid reveals. */
	reveals?: { commitment: string; salt: Uint8Array };
}

export interface CommitArguments {
	buyerAp: string;
	sellerAp: string;
	channel: number;
	/** Of sealedBidHash, lower-case hex. */
	hash: string;
	note: Uint8Array;
	/** Bid id, lower-case hex; empty for none. */
	replaces: string;
}

/** A grant by who holds the channel. */
export interface GrantName {
	ap: string;
	channel: number;
}

export interface SwitchArguments {
	/** Lower-case hex. */
	bidId: string;
	buyerAp: string;
	sellerAp: string;
	channel: number;
	mechanism: string;
}

export function issueArguments(accessPoint: AccessPoint): Uint8Array {
	return toBinary(
		IssueAPChannelInfoArgumentsSchema,
		create(IssueAPChannelInfoArgumentsSchema, { accessPoint: accessPointBodyToWire(accessPoint) })
	);
}

export function bidArguments({ reveals, ...bid }: BidArguments): Uint8Array {
	return toBinary(
		IssueBidingPriceInfoArgumentsSchema,
		create(IssueBidingPriceInfoArgumentsSchema, {
			...bid,
			replaces: fromHex(bid.replaces),
			...(reveals && { commitment: fromHex(reveals.commitment), salt: reveals.salt })
		})
	);
}

export function commitArguments(asked: CommitArguments): Uint8Array {
	return toBinary(
		IssueBidingCommitInfoArgumentsSchema,
		create(IssueBidingCommitInfoArgumentsSchema, {
			...asked,
			hash: fromHex(asked.hash),
			replaces: fromHex(asked.replaces)
		})
	);
}

/** @param commitment - id, lower-case hex */
export function roundArguments(commitment: string): Uint8Array {
	return toBinary(
		IssueBidingRoundInfoArgumentsSchema,
		create(IssueBidingRoundInfoArgumentsSchema, { commitment: fromHex(commitment) })
	);
}

export function heartbeatArguments(grants: readonly GrantName[]): Uint8Array {
	return toBinary(
		IssueGrantHeartbeatInfoArgumentsSchema,
		create(IssueGrantHeartbeatInfoArgumentsSchema, {
			grants: grants.map(({ ap, channel }) => ({ ap, channel }))
		})
	);
}

export function relinquishArguments({ ap, channel }: GrantName): Uint8Array {
	return toBinary(
		IssueGrantRelinquishInfoArgumentsSchema,
		create(IssueGrantRelinquishInfoArgumentsSchema, { grant: { ap, channel } })
	);
}

export function switchArguments(arguments_: SwitchArguments): Uint8Array {
	return toBinary(
		IssueChannelSwitchInfoArgumentsSchema,
		create(IssueChannelSwitchInfoArgumentsSchema, { ...arguments_, bidId: fromHex(arguments_.bidId) })
	);
}

/**
 * @throws Refused `MalformedArguments`, `InvalidApId`, `InvalidName`, `PositionOutOfRange`, `UnknownBand`,
 * `RadiusOutOfRange`, `AntennaHeightOutOfRange`, `EirpOutOfRange`, `TooManyChannels`, `UnknownChannel`,
 * `ChannelsNotAscending`, `IdleNotHeld`, `OccupancyOutOfRange`, `InvalidAssigned`
 */
export function parseIssueArguments(bytes: Uint8Array): AccessPoint {
	const { accessPoint } = decode(IssueAPChannelInfoArgumentsSchema, bytes);
	if (!accessPoint) throw new Refused('MalformedArguments', 'there is no access point in the arguments');
	return checkedAccessPoint(accessPoint);
}

/** @throws Refused `MalformedArguments`, `InvalidApId`, `SameAp`, `PriceOutOfRange`, `InvalidMechanism`, `InvalidSalt` */
export function parseBidArguments(bytes: Uint8Array): BidArguments {
	const { buyerAp, sellerAp, channel, price, expiryHeight, mechanism, replaces, commitment, salt } = decode(
		IssueBidingPriceInfoArgumentsSchema,
		bytes
	);
	checkPair(buyerAp, sellerAp);
	if (price < 1n || price > MAX_PRICE)
		throw new Refused('PriceOutOfRange', `a price must be between 1 and ${MAX_PRICE}, not ${price}`);
	checkMechanism(mechanism);
	checkReplaces(replaces);
	const bid = { buyerAp, sellerAp, channel, price, expiryHeight, mechanism, replaces: toHex(replaces) };
	if (commitment.length === 0 && salt.length === 0) return bid;
	checkBidId(commitment, 'the commitment');
	if (salt.length < MIN_SALT_BYTES || salt.length > MAX_SALT_BYTES)
		throw new Refused('InvalidSalt', `a salt has ${MIN_SALT_BYTES} to ${MAX_SALT_BYTES} bytes`);
	return { ...bid, reveals: { commitment: toHex(commitment), salt } };
}

/** @throws Refused `MalformedArguments`, `InvalidApId`, `SameAp` */
export function parseCommitArguments(bytes: Uint8Array): CommitArguments {
	const { buyerAp, sellerAp, channel, hash, note, replaces } = decode(
		IssueBidingCommitInfoArgumentsSchema,
		bytes
	);
	checkPair(buyerAp, sellerAp);
	if (hash.length !== HASH_BYTES)
		throw new Refused('MalformedArguments', `a commitment is a hash of ${HASH_BYTES} bytes`);
	if (note.length > MAX_NOTE_BYTES)
		throw new Refused('MalformedArguments', `a note has at most ${MAX_NOTE_BYTES} bytes`);
	checkReplaces(replaces);
	return { buyerAp, sellerAp, channel, hash: toHex(hash), note, replaces: toHex(replaces) };
}

/** @returns the id of the commitment, lower-case hex @throws Refused `MalformedArguments` */
export function parseRoundArguments(bytes: Uint8Array): string {
	const { commitment } = decode(IssueBidingRoundInfoArgumentsSchema, bytes);
	checkBidId(commitment, 'the commitment');
	return toHex(commitment);
}

/** @throws Refused `MalformedArguments`, `InvalidApId`, `GrantNamedTwice` */
export function parseHeartbeatArguments(bytes: Uint8Array): GrantName[] {
	const { grants } = decode(IssueGrantHeartbeatInfoArgumentsSchema, bytes);
	if (grants.length === 0 || grants.length > MAX_GRANTS_PER_HEARTBEAT)
		throw new Refused('MalformedArguments', `a heartbeat is for 1 to ${MAX_GRANTS_PER_HEARTBEAT} grants`);
	const named = new Set<string>();
	return grants.map(({ ap, channel }) => {
		checkId(ap);
		const name = `${ap}/${channel}`;
		if (named.has(name))
			throw new Refused('GrantNamedTwice', `a heartbeat names channel ${channel} of ${ap} twice`);
		named.add(name);
		return { ap, channel };
	});
}

/** @throws Refused `MalformedArguments`, `InvalidApId` */
export function parseRelinquishArguments(bytes: Uint8Array): GrantName {
	const { grant } = decode(IssueGrantRelinquishInfoArgumentsSchema, bytes);
	if (!grant) throw new Refused('MalformedArguments', 'there is no grant in the arguments');
	checkId(grant.ap);
	return { ap: grant.ap, channel: grant.channel };
}

/** @throws Refused `MalformedArguments`, `InvalidApId`, `InvalidMechanism` */
export function parseSwitchArguments(bytes: Uint8Array): SwitchArguments {
	const { bidId, buyerAp, sellerAp, channel, mechanism } = decode(
		IssueChannelSwitchInfoArgumentsSchema,
		bytes
	);
	checkBidId(bidId, 'the bid');
	checkId(buyerAp);
	checkId(sellerAp);
	checkMechanism(mechanism);
	return { bidId: toHex(bidId), buyerAp, sellerAp, channel, mechanism };
}

/** The checks of a description, for what did not come as bytes as well. @throws Refused as parseIssueArguments does */
export function checkedAccessPoint(wire: WireAccessPoint): AccessPoint {
	checkId(wire.id);
	if (!isName(wire.name))
		throw new Refused('InvalidName', `the name of ${wire.id} is empty, too long or holds control characters`);
	if (
		Math.abs(wire.latitudeMicrodegrees) > MAX_LATITUDE_MICRODEGREES ||
		wire.longitudeMicrodegrees < -MAX_LONGITUDE_MICRODEGREES ||
		wire.longitudeMicrodegrees >= MAX_LONGITUDE_MICRODEGREES
	)
		throw new Refused(
			'PositionOutOfRange',
			'a latitude is within 85 degrees, a longitude from -180 to below 180 degrees'
		);
	const band = bandFromWire(wire.band);
	if (!band) throw new Refused('UnknownBand', `${wire.band} is no band`);
	checkRange('RadiusOutOfRange', 'coverage radius in metres', wire.coverageRadiusM, [
		MIN_COVERAGE_RADIUS_M,
		bandPlan(band).maxCoverageRadiusM
	]);
	checkRange('AntennaHeightOutOfRange', 'antenna height in centimetres', wire.antennaHeightCm, [
		0,
		MAX_ANTENNA_HEIGHT_CM
	]);
	checkRange('EirpOutOfRange', 'EIRP in milli-dBm', wire.eirpMilliDbm, [
		MIN_EIRP_MILLI_DBM,
		MAX_EIRP_MILLI_DBM
	]);
	checkChannels(band, wire.channels);
	if (!isAscending(wire.idleChannels))
		throw new Refused('ChannelsNotAscending', 'idle channels must ascend, each once');
	const notHeld = wire.idleChannels.find((channel) => !wire.channels.includes(channel));
	if (notHeld !== undefined)
		throw new Refused('IdleNotHeld', `channel ${notHeld} is idle at ${wire.id} and not held there`);
	checkRange('OccupancyOutOfRange', 'occupancy in ppm', wire.occupancyPpm, [0, MAX_OCCUPANCY_PPM]);
	if (
		wire.assigned.length > MAX_ASSIGNED_COLUMNS ||
		!wire.assigned.every((name) => ASSIGNED_PATTERN.test(name))
	)
		throw new Refused('InvalidAssigned', 'assigned columns are a few short names');
	return {
		id: wire.id,
		name: wire.name,
		latitudeMicrodegrees: wire.latitudeMicrodegrees,
		longitudeMicrodegrees: wire.longitudeMicrodegrees,
		coverageRadiusM: wire.coverageRadiusM,
		antennaHeightCm: wire.antennaHeightCm,
		eirpMilliDbm: wire.eirpMilliDbm,
		band,
		channels: wire.channels,
		idleChannels: wire.idleChannels,
		occupancyPpm: wire.occupancyPpm,
		assigned: wire.assigned
	};
}

function checkChannels(band: Band, channels: number[]): void {
	if (channels.length > MAX_CHANNELS_PER_AP)
		throw new Refused('TooManyChannels', `an access point holds at most ${MAX_CHANNELS_PER_AP} channels`);
	const unknown = channels.find((channel) => !isChannel(band, channel));
	if (unknown !== undefined) throw new Refused('UnknownChannel', `${band} has no channel ${unknown}`);
	if (!isAscending(channels)) throw new Refused('ChannelsNotAscending', 'channels must ascend, each once');
}

function checkPair(buyerAp: string, sellerAp: string): void {
	checkId(buyerAp);
	checkId(sellerAp);
	if (buyerAp === sellerAp) throw new Refused('SameAp', `${buyerAp} cannot buy from itself`);
}

function checkBidId(id: Uint8Array, what: string): void {
	if (id.length !== BID_ID_BYTES)
		throw new Refused('MalformedArguments', `${what} is not an id of ${BID_ID_BYTES} bytes`);
}

function checkReplaces(id: Uint8Array): void {
	if (id.length !== 0) checkBidId(id, 'the bid to replace');
}

function checkId(id: string): void {
	if (!AP_ID_PATTERN.test(id))
		throw new Refused('InvalidApId', 'an id is 1 to 64 letters, digits, dots, colons, dashes or underscores');
}

function checkMechanism(name: string): void {
	if (!MECHANISM_PATTERN.test(name))
		throw new Refused(
			'InvalidMechanism',
			'a mechanism is named by 1 to 16 lower-case letters, digits or dashes'
		);
}

function checkRange(code: string, what: string, value: number, [low, high]: [number, number]): void {
	if (value < low || value > high)
		throw new Refused(code, `${what} must be between ${low} and ${high}, not ${value}`);
}

/** Control and direction characters would let a name break a log or a page; a lone surrogate is no text. */
function isName(name: string): boolean {
	return (
		name.length > 0 &&
		name.length <= MAX_NAME_LENGTH &&
		!/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/u.test(name)
	);
}

function isAscending(numbers: readonly number[]): boolean {
	return numbers.every((number, i) => i === 0 || numbers[i - 1]! < number);
}

function decode<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
	try {
		return decodeMessage(schema, bytes, MAX_ARGUMENT_BYTES);
	} catch (error) {
		throw new Refused('MalformedArguments', error instanceof Error ? error.message : String(error));
	}
}
