import { create, fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refused } from '../../ledger/contract.ts';
import {
	IssueAPChannelInfoArgumentsSchema,
	IssueBidingCommitInfoArgumentsSchema,
	IssueBidingPriceInfoArgumentsSchema,
	IssueBidingRoundInfoArgumentsSchema,
	IssueChannelSwitchInfoArgumentsSchema,
	IssueGrantHeartbeatInfoArgumentsSchema,
	IssueGrantRelinquishInfoArgumentsSchema
} from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import { accessPoint } from '../testing/access-points.ts';
import {
	bidArguments,
	commitArguments,
	heartbeatArguments,
	issueArguments,
	parseBidArguments,
	parseCommitArguments,
	parseHeartbeatArguments,
	parseIssueArguments,
	parseRelinquishArguments,
	parseRoundArguments,
	parseSwitchArguments,
	relinquishArguments,
	roundArguments,
	switchArguments,
	type BidArguments,
	type CommitArguments,
	type GrantName
} from './arguments.ts';
import {
	MAX_ARGUMENT_BYTES,
	MAX_GRANTS_PER_HEARTBEAT,
	MAX_NOTE_BYTES,
	MAX_PRICE,
	MAX_SALT_BYTES,
	MIN_SALT_BYTES
} from './limits.ts';
import { accessPointBodyToWire, type AccessPoint } from './records.ts';

fc.configureGlobal({ seed: 4 });

function codeOf(read: () => unknown): string {
	try {
		read();
		return '';
	} catch (error) {
		if (!(error instanceof Refused)) throw error;
		return error.code;
	}
}

const BID = {
	buyerAp: 'a',
	sellerAp: 'b',
	channel: 36,
	price: 5n,
	expiryHeight: 9,
	mechanism: 'greedy',
	replaces: ''
};
/** As it is where bids are sealed. */
const REVEAL: BidArguments = {
	...BID,
	reveals: { commitment: 'ef'.repeat(32), salt: new Uint8Array(MIN_SALT_BYTES).fill(7) }
};
const COMMIT: CommitArguments = {
	buyerAp: 'a',
	sellerAp: 'b',
	channel: 36,
	hash: '12'.repeat(32),
	note: new Uint8Array(0),
	replaces: ''
};
const NAME: GrantName = { ap: 'a', channel: 36 };
const SWITCH = { bidId: 'ab'.repeat(32), buyerAp: 'a', sellerAp: 'b', channel: 36, mechanism: 'greedy' };

describe('an access point', () => {
	it('comes back as it was given', () => {
		const ap = accessPoint('a:b.c-d_1', {
			name: '图书馆 — 4e étage',
			channels: [36, 165],
			idleChannels: [165],
			eirpMilliDbm: -50_000,
			longitudeMicrodegrees: -180_000_000,
			assigned: ['eirp']
		});
		expect(parseIssueArguments(issueArguments(ap))).toEqual(ap);
	});

	it.each([
		['InvalidApId', { id: '' }],
		['InvalidApId', { id: 'a/b' }],
		['InvalidApId', { id: 'a'.repeat(65) }],
		['InvalidApId', { id: '-a' }],
		['InvalidName', { name: '' }],
		['InvalidName', { name: 'x'.repeat(81) }],
		['InvalidName', { name: 'line\nbreak' }],
		['InvalidName', { name: 'turned\u202eround' }],
		['PositionOutOfRange', { latitudeMicrodegrees: 85_000_001 }],
		['PositionOutOfRange', { latitudeMicrodegrees: -85_000_001 }],
		['PositionOutOfRange', { longitudeMicrodegrees: 180_000_000 }],
		['PositionOutOfRange', { longitudeMicrodegrees: -180_000_001 }],
		['RadiusOutOfRange', { coverageRadiusM: 4 }],
		['RadiusOutOfRange', { coverageRadiusM: 251 }],
		['RadiusOutOfRange', { band: 'CBRS', channels: [], coverageRadiusM: 5001 }],
		['AntennaHeightOutOfRange', { antennaHeightCm: 100_001 }],
		['EirpOutOfRange', { eirpMilliDbm: 80_001 }],
		['EirpOutOfRange', { eirpMilliDbm: -50_001 }],
		['TooManyChannels', { channels: Array.from({ length: 17 }, (_, i) => 36 + i) }],
		['UnknownChannel', { channels: [37] }],
		['ChannelsNotAscending', { channels: [40, 36] }],
		['ChannelsNotAscending', { channels: [36, 36] }],
		['ChannelsNotAscending', { channels: [36, 40], idleChannels: [40, 36] }],
		['IdleNotHeld', { channels: [36], idleChannels: [40] }],
		['OccupancyOutOfRange', { occupancyPpm: 1_000_001 }],
		['InvalidAssigned', { assigned: ['no spaces'] }],
		['InvalidAssigned', { assigned: Array.from({ length: 13 }, () => 'eirp') }]
	] as [string, Partial<AccessPoint>][])('%s: refuses %o', (code, fields) => {
		expect(codeOf(() => parseIssueArguments(issueArguments(accessPoint('a', fields))))).toBe(code);
	});

	it('UnknownBand: refuses a band that no version knows', () => {
		const wire = accessPointBodyToWire(accessPoint('a'));
		for (const band of [0, 5, 77]) {
			const args = create(IssueAPChannelInfoArgumentsSchema, { accessPoint: { ...wire, band } });
			expect(codeOf(() => parseIssueArguments(toBinary(IssueAPChannelInfoArgumentsSchema, args)))).toBe(
				'UnknownBand'
			);
		}
	});

	it('fits the bound on arguments with every field at its own', () => {
		const ap = accessPoint('a'.repeat(64), {
			name: '图'.repeat(80),
			channels: Array.from({ length: 16 }, (_, i) => 173 + 4 * i),
			idleChannels: Array.from({ length: 16 }, (_, i) => 173 + 4 * i),
			band: '6GHz',
			latitudeMicrodegrees: -85_000_000,
			longitudeMicrodegrees: -180_000_000,
			assigned: Array.from({ length: 12 }, () => 'x'.repeat(32))
		});
		expect(issueArguments(ap).length).toBeLessThan(MAX_ARGUMENT_BYTES);
		expect(parseIssueArguments(issueArguments(ap))).toEqual(ap);
	});
});

describe('a bid', () => {
	it('comes back as it was given', () => {
		expect(parseBidArguments(bidArguments(BID))).toEqual(BID);
		const replacing = { ...BID, replaces: 'cd'.repeat(32) };
		expect(parseBidArguments(bidArguments(replacing))).toEqual(replacing);
	});

	it.each([
		['InvalidApId', { buyerAp: '' }],
		['InvalidApId', { sellerAp: 'a b' }],
		['SameAp', { sellerAp: 'a' }],
		['PriceOutOfRange', { price: 0n }],
		['PriceOutOfRange', { price: MAX_PRICE + 1n }],
		['InvalidMechanism', { mechanism: '' }],
		['InvalidMechanism', { mechanism: 'Greedy' }],
		['InvalidMechanism', { mechanism: 'a'.repeat(17) }],
		['MalformedArguments', { replaces: 'abcd' }]
	] as [string, Partial<typeof BID>][])('%s: refuses %o', (code, fields) => {
		expect(codeOf(() => parseBidArguments(bidArguments({ ...BID, ...fields })))).toBe(code);
	});
});

describe('a bid that reveals a commitment', () => {
	const salt = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(1);
	const commitment = 'ef'.repeat(32);

	it('comes back as it was given', () => {
		expect(parseBidArguments(bidArguments(REVEAL))).toEqual(REVEAL);
		const longest = { ...REVEAL, reveals: { commitment, salt: salt(MAX_SALT_BYTES) } };
		expect(parseBidArguments(bidArguments(longest))).toEqual(longest);
	});

	it.each([
		['MalformedArguments', { commitment: 'ef', salt: salt(MIN_SALT_BYTES) }],
		['MalformedArguments', { commitment: 'ef'.repeat(33), salt: salt(MIN_SALT_BYTES) }],
		['MalformedArguments', { commitment: '', salt: salt(MIN_SALT_BYTES) }],
		['InvalidSalt', { commitment, salt: salt(0) }],
		['InvalidSalt', { commitment, salt: salt(MIN_SALT_BYTES - 1) }],
		['InvalidSalt', { commitment, salt: salt(MAX_SALT_BYTES + 1) }]
	] as [string, BidArguments['reveals']][])('%s: refuses %o', (code, reveals) => {
		expect(codeOf(() => parseBidArguments(bidArguments({ ...BID, reveals })))).toBe(code);
	});
});

describe('a commitment', () => {
	it('comes back as it was given', () => {
		expect(parseCommitArguments(commitArguments(COMMIT))).toEqual(COMMIT);
		const fullest = {
			...COMMIT,
			buyerAp: 'a'.repeat(64),
			sellerAp: 'b'.repeat(64),
			note: new Uint8Array(MAX_NOTE_BYTES).fill(255),
			replaces: 'cd'.repeat(32)
		};
		expect(commitArguments(fullest).length).toBeLessThan(MAX_ARGUMENT_BYTES);
		expect(parseCommitArguments(commitArguments(fullest))).toEqual(fullest);
	});

	it.each([
		['InvalidApId', { buyerAp: '' }],
		['InvalidApId', { sellerAp: 'b\n' }],
		['SameAp', { sellerAp: 'a' }],
		['MalformedArguments', { hash: '' }],
		['MalformedArguments', { hash: '12'.repeat(31) }],
		['MalformedArguments', { hash: '12'.repeat(33) }],
		['MalformedArguments', { note: new Uint8Array(MAX_NOTE_BYTES + 1) }],
		['MalformedArguments', { replaces: 'cd' }]
	] as [string, Partial<CommitArguments>][])('%s: refuses %o', (code, fields) => {
		expect(codeOf(() => parseCommitArguments(commitArguments({ ...COMMIT, ...fields })))).toBe(code);
	});
});

describe('the end of a round', () => {
	it('comes back as it was given', () => {
		expect(parseRoundArguments(roundArguments('ab'.repeat(32)))).toBe('ab'.repeat(32));
	});

	it.each(['', 'ab', 'ab'.repeat(33)])('MalformedArguments: refuses %o', (commitment) => {
		expect(codeOf(() => parseRoundArguments(roundArguments(commitment)))).toBe('MalformedArguments');
	});
});

describe('a heartbeat', () => {
	const many = (count: number): GrantName[] =>
		Array.from({ length: count }, (_, channel) => ({ ap: 'a'.repeat(64), channel: 4_294_967_295 - channel }));

	it('comes back as it was given, with as many grants as there may be', () => {
		for (const grants of [[NAME], many(MAX_GRANTS_PER_HEARTBEAT)]) {
			expect(heartbeatArguments(grants).length).toBeLessThanOrEqual(MAX_ARGUMENT_BYTES);
			expect(parseHeartbeatArguments(heartbeatArguments(grants))).toEqual(grants);
		}
	});

	it.each([
		['MalformedArguments', []],
		['MalformedArguments', many(MAX_GRANTS_PER_HEARTBEAT + 1)],
		['InvalidApId', [NAME, { ap: '', channel: 36 }]],
		['InvalidApId', [{ ap: 'a/36', channel: 36 }]],
		['GrantNamedTwice', [NAME, { ap: 'b', channel: 36 }, NAME]]
	] as [string, GrantName[]][])('%s: refuses %o', (code, grants) => {
		expect(codeOf(() => parseHeartbeatArguments(heartbeatArguments(grants)))).toBe(code);
	});
});

describe('the giving back of a grant', () => {
	it('comes back as it was given', () => {
		expect(parseRelinquishArguments(relinquishArguments(NAME))).toEqual(NAME);
	});

	it.each(['', 'a/b', 'a'.repeat(65)])('InvalidApId: refuses the access point %o', (ap) => {
		expect(codeOf(() => parseRelinquishArguments(relinquishArguments({ ap, channel: 36 })))).toBe(
			'InvalidApId'
		);
	});
});

describe('a switch', () => {
	it('comes back as it was given', () => {
		expect(parseSwitchArguments(switchArguments(SWITCH))).toEqual(SWITCH);
	});

	it.each([
		['MalformedArguments', { bidId: '' }],
		['MalformedArguments', { bidId: 'ab'.repeat(33) }],
		['InvalidApId', { buyerAp: '' }],
		['InvalidApId', { sellerAp: '../x' }],
		['InvalidMechanism', { mechanism: '1' }]
	] as [string, Partial<typeof SWITCH>][])('%s: refuses %o', (code, fields) => {
		expect(codeOf(() => parseSwitchArguments(switchArguments({ ...SWITCH, ...fields })))).toBe(code);
	});
});

describe('bytes from strangers', () => {
	const kinds: [read: (bytes: Uint8Array) => unknown, sample: Uint8Array][] = [
		[parseIssueArguments, issueArguments(accessPoint('a'))],
		[parseBidArguments, bidArguments(BID)],
		[parseBidArguments, bidArguments(REVEAL)],
		[parseCommitArguments, commitArguments({ ...COMMIT, note: Uint8Array.of(1, 2, 3) })],
		[parseRoundArguments, roundArguments('ab'.repeat(32))],
		[parseHeartbeatArguments, heartbeatArguments([NAME, { ap: 'b', channel: 40 }])],
		[parseRelinquishArguments, relinquishArguments(NAME)],
		[parseSwitchArguments, switchArguments(SWITCH)]
	];

	it('are refused by code, whatever they are', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
				for (const [read] of kinds) codeOf(() => read(bytes));
			}),
			{ numRuns: 2000 }
		);
	});

	it('are refused by code or read, where a good capture was damaged', () => {
		const refused = kinds.map(() => 0);
		const which = fc.nat(kinds.length - 1);
		fc.assert(
			fc.property(which, fc.nat(), fc.nat(255), fc.nat(200), (which, at, byte, cut) => {
				const [read, sample] = kinds[which]!;
				const bytes = Uint8Array.from(sample);
				bytes[at % bytes.length] = byte;
				const damaged = bytes.subarray(0, Math.max(1, bytes.length - (cut > 100 ? 0 : cut)));
				if (codeOf(() => read(damaged)) !== '') refused[which]! += 1;
			}),
			{ numRuns: 6000 }
		);
		for (const times of refused) expect(times).toBeGreaterThan(200);
	});

	it('are refused where they are too long, or miss their part', () => {
		expect(codeOf(() => parseIssueArguments(new Uint8Array(MAX_ARGUMENT_BYTES + 1)))).toBe(
			'MalformedArguments'
		);
		expect(codeOf(() => parseIssueArguments(new Uint8Array(0)))).toBe('MalformedArguments');
		expect(
			toBinary(IssueBidingPriceInfoArgumentsSchema, create(IssueBidingPriceInfoArgumentsSchema))
		).toHaveLength(0);
		expect(codeOf(() => parseBidArguments(new Uint8Array(0)))).toBe('InvalidApId');
		expect(
			toBinary(IssueChannelSwitchInfoArgumentsSchema, create(IssueChannelSwitchInfoArgumentsSchema))
		).toHaveLength(0);
		expect(codeOf(() => parseSwitchArguments(new Uint8Array(0)))).toBe('MalformedArguments');
		expect(codeOf(() => parseCommitArguments(new Uint8Array(0)))).toBe('InvalidApId');
		for (const read of [parseRoundArguments, parseHeartbeatArguments, parseRelinquishArguments])
			expect(codeOf(() => read(new Uint8Array(0)))).toBe('MalformedArguments');
		for (const [read] of kinds)
			expect(codeOf(() => read(new Uint8Array(MAX_ARGUMENT_BYTES + 1)))).toBe('MalformedArguments');
	});

	it('are refused where a part has another type than it should, or comes twice', () => {
		const twice = <Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): Uint8Array =>
			Uint8Array.from([...bytes, ...toBinary(schema, fromBinary(schema, bytes))]);
		const wrong: [(bytes: Uint8Array) => unknown, Uint8Array][] = [
			// Field 1 as a number, which is text, bytes or a message in all of them.
			...[parseCommitArguments, parseRoundArguments, parseHeartbeatArguments, parseRelinquishArguments].map(
				(read): [(bytes: Uint8Array) => unknown, Uint8Array] => [read, Uint8Array.of(0x08, 0x01)]
			),
			[parseCommitArguments, twice(IssueBidingCommitInfoArgumentsSchema, commitArguments(COMMIT))],
			[parseRoundArguments, twice(IssueBidingRoundInfoArgumentsSchema, roundArguments('ab'.repeat(32)))],
			[parseRelinquishArguments, twice(IssueGrantRelinquishInfoArgumentsSchema, relinquishArguments(NAME))]
		];
		for (const [read, bytes] of wrong) expect(codeOf(() => read(bytes))).toBe('MalformedArguments');
		// A list may go on: two grants of one name are none the less.
		const again = twice(IssueGrantHeartbeatInfoArgumentsSchema, heartbeatArguments([NAME]));
		expect(codeOf(() => parseHeartbeatArguments(again))).toBe('GrantNamedTwice');
	});
});
