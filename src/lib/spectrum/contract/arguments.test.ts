import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refused } from '../../ledger/contract.ts';
import {
	IssueAPChannelInfoArgumentsSchema,
	IssueBidingPriceInfoArgumentsSchema,
	IssueChannelSwitchInfoArgumentsSchema
} from '../../wire/gen/tabwave/v1/spectrum_pb.js';
import { accessPoint } from '../testing/access-points.ts';
import {
	bidArguments,
	issueArguments,
	parseBidArguments,
	parseIssueArguments,
	parseSwitchArguments,
	switchArguments
} from './arguments.ts';
import { MAX_ARGUMENT_BYTES, MAX_PRICE } from './limits.ts';
import { accessPointBodyToWire, type AccessPoint } from './records.ts';

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
	const readers = [parseIssueArguments, parseBidArguments, parseSwitchArguments];
	const samples = [issueArguments(accessPoint('a')), bidArguments(BID), switchArguments(SWITCH)];

	it('are refused by code, whatever they are', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
				for (const read of readers) codeOf(() => read(bytes));
			}),
			{ seed: 4, numRuns: 2000 }
		);
	});

	it('are refused by code or read, where a good capture was damaged', () => {
		let refused = 0;
		fc.assert(
			fc.property(fc.nat(2), fc.nat(), fc.nat(255), fc.nat(200), (which, at, byte, cut) => {
				const bytes = Uint8Array.from(samples[which]!);
				bytes[at % bytes.length] = byte;
				const damaged = bytes.subarray(0, Math.max(1, bytes.length - (cut > 100 ? 0 : cut)));
				if (codeOf(() => readers[which]!(damaged)) !== '') refused++;
			}),
			{ seed: 5, numRuns: 3000 }
		);
		expect(refused).toBeGreaterThan(500);
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
	});
});
