/** One member of the upper tier, step by step: what it says, and to whom. The stories of all of them are in ballots.test.ts. */
import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import { contentDigest } from '../../ledger/block.ts';
import {
	OrderCertificateSchema,
	OrderContentSchema,
	PartitionIdsSchema,
	type OrderCertificate,
	type OrderContent
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { Next, Packet, PartitionRefusal, PartitionVote } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { Received } from '../effects.ts';
import { Kind, type Statement } from '../statement.ts';
import { receive, type TestMember } from '../testing/members.ts';
import type { Ballot } from './ballot.ts';
import type { CertifiedBody } from './certified-block.ts';
import { encodeRefusal, readRefusal, refuseStatement, type Refused } from './refusal.ts';
import { statusRequestStatement } from './status.ts';
import { CARRY_TO_ALL_TICKS, RESEND_TICKS, START_MS, Tiers } from './testing/tiers.ts';
import { Voter, type VoterEffects } from './voter.ts';

const HEIGHT = 2;
const FIRST = { term: 1, attempt: 0 };
const SECOND = { term: 1, attempt: 1 };
const NOW_MS = START_MS + 50;
let tiers: Tiers;
let body: CertifiedBody;
/** What the Booter would propose: one block. */
let content: OrderContent;
/** 1a leads the partition of four, and 1b does not. */
let leader: Voter;
let follower: Voter;

beforeEach(async () => {
	tiers = await Tiers.create({ partitions: [4] });
	tiers.reaches = () => false;
	await tiers.ticks(1);
	body = await tiers.certify(1, 1);
	await tiers.spread(body);
	content = tiers.booter.log.logged!.content;
	leader = tiers.member('1a').voter;
	follower = tiers.member('1b').voter;
});

const member = (name: string): TestMember => tiers.member(name).member;
const ids = (...names: string[]): string[] => names.map((name) => member(name).id);

/** The Booter's Next, with these changes of its content. */
async function next(
	ballot: Ballot = FIRST,
	fields: Partial<OrderContent> = {},
	rest: Partial<Next> = {},
	sender = tiers.booter.member
): Promise<Next> {
	const payload = toBinary(OrderContentSchema, { ...content, ...fields });
	const place = { partition: 0, epoch: 0, view: ballot.term, attempt: ballot.attempt };
	const slot = fields.height ?? content.height;
	const statement = { kind: Kind.NEXT, ...place, slot, digest: contentDigest(payload) };
	const signed = await tiers.sign(sender, statement, payload);
	return { $typeName: 'tabwave.v1.Next', signed, statuses: [], ...rest };
}

const LATER = { timeMs: BigInt(NOW_MS + 1000) };
/** Statuses that were checked: a voter looks at whether there are any. */
const JUSTIFIED = {
	statuses: [{ $typeName: 'tabwave.v1.PartitionStatuses' as const, partition: 1, epoch: 1, groups: [] }]
};

async function request(ballot: Ballot, height = HEIGHT) {
	return tiers.sign(tiers.booter.member, statusRequestStatement(ballot, height));
}

/** Another member says the same, or something else. */
async function alike(name: string, statement: Statement, fields: Partial<Statement> = {}): Promise<Received> {
	return receive(await tiers.sign(member(name), { ...statement, ...fields }));
}

async function refusal(name: string, ballot: Ballot, height = HEIGHT): Promise<Received> {
	const refused: Refused = { name: 'No', message: 'because', entry: null };
	const payload = encodeRefusal(refused, null);
	const statement = refuseStatement(ballot, height, { id: 1, epoch: 1 }, payload);
	return receive(await tiers.sign(member(name), statement, payload));
}

/** The certificate that the digest of a Sign leads to; its signatures are the driver's to check. */
function certificate(
	fields: Partial<Omit<OrderCertificate, '$typeName' | '$unknown'>> = {}
): OrderCertificate {
	return create(OrderCertificateSchema, {
		...FIRST,
		height: HEIGHT,
		contentDigest: contentDigest(toBinary(OrderContentSchema, content)),
		blockHashes: blockHashes(),
		...fields
	});
}

/** As an honest node's execution has them. */
function blockHashes(): Uint8Array {
	const { chain } = tiers.member('1d');
	const bodies = [{ kind: 'block' as const, body }];
	return chain.execute(content, toBinary(OrderContentSchema, content), bodies).blockHashes;
}

const kinds = ({ votes }: VoterEffects) => votes.map(({ statement }) => Kind[statement.kind]);
const targets = ({ votes }: VoterEffects) => votes.map(({ to }) => to);
const cases = ({ send }: VoterEffects) => send.map(({ packet }) => packet.case);
const NOTHING = { persist: [], votes: [], send: [], commits: [] };

function sent<C extends Packet['body']['case']>(effects: VoterEffects, name: C) {
	return effects.send.filter(({ packet }) => packet.case === name);
}

function refusedAs(effects: VoterEffects): string[] {
	const refuses = effects.votes.filter(({ statement }) => statement.kind === Kind.REFUSE);
	return refuses.map(({ payload }) => readRefusal({ payload: payload! } as never).name);
}

function ticks(voter: Voter, count: number): VoterEffects {
	let effects = voter.tick();
	for (let i = 1; i < count; i++) effects = voter.tick();
	return effects;
}

describe('a Next', () => {
	it('is executed and signed: the vote is durable before it leaves, and goes to who carries it (R2, R11)', async () => {
		const signs = follower.next(await next(), NOW_MS);
		expect([kinds(signs), targets(signs), signs.persist.length]).toEqual([['SIGN'], [ids('1a')], 1]);
		const carried = leader.next(await next(), NOW_MS);
		// Its own vote comes back to it when it is durable; what the Booter says goes on to the members.
		expect([kinds(carried), targets(carried), cases(carried)]).toEqual([['SIGN'], [[]], ['next']]);
		expect(carried.send[0]!.to).toBe('members');
		expect(cases(signs)).toEqual([]);
	});

	it('of another height than the one above the head is none of its business', async () => {
		for (const height of [1, 3]) expect(leader.next(await next(FIRST, { height }), NOW_MS)).toEqual(NOTHING);
		expect(leader.state()).toBeNull();
	});

	it('that comes again is answered again, and its vote is the same', async () => {
		const [first] = leader.next(await next(), NOW_MS).votes;
		ticks(leader, 1);
		const again = leader.next(await next(), NOW_MS);
		expect([again.votes[0]!.statement, again.persist]).toEqual([first!.statement, []]);
		// Once in a tick, but for the one in which the order was opened.
		expect(leader.next(await next(), NOW_MS)).toEqual(NOTHING);
		const other = follower.next(await next(), NOW_MS).votes;
		expect(follower.next(await next(), NOW_MS).votes).toEqual(other);
	});

	it.each([
		[1, 'holds'],
		[-1, 'holds'],
		[1.001, 'ClockSkew'],
		[-1.001, 'ClockSkew']
	])('of a block time %s bounds from the clock: %s', async (bounds, outcome) => {
		const boundMs = Number(tiers.genesis.fields.maxClockSkewMs);
		const effects = leader.next(await next(), Number(content.timeMs) + bounds * boundMs);
		expect(refusedAs(effects)).toEqual(outcome === 'holds' ? [] : [outcome]);
		expect(leader.state()!.phase).toBe(outcome === 'holds' ? 'signed' : 'refused');
	});

	it('that repeats a lock is not held to the clock: its content was timely when it was first proposed', async () => {
		const locked = await next(SECOND, {}, { ...JUSTIFIED, lock: certificate() });
		expect(kinds(leader.next(locked, NOW_MS + 10 * 3_600_000))).toEqual(['SIGN']);
	});

	it('of a ballot below the open one is refused, and the order stays open', async () => {
		leader.next(await next(SECOND), NOW_MS);
		const effects = leader.next(await next(FIRST, LATER), NOW_MS);
		expect([refusedAs(effects), cases(effects)]).toEqual([['BallotPassed'], ['next']]);
		expect(leader.state()).toMatchObject({ ...SECOND, phase: 'signed' });
	});

	it('of a ballot below the open one is refused as well where nothing has been promised yet', async () => {
		tiers.member('1a').bodies.clear();
		leader.next(await next(SECOND), NOW_MS);
		expect(refusedAs(leader.next(await next(FIRST, LATER), NOW_MS))).toEqual(['BallotPassed']);
		expect(leader.state()).toMatchObject({ ...SECOND, phase: 'fetching' });
	});

	it('of a ballot below the one that was joined is refused, Statuses or not (R14)', async () => {
		leader.statusRequest(await request(SECOND));
		for (const rest of [{}, JUSTIFIED])
			expect(refusedAs(leader.next(await next(FIRST, {}, rest), NOW_MS))).toEqual(['BallotPassed']);
		expect(refusedAs(leader.next(await next(SECOND), NOW_MS))).toEqual(['StatusRequired']);
		expect(leader.state()).toMatchObject({ ...SECOND, phase: 'joined' });
		expect(kinds(leader.next(await next(SECOND, {}, JUSTIFIED), NOW_MS))).toEqual(['SIGN']);
	});

	it('of another content than was signed before a restart is refused, and the first one is not (R11)', async () => {
		const { persist } = leader.next(await next(), NOW_MS);
		const again = voterOf('1a');
		again.restore(persist.map(({ key, value }) => ({ key, value: value! })));
		const other = again.next(await next(FIRST, LATER), NOW_MS);
		expect([refusedAs(other), kinds(other), other.persist]).toEqual([['VotedOtherwise'], ['REFUSE'], []]);
		expect(again.state()).toMatchObject({ phase: 'refused', refusal: { name: 'VotedOtherwise' } });
		expect(kinds(again.next(await next(), NOW_MS))).toEqual(['SIGN']);
	});

	it('of somebody else in the same ballot is no second face of the Booter', async () => {
		leader.next(await next(), NOW_MS);
		expect(leader.next(await next(FIRST, LATER, {}, tiers.otherBooter), NOW_MS)).toEqual(NOTHING);
		expect(leader.equivocation).toBeNull();
	});

	it('of two contents in one ballot is evidence, of which the first is kept and outlives a restart', async () => {
		const faces = [
			await next(),
			await next(FIRST, LATER),
			await next(FIRST, { timeMs: BigInt(NOW_MS + 2000) })
		];
		leader.next(faces[0]!, NOW_MS);
		const found = leader.next(faces[1]!, NOW_MS);
		expect([kinds(found), found.persist.length]).toEqual([[], 1]);
		expect(leader.next(faces[2]!, NOW_MS)).toEqual(NOTHING);
		const evidence = { first: faces[0]!.signed!, second: faces[1]!.signed! };
		expect(leader.equivocation).toEqual(evidence);
		const again = voterOf('1a');
		again.restore(found.persist.map(({ key, value }) => ({ key, value: value! })));
		expect(again.equivocation).toEqual(evidence);
		const blank = voterOf('1a');
		blank.restore([]);
		expect(blank.equivocation).toBeNull();
	});
});

describe('where a member stands', () => {
	it('is said at each step', async () => {
		expect([leader.state(), leader.openHeight, leader.height, [...leader.ordered()]]).toEqual([
			null,
			null,
			1,
			[]
		]);
		leader.statusRequest(await request(SECOND));
		expect(leader.state()).toMatchObject({
			...SECOND,
			height: HEIGHT,
			phase: 'joined',
			missing: [],
			refusal: null
		});
		expect([leader.openHeight, leader.height, [...leader.ordered()]]).toEqual([HEIGHT, 1, []]);
		tiers.member('1a').bodies.clear();
		leader.next(await next(SECOND, {}, JUSTIFIED), NOW_MS);
		expect(leader.state()).toMatchObject({ phase: 'fetching', missing: [body.id], refusal: null });
		expect([leader.openHeight, leader.height, [...leader.ordered()]]).toEqual([HEIGHT, 1, [body.id]]);
		tiers.member('1a').bodies.set(body.id, body);
		leader.body(body.id);
		expect(leader.state()).toMatchObject({ phase: 'signed', missing: [] });
		expect(leader.height).toBe(HEIGHT);
		leader.orderCommit(certificate(SECOND));
		expect(leader.state()).toMatchObject({ phase: 'locked' });
	});

	it('has a result in the place of its Sign and Done, and in no other', async () => {
		const place = { kind: Kind.SIGN, slot: HEIGHT, view: 1, attempt: 0 };
		expect(leader.resultAt(place)).toBeNull();
		tiers.member('1a').bodies.clear();
		leader.next(await next(), NOW_MS);
		expect(leader.resultAt(place)).toBeNull();
		tiers.member('1a').bodies.set(body.id, body);
		const [sign] = leader.body(body.id).votes;
		for (const kind of [Kind.SIGN, Kind.DONE])
			expect(leader.resultAt({ ...place, kind })).toEqual(sign!.statement.digest);
		for (const other of [{ kind: Kind.STATUS }, { slot: 3 }, { view: 2 }, { attempt: 1 }])
			expect(leader.resultAt({ ...place, ...other })).toBeNull();
	});

	it('counts the votes of its ballot, from the Statuses on', async () => {
		const { votes } = leader.statusRequest(await request(SECOND));
		for (const name of ['1b', '1c']) leader.vote(await alike(name, votes[0]!.statement));
		expect(leader.state()!.statuses).toBe(2);
		const [sign] = leader.next(await next(SECOND, {}, JUSTIFIED), NOW_MS).votes;
		leader.vote(await alike('1b', sign!.statement));
		leader.vote(await alike('1b', sign!.statement, { kind: Kind.DONE }));
		expect(leader.state()).toMatchObject({ statuses: 2, signs: 1, dones: 1 });
		// Those of a ballot that is given up are not of the next.
		const third = leader.statusRequest(await request({ term: 1, attempt: 2 }));
		leader.vote(await alike('1b', third.votes[0]!.statement));
		expect(leader.state()).toMatchObject({ statuses: 1, signs: 0 });
		leader.next(await next({ term: 1, attempt: 3 }, {}, JUSTIFIED), NOW_MS);
		expect(leader.state()).toMatchObject({ statuses: 0, signs: 0 });
	});

	it('tells when it will say again what is open', async () => {
		expect(leader.resendTicks).toBe(RESEND_TICKS);
		ticks(leader, 2);
		expect(leader.resendTicks).toBe(RESEND_TICKS);
		leader.statusRequest(await request(SECOND));
		ticks(leader, 3);
		expect(leader.resendTicks).toBe(RESEND_TICKS - 3);
		leader.next(await next(SECOND, {}, JUSTIFIED), NOW_MS);
		expect(leader.resendTicks).toBe(RESEND_TICKS);
		ticks(leader, RESEND_TICKS - 1);
		expect(leader.resendTicks).toBe(1);
		ticks(leader, 1);
		expect(leader.resendTicks).toBe(RESEND_TICKS);
	});
});

describe('a question for Statuses (R14)', () => {
	it('is answered once it is on disk, and goes on to the members', async () => {
		const effects = leader.statusRequest(await request(SECOND));
		expect([kinds(effects), effects.persist.length]).toEqual([['STATUS'], 1]);
		expect(effects.send).toEqual([
			{ to: 'members', packet: { case: 'signed', value: await request(SECOND) } }
		]);
		const told = follower.statusRequest(await request(SECOND));
		expect([targets(told), told.send]).toEqual([[ids('1a')], []]);
	});

	it('of another height is none of its business', async () => {
		for (const height of [1, 3]) expect(leader.statusRequest(await request(FIRST, height))).toEqual(NOTHING);
	});

	it('that comes again is answered again, without joining twice', async () => {
		const [status] = leader.statusRequest(await request(SECOND)).votes;
		leader.vote(await alike('1b', status!.statement));
		ticks(leader, 1);
		const again = leader.statusRequest(await request(SECOND));
		expect([kinds(again), again.persist, cases(again)]).toEqual([['STATUS'], [], ['signed']]);
		// The answers that it holds count still.
		expect(leader.state()!.statuses).toBe(1);
	});

	it('on a ballot below the one that was joined is refused, and passed on: others may have it to answer', async () => {
		leader.statusRequest(await request(SECOND));
		const effects = leader.statusRequest(await request(FIRST));
		expect([refusedAs(effects), kinds(effects), effects.persist]).toEqual([['BallotPassed'], ['REFUSE'], []]);
		expect(effects.send).toEqual([
			{ to: 'members', packet: { case: 'signed', value: await request(FIRST) } }
		]);
		expect(leader.state()).toMatchObject(SECOND);
	});

	it('is carried when q have answered, and carried again when it is asked again', async () => {
		const [status] = leader.statusRequest(await request(SECOND)).votes;
		leader.vote(await alike('1a', status!.statement));
		leader.vote(await alike('1b', status!.statement));
		const carried = leader.vote(await alike('1c', status!.statement));
		expect(carried.send).toMatchObject([
			{
				to: tiers.booter.member.id,
				packet: { case: 'partitionStatus', value: { ...SECOND, height: HEIGHT } }
			}
		]);
		expect(leader.vote(await alike('1d', status!.statement))).toEqual(NOTHING);
		expect(cases(ticks(leader, RESEND_TICKS))).toEqual(['signed', 'partitionStatus']);
		expect(kinds(ticks(leader, RESEND_TICKS))).toEqual(['STATUS']);
	});
});

describe("members' votes", () => {
	it('are carried by the leader when q say the same: Signs, then Dones, each once', async () => {
		const [sign] = leader.next(await next(), NOW_MS).votes;
		for (const name of ['1a', '1b'])
			expect(cases(leader.vote(await alike(name, sign!.statement)))).toEqual([]);
		const carried = leader.vote(await alike('1c', sign!.statement));
		expect(carried.send).toMatchObject([{ to: tiers.booter.member.id, packet: { case: 'partitionVote' } }]);
		expect((carried.send[0]!.packet.value as PartitionVote).kind).toBe(Kind.SIGN);
		expect(leader.vote(await alike('1d', sign!.statement))).toEqual(NOTHING);
		const done = leader.orderCommit(certificate());
		expect([kinds(done), done.persist.length, cases(done)]).toEqual([['DONE'], 1, ['orderCommit']]);
		for (const name of ['1a', '1b']) leader.vote(await alike(name, done.votes[0]!.statement));
		const second = leader.vote(await alike('1c', done.votes[0]!.statement));
		expect((second.send[0]!.packet.value as PartitionVote).kind).toBe(Kind.DONE);
		// Both are said and carried again, with the questions, while nothing comes of it.
		const again = ticks(leader, RESEND_TICKS);
		expect(kinds(again)).toEqual(['SIGN', 'DONE']);
		expect(cases(again)).toEqual(['next', 'orderCommit', 'partitionVote', 'partitionVote']);
	});

	it.each<[string, Partial<Statement>, string]>([
		['of another partition', { partition: 2 }, '1c'],
		['of another epoch', { epoch: 2 }, '1c'],
		['of another height', { slot: 3 }, '1c'],
		['of another ballot', { attempt: 1 }, '1c'],
		['of another term', { view: 2 }, '1c'],
		['of who is no member', {}, 'stranger']
	])('%s do not count', async (_what, fields, name) => {
		const [sign] = leader.next(await next(), NOW_MS).votes;
		const { statement } = sign!;
		for (const one of ['1a', '1b']) leader.vote(await alike(one, statement));
		const sender = name === 'stranger' ? tiers.stranger : member(name);
		expect(leader.vote(receive(await tiers.sign(sender, { ...statement, ...fields })))).toEqual(NOTHING);
		expect(leader.state()!.signs).toBe(2);
	});

	it('go to all members when the leader brings nothing about, and whoever has q carries them', async () => {
		const [sign] = follower.next(await next(), NOW_MS).votes;
		for (const name of ['1a', '1b', '1c'])
			expect(follower.vote(await alike(name, sign!.statement))).toEqual(NOTHING);
		ticks(follower, 3);
		// The ballot is what is waited for, not the member's run.
		follower.next(await next(SECOND, {}, JUSTIFIED), NOW_MS);
		const before = ticks(follower, CARRY_TO_ALL_TICKS - 1);
		expect(before.votes).toEqual([]);
		const late = ticks(follower, 1);
		expect([targets(late), cases(late)]).toEqual([[['members']], []]);
		for (const name of ['1a', '1b']) follower.vote(await alike(name, sign!.statement, SECOND_PLACE));
		expect(cases(follower.vote(await alike('1c', sign!.statement, SECOND_PLACE)))).toEqual(['partitionVote']);
	});

	it('and the question are handed to whose link comes up: to a member the question, to the leader the answer', async () => {
		const [sign] = follower.next(await next(), NOW_MS).votes;
		follower.vote(await alike('1b', sign!.statement));
		leader.next(await next(), NOW_MS);
		const handed = (voter: Voter, name: string) =>
			voter
				.linkUp(ids(name)[0]!)
				.send.map(({ to, packet }) => [
					to === ids(name)[0],
					packet.case === 'signed' ? Kind[packet.value.kind] : packet.case
				]);
		expect(handed(leader, '1c')).toEqual([[true, 'next']]);
		expect(handed(follower, '1a')).toEqual([[true, 'SIGN']]);
		expect(handed(follower, '1c')).toEqual([]);
		expect(leader.linkUp(tiers.booter.member.id)).toEqual(NOTHING);
	});

	it('are not carried by a leader that catches up (R23)', async () => {
		leader.pause(true);
		const [sign] = leader.next(await next(), NOW_MS).votes;
		for (const name of ['1a', '1b', '1c'])
			expect(leader.vote(await alike(name, sign!.statement))).toEqual(NOTHING);
		leader.pause(false);
		expect(cases(ticks(leader, 1))).toEqual(['partitionVote']);
	});

	it('are given to a new leader at once, with what is joined and what is open (R6)', async () => {
		follower.next(await next(), NOW_MS);
		await tiers.changeLeader(1);
		ticks(follower, 1);
		const signs = follower.leaderChanged();
		expect([kinds(signs), targets(signs), cases(signs)]).toEqual([['SIGN'], [[]], ['next']]);
		follower.statusRequest(await request(SECOND));
		expect(kinds(follower.leaderChanged())).toEqual(['STATUS']);
	});
});

const SECOND_PLACE = { view: SECOND.term, attempt: SECOND.attempt };

describe("members' refusals", () => {
	const carriedBy = (effects: VoterEffects) =>
		sent(effects, 'partitionRefusal').map(({ packet }) =>
			(packet.value as PartitionRefusal).refusals.map(({ sender }) => toHex(sender))
		);

	it('are carried when no q can sign any more; one alone when it is time to say things again', async () => {
		leader.next(await next(), NOW_MS);
		expect(leader.vote(await refusal('1b', FIRST))).toEqual(NOTHING);
		expect(carriedBy(ticks(leader, RESEND_TICKS))).toEqual([ids('1b')]);
		expect(carriedBy(leader.vote(await refusal('1c', FIRST)))).toEqual([ids('1b', '1c')]);
	});

	it('are Signs of another result, too (R17)', async () => {
		const [sign] = leader.next(await next(), NOW_MS).votes;
		const other = { digest: new Uint8Array(32).fill(9) };
		leader.vote(await alike('1a', sign!.statement));
		expect(carriedBy(leader.vote(await alike('1b', sign!.statement, other)))).toEqual([]);
		expect(carriedBy(leader.vote(await alike('1c', sign!.statement, other)))).toEqual([ids('1b', '1c')]);
		// Of the ballot that the Booter asked about: another has not been answered so.
		leader.next(await next({ term: 2, attempt: 0 }), NOW_MS);
		expect(carriedBy(leader.vote(await refusal('1d', { term: 2, attempt: 0 })))).toEqual([]);
		expect(carriedBy(leader.vote(await refusal('1a', { term: 2, attempt: 0 })))).toEqual([ids('1d', '1a')]);
	});

	it('of another height or ballot are not', async () => {
		leader.next(await next(), NOW_MS);
		for (const name of ['1b', '1c']) expect(leader.vote(await refusal(name, FIRST, 3))).toEqual(NOTHING);
		expect(carriedBy(ticks(leader, RESEND_TICKS))).toEqual([]);
		for (const name of ['1b', '1c']) expect(leader.vote(await refusal(name, SECOND))).toEqual(NOTHING);
		expect(carriedBy(ticks(leader, RESEND_TICKS))).toEqual([]);
	});

	it('of a ballot end when it is opened after all', async () => {
		leader.statusRequest(await request(SECOND));
		leader.vote(await refusal('1b', SECOND));
		leader.next(await next(SECOND, {}, JUSTIFIED), NOW_MS);
		expect(carriedBy(ticks(leader, RESEND_TICKS))).toEqual([]);
	});

	it('of a height that is final are forgotten', async () => {
		leader.next(await next(), NOW_MS);
		leader.vote(await refusal('1b', SECOND));
		leader.finality(certificate(), true);
		leader.statusRequest(await request(SECOND, 3));
		expect(leader.vote(await refusal('1c', SECOND, 3))).toEqual(NOTHING);
	});

	it('are carried by the leader alone, also where nothing is open', async () => {
		follower.statusRequest(await request(SECOND));
		follower.next(await next(FIRST), NOW_MS);
		for (const name of ['1c', '1d']) expect(follower.vote(await refusal(name, FIRST))).toEqual(NOTHING);
		const unasked = voterOf('1a');
		for (const name of ['1c', '1d']) expect(unasked.vote(await refusal(name, FIRST))).toEqual(NOTHING);
	});

	it('of its own are said again while the ballot is open', async () => {
		leader.next(await next(), NOW_MS + 10 * 3_600_000);
		expect(refusedAs(ticks(leader, RESEND_TICKS))).toEqual(['ClockSkew']);
	});
});

describe('an OrderCommit', () => {
	it.each<[string, Partial<Omit<OrderCertificate, '$typeName' | '$unknown'>>]>([
		['height', { height: 3 }],
		['ballot', { attempt: 1 }],
		['content', { contentDigest: new Uint8Array(32) }],
		['set of voters (R22)', { without: create(PartitionIdsSchema, { ids: [2] }) }]
	])('of another %s is no reason for a Done', async (_what, fields) => {
		leader.next(await next(), NOW_MS);
		expect(leader.orderCommit(certificate(fields))).toEqual(NOTHING);
		expect(leader.state()!.phase).toBe('signed');
	});

	it('of another result has no Done either, and is refused by name (R17)', async () => {
		leader.next(await next(), NOW_MS);
		const effects = leader.orderCommit(certificate({ blockHashes: new Uint8Array(32).fill(9) }));
		expect([kinds(effects), refusedAs(effects)]).toEqual([['REFUSE'], ['ResultDiffers']]);
	});

	it('that comes again says nothing new', async () => {
		leader.next(await next(), NOW_MS);
		expect(kinds(leader.orderCommit(certificate()))).toEqual(['DONE']);
		expect(leader.orderCommit(certificate())).toEqual(NOTHING);
	});

	it('without its Next is kept by nobody', async () => {
		expect(leader.orderCommit(certificate())).toEqual(NOTHING);
	});
});

describe('finality', () => {
	it('is committed once, and what was open and promised at the height is forgotten', async () => {
		leader.next(await next(), NOW_MS);
		const effects = leader.finality(certificate(), true);
		expect(effects.commits.map(({ blocks }) => blocks.map(({ height }) => height))).toEqual([[HEIGHT]]);
		expect(effects.persist.map(({ value }) => value)).toEqual([null]);
		expect(cases(effects)).toEqual(['finality']);
		expect([leader.state(), leader.openHeight, leader.height]).toEqual([null, null, HEIGHT]);
		expect(leader.finality(certificate(), true)).toEqual(NOTHING);
	});

	it('that rides on a Next goes on with it, not by itself', async () => {
		leader.next(await next(), NOW_MS);
		expect(leader.finality(certificate(), false).send).toEqual([]);
	});

	it('of what is not executed yet waits for it', async () => {
		tiers.member('1a').bodies.clear();
		leader.next(await next(), NOW_MS);
		expect(leader.finality(certificate(), false)).toEqual(NOTHING);
		tiers.member('1a').bodies.set(body.id, body);
		expect(leader.body('00'.repeat(32))).toEqual(NOTHING);
		expect(leader.body(body.id).commits).toHaveLength(1);
	});

	it('of another height, or of another content, is not what was executed', async () => {
		leader.next(await next(), NOW_MS);
		for (const height of [1, 3]) expect(leader.finality(certificate({ height }), true)).toEqual(NOTHING);
		const other = certificate({ contentDigest: new Uint8Array(32) });
		expect(leader.finality(other, true).commits).toEqual([]);
		expect(leader.state()!.phase).toBe('signed');
	});

	it('by block sync ends what was open: its vote is no longer needed', async () => {
		leader.next(await next(), NOW_MS);
		const { chain } = tiers.member('1a');
		const bodies = [{ kind: 'block' as const, body }];
		chain.commit(chain.execute(content, toBinary(OrderContentSchema, content), bodies), certificate());
		const effects = leader.moved();
		expect([effects.persist.map(({ value }) => value), effects.commits]).toEqual([[null], []]);
		expect(leader.state()).toBeNull();
	});
});

describe('missing bodies (R12)', () => {
	const asked = (effects: VoterEffects) =>
		effects.send.flatMap(({ to, packet }) =>
			packet.case === 'certifiedBlockRequest' ? [[to, toHex(packet.value.blockId)]] : []
		);

	it('are asked for at the next tick, of the leader; then of everybody; those alone that are missing', async () => {
		const second = await tiers.certify(1, 2);
		const entry = { ...content.entries[0]!, roundId: 2, id: second.idBytes };
		const order = await next(FIRST, { entries: [...content.entries, entry] });
		expect(asked(follower.next(order, NOW_MS))).toEqual([]);
		expect(asked(ticks(follower, 1))).toEqual([[ids('1a')[0], second.id]]);
		expect(asked(ticks(follower, 1))).toEqual([]);
		expect(asked(ticks(follower, RESEND_TICKS - 2))).toEqual([
			['members', second.id],
			[tiers.booter.member.id, second.id]
		]);
		// Who leads asks the Booter.
		leader.next(order, NOW_MS);
		expect(asked(ticks(leader, 1))).toEqual([[tiers.booter.member.id, second.id]]);
	});

	it('that are all here are not asked for', async () => {
		follower.next(await next(), NOW_MS);
		expect(asked(ticks(follower, 1))).toEqual([]);
		expect(asked(ticks(follower, RESEND_TICKS))).toEqual([]);
	});
});

describe('a node that is no member', () => {
	it('executes and follows, and says nothing', async () => {
		const voter = voterOf('1a', () => null);
		expect(voter.statusRequest(await request(FIRST))).toEqual(NOTHING);
		tiers.member('1a').bodies.clear();
		voter.next(await next(), NOW_MS);
		// The only one that it knows to have the bodies.
		expect(voter.tick().send.map(({ to }) => to)).toEqual([tiers.booter.member.id]);
		tiers.member('1a').bodies.set(body.id, body);
		expect(voter.body(body.id)).toEqual(NOTHING);
		expect(voter.height).toBe(HEIGHT);
		expect(voter.orderCommit(certificate())).toEqual(NOTHING);
		expect(voter.vote(await refusal('1b', FIRST))).toEqual(NOTHING);
		expect(ticks(voter, RESEND_TICKS)).toEqual(NOTHING);
		expect(voter.finality(certificate(), true).commits).toHaveLength(1);
	});

	it('refuses nothing aloud', async () => {
		const voter = voterOf('1a', () => null);
		expect(voter.next(await next(), NOW_MS + 10 * 3_600_000)).toEqual(NOTHING);
	});
});

/** Another run over the same disk and chain. */
function voterOf(name: string, who = () => tiers.leaderOf(1).member.id as string | null): Voter {
	const { chain, bodies } = tiers.member(name);
	return new Voter({
		chain,
		self: member(name).id,
		bodies: { get: (id) => bodies.get(id) },
		leader: who,
		resendTicks: RESEND_TICKS,
		carryToAllTicks: CARRY_TO_ALL_TICKS
	});
}
