/** The Booter's core, step by step: what it asks for, of whom, and what it makes of the answers. The stories of all are in ballots.test.ts. */
import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../crypto/hex.ts';
import { contentDigest, decodeContent } from '../../../ledger/block.ts';
import {
	OrderCertificateSchema,
	OrderContentSchema,
	SignedSchema,
	type CertifiedBlock,
	type OrderCertificate,
	type PartitionVotes,
	type Signed
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { BallotRecordSchema, BooterEntrySchema } from '../../../wire/gen/tabwave/v1/storage_pb.js';
import type {
	LockProof,
	Next,
	PartitionStatus,
	PartitionVote
} from '../../../wire/gen/tabwave/v1/wire_pb.js';
import { orderStatement } from '../../certificates.ts';
import { doubleVote } from '../../evidence/evidence.ts';
import { Kind } from '../../statement.ts';
import { MAX_BALLOT_NUMBER, type Ballot } from '../ballot.ts';
import type { CertifiedBody } from '../certified-block.ts';
import { lockReference } from '../lock.ts';
import { encodeRefusal, REFUSED } from '../refusal.ts';
import { RESEND_TICKS, START_MS, Tiers } from '../testing/tiers.ts';
import { BooterCore } from './booter.ts';
import { addBooterEffects, noBooterEffects, type BooterEffects } from './booter-effects.ts';
import { encodeEntry, OpenBallot } from './open-ballot.ts';

const HEIGHT = 2;
const FIRST = { term: 1, attempt: 0 };
let tiers: Tiers;
let core: BooterCore;
let log: OpenBallot;
/** Block of partition 1 to 4, round 1. */
let bodies: CertifiedBody[];
let nowMs: number;
let gatherTicks: number;

beforeEach(async () => {
	gatherTicks = 0;
	await begin([1, 1, 1, 1]);
});

/** Four partitions: q_u is three of them. The core under test has the Booter's chain for itself. */
async function begin(partitions: number[]): Promise<void> {
	tiers = await Tiers.create({ partitions });
	bodies = [];
	for (let id = 1; id <= partitions.length; id++) bodies.push(await tiers.certify(id, 1));
	nowMs = START_MS;
	core = fresh();
	log = new OpenBallot();
}

function fresh(): BooterCore {
	return new BooterCore({
		chain: tiers.booter.chain,
		resendTicks: RESEND_TICKS,
		gatherTicks,
		gapTicks: 5,
		readBlock: (block: CertifiedBlock) =>
			bodies.find((body) => toHex(body.proposalBytes) === toHex(block.proposal)) ?? null
	});
}

/** The log of one replica: what is asked for is recorded at once. */
function record(effects: BooterEffects): BooterEffects {
	for (let data = effects.entries.shift(); data; data = effects.entries.shift())
		addBooterEffects(effects, core.recorded(log.apply(data)!, log.logged));
	return effects;
}

function ticks(count = 1): BooterEffects {
	let effects = noBooterEffects();
	for (let i = 0; i < count; i++) {
		nowMs += 50;
		effects = record(core.tick(nowMs));
	}
	return effects;
}

/** It leads, has a clock, and what it does comes of what is given to it. */
function lead(term = 1): void {
	record(core.lead(term, log.logged));
	ticks();
}

const give = (body: CertifiedBody): BooterEffects => record(core.certified(body));
const leaders = (...ids: number[]): string[] => ids.map((id) => tiers.leaderOf(id).member.id);

/** Nexts, as ballot, partitions asked, and rounds ordered. */
function nexts(effects: BooterEffects): [ballot: string, to: string[], rounds: string[]][] {
	return effects.votes
		.filter(({ statement }) => statement.kind === Kind.NEXT)
		.map(({ statement, to, payload }) => [
			`${statement.view}.${statement.attempt}`,
			to,
			decodeContent(payload!).entries.map(({ partition, roundId }) => `${partition}/${roundId}`)
		]);
}

function questions(effects: BooterEffects): [ballot: string, to: string[]][] {
	return effects.votes
		.filter(({ statement }) => statement.kind === Kind.STATUS_REQUEST)
		.map(({ statement, to }) => [`${statement.view}.${statement.attempt}`, to]);
}

const sends = (effects: BooterEffects) => effects.send.map(({ to, packet }) => [packet.case, to]);

/** What is open, executed as an honest member does. */
function result() {
	const { ballot, content, contentBytes } = log.logged!;
	const { chain } = tiers.member('1a');
	const held = content.entries.map((entry) => ({
		kind: 'block' as const,
		body: bodies.find(({ id }) => id === toHex(entry.id))!
	}));
	const { blockHashes } = chain.execute(content, contentBytes, held);
	return { ...ballot, height: content.height, contentDigest: contentDigest(contentBytes), blockHashes };
}

function votes(
	partition: number,
	kind: Kind.SIGN | Kind.DONE = Kind.SIGN,
	fields: Partial<PartitionVote> = {}
): PartitionVote {
	const list: PartitionVotes = { $typeName: 'tabwave.v1.PartitionVotes', partition, epoch: 1, votes: [] };
	return { $typeName: 'tabwave.v1.PartitionVote', kind, ...result(), votes: list, ...fields };
}

function signedBy(partitions: number[], kind: Kind.SIGN | Kind.DONE = Kind.SIGN): BooterEffects {
	let effects = noBooterEffects();
	for (const partition of partitions) effects = record(core.vote(votes(partition, kind)));
	return effects;
}

function status(partition: number, ballot: Ballot, lock: LockProof | null = null): PartitionStatus {
	const reference = lock?.orderCommit && lockReference(lock.orderCommit);
	const groups = [{ $typeName: 'tabwave.v1.StatusGroup' as const, lock: reference, members: [] }];
	return {
		$typeName: 'tabwave.v1.PartitionStatus',
		...ballot,
		height: HEIGHT,
		statuses: { $typeName: 'tabwave.v1.PartitionStatuses', partition, epoch: 1, groups },
		lock: lock ?? undefined
	};
}

function answered(partitions: number[], ballot: Ballot, lock: LockProof | null = null): BooterEffects {
	let effects = noBooterEffects();
	for (const partition of partitions) effects = record(core.status(status(partition, ballot, lock)));
	return effects;
}

/** An OrderCommit on what is open, as the members lock on it. */
function lockOn(fields: Partial<OrderCertificate> = {}): LockProof {
	const orderCommit = { ...create(OrderCertificateSchema, result()), ...fields };
	return { $typeName: 'tabwave.v1.LockProof', orderCommit, content: log.logged!.contentBytes };
}

/** The only member of each partition says no. */
function refused(
	partitions: number[],
	{ ballot = FIRST, name = 'No', entry = null as Uint8Array | null, joined = null as Ballot | null } = {}
): BooterEffects {
	let effects = noBooterEffects();
	for (const partition of partitions) {
		const payload = encodeRefusal({ name, message: 'because', entry }, joined);
		const refusal = create(SignedSchema, {
			kind: Kind.REFUSE,
			view: ballot.term,
			attempt: ballot.attempt,
			slot: HEIGHT,
			sender: fromHex(leaders(partition)[0]!),
			payload
		});
		const carried = { partition, epoch: 1, refusals: [refusal] };
		effects = record(core.refusal({ $typeName: 'tabwave.v1.PartitionRefusal', ...carried }));
	}
	return effects;
}

async function silence(): Promise<Signed> {
	const { member } = tiers.member('1a');
	const place = { partition: 2, epoch: 1, view: 0, attempt: 0, slot: 1 };
	return tiers.sign(member, { kind: Kind.SILENCE, ...place, digest: fromHex(leaders(2)[0]!) });
}

const leave = async (name: string, partition: number): Promise<Signed> =>
	tiers.sign(tiers.member(name).member, {
		kind: Kind.LEAVE,
		partition,
		epoch: 1,
		view: 0,
		attempt: 0,
		slot: 0,
		digest: new Uint8Array(32)
	});

describe('a Booter that leads', () => {
	it('proposes what comes, in the first ballot of its term, when that is in the log (R20)', () => {
		core.lead(3, null);
		ticks();
		const effects = core.certified(bodies[0]!);
		expect([nexts(effects), effects.entries.length, core.state().phase]).toEqual([[], 1, 'recording']);
		// Nobody is asked before.
		expect(core.leaderChanged(2, 1).votes).toEqual([]);
		expect(core.tick(nowMs).votes).toEqual([]);
		expect(nexts(record(effects))).toEqual([['3.0', leaders(1, 2, 3, 4), ['1/1']]]);
		expect(core.state()).toMatchObject({
			term: 3,
			height: HEIGHT,
			ballot: '3.0',
			phase: 'sign',
			missing: [1, 2, 3, 4]
		});
	});

	it('gives the other partitions the body before they are asked for their votes', () => {
		lead();
		expect(sends(give(bodies[1]!))).toEqual(leaders(1, 3, 4).map((to) => ['certifiedBlock', to]));
		expect(sends(give(bodies[1]!))).toEqual([]);
	});

	it('needs a clock first, and a term above all in which it has led', () => {
		core.lead(2, null);
		expect(give(bodies[0]!).votes).toEqual([]);
		expect(nexts(ticks())).toHaveLength(1);
		for (const term of [1, 2]) expect(() => core.lead(term, null)).toThrow(/^R19/);
		expect(() => fresh().lead(MAX_BALLOT_NUMBER + 1, null)).toThrow(/^R19/);
		expect(() => fresh().lead(MAX_BALLOT_NUMBER, null)).not.toThrow();
		expect(() => fresh().lead(0, null)).toThrow(/^R19/);
	});

	it('begins at once with what it was handed while another led', () => {
		ticks();
		expect(give(bodies[0]!)).toEqual(noBooterEffects());
		expect([core.isWaiting, core.isLeading, core.state().phase]).toEqual([true, false, 'following']);
		expect(nexts(record(core.lead(1, null)))).toHaveLength(1);
	});

	it('drops what is open when another leads', () => {
		lead();
		give(bodies[0]!);
		core.stepDown();
		expect(core.state()).toMatchObject({
			term: 0,
			height: null,
			ballot: null,
			phase: 'following',
			missing: []
		});
		expect(signedBy([1, 2, 3])).toEqual(noBooterEffects());
	});

	it('waits for nothing while there is nothing to do (R21)', async () => {
		lead();
		expect(core.isWaiting).toBe(false);
		record(core.request(await leave('1a', 1)));
		// An order is open, and no block.
		expect([core.state().phase, core.isWaiting]).toEqual(['sign', true]);
		core.stepDown();
		expect(core.isWaiting).toBe(false);
		lead(2);
		expect([core.state().phase, core.isWaiting]).toEqual(['status', true]);
	});

	it('knows who leads each partition, as it was proved, and asks a new one at once', async () => {
		await begin([2, 1, 1, 1]);
		lead();
		give(bodies[0]!);
		const members = tiers.booter.chain.topology.partition(1)!.members;
		expect([core.leader(1), core.view(1), core.leader(9), core.view(9)]).toEqual([members[0], 0, null, 0]);
		expect(core.leaderChanged(1, 0)).toEqual(noBooterEffects());
		expect(core.leaderChanged(9, 1)).toEqual(noBooterEffects());
		expect(nexts(core.leaderChanged(1, 3))).toEqual([['1.0', [members[1]], ['1/1']]]);
		for (const view of [3, 2]) expect(core.leaderChanged(1, view)).toEqual(noBooterEffects());
		expect([core.leader(1), core.view(1)]).toEqual([members[1], 3]);
		expect(nexts(core.linkUp(members[1]!))).toHaveLength(1);
		expect(core.linkUp(members[0]!)).toEqual(noBooterEffects());
	});
});

describe('votes', () => {
	it('of q_u partitions make an OrderCommit, which leaves when it is in the log (R20)', () => {
		lead();
		give(bodies[0]!);
		expect(signedBy([1, 2])).toEqual(noBooterEffects());
		expect(core.state().missing).toEqual([3, 4]);
		const effects = core.vote(votes(3));
		expect([effects.entries.length, effects.send, core.state().phase]).toEqual([1, [], 'sign']);
		// Neither another entry nor another vote says it.
		const { contentBytes: content } = log.logged!;
		const again = create(BooterEntrySchema, {
			body: { case: 'ballot', value: create(BallotRecordSchema, { ...FIRST, content }) }
		});
		expect(core.recorded(again, log.logged)).toEqual(noBooterEffects());
		expect(core.vote(votes(4))).toEqual(noBooterEffects());
		const value = create(OrderCertificateSchema, { ...result(), height: 3 });
		const elsewhere = create(BooterEntrySchema, { body: { case: 'orderCommit', value } });
		expect(core.recorded(elsewhere, log.logged).send).toEqual([]);
		expect(sends(record(effects))).toEqual(leaders(1, 2, 3, 4).map((to) => ['orderCommit', to]));
		expect(core.state()).toMatchObject({ phase: 'done', missing: [1, 2, 3, 4] });
		const sent = effects.send[0]!.packet.value as OrderCertificate;
		expect(sent.partitions.map(({ partition }) => partition)).toEqual([1, 2, 3]);
	});

	it('twice make the height final, and the proof goes out', () => {
		lead();
		give(bodies[0]!);
		signedBy([1, 2, 3]);
		expect(signedBy([2, 3], Kind.DONE).commits).toEqual([]);
		const effects = signedBy([4], Kind.DONE);
		expect(effects.commits.map(({ head }) => head.height)).toEqual([HEIGHT]);
		expect(sends(effects)).toEqual(leaders(1, 2, 3, 4).map((to) => ['finality', to]));
		expect(core.state()).toMatchObject({ height: null, phase: 'idle' });
	});

	it('ride on the next Next where there is one', () => {
		lead();
		give(bodies[0]!);
		give(bodies[1]!);
		signedBy([1, 2, 3]);
		const effects = signedBy([1, 2, 3], Kind.DONE);
		expect(sends(effects)).toEqual([]);
		expect(nexts(effects)).toEqual([['1.0', leaders(1, 2, 3, 4), ['2/1']]]);
		const [vote] = effects.votes;
		const packet = vote!.packet!(create(SignedSchema));
		expect((packet?.value as Next).previous).toMatchObject({ height: HEIGHT });
	});

	it('of who has no vote are none, and before the OrderCommit no Done ends anything', () => {
		lead();
		give(bodies[0]!);
		for (const partition of [5, 6, 7]) expect(core.vote(votes(partition))).toEqual(noBooterEffects());
		expect(signedBy([1, 2, 3, 4], Kind.DONE).commits).toEqual([]);
		signedBy([1, 2, 3]);
		const [commit] = signedBy([4], Kind.DONE).commits;
		expect(commit!.blocks).toHaveLength(1);
	});

	it('that are missing are asked for again: of leaders first, then of everybody in the partition', async () => {
		await begin([2, 1, 1, 1]);
		lead();
		give(bodies[0]!);
		signedBy([2]);
		const { members } = tiers.booter.chain.topology.partition(1)!;
		expect(ticks(RESEND_TICKS - 1).votes).toEqual([]);
		expect(nexts(ticks(1))).toEqual([['1.0', leaders(1, 3, 4), ['1/1']]]);
		expect(ticks(1).votes).toEqual([]);
		expect(nexts(ticks(RESEND_TICKS - 1))[0]![1]).toEqual(leaders(1, 3, 4));
		expect(nexts(ticks(RESEND_TICKS))[0]![1]).toEqual([...members, ...leaders(3, 4)]);
		// Those who have the ballot's OrderCommit to answer are given it again.
		signedBy([3, 4]);
		signedBy([1], Kind.DONE);
		const again = ticks(RESEND_TICKS);
		expect([nexts(again)[0]![1], sends(again)]).toEqual([
			leaders(2, 3, 4),
			leaders(2, 3, 4).map((to) => ['orderCommit', to])
		]);
	});
});

describe('the operator’s signature (R22)', () => {
	it('counts while nobody has a vote, on what is open, and not otherwise', async () => {
		lead();
		give(bodies[0]!);
		const statement = orderStatement(Kind.OPERATOR, { ...result(), without: undefined }, 0, 0);
		expect(core.operatorSigned(statement, new Uint8Array(64))).toEqual(noBooterEffects());
	});
});

describe('a later ballot (R14)', () => {
	/** What an earlier leader has left. */
	function leaveOpen(ageMs = 0): void {
		lead();
		give(bodies[0]!);
		core = fresh();
		nowMs += ageMs;
	}

	it('begins with a question to all, is opened with q_u answers, and repeats what was open', () => {
		leaveOpen();
		core.lead(2, log.logged);
		expect(questions(ticks())).toEqual([['2.0', leaders(1, 2, 3, 4)]]);
		expect(core.state()).toMatchObject({ ballot: '2.0', phase: 'status', missing: [1, 2, 3, 4] });
		answered([1, 2], { term: 2, attempt: 0 });
		expect(core.state().missing).toEqual([3, 4]);
		const before = log.logged!.contentBytes;
		const effects = answered([3], { term: 2, attempt: 0 });
		expect(nexts(effects)).toEqual([['2.0', leaders(1, 2, 3, 4), ['1/1']]]);
		// Its blocks came with the log: nobody is asked for them.
		expect([log.logged!.contentBytes, sends(effects)]).toEqual([before, []]);
		const next = effects.votes[0]!.packet!(create(SignedSchema))?.value as Next;
		expect(next.statuses.map(({ partition }) => partition)).toEqual([1, 2, 3]);
		expect(next.lock).toBeUndefined();
	});

	it('counts answers on this ballot and height alone', () => {
		leaveOpen();
		core.lead(2, log.logged);
		ticks();
		answered([1, 2], { term: 2, attempt: 0 });
		for (const ballot of [FIRST, { term: 2, attempt: 1 }])
			expect(answered([3], ballot)).toEqual(noBooterEffects());
		const other = { ...status(3, { term: 2, attempt: 0 }), height: 3 };
		expect(core.status(other)).toEqual(noBooterEffects());
		expect(core.state().phase).toBe('status');
	});

	it('asks those again that have not answered, and a new leader at once', async () => {
		await begin([2, 1, 1, 1]);
		leaveOpen();
		core.lead(2, log.logged);
		ticks();
		answered([2], { term: 2, attempt: 0 });
		const members = tiers.booter.chain.topology.partition(1)!.members;
		expect(questions(core.leaderChanged(1, 1))).toEqual([['2.0', [members[1]]]]);
		expect(questions(ticks(RESEND_TICKS))).toEqual([['2.0', [members[1], ...leaders(3, 4)]]]);
	});

	it('whose content is old is made anew: nobody would vote for its time', () => {
		leaveOpen(Number(tiers.genesis.fields.maxClockSkewMs) / 2);
		core.lead(2, log.logged);
		ticks();
		const before = log.logged!.contentBytes;
		expect(nexts(answered([1, 2, 3], { term: 2, attempt: 0 }))[0]![2]).toEqual(['1/1']);
		expect(log.logged!.contentBytes).not.toEqual(before);
	});

	it('whose content is as old as may be is repeated', () => {
		leaveOpen();
		nowMs = Number(log.logged!.content.timeMs) + Number(tiers.genesis.fields.maxClockSkewMs) / 2 - 50;
		core.lead(2, log.logged);
		ticks();
		const before = log.logged!.contentBytes;
		answered([1, 2, 3], { term: 2, attempt: 0 });
		expect(log.logged!.contentBytes).toEqual(before);
	});

	it('repeats an old content that had an OrderCommit: it is timely for good', () => {
		lead();
		give(bodies[0]!);
		signedBy([1, 2, 3]);
		core = fresh();
		nowMs += 10 * Number(tiers.genesis.fields.maxClockSkewMs);
		core.lead(2, log.logged);
		ticks();
		const before = log.logged!.contentBytes;
		answered([1, 2, 3], { term: 2, attempt: 0 });
		expect(log.logged!.contentBytes).toEqual(before);
	});

	it('is free where the bodies of what was open are nowhere: what else waits is proposed', () => {
		leaveOpen();
		bodies[0] = { ...bodies[0]!, proposalBytes: new Uint8Array(1) };
		core.lead(2, log.logged);
		ticks();
		give(bodies[1]!);
		expect(nexts(answered([1, 2, 3], { term: 2, attempt: 0 }))[0]![2]).toEqual(['2/1']);
	});

	it('repeats the highest lock, and shows it; bodies that are missing are asked for, once, then again (R12)', () => {
		leaveOpen();
		const lock = lockOn();
		const held = bodies[0]!;
		bodies[0] = { ...held, proposalBytes: new Uint8Array(1) };
		core.lead(2, log.logged);
		ticks();
		const asking = answered([1, 2, 3], { term: 2, attempt: 0 }, lock);
		expect(sends(asking)).toEqual(leaders(1, 2, 3, 4).map((to) => ['certifiedBlockRequest', to]));
		// Enough have answered: the body is what is waited for, and asked for of everybody.
		expect([core.state().missing, ticks(RESEND_TICKS - 1).send]).toEqual([[], []]);
		const again = ticks();
		expect([again.votes, sends(again)]).toEqual([
			[],
			leaders(1, 2, 3, 4).map((to) => ['certifiedBlockRequest', to])
		]);
		bodies[0] = held;
		const other = { ...held, certificate: { ...held.certificate, view: 1 } };
		expect(nexts(give(other))).toEqual([]);
		const effects = give(held);
		expect(nexts(effects)).toEqual([['2.0', leaders(1, 2, 3, 4), ['1/1']]]);
		const next = effects.votes.at(-1)!.packet!(create(SignedSchema))?.value as Next;
		expect(next.lock).toEqual(lock.orderCommit);
	});

	it('stops this Booter where the lock is on another result than its own (R17)', () => {
		leaveOpen();
		core.lead(2, log.logged);
		ticks();
		const lock = lockOn({ blockHashes: new Uint8Array(32) });
		expect(() => answered([1, 2, 3], { term: 2, attempt: 0 }, lock)).toThrow(/^R17/);
	});

	it('stops this Booter where it would refuse what others are locked on (R17)', () => {
		leaveOpen();
		const lock = lockOn();
		core.lead(2, log.logged);
		ticks();
		const { fields } = tiers.genesis;
		const before = fields.maxTransactionsPerBlock;
		fields.maxTransactionsPerBlock = 0;
		try {
			expect(() => answered([1, 2, 3], { term: 2, attempt: 0 }, lock)).toThrow(/^R17/);
		} finally {
			fields.maxTransactionsPerBlock = before;
		}
	});
});

describe('a block that somebody lacks (R12)', () => {
	it('is had from what is open and from what waits, with the certificate that is named', () => {
		lead();
		give(bodies[0]!);
		give(bodies[1]!);
		for (const body of bodies.slice(0, 2)) {
			expect(core.body(body.id, 0)).toBe(body);
			expect(core.body(body.id, 1)).toBeUndefined();
		}
		expect(core.body(bodies[2]!.id, 0)).toBeUndefined();
		// What voters refused is had no more.
		refused([1, 2, 3], { entry: bodies[0]!.idBytes });
		expect(core.body(bodies[0]!.id, 0)).toBeUndefined();
	});
});

describe('a block that this Booter refuses itself', () => {
	it('is dropped before anybody hears of it, and the others are proposed', () => {
		const { fields } = tiers.genesis;
		const before = fields.maxTransactionsPerBlock;
		const twofold = { ...bodies[1]!, transactions: [...bodies[1]!.transactions, ...bodies[1]!.transactions] };
		for (const body of [bodies[0]!, twofold]) give(body);
		fields.maxTransactionsPerBlock = 1;
		try {
			lead();
			expect(core.state()).toMatchObject({ ballot: '1.0', phase: 'sign' });
			const counts = core.state().waiting.map(({ partition, blocks }) => [partition, blocks]);
			expect(counts).toContainEqual([2, 0]);
			expect(log.logged!.content.entries.map(({ partition }) => partition)).toEqual([1]);
		} finally {
			fields.maxTransactionsPerBlock = before;
		}
	});
});

describe('a ballot that does not come to q_u', () => {
	it('is given up, and the next goes without what was refused, at once', () => {
		lead();
		give(bodies[0]!);
		give(bodies[1]!);
		expect(refused([1], { entry: bodies[0]!.idBytes })).toEqual(noBooterEffects());
		const effects = refused([2], { entry: bodies[0]!.idBytes });
		expect(questions(effects)).toEqual([['1.1', leaders(1, 2, 3, 4)]]);
		expect(effects.notes).toEqual(['ballot 1.0 of height 2 is given up: No: because']);
		expect(nexts(answered([1, 2, 3], { term: 1, attempt: 1 }))[0]![2]).toEqual(['2/1']);
	});

	it('is tried again after a pause that doubles, where nothing can be left out', () => {
		lead();
		give(bodies[0]!);
		const pauses: number[] = [];
		for (let attempt = 0; attempt < 7; attempt++) {
			const ballot = { term: 1, attempt };
			expect(questions(refused([1, 2], { ballot }))).toEqual([]);
			expect(core.isWaiting).toBe(true);
			let pause = 1;
			while (questions(ticks()).length === 0) pause += 1;
			pauses.push(pause);
			expect(nexts(answered([1, 2, 3], { term: 1, attempt: attempt + 1 }))).toHaveLength(1);
		}
		expect(pauses).toEqual([1, 2, 4, 8, 16, 16, 16].map((resends) => resends * RESEND_TICKS));
	});

	it('goes on where q_u have signed, whoever refuses; in doubt for too long, it is taken up by a later ballot: it may be locked', () => {
		lead();
		give(bodies[0]!);
		core.vote(votes(1));
		core.vote(votes(2));
		record(core.vote(votes(3)));
		expect(refused([1, 2, 3, 4]).notes).toEqual([]);
		expect(ticks(10 * RESEND_TICKS - 1).notes).toEqual([]);
		expect(core.state()).toMatchObject({ ballot: '1.0', phase: 'done' });
		expect(questions(ticks())).toEqual([['1.1', leaders(1, 2, 3, 4)]]);
		// Nobody of those that answer is locked: the same order is the first choice still.
		expect(nexts(answered([1, 2, 3], { term: 1, attempt: 1 }))[0]![2]).toEqual(['1/1']);
	});

	it('is given a while where somebody refuses and nothing is decided', () => {
		ticks(30);
		lead();
		give(bodies[0]!);
		refused([1]);
		expect(core.state().differing).toEqual([1]);
		expect(ticks(10 * RESEND_TICKS - 1).notes).toEqual([]);
		expect(ticks().notes).toHaveLength(1);
		expect(core.state().differing).toEqual([]);
	});

	it('of a higher term in which members are: this Booter leads no more (R19)', () => {
		lead();
		give(bodies[0]!);
		const says = { name: REFUSED.ballotPassed, joined: { term: 5, attempt: 2 } };
		expect(refused([1], says).higherTerm).toBeNull();
		const effects = refused([2], says);
		expect([effects.higherTerm, core.isLeading]).toEqual([5, false]);
	});

	it('of its own term that members have passed: the next is above it', () => {
		lead();
		give(bodies[0]!);
		const says = { name: REFUSED.ballotPassed, joined: { term: 1, attempt: 7 } };
		refused([1, 2], says);
		expect(core.isLeading).toBe(true);
		expect(questions(ticks(RESEND_TICKS))).toEqual([['1.8', leaders(1, 2, 3, 4)]]);
	});

	it('has attempts up to the last number that can be written down', () => {
		lead();
		give(bodies[0]!);
		const last = { term: 1, attempt: MAX_BALLOT_NUMBER };
		expect(() => {
			refused([1, 2], { name: REFUSED.ballotPassed, joined: last });
			ticks(RESEND_TICKS);
		}).toThrow(/^R14/);
	});
});

describe('results that differ (R17)', () => {
	const by = (partition: number, fill?: number): BooterEffects => {
		const blockHashes = new Uint8Array(32 * log.logged!.content.entries.length).fill(fill ?? 0);
		return record(core.vote(votes(partition, Kind.SIGN, fill ? { blockHashes } : {})));
	};

	it('are waited for until all have spoken; then half of the list is tried, and at last one alone', () => {
		ticks();
		for (const body of bodies.slice(0, 3)) give(body);
		record(core.lead(1, null));
		expect(log.logged!.content.entries).toHaveLength(3);
		for (const [partition, fill] of [
			[1, 1],
			[2, 2]
		] as const)
			expect(by(partition, fill).notes).toEqual([]);
		expect(by(3).notes).toEqual([]);
		const effects = by(4);
		expect(effects.notes).toEqual(['ballot 1.0 of height 2 is given up: members signed another result']);
		expect(questions(effects)).toHaveLength(1);
		expect(nexts(answered([1, 2, 3], { term: 1, attempt: 1 }))[0]![2]).toEqual(['2/1', '3/1']);
		for (const partition of [1, 2]) by(partition, partition);
		for (const partition of [3, 4]) by(partition);
		expect(nexts(answered([1, 2, 3], { term: 1, attempt: 2 }))[0]![2]).toEqual(['2/1']);
		for (const partition of [1, 2]) by(partition, partition);
		for (const partition of [3, 4]) by(partition);
		// It was the one: it is gone, and the others share an order again.
		expect(nexts(answered([1, 2, 3], { term: 1, attempt: 3 }))[0]![2]).toEqual(['3/1', '1/1']);
	});
});

describe('changes of members', () => {
	it('are gathered for a while, which the first of them begins; blocks do not wait for them', async () => {
		gatherTicks = 5;
		await begin([2, 1, 1, 1]);
		lead();
		expect(nexts(record(core.request(await leave('1a', 1))))).toEqual([]);
		expect(ticks(3).votes).toEqual([]);
		expect(nexts(record(core.request(await leave('1b', 1))))).toEqual([]);
		expect(nexts(ticks(2))).toEqual([['1.0', leaders(1, 2, 3, 4), ['1/0']]]);
	});

	it('share an order with blocks, at its end', async () => {
		give(bodies[0]!);
		core.request(await leave('2a', 2));
		core.lead(1, null);
		expect(nexts(ticks())[0]![2]).toEqual(['1/1', '2/0']);
	});

	it('are made of evidence, too, with no one’s declaration (R24)', async () => {
		gatherTicks = 3;
		await begin([2, 1, 1, 1]);
		lead();
		ticks(10);
		const { member } = tiers.member('1a');
		const place = { kind: Kind.PREPARE, partition: 1, epoch: 1, view: 0, attempt: 0, slot: 7 };
		const [first, second] = await Promise.all(
			[1, 2].map((value) => tiers.sign(member, { ...place, digest: new Uint8Array(32).fill(value) }))
		);
		const effects = record(core.evidence(member.id, doubleVote(first!, second!)));
		expect(nexts(effects)).toEqual([]);
		expect(ticks(2).votes).toEqual([]);
		expect(nexts(ticks())[0]![2]).toEqual(['1/0']);
		const [entry] = log.logged!.content.entries;
		expect(entry!.membershipChange.length).toBeGreaterThan(0);
	});

	it('are dropped when another leads: who wants something asks the other', async () => {
		gatherTicks = 5;
		core = fresh();
		lead();
		core.request(await silence());
		expect(core.requests.isEmpty).toBe(false);
		core.stepDown();
		expect(core.requests.isEmpty).toBe(true);
	});
});

describe('a block that block sync brought', () => {
	it('ends what was open there; its proof rides on the next Next', async () => {
		lead();
		give(bodies[0]!);
		const { chain } = tiers.booter;
		const { content, contentBytes } = log.logged!;
		const finality = create(OrderCertificateSchema, { ...result() });
		chain.commit(chain.execute(content, contentBytes, [{ kind: 'block', body: bodies[0]! }]), finality);
		expect(core.moved(finality)).toEqual(noBooterEffects());
		expect(core.state()).toMatchObject({ height: null, phase: 'idle' });
		const effects = give(bodies[1]!);
		expect(nexts(effects)[0]![2]).toEqual(['2/1']);
		const next = effects.votes.at(-1)!.packet!(create(SignedSchema))?.value as Next;
		expect(next.previous).toBe(finality);
	});

	it('goes on with what waits', () => {
		lead();
		give(bodies[0]!);
		give(bodies[1]!);
		const { chain } = tiers.booter;
		const { content, contentBytes } = log.logged!;
		const finality = create(OrderCertificateSchema, { ...result() });
		chain.commit(chain.execute(content, contentBytes, [{ kind: 'block', body: bodies[0]! }]), finality);
		expect(nexts(record(core.moved(finality)))[0]![2]).toEqual(['2/1']);
	});
});

describe('a log that is further than this chain', () => {
	it('is caught up with by block sync or by what members are locked on: nothing is chosen', () => {
		lead();
		const id = new Uint8Array(32);
		const entries = [{ partition: 1, epoch: 1, roundId: 9, id }];
		const order = create(OrderContentSchema, { height: 3, previousHash: id, timeMs: 5n, ...FIRST, entries });
		const content = toBinary(OrderContentSchema, order);
		const entry = encodeEntry({ case: 'ballot', value: create(BallotRecordSchema, { ...FIRST, content }) });
		log.apply(entry);
		core = fresh();
		core.lead(2, log.logged);
		// It asks: who is locked at the height below has what is to be repeated.
		expect(questions(ticks())).toEqual([['2.0', leaders(1, 2, 3, 4)]]);
	});
});

it('effects of two steps are both asked for', () => {
	const [first, second] = [noBooterEffects(), noBooterEffects()];
	first.higherTerm = 3;
	first.notes.push('a');
	second.notes.push('b');
	second.persist.push({ key: 'k', value: null });
	second.entries.push(Uint8Array.of(1));
	second.send.push({ to: 'x', packet: { case: undefined } });
	second.votes.push({ statement: {} as never, to: [] });
	second.commits.push({} as never);
	addBooterEffects(first, second);
	expect(first).toEqual({ ...second, notes: ['a', 'b'], higherTerm: 3 });
	const third = noBooterEffects();
	third.higherTerm = 4;
	addBooterEffects(first, third);
	expect(first.higherTerm).toBe(4);
});
