/** Three replicas over their own chains. Nobody is a member yet, so that what is open is the operator's to sign: a Booter that asks for it says it. */
import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../crypto/hex.ts';
import { OrderContentSchema, type Signed } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { BallotRecordSchema, BooterEntrySchema } from '../../../wire/gen/tabwave/v1/storage_pb.js';
import { Raft } from '../../raft/raft.ts';
import type { RaftLimits } from '../../raft/limits.ts';
import { RaftEntryType, type RaftMessage } from '../../raft/messages.ts';
import { Kind, type Statement } from '../../statement.ts';
import { testMembers, type TestMember } from '../../testing/members.ts';
import { TEST_START_MS, TestLedger } from '../../testing/test-ledger.ts';
import type { Chain } from '../chain.ts';
import { BooterCore } from './booter.ts';
import { noBooterEffects, type BooterEffects } from './booter-effects.ts';
import { ballotEntry } from './open-ballot.ts';
import { BooterReplica } from './replica.ts';

const ELECTION_TICKS = 10;
const STALL_TICKS = 40;

interface Host {
	id: string;
	replica: BooterReplica;
	chain: Chain;
	raft: Raft;
	disk: Map<string, Uint8Array>;
	isDown: boolean;
	/** What it asked the operator to sign, in order. */
	asked: Statement[];
	notes: string[];
}

let ledger: TestLedger;
let booters: TestMember[];
let newcomers: TestMember[];
let hosts: Host[];
let letters: { from: string; to: string; message: RaftMessage }[];
let reaches: (from: string, to: string, what: RaftMessage['body']['case']) => boolean;
let nowMs: number;

beforeEach(async () => {
	booters = await testMembers(3);
	newcomers = await testMembers(3);
	ledger = await TestLedger.found([0], { booters: booters.map(({ signer }) => signer.publicKey) });
	letters = [];
	reaches = () => true;
	nowMs = TEST_START_MS + 1000;
	hosts = [];
	for (const { id } of booters) start(id);
});

function start(id: string, limits: Partial<RaftLimits> = {}): Host {
	const before = hosts.find((host) => host.id === id);
	const chain = ledger.fresh();
	const disk = before?.disk ?? new Map<string, Uint8Array>();
	const core = new BooterCore({
		chain,
		resendTicks: 10,
		gatherTicks: 1,
		gapTicks: 20,
		readBlock: () => null
	});
	const replicas = booters.map((booter) => booter.id);
	const raft = new Raft({
		self: id,
		records: [...disk].map(([key, value]) => ({ key, value })),
		bootstrap: { voters: replicas },
		electionTicks: ELECTION_TICKS,
		heartbeatTicks: 1,
		stallTicks: STALL_TICKS,
		// Each its own, so that they do not campaign at once.
		random: () => replicas.indexOf(id) / replicas.length,
		limits
	});
	const replica = new BooterReplica({ chain, core, raft, replicas });
	const host: Host = { id, replica, chain, raft, disk, isDown: false, asked: [], notes: [] };
	hosts = [...hosts.filter((other) => other !== before), host].sort((a, b) => (a.id < b.id ? -1 : 1));
	carryOut(host, replica.start());
	return host;
}

function carryOut(host: Host, effects: BooterEffects): void {
	for (const { key, value } of effects.persist) {
		if (value) host.disk.set(key, value);
		else host.disk.delete(key);
	}
	for (const { to, packet } of effects.send)
		if (packet.case === 'raft') letters.push({ from: host.id, to, message: packet.value });
	if (effects.operator) host.asked.push(effects.operator);
	host.notes.push(...effects.notes);
}

function settle(): void {
	for (let letter = letters.shift(); letter; letter = letters.shift()) {
		const { from, to, message } = letter;
		const host = hosts.find(({ id }) => id === to)!;
		if (!host.isDown && reaches(from, to, message.body.case))
			carryOut(host, host.replica.message(from, message));
	}
}

function ticks(count: number): void {
	for (let i = 0; i < count; i++) {
		nowMs += 50;
		for (const host of hosts) if (!host.isDown) carryOut(host, host.replica.tick(nowMs));
		settle();
	}
}

/** Lets them elect one. */
function elect(): Host {
	ticks(4 * ELECTION_TICKS);
	const active = hosts.filter(({ replica, isDown }) => replica.isActive && !isDown);
	expect(active).toHaveLength(1);
	return active[0]!;
}

function ask(host: Host, signed: Signed): void {
	carryOut(host, host.replica.step(host.replica.core.request(signed)));
}

const join = (i = 0): Promise<Signed> => ledger.join(newcomers[i]!, 1);
const said = (host: Host): [term: number, attempt: number, height: number, digest: string][] =>
	host.asked.map(({ view, attempt, slot, digest }) => [view, attempt, slot, toHex(digest)]);

/** The operator signs what a replica asked for last. */
async function sign(host: Host): Promise<void> {
	const statement = host.asked.at(-1)!;
	const { signature } = await ledger.sign(ledger.operator, statement);
	carryOut(host, host.replica.step(host.replica.core.operatorSigned(statement, signature)));
}

describe('one of three replicas', () => {
	it('is active, and the others know which; it alone acts', async () => {
		const active = elect();
		for (const { replica } of hosts) expect(replica.active).toBe(active.id);
		for (const host of hosts.filter((one) => one !== active)) {
			ask(host, await join());
			ticks(5);
			expect(host.asked).toEqual([]);
		}
		ask(active, await join());
		ticks(5);
		expect(said(active)).toHaveLength(1);
		expect(active.asked[0]).toMatchObject({ view: active.raft.term, attempt: 0, slot: 1 });
	});

	it('R20: says nothing before a majority has it on disk', async () => {
		const active = elect();
		reaches = (_from, _to, what) => what !== 'append';
		ask(active, await join());
		ticks(3);
		expect([active.replica.core.state().phase, active.asked]).toEqual(['recording', []]);
		reaches = (_from, to) => to !== hosts.find((one) => one !== active)!.id;
		ticks(ELECTION_TICKS / 2);
		expect(active.asked).not.toEqual([]);
		for (const host of hosts.filter((one) => one !== active)) {
			const holds = [...host.disk.keys()].filter((key) => key.startsWith('raft/log/')).length;
			expect([1, 2]).toContain(holds);
		}
	});

	it('R20: does not take the entry of another height for its own, where both have one number', async () => {
		const active = elect();
		reaches = (_from, _to, what) => what !== 'append';
		ask(active, await join());
		ticks(3);
		const { core } = active.replica;
		const { term } = active.raft;
		// Block sync had closed the height below while its entry was under way.
		const ballot = create(BallotRecordSchema, { term, attempt: 0, content: Uint8Array.of(1) });
		carryOut(
			active,
			core.recorded(create(BooterEntrySchema, { body: { case: 'ballot', value: ballot } }), null)
		);
		expect([core.state().phase, active.asked]).toEqual(['recording', []]);
	});

	it('drops what it could not record when it leads no longer, and never says it', async () => {
		const active = elect();
		reaches = (from, to) => from !== active.id && to !== active.id;
		ask(active, await join());
		const next = elect2(active);
		expect(active.replica.isActive).toBe(false);
		reaches = () => true;
		ticks(3 * ELECTION_TICKS);
		expect(active.asked).toEqual([]);
		expect(next.asked).toEqual([]);
		expect(active.replica.active).toBe(next.id);
		// Who wanted to join asks again, of the one that is active now.
		ask(next, await join());
		ticks(3);
		expect(next.asked[0]).toMatchObject({ view: next.raft.term, slot: 1 });
	});

	it('says at once what a log of one replica has: nobody else is waited for', async () => {
		booters = booters.slice(0, 1);
		ledger = await TestLedger.found([0], { booters: booters.map(({ signer }) => signer.publicKey) });
		hosts = [];
		const alone = start(booters[0]!.id);
		expect(elect()).toBe(alone);
		ticks(2);
		ask(alone, await join());
		ticks(1);
		expect(said(alone).map(([term, attempt, height]) => [term, attempt, height])).toEqual([
			[alone.replica.term, 0, 1]
		]);
		// There is nobody to hand over to: it goes on.
		carryOut(alone, alone.replica.handOver());
		expect([alone.replica.isActive, alone.replica.isReplica(alone.id)]).toEqual([true, false]);
	});

	it('tells of nobody before who leads is active: its term begins with an entry that a majority holds', () => {
		reaches = (_from, _to, what) => what !== 'append';
		ticks(2 * ELECTION_TICKS);
		const elected = hosts.filter(({ raft }) => raft.isLeader);
		expect(elected.map(({ replica }) => [replica.isLeader, replica.isActive, replica.active])).toEqual([
			[true, false, null]
		]);
	});

	it('asks for a record at once, and keeps it in the log', async () => {
		const active = elect();
		ask(active, await join());
		letters = [];
		ticks(1);
		expect(active.replica.log().filter(({ type }) => type === RaftEntryType.DATA)).toHaveLength(1);
		expect(hosts.flatMap(({ notes }) => notes)).toEqual([]);
	});

	it('says what its log holds that no Booter of this version writes, and goes on', async () => {
		const active = elect();
		carryOut(active, active.replica.step({ ...noBooterEffects(), entries: [Uint8Array.of(0xff)] }));
		ticks(5);
		const note = 'the log holds an entry that no Booter of this version writes';
		expect(hosts.map(({ notes }) => notes)).toEqual([[note], [note], [note]]);
		ask(active, await join());
		ticks(5);
		expect(said(active)).toHaveLength(1);
	});

	it('writes to a replica when its link comes up, and not when it goes down; others are no replicas', () => {
		const active = elect();
		const [other] = hosts.filter((one) => one !== active) as [Host];
		const written = (peer: string, isUp: boolean) => {
			carryOut(active, active.replica.link(peer, isUp));
			return letters.splice(0).map(({ to, message }) => [to, message.body.case]);
		};
		expect(written(other.id, true)).toEqual([[other.id, 'heartbeat']]);
		expect([written(other.id, false), written(newcomers[0]!.id, true)]).toEqual([[], []]);
		// What was under way to it is not counted on: the next entry only asks where it stands.
		expect(active.raft.state().progress.find(({ id }) => id === other.id)?.state).toBe('probe');
	});

	it('asks a leader of a partition whose link comes up for its votes', async () => {
		const active = elect();
		ask(active, await join());
		ticks(3);
		await sign(active);
		const member = newcomers[0]!.id;
		ask(active, await join(1));
		ticks(3);
		expect(active.replica.core.state()).toMatchObject({ height: 2, phase: 'sign' });
		const { votes } = active.replica.link(member, true);
		expect(votes.map(({ to, statement }) => [to, Kind[statement.kind]])).toEqual([[[member], 'NEXT']]);
		expect(active.replica.link(newcomers[1]!.id, true).votes).toEqual([]);
	});

	it('R14: goes on with what the one before had open, in a ballot of its own term', async () => {
		const active = elect();
		ask(active, await join());
		ticks(3);
		active.isDown = true;
		const next = elect();
		expect(next.raft.term).toBeGreaterThan(active.raft.term);
		const [first] = said(active);
		const [second] = said(next);
		expect(second?.slice(0, 3)).toEqual([next.raft.term, 0, 1]);
		expect(first).toBeDefined();
		await sign(next);
		expect(next.chain.head.height).toBe(1);
		expect(next.chain.topology.partition(1)!.members).toEqual([newcomers[0]!.id]);
	});

	it('takes up after a restart what its disk has, and its term goes on', async () => {
		const active = elect();
		ask(active, await join());
		ticks(3);
		const { term } = active.raft;
		for (const { id } of booters) start(id);
		const next = elect();
		expect(next.raft.term).toBeGreaterThan(term);
		expect(next.asked[0]).toMatchObject({ view: next.raft.term, attempt: 0, slot: 1 });
	});

	it('that was away has the open ballot from a snapshot, where the log is cut behind it', async () => {
		for (const { id } of booters) start(id, { snapshotAfterEntries: 1, keptEntries: 0 });
		const active = elect();
		const away = hosts.find((one) => one !== active)!;
		away.isDown = true;
		ask(active, await join());
		ticks(5);
		expect(active.raft.state().startIndex).toBeGreaterThan(away.raft.state().lastIndex);
		away.isDown = false;
		ticks(ELECTION_TICKS);
		expect(away.replica.state().openHeight).toBe(1);
		expect(away.raft.state().snapshotIndex).toBe(active.raft.state().snapshotIndex);
	});

	it('behind its log and with nobody to ask proposes nothing: what is final there block sync brings', async () => {
		const active = elect();
		ask(active, await join());
		ticks(3);
		await sign(active);
		expect(active.chain.head.height).toBe(1);
		// Height 2 is opened, and recorded everywhere; the block of height 1 is on one disk.
		ask(active, await ledger.join(newcomers[1]!, 1));
		ticks(5);
		active.isDown = true;
		const next = elect();
		expect(next.replica.state().openHeight).toBe(2);
		ask(next, await join(2));
		ticks(20);
		expect([next.chain.head.height, next.asked, next.replica.core.state().phase]).toEqual([0, [], 'idle']);
	});
});

describe('leadership', () => {
	it('is handed over before a clean stop, without an election timeout', () => {
		const active = elect();
		carryOut(active, active.replica.handOver());
		settle();
		expect(active.replica.isLeader).toBe(false);
		const next = hosts.find(({ replica }) => replica.isActive)!;
		expect(next).not.toBe(active);
		expect(active.replica.active).toBe(next.id);
	});

	it('what is asked for while it is handed over in vain is recorded afterwards', async () => {
		const active = elect();
		reaches = (_from, _to, what) => what !== 'timeoutNow';
		carryOut(active, active.replica.handOver());
		ask(active, await join());
		ticks(2);
		expect(active.asked).toEqual([]);
		ticks(2 * ELECTION_TICKS);
		expect(active.replica.isActive).toBe(true);
		expect(active.asked[0]).toMatchObject({ slot: 1 });
	});

	it('R21: goes to another where members accuse the one that has it, and not by one replica’s word', () => {
		const active = elect();
		const { term } = active.raft;
		const [one, two] = hosts.filter((host) => host !== active) as [Host, Host];
		one.replica.accuse(active.id, term, true);
		ticks(3 * ELECTION_TICKS);
		expect(active.replica.isActive).toBe(true);
		// Of another term, or of another Booter, it is not about this one.
		two.replica.accuse(active.id, term + 1, true);
		two.replica.accuse(one.id, term, true);
		ticks(3 * ELECTION_TICKS);
		expect(active.replica.isActive).toBe(true);
		two.replica.accuse(active.id, term, true);
		ticks(3 * ELECTION_TICKS);
		expect(active.replica.isActive).toBe(false);
		expect(one.raft.term).toBeGreaterThan(term);
	});

	it('R21: goes to another where what is open stays open', async () => {
		const active = elect();
		const { term } = active.raft;
		ask(active, await join());
		ticks(STALL_TICKS + 3 * ELECTION_TICKS);
		expect(Math.max(...hosts.map(({ raft }) => raft.term))).toBeGreaterThan(term);
	});

	it('R21: stays where one height is opened after the other, and goes where one stays open', () => {
		const active = elect();
		const { term } = active.raft;
		for (let height = 1; height <= 6; height++) {
			const id = new Uint8Array(32);
			const entries = [{ partition: 1, epoch: 1, roundId: height, id }];
			const order = create(OrderContentSchema, { height, previousHash: id, timeMs: 5n, term, entries });
			const content = toBinary(OrderContentSchema, order);
			const entry = ballotEntry(create(BallotRecordSchema, { term, attempt: 0, content }));
			carryOut(active, active.replica.step({ ...noBooterEffects(), entries: [entry] }));
			ticks(STALL_TICKS / 2);
			expect(hosts.map(({ replica }) => replica.state().openHeight)).toEqual([height, height, height]);
		}
		expect([active.replica.isActive, active.raft.term]).toEqual([true, term]);
		ticks(STALL_TICKS + 3 * ELECTION_TICKS);
		expect(active.raft.term).toBeGreaterThan(term);
	});

	it('is given up where members have heard of a higher term, and comes back above it', () => {
		const active = elect();
		const effects = active.replica.core.tick(nowMs);
		effects.higherTerm = 40;
		carryOut(active, active.replica.step(effects));
		expect(active.replica.isActive).toBe(false);
		expect(active.notes).toEqual([expect.stringMatching(/^term \d+ of this Booter is over$/)]);
		const next = elect();
		expect(next.raft.term).toBeGreaterThan(40);
		expect(next.replica.core.term).toBe(next.raft.term);
	});
});

it('a message of who is no replica changes nothing', () => {
	const active = elect();
	const stranger = newcomers[0]!.id;
	const { term } = active.raft;
	carryOut(active, active.replica.message(stranger, heartbeatOf(term + 5)));
	expect(active.raft.term).toBe(term);
	expect(active.replica.isActive).toBe(true);
});

/** Elects one while `away` is cut off and does not know it. */
function elect2(away: Host): Host {
	ticks(4 * ELECTION_TICKS);
	const next = hosts.find((host) => host !== away && host.replica.isActive);
	expect(next).toBeDefined();
	return next!;
}

function heartbeatOf(term: number): RaftMessage {
	const value = { $typeName: 'tabwave.v1.LeaderHeartbeat' as const, commit: 0 };
	return { $typeName: 'tabwave.v1.RaftMessage', term, body: { case: 'heartbeat', value } };
}
