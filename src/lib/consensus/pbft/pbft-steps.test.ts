import { describe, expect, it } from 'vitest';
import { Kind } from '../statement.ts';
import { blockOf, OneMember, sent, votes } from '../testing/one-member.ts';
import { STAGE_TICKS, transactionId } from '../testing/stage.ts';

const AB = blockOf(1, 'ab');
const { viewTimeoutTicks, gapTicks, resendTicks } = STAGE_TICKS;

/** A follower of view 0 that has seen the PrePrepare of round 1. */
function follower(self = 1): OneMember {
	const member = new OneMember({ self });
	member.give('ab');
	member.sign(member.hear(0, Kind.PRE_PREPARE, 1, AB));
	return member;
}

describe('what others can ask', () => {
	it('where the member stands', () => {
		const { core, members } = follower();
		expect([core.partition, core.epoch, core.view, core.leader]).toEqual([1, 1, 0, members[0]]);
		core.tick();
		core.tick();
		expect(core.ageTicks(core.round(1)!)).toBe(2);
		expect(core.isNamed(transactionId('a'))).toBe(true);
		expect(core.isNamed(transactionId('c'))).toBe(false);
		expect(core.viewTimerTicks).toBe(viewTimeoutTicks - 2);
	});
});

describe('a message', () => {
	it('of who is no member counts for nothing', () => {
		const member = follower();
		for (const stranger of [8, 9]) expect(votes(member.hear(stranger, Kind.PREPARE, 1, AB))).toEqual([]);
		for (const stranger of [7, 8, 9]) member.hear(stranger, Kind.VIEW_CHANGE, 0, AB, 2);
		expect(member.core.view).toBe(0);
	});

	it('of a view that has not begun waits for it, and counts then', () => {
		const member = new OneMember({ self: 2 });
		member.give('ab');
		expect(votes(member.hear(1, Kind.PRE_PREPARE, 1, AB, 1))).toEqual([]);
		expect(member.core.rounds()).toEqual([]);
		expect(votes(member.begin(1, 0, []))).toEqual(['PREPARE 1']);
	});

	it('of a view that this member has joined, and that has not begun, waits as well', () => {
		const member = new OneMember({ self: 2 });
		member.give('ab');
		for (const from of [0, 1, 3]) member.hear(from, Kind.VIEW_CHANGE, 0, AB, 1);
		expect([member.core.view, member.core.isActive]).toEqual([1, false]);
		expect(votes(member.hear(1, Kind.PRE_PREPARE, 1, AB, 1))).toEqual([]);
		expect(member.core.rounds()).toEqual([]);
		expect(votes(member.begin(1, 0, []))).toEqual(['PREPARE 1']);
	});

	it('of a lower view counts for nothing', () => {
		const member = new OneMember({ self: 2 });
		member.give('ab');
		member.begin(4, 0, []);
		expect(votes(member.hear(0, Kind.PRE_PREPARE, 1, AB, 0))).toEqual([]);
		expect(member.core.rounds()).toEqual([]);
	});
});

describe('a certificate', () => {
	it('R9: above the window or below it opens no round', () => {
		const member = new OneMember({ self: 1, lastRoundId: 5, maxRoundsInFlight: 2 });
		for (const roundId of [5, 8])
			expect(member.certify(roundId, blockOf(roundId, 'a')).hasProgressed).toBe(false);
		expect(member.core.rounds()).toEqual([]);
		expect(member.certify(7, blockOf(7, 'a')).hasProgressed).toBe(true);
	});

	it('R8: winds the view timer up again', () => {
		const member = follower();
		member.hear(0, Kind.PRE_PREPARE, 2, blockOf(2, 'b'));
		member.tick(viewTimeoutTicks - 1);
		member.certify(1, AB);
		expect(votes(member.tick(viewTimeoutTicks - 1))).not.toContain('VIEW_CHANGE 0');
		expect(votes(member.tick())).toContain('VIEW_CHANGE 0');
	});
});

describe('a link that comes up', () => {
	const handed = (member: OneMember, peer: number): string[] =>
		member.core
			.linkUp(member.members[peer]!)
			.send.map(({ to, packet }) =>
				packet.case === 'signed'
					? `${Kind[packet.value.kind]} ${packet.value.slot} to ${to[0]}`
					: `${packet.case}`
			);

	it('to another member: it is handed what this one has said of open rounds, and the leader its Commit', () => {
		const member = follower();
		expect(handed(member, 2)).toEqual(['PREPARE 1 to 2']);
		for (const from of [2, 3]) member.sign(member.hear(from, Kind.PREPARE, 1, AB));
		expect(handed(member, 2)).toEqual(['PREPARE 1 to 2']);
		expect(handed(member, 0)).toEqual(['PREPARE 1 to 0', 'COMMIT 1 to 0']);
	});

	it('of the leader: it hands on its proposal', () => {
		const leader = new OneMember({ self: 0 });
		leader.sign(leader.give('ab'));
		expect(handed(leader, 3)).toContain('PRE_PREPARE 1 to 3');
	});

	it('says nothing of a round that is certified, nor to who is no member', () => {
		const member = follower();
		expect(member.core.linkUp('9'.repeat(64)).send).toEqual([]);
		member.certify(1, AB);
		expect(handed(member, 2)).toEqual([]);
	});
});

describe('the ledger', () => {
	it('R9: never moves the window back', () => {
		const member = new OneMember({ self: 1, lastRoundId: 5 });
		member.core.ledger(3);
		expect(member.certify(5, blockOf(5, 'a')).hasProgressed).toBe(false);
	});
});

describe('R23: a member that catches up', () => {
	it('does not hold against its leader what it waits for', () => {
		const member = follower();
		member.core.pause(true);
		expect(votes(member.tick(2 * viewTimeoutTicks, 'overdue'))).not.toContain('VIEW_CHANGE 0');
		member.core.pause(false);
		expect(votes(member.tick(viewTimeoutTicks, 'overdue'))).toContain('VIEW_CHANGE 0');
	});
});

describe('a view begins', () => {
	it('R6: and the votes of lower ones leave the disk', () => {
		const member = follower(2);
		expect([...member.disk.keys()].filter((key) => key.includes('/vote/'))).toHaveLength(1);
		member.begin(1, 0, []);
		expect([...member.disk.keys()].filter((key) => key.includes('/vote/'))).toEqual([]);
	});

	it('R9: its leader hands up past null rounds at once, and waits for the others', () => {
		const second = blockOf(2, 'c');
		const third = blockOf(3, 'd');
		const leader = new OneMember({ self: 1 });
		leader.give('cd');
		leader.begin(1, 0, [null, second, third]);
		for (const { proposal } of [second, third]) leader.core.proposed(proposal);
		// The third is done first: it waits for the second, and not for the first.
		expect(leader.certify(3, third).handUp).toEqual([]);
		expect(leader.certify(2, second).handUp).toHaveLength(2);
	});

	it('R9: its leader waits for a gap no longer than the bound', () => {
		const leader = new OneMember({ self: 1 });
		leader.give('ab');
		const second = blockOf(2, 'ab');
		leader.begin(1, 0, [blockOf(1, 'x'), second]);
		leader.core.proposed(second.proposal);
		expect(leader.certify(2, second).handUp).toEqual([]);
		expect(leader.tick(gapTicks - 1).handUp).toEqual([]);
		expect(leader.tick().handUp).toHaveLength(1);
	});

	it('R9: a follower hands nothing up', () => {
		const member = follower();
		expect([...member.certify(1, AB).handUp, ...member.tick(gapTicks).handUp]).toEqual([]);
	});
});

describe('the epoch ends', () => {
	it('and none of its records stays on disk', () => {
		const member = follower();
		member.hear(2, Kind.PREPARE, 1, AB);
		member.hear(3, Kind.PREPARE, 1, AB);
		for (const from of [0, 2, 3]) member.hear(from, Kind.VIEW_CHANGE, 0, AB, 2);
		const kinds = ['/vote/', '/prepared/', '/view'];
		for (const kind of kinds) expect([...member.disk.keys()].some((key) => key.includes(kind))).toBe(true);
		for (const { key, value } of member.core.end()) {
			expect(value).toBeNull();
			member.disk.delete(key);
		}
		expect([...member.disk]).toEqual([]);
	});
});

describe('R6: a member that has joined a view', () => {
	it('says after a restart nothing that its lower view still held open', () => {
		const leader = new OneMember();
		leader.give('ab');
		for (const from of [1, 2, 3]) leader.hear(from, Kind.VIEW_CHANGE, 0, AB, 2);
		const { again, effects } = leader.restart();
		expect([again.core.view, again.core.isActive]).toEqual([2, false]);
		expect(votes(effects)).toEqual(['NEW_VIEW 0']);
		expect(votes(again.tick(resendTicks)).filter((vote) => vote.startsWith('PRE'))).toEqual([]);
	});

	it('asks and tells again, and stops when the view has begun', () => {
		const member = new OneMember({ self: 3 });
		for (const from of [0, 1, 2]) member.hear(from, Kind.VIEW_CHANGE, 0, AB, 2);
		expect(votes(member.tick(resendTicks - 1))).toEqual([]);
		expect(votes(member.tick())).toEqual(['VIEW_CHANGE 0', 'NEW_VIEW 0']);
		member.begin(2, 0, []);
		expect(votes(member.tick(2 * resendTicks))).toEqual([]);
		expect(sent(member.tick(), 'newView')).toEqual([]);
	});

	it('takes no bare NewView of another for its own', () => {
		const leader = new OneMember({ self: 1 });
		for (const from of [0, 2, 3]) leader.hear(from, Kind.VIEW_CHANGE, 0, AB, 1);
		expect([leader.core.view, leader.core.isActive]).toEqual([1, false]);
		leader.hear(2, Kind.NEW_VIEW, 0, AB, 1);
		expect(leader.core.waiting(false)).toMatchObject({
			reason: 'WaitingForNewViews',
			missing: leader.members
		});
	});
});
