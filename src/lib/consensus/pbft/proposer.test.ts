import { describe, expect, it } from 'vitest';
import { blockOf, offers, OneMember } from '../testing/one-member.ts';
import { STAGE_TICKS } from '../testing/stage.ts';

/** A leader whose blocks are full with two transactions. */
const small = (): OneMember => new OneMember({ maxTransactionsPerBlock: 2 });

describe('full blocks', () => {
	it('go out as they fill, four below the certificate at most, and no transaction twice', () => {
		const leader = small();
		expect(offers(leader.give('abcdefghijkl'))).toEqual(['1:ab', '2:cd', '3:ef', '4:gh']);
		expect(offers(leader.give(''))).toEqual([]);
	});

	it('a proposal that is signed takes one place, as it did while it was being signed', () => {
		const leader = small();
		leader.sign(leader.give('abcdefghijkl'));
		expect(offers(leader.give(''))).toEqual([]);
		expect(offers(leader.certify(1, blockOf(1, 'ab')))).toEqual(['5:ij']);
	});

	it('R9: none above the window, and the next as the ledger moves it', () => {
		const leader = new OneMember({ maxTransactionsPerBlock: 2, maxRoundsInFlight: 2 });
		expect(offers(leader.give('abcdefgh'))).toEqual(['1:ab', '2:cd']);
		for (const id of [...leader.pool].slice(0, 2)) leader.pool.delete(id);
		expect(offers(leader.write(leader.core.ledger(1)))).toEqual(['3:ef']);
	});

	it('R9: proposals that the ledger has passed unsigned hold neither places nor transactions', () => {
		const leader = small();
		leader.give('abcdefgh');
		expect(offers(leader.write(leader.core.ledger(4)))).toEqual(['5:ab', '6:cd', '7:ef', '8:gh']);
	});

	it('R9: a leader whose ledger comes from another member goes on above it', () => {
		const leader = new OneMember();
		leader.core.ledger(5);
		expect(offers(leader.give('a'))).toEqual(['6:a']);
		expect(offers(new OneMember({ lastRoundId: 7 }).give('a'))).toEqual(['8:a']);
	});
});

describe('small blocks', () => {
	it('wait for what is under way, signed or not', () => {
		const leader = new OneMember();
		const first = leader.give('a');
		expect(offers(first)).toEqual(['1:a']);
		expect(offers(leader.give('b'))).toEqual([]);
		leader.sign(first);
		expect(offers(leader.give('c'))).toEqual([]);
		expect(offers(leader.certify(1, blockOf(1, 'a')))).toEqual(['2:bc']);
	});

	it('wait where three certified rounds wait for the upper tier; a full one does not', () => {
		const leader = small();
		for (const [i, letter] of [...'abc'].entries()) {
			const offered = leader.give(letter);
			expect(offers(offered)).toEqual([`${i + 1}:${letter}`]);
			leader.sign(offered);
			leader.certify(i + 1, blockOf(i + 1, letter));
		}
		expect(offers(leader.give('d'))).toEqual([]);
		expect(offers(leader.tick())).toEqual([]);
		expect(offers(leader.give('e'))).toEqual(['4:de']);
	});

	it('after a block more than twice as large, wait for the others of the burst until the next tick', () => {
		const leader = new OneMember();
		leader.sign(leader.give('abc'));
		leader.certify(1, blockOf(1, 'abc'));
		expect(offers(leader.give('d'))).toEqual([]);
		expect(offers(leader.tick())).toEqual(['2:d']);
	});

	it('go out at once where they hold half of the last one or more', () => {
		const half = new OneMember();
		half.sign(half.give('abcd'));
		half.certify(1, blockOf(1, 'abcd'));
		expect(offers(half.give('ef'))).toEqual(['2:ef']);
		const more = new OneMember();
		more.sign(more.give('abcd'));
		more.certify(1, blockOf(1, 'abcd'));
		// Together in one step of the pool.
		expect(offers(more.give('efg'))).toEqual(['2:efg']);
	});
});

describe('who proposes', () => {
	it('the leader alone', () => {
		const follower = new OneMember({ self: 1 });
		expect(offers(follower.give('a'))).toEqual([]);
		expect(offers(follower.tick())).toEqual([]);
	});

	it('R23: no leader that catches up, and again once it has', () => {
		const leader = new OneMember();
		leader.core.pause(true);
		expect(offers(leader.give('a'))).toEqual([]);
		expect(offers(leader.tick())).toEqual([]);
		leader.core.pause(false);
		expect(offers(leader.tick())).toEqual(['1:a']);
	});
});

describe('a leader that comes back', () => {
	it('proposes again, and at once, what no round of its new view holds', () => {
		const leader = new OneMember();
		leader.sign(leader.give('abc'));
		leader.certify(1, blockOf(1, 'abc'));
		leader.write(leader.core.ledger(1));
		leader.pool.clear();
		leader.give('def');
		for (const id of [...leader.pool].slice(1)) leader.pool.delete(id);
		// View 4 is its own again. Nothing of the proposal that it never signed was chosen.
		expect(offers(leader.begin(4, 1, []))).toEqual(['2:d']);
	});

	it('goes on above what was chosen, null rounds among it', () => {
		const leader = new OneMember({ self: 1 });
		leader.give('a');
		expect(offers(leader.begin(1, 0, [null, null]))).toEqual(['3:a']);
	});

	it('after a restart offers its rounds again, and their transactions in no other', () => {
		const leader = small();
		leader.give('abc');
		const { again, effects } = leader.restart({ maxTransactionsPerBlock: 2 });
		expect(offers(effects)).toEqual(['1:ab']);
		// Not signed yet, and so no round yet.
		expect(offers(again.give('abcdef'))).toEqual(['2:cd', '3:ef']);
	});

	it('offers nothing again that the ledger has passed', () => {
		const leader = small();
		leader.give('abcd');
		const { effects } = leader.restart({ maxTransactionsPerBlock: 2, lastRoundId: 1 });
		expect(offers(effects)).toEqual(['2:cd']);
	});

	it('R6: offers nothing again of a lower view, whatever its disk still holds of it', () => {
		const leader = new OneMember();
		leader.give('a');
		const before = [...leader.disk];
		leader.pool.clear();
		leader.begin(4, 0, []);
		for (const [key, value] of before) if (!leader.disk.has(key)) leader.disk.set(key, value);
		const { again, effects } = leader.restart();
		expect(again.core.view).toBe(4);
		expect(again.core.isLeader).toBe(true);
		expect(offers(effects)).toEqual([]);
	});
});

describe('a new leader', () => {
	const carried = blockOf(1, 'ab');

	it('first learns what it carries over, and proposes none of it again', () => {
		const leader = new OneMember({ self: 1 });
		leader.give('abc');
		expect(offers(leader.begin(1, 0, [carried]))).toEqual([]);
		expect(offers(leader.tick())).toEqual([]);
		leader.write(leader.core.proposed(carried.proposal));
		expect(offers(leader.certify(1, carried))).toEqual(['2:c']);
	});

	it('waits for that no longer than for a round that it gives up', () => {
		const leader = new OneMember({ self: 1 });
		leader.give('c');
		leader.begin(1, 0, [carried]);
		expect(offers(leader.tick(STAGE_TICKS.commitToAllTicks - 1))).toEqual([]);
		expect(offers(leader.tick())).toEqual(['2:c']);
	});

	it('a round whose bodies alone are missing does not hold it up', () => {
		const leader = new OneMember({ self: 1, maxTransactionsPerBlock: 2 });
		leader.begin(1, 0, [carried]);
		leader.write(leader.core.proposed(carried.proposal));
		expect(offers(leader.give('cd'))).toEqual(['2:cd']);
	});

	it('nor does a round of which it has the certificate alone', () => {
		const leader = small();
		leader.certify(3, blockOf(3, 'ab'));
		expect(offers(leader.give('cd'))).toEqual(['1:cd']);
	});

	it('a round that is given up holds back no small block', () => {
		const former = small();
		former.give('ab');
		const { again, effects } = former.restart({ maxTransactionsPerBlock: 2 });
		again.sign(effects);
		expect(offers(again.give('c'))).toEqual([]);
		expect(offers(again.tick(STAGE_TICKS.commitToAllTicks - 1))).toEqual([]);
		expect(offers(again.tick())).toEqual(['2:c']);
	});
});
