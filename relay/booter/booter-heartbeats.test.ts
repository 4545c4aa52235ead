import { beforeEach, describe, expect, it } from 'vitest';
import type { TestMember } from '#lib/consensus/testing/members.ts';
import { TestLedger } from '#lib/consensus/testing/test-ledger.ts';
import { fromHex } from '#lib/crypto/hex.ts';
import type { LinkStatus } from '#lib/network/network.ts';
import type { Heartbeat } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { BooterHeartbeats } from './booter-heartbeats.ts';
import type { LostPartition, RecoveryWish } from './recovery-watch.ts';

const REPLICA = 'b2'.repeat(32);
const HASH = new Uint8Array(32).fill(9);
let ledger: TestLedger;
let member: TestMember;
let active: string | null;
let lost: LostPartition[];
let asked: RecoveryWish[];
let revokedHash: Uint8Array | undefined;
let sent: string[];
let heartbeats: BooterHeartbeats;

beforeEach(async () => {
	ledger = await TestLedger.found([1, 1]);
	member = ledger.members(2)[0]!;
	[active, lost, asked, revokedHash, sent] = [null, [], [], undefined, []];
	const links: LinkStatus[] = [
		{ peer: member.id, path: 'relayed', rttMs: null },
		{ peer: 'gone', path: 'down', rttMs: null },
		{ peer: REPLICA, path: 'direct', rttMs: null }
	];
	heartbeats = new BooterHeartbeats({
		chain: ledger.chain,
		core: { view: (partition) => 10 * partition },
		replica: {
			get active() {
				return active;
			},
			term: 7,
			isReplica: (peer) => peer === REPLICA
		},
		recoveries: {
			get lost() {
				return lost;
			},
			get asked() {
				return asked;
			}
		},
		revokedHash: () => revokedHash,
		links: () => links,
		send: (to) => sent.push(to)
	});
});

function saidTo(peer: string): Heartbeat {
	const packet = heartbeats.of(peer);
	if (packet.case !== 'heartbeat') throw new Error(`${packet.case} is no heartbeat`);
	return packet.value;
}

describe('a replica’s heartbeat', () => {
	it('goes to all that it is linked to, or to the other replicas alone', () => {
		heartbeats.say();
		expect(sent).toEqual([member.id, REPLICA]);
		heartbeats.sayToReplicas();
		expect(sent).toEqual([member.id, REPLICA, REPLICA]);
	});

	it('tells a member where its partition is, and everybody the head', () => {
		const { height: finalHeight, hash: headHash } = ledger.chain.head;
		expect(saidTo(member.id)).toMatchObject({ partition: 2, epoch: 1, view: 20, finalHeight, headHash });
		expect(saidTo('stranger')).toMatchObject({ partition: 0, epoch: 0, view: 0, finalHeight, headHash });
	});

	it('tells who is active, or that nobody is known', () => {
		expect(saidTo(member.id)).toMatchObject({ booterTerm: 7, activeBooter: new Uint8Array(0) });
		active = REPLICA;
		expect(saidTo(member.id).activeBooter).toEqual(fromHex(REPLICA));
	});

	it('tells of partitions without a quorum, and when their recovery is due: 0 is for the operator', () => {
		expect(saidTo(member.id).lost).toBeUndefined();
		const partition = ledger.chain.topology.partition(1)!;
		lost = [null, 0, 900].map((dueInMs) => ({ partition, sinceMs: 0, remaining: [], dueInMs }));
		expect(saidTo(member.id).lost!.partitions.map(({ recoversInMs }) => recoversInMs)).toEqual([0, 1, 900]);
	});

	it('tells what the operator wishes to replicas alone', () => {
		expect(saidTo(REPLICA).wishes).toBeUndefined();
		asked = [{ partition: 1, retire: true }];
		revokedHash = HASH;
		expect(saidTo(member.id).wishes).toBeUndefined();
		expect(saidTo(REPLICA).wishes).toMatchObject({
			recoveries: [{ partition: 1, retire: true }],
			revokedHash: HASH
		});
		asked = [];
		expect(saidTo(REPLICA).wishes).toMatchObject({ recoveries: [], revokedHash: HASH });
	});
});
