import { describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import { create } from '@bufbuild/protobuf';
import { SignedSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Persist, Received } from '../effects.ts';
import { Kind } from '../statement.ts';
import { blockOf } from '../testing/one-member.ts';
import { PreparedRounds } from './prepared-rounds.ts';
import { newRound, type Round } from './round.ts';

const MEMBERS = ['00', '11', '22', '33', '44'].map((byte) => byte.repeat(32));
const LEADER = MEMBERS[0]!;
const NEEDED = 3;

function said(sender: string, kind: Kind, digest: Uint8Array): Received {
	const signed = create(SignedSchema, { kind, sender: Buffer.from(sender, 'hex'), digest });
	return { signed, sender, digest: toHex(digest) };
}

/** A round that everyone has prepared. */
function round(roundId: number, isCarried = false): Round {
	const { blockId, proposal } = blockOf(roundId, 'a');
	return {
		...newRound(roundId, 0),
		digest: toHex(blockId),
		digestBytes: blockId,
		proposal,
		isCarried,
		prePrepare: isCarried ? null : said(LEADER, Kind.PRE_PREPARE, blockId),
		prepares: new Map(MEMBERS.map((member) => [member, said(member, Kind.PREPARE, blockId)]))
	};
}

function prepared(...rounds: Round[]) {
	const records = new PreparedRounds('pbft/');
	const persist: Persist[] = [];
	for (const one of rounds) records.add(one, 0, LEADER, NEEDED, persist);
	return { records, persist };
}

describe('R4: a prepared certificate', () => {
	it('holds the PrePrepare and q − 1 Prepares, none of them of the leader', () => {
		const { records } = prepared(round(1));
		const { prePrepare, prepares } = records.above(0)[0]!.certificate!;
		expect(toHex(prePrepare!.member)).toBe(LEADER);
		expect(prepares.map(({ member }) => toHex(member))).toEqual([MEMBERS[1], MEMBERS[2]]);
	});

	it('R6: of a carried round holds q Prepares, the leader’s among them', () => {
		const { records } = prepared(round(1, true));
		const { prePrepare, prepares } = records.above(0)[0]!.certificate!;
		expect(prePrepare).toBeUndefined();
		expect(prepares.map(({ member }) => toHex(member))).toEqual(MEMBERS.slice(0, NEEDED));
	});

	it('holds no Prepare for another block', () => {
		const one = round(1);
		one.prepares.set(MEMBERS[1]!, said(MEMBERS[1]!, Kind.PREPARE, blockOf(1, 'b').blockId));
		const { prepares } = prepared(one).records.above(0)[0]!.certificate!;
		expect(prepares.map(({ member }) => toHex(member))).toEqual([MEMBERS[2], MEMBERS[3]]);
	});
});

describe('what is prepared', () => {
	const ids = (records: PreparedRounds, above: number): number[] =>
		records.above(above).map(({ certificate }) => certificate!.roundId);

	it('is told in order of round, above what the ledger holds', () => {
		const { records } = prepared(round(11), round(3), round(2), round(10));
		expect(ids(records, 0)).toEqual([2, 3, 10, 11]);
		expect(ids(records, 3)).toEqual([10, 11]);
	});

	it('keeps the content of its blocks', () => {
		const { records } = prepared(round(1), round(2));
		const { blockId, proposal } = blockOf(2, 'a');
		expect(records.proposal(toHex(blockId))).toEqual(proposal);
		expect(records.proposal(toHex(blockOf(3, 'a').blockId))).toBeNull();
	});

	it('outlives a restart, and R9: what the ledger has passed is forgotten, in memory and on disk', () => {
		const { records, persist } = prepared(round(1), round(2), round(3));
		const again = new PreparedRounds('pbft/');
		again.restore([
			...persist.map(({ key, value }) => ({ key, value: value! })),
			{ key: 'pbft/view', value: new Uint8Array(1) }
		]);
		expect(ids(again, 0)).toEqual([1, 2, 3]);
		for (const one of [records, again]) {
			const forgotten: Persist[] = [];
			one.forgetThrough(2, forgotten);
			expect(forgotten).toEqual(persist.slice(0, 2).map(({ key }) => ({ key, value: null })));
			expect(ids(one, 0)).toEqual([3]);
		}
	});
});
