/** IssueAPChannelInfo: the owner registers an access point, or reports its newer state. */
import { Refused, type CallContext, type StateView } from '../../ledger/contract.ts';
import { parseIssueArguments } from './arguments.ts';
import type { HolderIndex } from './holders.ts';
import { apKey } from './keys.ts';
import { countAccessPoint } from './owner.ts';
import { decodeAccessPoint, encodeAccessPoint, type AccessPoint, type AccessPointRecord } from './records.ts';

/** @throws Refused what {@link parseIssueArguments} throws, `ApTaken`, `SiteFixed`, `ChannelsFixed`, `TooManyAccessPoints`, `Conflict`, `CellFull` */
export function issueAccessPoint(context: CallContext, args: Uint8Array, holders: HolderIndex): void {
	const described = parseIssueArguments(args);
	const known = readAccessPoint(context.state, described.id);
	const record = known ? updated(context, known, described) : registered(context, described, holders);
	const bytes = encodeAccessPoint(record);
	context.state.set(apKey(record.id), bytes);
	context.emit('IssueAPChannelInfo', bytes);
}

export function readAccessPoint(state: StateView, id: string): AccessPointRecord | undefined {
	const bytes = state.get(apKey(id));
	return bytes && decodeAccessPoint(bytes);
}

function registered(context: CallContext, described: AccessPoint, holders: HolderIndex): AccessPointRecord {
	countAccessPoint(context.state, context.sender);
	for (const channel of described.channels) {
		holders.refuseConflict(context.state, described, channel);
		holders.add(context.state, described, channel);
	}
	return {
		...described,
		owner: context.sender,
		registeredHeight: context.height,
		changedHeight: context.height
	};
}

/** Only a switch moves channels, and where an access point is decides whom it conflicts with: neither changes here. */
function updated(context: CallContext, known: AccessPointRecord, described: AccessPoint): AccessPointRecord {
	if (known.owner !== context.sender)
		throw new Refused('ApTaken', `the access point ${known.id} is registered by another owner`);
	if (!SITE_FIELDS.every((field) => known[field] === described[field]))
		throw new Refused(
			'SiteFixed',
			`position, coverage, height, power and band of ${known.id} are fixed by its registration`
		);
	if (!equalNumbers(known.channels, described.channels))
		throw new Refused(
			'ChannelsFixed',
			`${known.id} holds channels ${known.channels.join(', ')}; only a switch changes them`
		);
	return {
		...known,
		name: described.name,
		idleChannels: described.idleChannels,
		occupancyPpm: described.occupancyPpm,
		changedHeight: context.height
	};
}

const SITE_FIELDS = [
	'latitudeMicrodegrees',
	'longitudeMicrodegrees',
	'coverageRadiusM',
	'antennaHeightCm',
	'eirpMilliDbm',
	'band'
] as const;

function equalNumbers(a: readonly number[], b: readonly number[]): boolean {
	return a.length === b.length && a.every((number, i) => number === b[i]);
}
