import { describe, expect, it } from 'vitest';
import { splitHashes } from '../../ledger/block.ts';
import { Kind } from '../statement.ts';
import { blockOf, offers, OneMember, sent, votes } from '../testing/one-member.ts';
import { STAGE_TICKS, transactionId } from '../testing/stage.ts';
import type { PbftEffects } from './pbft.ts';

const AB = blockOf(1, 'ab');
const CD = blockOf(1, 'cd');
const { resendTicks, commitToAllTicks } = STAGE_TICKS;

/** A follower of view 0 that has seen the PrePrepare of round 1. */
function follower(pool = 'ab', self = 1): { member: OneMember; effects: PbftEffects } {
	const member = new OneMember({ self });
	member.give(pool);
	return { member, effects: member.hear(0, Kind.PRE_PREPARE, 1, AB) };
}

const letters = (ids: Uint8Array): string =>
	splitHashes(ids)
		.map((id) => String.fromCharCode(id[0]!))
		.join('');

function askedBodies(effects: PbftEffects): string[] {
	return effects.send.flatMap(({ to, packet }) =>
		packet.case === 'bodyRequest'
			? [`${to === 'members' ? 'all' : to[0]!}:${letters(packet.value.transactionIds)}`]
			: []
	);
}

const targets = (effects: PbftEffects): string[] => effects.send.map(({ to }) => to);

describe('a PrePrepare', () => {
	it('counts from the leader of the view alone', () => {
		const member = new OneMember({ self: 1 });
		member.give('ab');
		expect(votes(member.hear(2, Kind.PRE_PREPARE, 1, AB))).toEqual([]);
		expect(votes(member.hear(0, Kind.PRE_PREPARE, 1, AB))).toEqual(['PREPARE 1']);
	});

	it('R6: counts for no round that the LeaderChange chose or passed over', () => {
		const member = new OneMember({ self: 2 });
		member.give('ab');
		member.begin(1, 0, [null, null]);
		const second = blockOf(2, 'ab');
		expect(votes(member.hear(1, Kind.PRE_PREPARE, 2, second))).toEqual([]);
		expect(votes(member.hear(1, Kind.PRE_PREPARE, 3, blockOf(3, 'ab')))).toEqual(['PREPARE 3']);
	});

	it('that comes again is answered with what this member has said, once a tick', () => {
		const { member, effects } = follower();
		member.sign(effects);
		member.tick();
		expect(votes(member.hear(0, Kind.PRE_PREPARE, 1, AB))).toEqual(['PREPARE 1']);
		expect(votes(member.hear(0, Kind.PRE_PREPARE, 1, AB))).toEqual([]);
		member.tick();
		expect(votes(member.hear(0, Kind.PRE_PREPARE, 1, AB))).toEqual(['PREPARE 1']);
	});

	it('is at hand as evidence needs it, by each transaction that it names (R24)', () => {
		const { member } = follower();
		const naming = (letter: string) => member.core.naming(transactionId(letter));
		const [a, b] = [naming('a'), naming('b')];
		expect(a).toMatchObject({ kind: Kind.PRE_PREPARE, slot: 1, payload: AB.proposal });
		expect([b, naming('c')]).toEqual([a, null]);
	});

	it('of another block in the same round is not answered at all', () => {
		const { member } = follower('abcd');
		member.tick();
		expect(votes(member.hear(0, Kind.PRE_PREPARE, 1, CD))).toEqual([]);
		member.certify(1, AB);
		expect(sent(member.hear(0, Kind.PRE_PREPARE, 1, CD), 'blockCertificate')).toEqual([]);
	});

	it('of a round that is done is answered with its certificate, once a tick', () => {
		const { member } = follower();
		member.certify(1, AB);
		const answer = member.hear(0, Kind.PRE_PREPARE, 1, AB);
		expect(targets(answer)).toEqual([member.members[0]]);
		expect(sent(answer, 'blockCertificate')).toHaveLength(1);
		expect(targets(member.hear(0, Kind.PRE_PREPARE, 1, AB))).toEqual([]);
		member.tick();
		expect(targets(member.hear(0, Kind.PRE_PREPARE, 1, AB))).toEqual([member.members[0]]);
	});

	it('of the leader’s own is not answered by itself', () => {
		const leader = new OneMember();
		const effects = leader.give('ab');
		leader.sign(effects);
		leader.tick();
		const again = leader.sign(effects);
		expect([...again.votes, ...again.send]).toEqual([]);
	});

	it('after the certificate brings the block, and the round stays certified', () => {
		const member = new OneMember({ self: 1 });
		member.give('ab');
		expect(member.certify(1, AB).certified).toEqual([]);
		const { certified, votes: voted } = member.hear(0, Kind.PRE_PREPARE, 1, AB);
		expect(certified.map(({ roundId }) => roundId)).toEqual([1]);
		expect(voted).toEqual([]);
		expect(member.core.round(1)!.phase).toBe('certified');
	});

	it('of another block than the certificate names brings nothing', () => {
		const member = new OneMember({ self: 1 });
		member.give('abcd');
		member.certify(1, AB);
		expect(member.hear(0, Kind.PRE_PREPARE, 1, CD).certified).toEqual([]);
		expect(member.core.round(1)!.proposal).toBeNull();
	});

	it('with another block’s content is none', () => {
		const member = new OneMember({ self: 1 });
		member.give('abcd');
		expect(votes(member.hear(0, Kind.PRE_PREPARE, 1, { ...AB, proposal: CD.proposal }))).toEqual([]);
		expect(member.core.round(1)!.digest).toBeNull();
	});
});

describe('R3: bodies that are missing', () => {
	it('are asked of the leader after a little, then of everyone; not those that are being checked', () => {
		const { member } = follower('');
		member.coming.add(transactionId('a'));
		expect(askedBodies(member.tick())).toEqual([]);
		expect(askedBodies(member.tick())).toEqual(['0:b']);
		expect(askedBodies(member.tick(resendTicks - 3))).toEqual([]);
		expect(askedBodies(member.tick())).toEqual(['all:b']);
		member.coming.add(transactionId('b'));
		expect(sent(member.tick(resendTicks), 'bodyRequest')).toEqual([]);
	});

	it('are reported to the leader bit by bit', () => {
		const block = blockOf(1, 'abcdefghij');
		const member = new OneMember({ self: 1 });
		member.give('abdefghj');
		member.hear(0, Kind.PRE_PREPARE, 1, block);
		const report = member
			.tick(resendTicks)
			.votes.find(({ statement }) => statement.kind === Kind.PREPARE_REPORT);
		expect(report!.to).toEqual([member.members[0]]);
		expect([...report!.payload!]).toEqual([0b11111011, 0b10]);
	});

	it('of a certified round are asked of everyone at once, and reported to nobody', () => {
		const { member } = follower('a');
		expect(askedBodies(member.certify(1, AB))).toEqual(['all:b']);
		expect(votes(member.tick(resendTicks))).toEqual([]);
		expect(member.give('b').certified).toHaveLength(1);
	});

	it('one of two is not enough', () => {
		const { member } = follower('');
		expect(votes(member.give('a'))).toEqual([]);
		expect([...member.core.round(1)!.missing]).toEqual([transactionId('b')]);
		expect(votes(member.give('b'))).toEqual(['PREPARE 1']);
	});

	it('that nobody has free the round’s transactions after a while', () => {
		const { member } = follower('a');
		member.tick(commitToAllTicks - 1);
		expect(member.core.round(1)!.isGivenUp).toBe(false);
		member.tick();
		expect(member.core.round(1)!.isGivenUp).toBe(true);
		// It is counted from when the round was heard of.
		member.hear(0, Kind.PRE_PREPARE, 2, blockOf(2, 'xy'));
		member.tick(commitToAllTicks - 1);
		expect(member.core.round(2)!.isGivenUp).toBe(false);
	});

	it('a whole round is never given up', () => {
		const { member } = follower();
		member.tick(2 * commitToAllTicks);
		expect(member.core.round(1)!.isGivenUp).toBe(false);
	});

	it('R8: a round that is given up asks for no other leader', () => {
		const { member } = follower('a');
		expect(votes(member.tick(3 * STAGE_TICKS.viewTimeoutTicks))).not.toContain('VIEW_CHANGE 0');
		const open = follower().member;
		expect(votes(open.tick(STAGE_TICKS.viewTimeoutTicks + 1))).toContain('VIEW_CHANGE 0');
		const done = follower().member;
		done.certify(1, AB);
		expect(votes(done.tick(3 * STAGE_TICKS.viewTimeoutTicks))).toEqual([]);
	});
});

describe('R4: prepared', () => {
	it('takes q Prepares, the PrePrepare for the leader’s, whatever else the leader says', () => {
		const { member, effects } = follower();
		member.sign(effects);
		expect(votes(member.hear(0, Kind.PREPARE, 1, AB))).toEqual([]);
		expect(votes(member.hear(2, Kind.PREPARE, 1, CD))).toEqual([]);
		expect(votes(member.hear(3, Kind.PREPARE, 1, AB))).toEqual(['COMMIT 1']);
	});

	it('R6: of a carried round takes q Prepares, the leader’s among them', () => {
		const member = new OneMember({ self: 2 });
		member.give('ab');
		member.hear(0, Kind.PRE_PREPARE, 1, AB);
		const begun = member.begin(1, 0, [AB]);
		expect(votes(begun)).toEqual(['PREPARE 1']);
		member.sign(begun);
		expect(votes(member.hear(3, Kind.PREPARE, 1, AB))).toEqual([]);
		expect(votes(member.hear(1, Kind.PREPARE, 1, AB))).toEqual(['COMMIT 1']);
	});

	it('R6: the leader prepares what it carries over as everyone does', () => {
		const leader = new OneMember({ self: 1 });
		leader.give('ab');
		leader.hear(0, Kind.PRE_PREPARE, 1, AB);
		const begun = leader.begin(1, 0, [AB]);
		expect(votes(begun)).toEqual(['PREPARE 1']);
		leader.sign(begun);
		expect(offers(leader.tick(resendTicks))).toEqual([]);
	});
});

describe('R5: the block certificate', () => {
	it('holds q Commits, no more', () => {
		const leader = new OneMember({ members: 6 });
		const offered = leader.give('ab');
		for (const from of [1, 2, 3, 4, 5]) leader.hear(from, Kind.COMMIT, 1, AB);
		const { send } = leader.sign(offered);
		const certificates = send.flatMap(({ packet }) =>
			packet.case === 'blockCertificate' ? [packet.value] : []
		);
		expect(certificates.map(({ commits }) => commits.length)).toEqual([4]);
	});

	it('is the leader’s to form; members do once it has kept silent for long', () => {
		const { member } = follower();
		for (const from of [0, 2, 3]) expect(member.hear(from, Kind.COMMIT, 1, AB).certified).toEqual([]);
		expect(member.tick(commitToAllTicks - 1).certified).toEqual([]);
		const late = member.tick(resendTicks);
		expect(late.certified.map(({ roundId }) => roundId)).toEqual([1]);
		expect(sent(late, 'blockCertificate').map(({ to }) => to)).toEqual(['members']);
	});

	it('a report with the block’s id is no Commit', () => {
		const leader = new OneMember();
		leader.sign(leader.give('ab'));
		for (const from of [1, 2, 3])
			expect(sent(leader.hear(from, Kind.PREPARE_REPORT, 1, AB), 'blockCertificate')).toEqual([]);
	});

	it('of another block than the PrePrepare replaces it, with its transactions', () => {
		const { member } = follower();
		expect(member.core.isNamed(transactionId('a'))).toBe(true);
		member.certify(1, CD);
		expect(member.core.isNamed(transactionId('a'))).toBe(false);
		expect(member.core.round(1)!.proposal).toBeNull();
	});

	it('for two blocks of one round is impossible', () => {
		const { member } = follower();
		member.certify(1, AB);
		expect(() => member.certify(1, CD)).toThrow(/two blocks/);
	});

	it('is progress once', () => {
		const { member } = follower();
		expect(member.certify(1, AB).hasProgressed).toBe(true);
		expect(member.certify(1, AB).hasProgressed).toBe(false);
	});

	it('answers who says again what it said of a round that is done, not who says it once', () => {
		const { member } = follower();
		member.certify(1, AB);
		expect(targets(member.hear(2, Kind.PREPARE, 1, AB))).toEqual([]);
		expect(targets(member.hear(2, Kind.PREPARE, 1, AB))).toEqual([member.members[2]]);
	});

	it('of a lower view answers who votes on its round: the leader everyone, the others the leader', () => {
		for (const [self, answered] of [
			[1, [2, 3]],
			[2, [1]]
		] as const) {
			const member = new OneMember({ self });
			member.give('ab');
			member.hear(0, Kind.PRE_PREPARE, 1, AB);
			for (const from of [1, 2, 3]) if (from !== self) member.hear(from, Kind.PREPARE, 1, AB, 0);
			member.certify(1, AB, 0);
			member.begin(1, 0, [AB]);
			const others = [1, 2, 3].filter((from) => from !== self);
			const heard = others.filter((from) => member.hear(from, Kind.PREPARE, 1, AB, 1).send.length > 0);
			expect(heard).toEqual(answered);
		}
	});
});

describe('what is sent again', () => {
	it('a vote, as long as its round is open', () => {
		const { member, effects } = follower();
		member.sign(effects);
		expect(votes(member.tick(resendTicks - 1))).toEqual([]);
		expect(votes(member.tick())).toEqual(['PREPARE 1']);
		member.certify(1, AB);
		expect(votes(member.tick(2 * resendTicks))).toEqual([]);
	});

	it('a PrePrepare of the leader, and its Commit with it', () => {
		const leader = new OneMember();
		leader.sign(leader.give('ab'));
		leader.hear(1, Kind.PREPARE, 1, AB);
		const committed = leader.hear(2, Kind.PREPARE, 1, AB);
		expect(votes(committed)).toEqual(['COMMIT 1']);
		expect(votes(leader.tick(resendTicks))).toEqual(['PRE_PREPARE 1', 'COMMIT 1']);
	});

	it('a Commit to the leader, and to everyone where it has kept silent for long', () => {
		const { member, effects } = follower();
		member.sign(effects);
		member.hear(2, Kind.PREPARE, 1, AB);
		const commitsTo = (step: PbftEffects) =>
			step.votes.filter(({ statement }) => statement.kind === Kind.COMMIT).map(({ to }) => to);
		expect(commitsTo(member.tick(resendTicks))).toEqual([[member.members[0]]]);
		member.tick(commitToAllTicks - 2 * resendTicks);
		expect(commitsTo(member.tick(resendTicks))).toEqual([['members']]);
	});

	it('nothing of a round of which only a vote has come', () => {
		const member = new OneMember({ self: 1 });
		member.hear(2, Kind.PREPARE, 1, AB);
		const { votes: voted, send } = member.tick(2 * resendTicks);
		expect([...voted, ...send]).toEqual([]);
	});

	it('a round is as old as its PrePrepare, not as the first vote', () => {
		const member = new OneMember({ self: 1 });
		member.give('ab');
		member.hear(2, Kind.PREPARE, 1, AB);
		member.tick(resendTicks - 1);
		member.hear(0, Kind.PRE_PREPARE, 1, AB);
		expect(member.core.ageTicks(member.core.round(1)!)).toBe(0);
		expect(votes(member.tick())).toEqual([]);
		expect(member.core.ageTicks(member.core.round(1)!)).toBe(1);
	});
});

describe('R6: a view begins', () => {
	it('with no certified round passed over', () => {
		const certified = (): OneMember => {
			const { member } = follower('abcd', 2);
			member.certify(1, AB, 0);
			return member;
		};
		expect(() => certified().begin(1, 0, [])).toThrow(/passes it over/);
		expect(() => certified().begin(1, 0, [null])).toThrow(/passes it over/);
		expect(() => certified().begin(1, 0, [CD])).toThrow(/passes it over/);
		for (const blocks of [[AB], [AB, null]]) expect(certified().begin(1, 0, blocks).begun).not.toBeNull();
		// Above what the LeaderChange proves is in the ledger alone.
		expect(certified().begin(1, 1, []).begun).not.toBeNull();
	});

	it('a certificate of that view may have overtaken it', () => {
		const { member } = follower('abcd', 2);
		member.certify(1, CD, 1);
		expect(member.begin(1, 0, []).begun).not.toBeNull();
	});

	it('and keeps certified rounds alone', () => {
		const { member } = follower('ab', 2);
		member.certify(2, blockOf(2, 'x'), 0);
		member.begin(1, 0, [null, blockOf(2, 'x')]);
		expect(member.core.rounds().map(({ roundId }) => roundId)).toEqual([2]);
		expect(member.core.isNamed(transactionId('a'))).toBe(false);
	});

	it('for a member that is behind, as its window moves', () => {
		const member = new OneMember({ self: 2, lastRoundId: 3, maxRoundsInFlight: 2 });
		const open = (): number[] => member.core.rounds().map(({ roundId }) => roundId);
		const asked = member.begin(1, 4, [blockOf(5, 'a'), blockOf(6, 'b'), null]);
		expect(open()).toEqual([5]);
		expect(sent(asked, 'proposalRequest').map(({ to }) => to)).toEqual([member.members[1]]);
		member.core.ledger(4);
		expect(open()).toEqual([5, 6]);
		member.core.ledger(5);
		expect(open()).toEqual([6]);
		member.core.ledger(6);
		expect(open()).toEqual([]);
	});

	it('for a member whose window it lies above, when the window comes to it', () => {
		const member = new OneMember({ self: 2, lastRoundId: 3, maxRoundsInFlight: 1 });
		member.begin(1, 4, [blockOf(5, 'a')]);
		expect(member.core.rounds()).toEqual([]);
		member.core.ledger(4);
		expect(member.core.rounds().map(({ roundId, isCarried }) => [roundId, isCarried])).toEqual([[5, true]]);
	});

	it('a leader that lacks what it carries over asks everyone', () => {
		const leader = new OneMember({ self: 1 });
		expect(sent(leader.begin(1, 0, [AB]), 'proposalRequest').map(({ to }) => to)).toEqual(['members']);
	});

	it('what is on its way to a higher view says nothing in its own', () => {
		const { member, effects } = follower('ab', 1);
		member.sign(effects);
		for (const from of [0, 2, 3]) member.hear(from, Kind.VIEW_CHANGE, 0, AB, 2);
		expect(member.core.view).toBe(2);
		expect(member.core.isActive).toBe(false);
		expect(votes(member.hear(2, Kind.PREPARE, 1, AB, 0))).toEqual([]);
		expect(votes(member.tick(resendTicks)).filter((vote) => !/VIEW/.test(vote))).toEqual([]);
	});
});

describe('R6: a member that has joined a view which has not begun', () => {
	it('votes on nothing, whatever comes for its open rounds', () => {
		const { member } = follower('a');
		for (const from of [0, 2, 3]) member.hear(from, Kind.VIEW_CHANGE, 0, AB, 2);
		expect(votes(member.give('b'))).toEqual([]);
	});

	it('takes a certificate all the same', () => {
		const { member } = follower();
		for (const from of [0, 2, 3]) member.hear(from, Kind.VIEW_CHANGE, 0, AB, 2);
		expect(member.certify(1, AB, 0).certified).toHaveLength(1);
	});
});

describe('R9: the ledger moves on', () => {
	it('and takes the rounds that it holds, no others, in order', () => {
		const member = new OneMember({ self: 1 });
		member.give('abc');
		for (const [roundId, letter] of [
			[3, 'c'],
			[1, 'a'],
			[2, 'b']
		] as const)
			member.hear(0, Kind.PRE_PREPARE, roundId, blockOf(roundId, letter));
		expect(member.core.rounds().map(({ roundId }) => roundId)).toEqual([1, 2, 3]);
		member.core.ledger(1);
		expect(member.core.rounds().map(({ roundId }) => roundId)).toEqual([2, 3]);
		expect(member.core.isNamed(transactionId('a'))).toBe(false);
		expect(member.core.isNamed(transactionId('b'))).toBe(true);
	});
});

describe('the content of a block', () => {
	it('is known by its id, and brings a round that lacks it further', () => {
		const member = new OneMember({ self: 2 });
		member.give('ab');
		member.begin(1, 0, [AB]);
		member.core.proposed(CD.proposal);
		expect(member.core.round(1)!.proposal).toBeNull();
		expect(votes(member.core.proposed(AB.proposal))).toEqual(['PREPARE 1']);
		expect(votes(member.core.proposed(AB.proposal))).toEqual([]);
		const hex = (block: typeof AB): string => Buffer.from(block.blockId).toString('hex');
		expect(member.core.proposal(hex(AB))).toEqual(AB.proposal);
		expect(member.core.proposal(hex(CD))).toBeNull();
	});
});
