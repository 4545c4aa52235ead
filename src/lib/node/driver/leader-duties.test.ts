import { beforeEach, describe, expect, it } from 'vitest';
import type { CertifiedBody } from '../../consensus/ordering/certified-block.ts';
import type { Pbft } from '../../consensus/pbft/pbft.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { toHex } from '../../crypto/hex.ts';
import type { LeaderChange } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { CertifiedBodies } from './certified-bodies.ts';
import { CERTIFIED_RESEND_MS, LeaderDuties } from './leader-duties.ts';
import { emptyTurn, type Turn } from './turns.ts';

const CHANGE = {} as LeaderChange;
let bodies: CertifiedBodies;
/** Two of this partition, in the order of their rounds, and one of another. */
let own: CertifiedBody[];
let foreign: CertifiedBody;
let targets: string[];
let ordered: Set<string>;
let lower: Pick<Pbft, 'partition' | 'epoch'> & { isLeader: boolean; leaderChange: Pbft['leaderChange'] };
let isMember: boolean;
let sentNow: string[];
let turn: Turn;
let duties: LeaderDuties;

beforeEach(async () => {
	const ledger = await TestLedger.found([1, 1]);
	const block = async (partition: number, roundId: number) =>
		ledger.certified(partition, [await ledger.transaction(ledger.members(partition)[0]!)], { roundId });
	own = [await block(1, 1), await block(1, 2)];
	foreign = await block(2, 1);
	bodies = new CertifiedBodies();
	for (const body of [own[1]!, foreign, own[0]!]) bodies.add(body);
	targets = ['active'];
	ordered = new Set();
	isMember = true;
	lower = { isLeader: true, partition: 1, epoch: 1, leaderChange: null };
	sentNow = [];
	turn = emptyTurn();
	duties = new LeaderDuties({
		booters: {
			get targets() {
				return targets;
			}
		},
		bodies,
		ordered: () => ordered,
		maxBlocksPerNext: 1,
		lower: () => (isMember ? (lower as Pbft) : null),
		send: (to, packet) => sentNow.push(said(to, packet))
	});
});

const said = (to: string, packet: Packet['body']): string =>
	`${to}: ${packet.case === 'certifiedBlock' ? nameOf(toHex(packet.value.certificate!.blockId)) : packet.case}`;
const nameOf = (id: string): string =>
	id === foreign.id ? 'foreign' : `round ${own.findIndex((body) => body.id === id) + 1}`;
const sent = (): string[] => turn.send.map(({ to, packet }) => said(to, packet));

describe('a leader', () => {
	it('reports its view to whoever is active, or to all', () => {
		duties.viewBegun(turn, CHANGE);
		targets = ['a', 'b'];
		duties.viewBegun(turn, CHANGE);
		expect(sent()).toEqual(['active: leaderChange', 'a: leaderChange', 'b: leaderChange']);
	});

	it('hands up what was certified, and skips what it does not hold', () => {
		duties.certified(turn, [own[0]!.id, 'gone', own[1]!.id]);
		expect(sent()).toEqual(['active: round 1', 'active: round 2']);
	});

	it('hands its members what other partitions certified', () => {
		duties.handAround(turn, foreign);
		duties.handAround(turn, own[0]!);
		expect(sent()).toEqual(['members: foreign']);
	});

	it('tells another active Booter who leads, and all that is not final (R21)', () => {
		lower.leaderChange = { leaderChange: CHANGE } as Pbft['leaderChange'];
		duties.booterActive(turn, 'other');
		expect(sent()).toEqual(['other: leaderChange', 'other: round 1', 'other: round 2']);
	});

	it('tells a Booter whose link came up, and nobody else', () => {
		duties.linkUp(turn, 'somebody');
		expect(sent()).toEqual([]);
		duties.linkUp(turn, 'active');
		expect(sent()).toEqual(['active: round 1', 'active: round 2']);
	});

	it('hands up again what is not ordered in time, a Next’s worth at once', () => {
		duties.resend(0);
		duties.resend(CERTIFIED_RESEND_MS - 1);
		expect(sentNow).toEqual([]);
		duties.resend(CERTIFIED_RESEND_MS);
		expect(sentNow).toEqual(['active: round 1']);
		ordered.add(own[0]!.id);
		duties.resend(2 * CERTIFIED_RESEND_MS);
		expect(sentNow).toEqual(['active: round 1', 'active: round 2']);
	});
});

describe('who does not lead', () => {
	it.each([
		['a follower', () => (lower.isLeader = false)],
		['who is no member', () => (isMember = false)]
	])('says nothing of it: %s', (_who, be) => {
		be();
		duties.viewBegun(turn, CHANGE);
		duties.handAround(turn, foreign);
		duties.booterActive(turn, 'other');
		duties.linkUp(turn, 'active');
		duties.resend(0);
		duties.resend(CERTIFIED_RESEND_MS);
		expect([...sent(), ...sentNow]).toEqual([]);
	});
});
