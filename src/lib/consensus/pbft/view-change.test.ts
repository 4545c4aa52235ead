import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../crypto/hex.ts';
import { SignedSchema } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { NewViewContentSchema, NewViewSchema } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { Kind, payloadDigest } from '../statement.ts';
import { blockOf, OneMember, votes } from '../testing/one-member.ts';
import { STAGE_TICKS } from '../testing/stage.ts';
import type { PbftEffects } from './pbft.ts';

const NO_BLOCK = blockOf(1, 'a');

/** A NewView of a member that has prepared nothing. */
function newViewOf(member: OneMember, from: number, view: number): PbftEffects {
	const sender = member.members[from]!;
	const content = create(NewViewContentSchema, { lastRoundId: 0 });
	const payload = toBinary(NewViewContentSchema, content);
	const signed = create(SignedSchema, {
		kind: Kind.NEW_VIEW,
		partition: 1,
		epoch: 1,
		view,
		sender: fromHex(sender),
		digest: payloadDigest(payload),
		signature: new Uint8Array(64).fill(1),
		payload
	});
	return member.write(
		member.core.newView({ sender, view, content, newView: create(NewViewSchema, { signed }) })
	);
}

describe('R6: a NewView', () => {
	it('is a request for its view as well: q of them, and its leader joins and makes the LeaderChange', () => {
		const leader = new OneMember({ self: 1 });
		newViewOf(leader, 0, 1);
		// f + 1 ask: it asks with them.
		expect(votes(newViewOf(leader, 2, 1))).toEqual(['VIEW_CHANGE 0']);
		expect(votes(newViewOf(leader, 3, 1))).toEqual(['NEW_VIEW 0', 'LEADER_CHANGE 0']);
		expect([leader.core.view, leader.core.isActive]).toEqual([1, false]);
	});

	it('counts for nothing where it goes to who does not lead its view', () => {
		const member = new OneMember({ self: 2 });
		for (const from of [0, 1, 3]) expect(votes(newViewOf(member, from, 1))).toEqual([]);
		expect(member.core.view).toBe(0);
	});

	it('counts for nothing in a view that was left', () => {
		const leader = new OneMember({ self: 1 });
		leader.begin(5, 0, []);
		for (const from of [0, 2, 3]) expect(votes(newViewOf(leader, from, 1))).toEqual([]);
	});

	it('makes no second LeaderChange of a view that has begun', () => {
		const leader = new OneMember({ self: 1 });
		leader.begin(1, 0, []);
		for (const from of [0, 2, 3]) expect(votes(newViewOf(leader, from, 1))).toEqual([]);
	});

	it('comes too late for a LeaderChange that is made', () => {
		const leader = new OneMember({ self: 1 });
		for (const from of [0, 2]) newViewOf(leader, from, 1);
		const made = newViewOf(leader, 3, 1);
		expect(votes(leader.sign(made))).toEqual([]);
		expect([leader.core.view, leader.core.isActive]).toEqual([1, true]);
		expect(votes(newViewOf(leader, 3, 1))).toEqual([]);
	});

	it('of q members is needed: fewer make no LeaderChange', () => {
		const leader = new OneMember({ self: 1 });
		for (const from of [0, 2, 3]) leader.hear(from, Kind.VIEW_CHANGE, 0, NO_BLOCK, 1);
		expect(votes(newViewOf(leader, 0, 1))).toEqual([]);
		expect(votes(newViewOf(leader, 2, 1))).toEqual([]);
		expect(votes(newViewOf(leader, 3, 1))).toEqual(['LEADER_CHANGE 0']);
	});
});

describe('R8: the timer of a view', () => {
	const joined = (): OneMember => {
		const member = new OneMember({ self: 3 });
		for (const from of [0, 1, 2]) member.hear(from, Kind.VIEW_CHANGE, 0, NO_BLOCK, 2);
		member.tick(5);
		return member;
	};

	it('goes on from when q members asked for it, for who heard them', () => {
		const member = joined();
		const left = member.core.viewTimerTicks;
		member.begin(2, 0, []);
		member.tick(1, 'overdue');
		expect(member.core.viewTimerTicks).toBe(left! - 1);
	});

	it('starts when it begins for who did not', () => {
		const member = joined();
		member.begin(6, 0, []);
		member.tick(1, 'overdue');
		expect(member.core.viewTimerTicks).toBeGreaterThanOrEqual(STAGE_TICKS.viewTimeoutTicks - 1);
	});
});

describe('R10: a LeaderChange', () => {
	it('of the view that this member works in, or of a lower one, is no news', () => {
		const member = new OneMember({ self: 3 });
		expect(member.begin(2, 0, []).begun).not.toBeNull();
		expect(member.begin(2, 0, []).begun).toBeNull();
		expect(member.begin(1, 0, []).begun).toBeNull();
		expect([member.core.view, member.core.leaderChange?.view]).toEqual([2, 2]);
	});
});
