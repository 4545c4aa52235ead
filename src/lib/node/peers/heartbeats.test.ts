import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Pbft } from '../../consensus/pbft/pbft.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { fromHex } from '../../crypto/hex.ts';
import type { LinkStatus } from '../../network/network.ts';
import { HeartbeatSchema, type Heartbeat, type Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import { ActiveBooter } from './active-booter.ts';
import { Heartbeats } from './heartbeats.ts';
import { Peers } from './peers.ts';

const HEARTBEAT_MS = 500;
const [FIRST, SECOND] = ['b1'.repeat(32), 'b2'.repeat(32)] as const;
const HELD = { view: 3, leaderChange: {} } as NonNullable<Pbft['leaderChange']>;
let ledger: TestLedger;
let peers: Peers;
let lower: (Pick<Pbft, 'partition' | 'epoch' | 'leaderChange'> & { isLeader: boolean }) | null;
let links: LinkStatus[];
let isSyncing: boolean;
let sent: { to: string; packet: Packet['body'] }[];
let active: (string | null)[];
let heartbeats: Heartbeats;

beforeEach(async () => {
	ledger = await TestLedger.found([1]);
	peers = new Peers();
	lower = { partition: 1, epoch: 1, isLeader: false, leaderChange: HELD };
	[links, isSyncing, sent, active] = [[], false, [], []];
	heartbeats = new Heartbeats({
		chain: ledger.chain,
		peers,
		booters: new ActiveBooter([FIRST, SECOND], () => true),
		heartbeatMs: HEARTBEAT_MS,
		lower: () => lower,
		isMember: (peer) => peer === 'ada',
		isSyncing: () => isSyncing,
		links: () => links,
		send: (to, packet) => sent.push({ to, packet }),
		booterChanged: (booter) => active.push(booter)
	});
});

type Said = Exclude<MessageInitShape<typeof HeartbeatSchema>, Heartbeat>;

const hears = (from: string, fields: Said, nowMs = 10_000) =>
	heartbeats.heard(from, create(HeartbeatSchema, { partition: 1, epoch: 1, view: 3, ...fields }), nowMs);

describe('what a node says of itself', () => {
	it('is where it stands, to everybody that it is linked to', () => {
		links = [
			{ peer: 'ada', path: 'direct', rttMs: null },
			{ peer: 'bob', path: 'down', rttMs: null },
			{ peer: 'eve', path: 'relayed', rttMs: null }
		];
		isSyncing = true;
		heartbeats.say();
		expect(sent.map(({ to }) => to)).toEqual(['ada', 'eve']);
		const { height: finalHeight, hash: headHash } = ledger.chain.head;
		expect(sent[0]!.packet).toMatchObject({
			case: 'heartbeat',
			value: { partition: 1, epoch: 1, view: 3, finalHeight, headHash, syncing: true, booterTerm: 0 }
		});
	});

	it('is of no partition while it is no member', () => {
		lower = null;
		heartbeats.sayTo('ada');
		expect(sent[0]!.packet.value).toMatchObject({ partition: 0, epoch: 0, view: 0, syncing: false });
	});
});

describe('what it hears', () => {
	it('is how far others are', () => {
		hears('ada', { finalHeight: 9 });
		expect(peers.get('ada')).toMatchObject({ finalHeight: 9, lastHeardMs: 10_000 });
	});

	it('is who is active, of a Booter alone, told where it changes', () => {
		hears('ada', { activeBooter: fromHex(FIRST), booterTerm: 9 });
		expect(active).toEqual([]);
		hears(FIRST, { activeBooter: fromHex(FIRST), booterTerm: 1 });
		hears(FIRST, { activeBooter: fromHex(FIRST), booterTerm: 1 });
		hears(SECOND, { activeBooter: fromHex(SECOND), booterTerm: 2 });
		expect(active).toEqual([FIRST, SECOND]);
	});

	it('is which partitions are lost, as the active one says (R22)', () => {
		const lost = {
			$typeName: 'tabwave.v1.LostPartitions' as const,
			partitions: [{ $typeName: 'tabwave.v1.LostPartition' as const, partition: 2, recoversInMs: 900 }]
		};
		hears(SECOND, { lost });
		expect(heartbeats.lost(10_000)).toEqual([]);
		hears(FIRST, { activeBooter: fromHex(FIRST), booterTerm: 1 });
		hears(FIRST, { activeBooter: fromHex(FIRST), booterTerm: 1, lost });
		expect(heartbeats.lost(10_100)).toEqual([{ partition: 2, recoversInMs: 800 }]);
	});
});

describe('R10: who works in a lower view', () => {
	const told = () => sent.map(({ to, packet }) => [to, packet.case]);

	it('is told of the higher one, if it is a member of the same epoch', () => {
		hears('ada', { view: 3 });
		hears('ada', { view: 2, epoch: 2 });
		hears('ada', { view: 2, partition: 2 });
		hears('eve', { view: 2 });
		expect(told()).toEqual([]);
		hears('ada', { view: 2 });
		expect(told()).toEqual([['ada', 'leaderChange']]);
	});

	it('is not told again at once, nor in the first moments of a view', () => {
		hears('ada', { view: 2 });
		hears('ada', { view: 2 }, 10_000 + 2 * HEARTBEAT_MS - 1);
		expect(told()).toHaveLength(1);
		hears('ada', { view: 2 }, 10_000 + 2 * HEARTBEAT_MS);
		expect(told()).toHaveLength(2);
		heartbeats.viewBegun(20_000);
		hears('ada', { view: 2 }, 20_000 + 2 * HEARTBEAT_MS - 1);
		expect(told()).toHaveLength(2);
	});

	it('is told by the leader alone if it is a Booter', () => {
		hears(FIRST, { view: 2 });
		expect(told()).toEqual([]);
		lower!.isLeader = true;
		hears(FIRST, { view: 2 });
		expect(told()).toEqual([[FIRST, 'leaderChange']]);
	});
});
