/** The upper tier as stories: what a Booter and its partitions say to each other, line by line. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../crypto/hex.ts';
import { banKey } from '../../ledger/genesis.ts';
import { Kind } from '../statement.ts';
import { statusRequestStatement } from './status.ts';
import { CARRY_TO_ALL_TICKS, counter, RESEND_TICKS, Tiers } from './testing/tiers.ts';

/** Four partitions of one: three are q_u, so that one may be gone or lie. */
const FOUR = { partitions: [1, 1, 1, 1] };

async function started(options = FOUR): Promise<Tiers> {
	const tiers = await Tiers.create(options);
	await tiers.ticks(1);
	return tiers;
}

/** Up to where a block is proposed, and as far as `reaches` lets it go. */
async function order(tiers: Tiers, partition = 1, roundId = 1): Promise<void> {
	await tiers.spread(await tiers.certify(partition, roundId));
	await tiers.settle();
}

describe('a good day', () => {
	it('of one partition: the leader carries the questions and the votes of its members', async () => {
		const tiers = await started({ partitions: [4] });
		await order(tiers);
		expect(tiers.story()).toEqual([
			'booter Next 1.0 height 2 → 1a',
			'1a Sign 1.0',
			'1a Next 1.0 height 2 → all',
			'1b Sign 1.0 → 1a',
			'1c Sign 1.0 → 1a',
			'1d Sign 1.0 → 1a',
			'1a carries Signs 1.0 → booter',
			'booter OrderCommit 1.0 → 1a',
			'1a Done 1.0',
			'1a OrderCommit 1.0 → all',
			'1b Done 1.0 → 1a',
			'1c Done 1.0 → 1a',
			'1d Done 1.0 → 1a',
			'1a carries Dones 1.0 → booter',
			'booter commits 2',
			'booter Finality 1.0 → 1a',
			'1a commits 2',
			'1a Finality 1.0 → all',
			'1b commits 2',
			'1c commits 2',
			'1d commits 2'
		]);
	});

	it('of two: q_u is both of them, and the proof of one height rides on the next Next', async () => {
		const tiers = await started({ partitions: [1, 1] });
		const [first, second] = [await tiers.certify(1, 1), await tiers.certify(2, 1)];
		await tiers.spread(first);
		await tiers.spread(second);
		await tiers.settle();
		expect(tiers.story()).toEqual([
			'booter Next 1.0 height 2 → 1a 2a',
			'booter block 1/1 → 2a',
			'booter block 2/1 → 1a',
			'1a Sign 1.0',
			'1a Next 1.0 height 2 → all',
			'1a carries Signs 1.0 → booter',
			'2a Sign 1.0',
			'2a Next 1.0 height 2 → all',
			'2a carries Signs 1.0 → booter',
			'booter OrderCommit 1.0 → 1a 2a',
			'1a Done 1.0',
			'1a OrderCommit 1.0 → all',
			'1a carries Dones 1.0 → booter',
			'2a Done 1.0',
			'2a OrderCommit 1.0 → all',
			'2a carries Dones 1.0 → booter',
			'booter commits 2',
			'booter Next 1.0 height 3 → 1a 2a',
			'1a commits 2',
			'1a Sign 1.0',
			'1a Next 1.0 height 3 → all',
			'1a carries Signs 1.0 → booter',
			'2a commits 2',
			'2a Sign 1.0',
			'2a Next 1.0 height 3 → all',
			'2a carries Signs 1.0 → booter',
			'booter OrderCommit 1.0 → 1a 2a',
			'1a Done 1.0',
			'1a OrderCommit 1.0 → all',
			'1a carries Dones 1.0 → booter',
			'2a Done 1.0',
			'2a OrderCommit 1.0 → all',
			'2a carries Dones 1.0 → booter',
			'booter commits 3',
			'booter Finality 1.0 → 1a 2a',
			'1a commits 3',
			'1a Finality 1.0 → all',
			'2a commits 3',
			'2a Finality 1.0 → all'
		]);
	});

	it('of more blocks than one: they take heights one behind the other, and are final together', async () => {
		const tiers = await started();
		tiers.reaches = () => false;
		await order(tiers, 1);
		for (const partition of [2, 3, 4]) await order(tiers, partition);
		tiers.reaches = () => true;
		await tiers.ticks(RESEND_TICKS);
		expect(tiers.story('commits')).toContain('booter commits 3…5');
		expect(new Set(tiers.heights())).toEqual(new Set([5]));
	});
});

describe('one partition is slow or gone', () => {
	it('the others go on where q_u allows', async () => {
		const tiers = await started();
		tiers.crash('4a');
		await order(tiers);
		expect(tiers.story('commits')).toEqual([
			'booter commits 2',
			'1a commits 2',
			'2a commits 2',
			'3a commits 2'
		]);
		await tiers.restart('4a');
		await order(tiers, 2);
		// It is at height 1, and the proof of height 2 that rides on this Next is of what it has not: block sync brings it.
		expect(tiers.story('4a')).toEqual([
			'booter Next 1.0 height 3 → 1a 2a 3a 4a',
			'booter block 2/1 → 4a',
			'booter OrderCommit 1.0 → 1a 2a 3a 4a',
			'booter Finality 1.0 → 1a 2a 3a 4a'
		]);
		expect(tiers.heights()).toEqual([3, 3, 3, 1, 3]);
	});

	it('below q_u nobody goes on, and asking again when it is back is enough', async () => {
		const tiers = await started();
		tiers.crash('3a');
		tiers.crash('4a');
		await order(tiers);
		expect(tiers.story('commits', 'OrderCommit')).toEqual([]);
		await tiers.restart('3a');
		for (const body of tiers.member('1a').bodies.values()) tiers.member('3a').bodies.set(body.id, body);
		await tiers.ticks(RESEND_TICKS);
		expect(tiers.heights()).toEqual([2, 2, 2, 2]);
	});
});

describe('R12: a missing body', () => {
	it('is asked for, never voted against, and the vote comes with it', async () => {
		const tiers = await started({ partitions: [1, 1] });
		tiers.reaches = (_from, to, what) => to !== '2a' || !what.startsWith('block');
		await tiers.handUp(await tiers.certify(1, 1));
		await tiers.settle();
		expect(tiers.story('2a')).toEqual([
			'booter Next 1.0 height 2 → 1a 2a',
			'booter block 1/1 → 2a',
			'2a Next 1.0 height 2 → all'
		]);
		await tiers.ticks(2 * RESEND_TICKS);
		expect(tiers.story('2a asks', 'Refuse', '2a Sign', 'given up')).toEqual([
			'2a asks for a block → booter',
			'2a asks for a block → all',
			'2a asks for a block → booter',
			'2a asks for a block → all',
			'2a asks for a block → booter'
		]);
		expect(tiers.member('2a').voter.state()).toMatchObject({ phase: 'fetching', refusal: null });
		tiers.reaches = () => true;
		await tiers.ticks(RESEND_TICKS);
		expect(tiers.story('2a Sign', '2a Done', 'commits')).toEqual([
			'2a Sign 1.0',
			'2a Done 1.0',
			'booter commits 2',
			'1a commits 2',
			'2a commits 2'
		]);
	});

	it('of another view than the order names is missing too: its certificate is not the one that was ordered', async () => {
		const tiers = await started({ partitions: [1] });
		const body = await tiers.certify(1, 1);
		const other = { ...body, certificate: { ...body.certificate, view: 1 } };
		tiers.member('1a').bodies.set(body.id, other);
		tiers.reaches = (_from, _to, what) => !what.startsWith('block');
		await tiers.handUp(body, []);
		await tiers.settle();
		expect(tiers.member('1a').voter.state()).toMatchObject({ phase: 'fetching' });
		tiers.reaches = () => true;
		await tiers.ticks(RESEND_TICKS);
		expect(tiers.heights()).toEqual([2, 2]);
	});
});

describe('a refusal', () => {
	it('of one block: the next attempt goes without it, and starts with Statuses (R14)', async () => {
		const tiers = await started({ partitions: [1, 1] });
		for (const name of ['1a', '2a']) tiers.believeRounds(name, 2, 7);
		const refused = await tiers.certify(2, 1);
		await tiers.spread(refused);
		await tiers.settle();
		expect(tiers.story()).toEqual([
			'booter Next 1.0 height 2 → 1a 2a',
			'booter block 2/1 → 1a',
			'1a Refuse 1.0 RoundPassed',
			'1a Next 1.0 height 2 → all',
			'1a carries refusals 1 → booter',
			'2a Refuse 1.0 RoundPassed',
			'2a Next 1.0 height 2 → all',
			'2a carries refusals 1 → booter',
			'booter: ballot 1.0 of height 2 is given up: RoundPassed: the ledger holds round 7 of partition 2, the block is of 1'
		]);
		// Nothing else waits: the height stays open until something does, and then it is the second ballot.
		await order(tiers, 1);
		expect(tiers.story('Next', 'Status', 'commits')).toEqual([
			'booter StatusRequest 1.1 → 1a 2a',
			'1a Status 1.1',
			'1a StatusRequest 1.1 → all',
			'1a carries Statuses 1.1 → booter',
			'2a Status 1.1',
			'2a StatusRequest 1.1 → all',
			'2a carries Statuses 1.1 → booter',
			'booter Next 1.1 height 2 free → 1a 2a',
			'1a Next 1.1 height 2 free → all',
			'2a Next 1.1 height 2 free → all',
			'booter commits 2',
			'1a commits 2',
			'2a commits 2'
		]);
		// The refused block does not come back, however often it is handed up.
		await tiers.spread(refused);
		await tiers.settle();
		expect(tiers.story()).toEqual([]);
	});

	it('of a change of members: the next attempt goes without it, and who had executed it takes it back (R15)', async () => {
		const tiers = await Tiers.create(FOUR);
		const { id } = tiers.stranger;
		for (const name of ['1a', '2a']) tiers.believe(name, banKey(id), Uint8Array.of(1));
		await tiers.join(tiers.stranger, 3);
		await tiers.spread(await tiers.certify(1, 1));
		tiers.story();
		await tiers.ticks(1);
		expect(tiers.story('booter ', 'given up', 'a Refuse', 'a Sign 1.0')).toEqual([
			'booter Next 1.0 height 2 → 1a 2a 3a 4a',
			'1a Refuse 1.0 KeyBanned',
			'2a Refuse 1.0 KeyBanned',
			'3a Sign 1.0',
			'4a Sign 1.0',
			expect.stringMatching(/^booter: ballot 1.0 of height 2 is given up: KeyBanned: /),
			'booter StatusRequest 1.1 → 1a 2a 3a 4a',
			'booter Next 1.1 height 2 free → 1a 2a 3a 4a',
			'booter OrderCommit 1.1 → 1a 2a 3a 4a',
			'booter commits 2',
			'booter Finality 1.1 → 1a 2a 3a 4a'
		]);
		expect(['1a', '2a', '3a', '4a'].map((name) => tiers.member(name).voter.rolledBack)).toEqual([0, 0, 1, 1]);
		for (const { chain } of tiers.members.values()) {
			expect(chain.head.height).toBe(2);
			expect(chain.state.get('counter/value')).toEqual(Uint8Array.of(1));
			expect(chain.topology.partition(3)).toMatchObject({ epoch: 1 });
		}
		// Who asked is told, and the entry does not come back by itself.
		expect(tiers.booter.core.requests.takeRefused()).toMatchObject([
			{ member: id, error: { reason: 'OrderRefused' } }
		]);
		await tiers.ticks(2 * RESEND_TICKS);
		expect(tiers.story('Next', 'Status')).toEqual([]);
	});

	it('by too few to matter changes nothing', async () => {
		const tiers = await started();
		tiers.believeRounds('4a', 1, 7);
		await order(tiers);
		expect(tiers.story('refus', 'Refuse', 'commits', 'given up')).toEqual([
			'4a Refuse 1.0 RoundPassed',
			'4a carries refusals 1 → booter',
			'booter commits 2',
			'1a commits 2',
			'2a commits 2',
			'3a commits 2'
		]);
	});

	it('by one member with another away: nothing is proven, and after a while another choice is tried', async () => {
		const tiers = await started({ partitions: [4, 4] });
		for (const name of ['1b', '2b']) tiers.believeRounds(name, 1, 7);
		for (const name of ['1d', '2d']) tiers.crash(name);
		await order(tiers, 1);
		await order(tiers, 2);
		await tiers.ticks(10 * RESEND_TICKS);
		expect(tiers.story('given up', 'booter commits')).toEqual([
			'booter: ballot 1.0 of height 2 is given up: RoundPassed: the ledger holds round 7 of partition 1, the block is of 1',
			'booter commits 2'
		]);
	});

	it('of a block time that is too far from the clock: the next attempt has a time of its own, after a pause', async () => {
		const tiers = await started({ partitions: [1] });
		tiers.member('1a').skewMs = 3_600_000;
		await order(tiers);
		await tiers.ticks(4 * RESEND_TICKS);
		const story = tiers.story('Next', 'Refuse');
		expect(story.slice(0, 3)).toEqual([
			'booter Next 1.0 height 2 → 1a',
			'1a Refuse 1.0 ClockSkew',
			'1a Next 1.0 height 2 → all'
		]);
		// One, two, four … resends apart: what will not end does not spin.
		expect(story.filter((line) => line.startsWith('booter Next'))).toHaveLength(3);
		tiers.member('1a').skewMs = 0;
		await tiers.ticks(10 * RESEND_TICKS);
		expect(tiers.heights()).toEqual([2, 2]);
	});
});

describe('results that differ', () => {
	it('R17: of one partition among four, the others go on, and the one that differs stops and says so', async () => {
		const tiers = await started();
		tiers.replaceContract('4a', counter(2));
		await expect(order(tiers)).rejects.toThrow(/^R17: the network made other blocks of heights 2…/);
		expect(tiers.story('4a ')).toEqual([
			'4a Sign 1.0',
			'4a Next 1.0 height 2 → all',
			'4a carries Signs 1.0 → booter',
			// An OrderCommit is not final: no second vote, and no end either.
			'4a Refuse 1.0 ResultDiffers',
			'4a OrderCommit 1.0 → all',
			'4a carries refusals 1 → booter'
		]);
	});

	it('of half of the network: fewer blocks are tried, then one alone, and that one is put off until they agree', async () => {
		const tiers = await started({ partitions: [1, 1] });
		tiers.replaceContract('2a', counter(2));
		tiers.reaches = () => false;
		await order(tiers, 1, 1);
		tiers.reaches = () => true;
		await tiers.ticks(RESEND_TICKS);
		expect(tiers.story('given up')).toEqual([
			'booter: ballot 1.0 of height 2 is given up: members signed another result'
		]);
		expect(tiers.booter.core.state()).toMatchObject({
			phase: 'idle',
			waiting: [
				{ partition: 1, blocks: 1 },
				{ partition: 2, blocks: 0 }
			]
		});
		tiers.replaceContract('2a', counter());
		await tiers.ticks(10 * RESEND_TICKS);
		expect(tiers.heights()).toEqual([2, 2, 2]);
	});

	it('of the Booter alone: q_u partitions agree on another result, and it stops (R17)', async () => {
		const tiers = await started({ partitions: [1, 1] });
		for (const name of ['1a', '2a']) tiers.replaceContract(name, counter(2));
		await expect(order(tiers)).rejects.toThrow(/^R17: 2 partitions signed another result of height 2/);
	});

	it('of one member in a partition: q of the others are enough, and it is told of', async () => {
		const tiers = await started({ partitions: [4] });
		tiers.replaceContract('1d', counter(2));
		await expect(order(tiers)).rejects.toThrow(/^R17/);
		expect(tiers.story('commits')).toContain('1b commits 2');
		expect(tiers.heights()).toEqual([2, 2, 2, 1, 2]);
	});
});

describe('R14: a lock', () => {
	it('is carried into the next ballot: a Booter that comes back in mid-height repeats what may be final', async () => {
		const tiers = await started({ partitions: [4] });
		tiers.reaches = (_from, _to, what) => !what.startsWith('carries Dones');
		await order(tiers);
		expect(tiers.heights()).toEqual([1, 1, 1, 1, 1]);
		tiers.crash('booter');
		tiers.reaches = () => true;
		tiers.story();
		await tiers.restart('booter');
		await tiers.ticks(1);
		expect(tiers.story()).toEqual([
			'booter StatusRequest 2.0 → 1a',
			'1a Status 2.0 lock 1.0',
			'1a StatusRequest 2.0 → all',
			'1b Status 2.0 lock 1.0 → 1a',
			'1c Status 2.0 lock 1.0 → 1a',
			'1d Status 2.0 lock 1.0 → 1a',
			'1a carries Statuses 2.0 lock 1.0 → booter',
			'booter Next 2.0 height 2 lock 1.0 → 1a',
			'1a Sign 2.0',
			'1a Next 2.0 height 2 lock 1.0 → all',
			'1b Sign 2.0 → 1a',
			'1c Sign 2.0 → 1a',
			'1d Sign 2.0 → 1a',
			'1a carries Signs 2.0 → booter',
			'booter OrderCommit 2.0 → 1a',
			'1a Done 2.0',
			'1a OrderCommit 2.0 → all',
			'1b Done 2.0 → 1a',
			'1c Done 2.0 → 1a',
			'1d Done 2.0 → 1a',
			'1a carries Dones 2.0 → booter',
			'booter commits 2',
			'booter Finality 2.0 → 1a',
			'1a commits 2',
			'1a Finality 2.0 → all',
			'1b commits 2',
			'1c commits 2',
			'1d commits 2'
		]);
		// A block has one hash: its header names the ballot that first proposed it.
		const [block] = tiers.member('1a').disk.blocks.values();
		expect(block).toBeDefined();
		expect(tiers.member('1a').voter.rolledBack).toBe(0);
	});

	it('is carried by a Booter that lost everything: content and bodies come from who is locked', async () => {
		const tiers = await started({ partitions: [2, 2] });
		tiers.reaches = (_from, _to, what) => !what.startsWith('carries Dones');
		await order(tiers);
		tiers.crash('booter');
		tiers.booter.disk.records.delete('ballot');
		tiers.reaches = () => true;
		await tiers.restart('booter');
		await tiers.ticks(1);
		tiers.story();
		// It knows of no ballot at this height, so that its first Next has no Statuses; who has joined one says so.
		await order(tiers, 2);
		expect(tiers.story('booter', 'Refuse')).toEqual([
			'booter Next 2.0 height 2 → 1a 2a',
			'booter block 2/1 → 1a',
			'1a Refuse 2.0 StatusRequired',
			'1a carries refusals 1 → booter',
			'2a Refuse 2.0 StatusRequired',
			'2a carries refusals 1 → booter',
			'1b Refuse 2.0 StatusRequired → 1a',
			'booter: ballot 2.0 of height 2 is given up: StatusRequired: ballot 2.0 shows no Statuses, and this member has joined ballot 1.0',
			'2b Refuse 2.0 StatusRequired → 2a',
			'1a carries refusals 2 → booter',
			'2a carries refusals 2 → booter'
		]);
		await tiers.ticks(2 * RESEND_TICKS);
		expect(tiers.story('booter ', '2.1 lock 1.0 → booter', 'block 1/1').slice(0, 11)).toEqual([
			'booter StatusRequest 2.1 → 1a 2a',
			'1a carries Statuses 2.1 lock 1.0 → booter',
			'2a carries Statuses 2.1 lock 1.0 → booter',
			'booter asks for a block → 1a',
			'booter asks for a block → 2a',
			'1a block 1/1 → booter',
			'2a block 1/1 → booter',
			'booter Next 2.1 height 2 lock 1.0 → 1a 2a',
			'booter block 1/1 → 2a',
			'booter OrderCommit 2.1 → 1a 2a',
			'booter commits 2'
		]);
		expect(new Set(tiers.heights())).toEqual(new Set([3]));
	});

	it('of the higher of two ballots is the one that counts', async () => {
		const tiers = await started();
		// Ballot 1.0 orders the block of partition 1; only 1a hears of its OrderCommit, and then the Booter crashes.
		tiers.reaches = (from, to, what) => (what.startsWith('OrderCommit') ? to === '1a' : from !== 'none');
		await order(tiers, 1);
		tiers.crash('booter');
		// It comes back without its record, hears of no lock from the other three, and orders another block; 2a alone locks.
		tiers.booter.disk.records.delete('ballot');
		tiers.reaches = (from, to, what) =>
			from !== '1a' && (what.startsWith('OrderCommit') ? to === '2a' : true);
		await tiers.restart('booter');
		await order(tiers, 2);
		await tiers.ticks(2 * RESEND_TICKS);
		const locks = ['1a', '2a', '3a', '4a'].map((name) => tiers.member(name).voter.state());
		expect(locks.map((state) => state?.phase)).toEqual(['signed', 'locked', 'signed', 'signed']);
		tiers.crash('booter');
		tiers.story();
		// The third hears of both: 4a is away, so that the Statuses are those of 1a, 2a and 3a.
		tiers.reaches = (_from, to) => to !== '4a';
		await tiers.restart('booter');
		await tiers.ticks(1);
		expect(tiers.story('Status', 'booter Next', 'booter commits')).toEqual([
			'booter StatusRequest 3.0 → 1a 2a 3a 4a',
			'1a Status 3.0 lock 1.0',
			'1a StatusRequest 3.0 → all',
			'1a carries Statuses 3.0 lock 1.0 → booter',
			'2a Status 3.0 lock 2.1',
			'2a StatusRequest 3.0 → all',
			'2a carries Statuses 3.0 lock 2.1 → booter',
			'3a Status 3.0',
			'3a StatusRequest 3.0 → all',
			'3a carries Statuses 3.0 → booter',
			'booter Next 3.0 height 2 lock 2.1 → 1a 2a 3a 4a',
			'booter commits 2'
		]);
		// R15: 1a had executed the first block at height 2, and took it back.
		expect(tiers.member('1a').voter.rolledBack).toBe(1);
	});

	it('is not shown by those who hold none: the content is free, and who was locked alone follows', async () => {
		const tiers = await started();
		tiers.reaches = (_from, to, what) => !what.startsWith('OrderCommit') || to === '1a';
		await order(tiers, 1);
		expect(tiers.member('1a').voter.state()?.phase).toBe('locked');
		tiers.crash('booter');
		tiers.booter.disk.records.delete('ballot');
		tiers.reaches = (from) => from !== '1a';
		await tiers.restart('booter');
		await order(tiers, 2);
		tiers.reaches = (from, _to, what) => from !== '1a' || !what.startsWith('carries Statuses');
		await tiers.ticks(3 * RESEND_TICKS);
		expect(new Set(tiers.heights())).toEqual(new Set([2]));
		expect(tiers.story('1a Sign', '1a Done', '1a commits')).toEqual([
			'1a Sign 1.0',
			'1a Done 1.0',
			// Said again while it waits: the same votes.
			'1a Sign 1.0',
			'1a Done 1.0',
			'1a Sign 2.1',
			'1a Done 2.1',
			'1a commits 2'
		]);
	});
});

describe('R14: a member that has joined a ballot', () => {
	it('takes no part in lower ones: neither their Next nor their OrderCommit', async () => {
		const tiers = await started();
		const kept: { to: string; what: string }[] = [];
		tiers.reaches = (_from, to, what) => {
			if (!what.startsWith('OrderCommit 1.0')) return true;
			kept.push({ to, what });
			return false;
		};
		await order(tiers);
		expect(kept.map(({ to }) => to)).toEqual(['1a', '2a', '3a', '4a']);
		// What the Booter of term 1 had sent and would send again.
		const late = await lateMessages(tiers);
		tiers.crash('booter');
		// The new one gets no further than asking.
		tiers.reaches = (_from, _to, what) => !what.startsWith('carries Statuses');
		await tiers.restart('booter');
		await tiers.ticks(1);
		tiers.story();
		for (const name of ['1a', '2a', '3a', '4a']) for (const body of late) tiers.post('booter', name, body);
		await tiers.settle();
		expect(tiers.story('a Refuse', 'a Sign', 'a Done')).toEqual([
			'1a Refuse 1.0 BallotPassed',
			'2a Refuse 1.0 BallotPassed',
			'3a Refuse 1.0 BallotPassed',
			'4a Refuse 1.0 BallotPassed'
		]);
		// The joining is on disk, so that a restart does not forget it.
		await tiers.restart('1a');
		for (const body of late) tiers.post('booter', '1a', body);
		await tiers.settle();
		expect(tiers.story('a Refuse', 'a Sign', 'a Done')).toEqual(['1a Refuse 1.0 BallotPassed']);
	});

	it('accepts no later one without Statuses', async () => {
		const tiers = await started();
		tiers.reaches = (_from, _to, what) => !what.startsWith('OrderCommit');
		await order(tiers);
		tiers.story();
		const next = tiers.booter.core.tick(0).votes; // Nothing is due yet; the Next is made by hand.
		expect(next).toEqual([]);
		const body = await nextBy(tiers, { term: 1, attempt: 1 });
		tiers.post('booter', '1a', body);
		await tiers.settle();
		expect(tiers.story()).toEqual([
			'1a Refuse 1.1 StatusRequired',
			'1a Next 1.1 height 2 → all',
			'1a carries refusals 1 → booter'
		]);
	});
});

describe('a ballot that somebody else has opened', () => {
	it('is said to be open: the Booter that asks for Statuses on it goes on to the next', async () => {
		const tiers = await started({ partitions: [1, 1] });
		tiers.reaches = (_from, _to, what) => !what.startsWith('OrderCommit');
		await order(tiers);
		tiers.crash('booter');
		// Its key has signed the first ballot of its next term already; what justifies that is out of nowhere.
		for (const name of ['1a', '2a']) await tiers.restartWithoutVotes(name);
		const next = await nextBy(tiers, { term: 2, attempt: 0 }, 1000n);
		for (const name of ['1a', '2a']) tiers.post('booter', name, next);
		await tiers.settle();
		tiers.reaches = () => true;
		tiers.story();
		await tiers.restart('booter');
		await tiers.ticks(3 * RESEND_TICKS);
		expect(tiers.story('booter ', 'booter:', 'Refuse')).toEqual([
			'booter StatusRequest 2.0 → 1a 2a',
			'1a Refuse 2.0 BallotOpened',
			'2a Refuse 2.0 BallotOpened',
			'booter: ballot 2.0 of height 2 is given up: BallotOpened: this member has voted in ballot 2.0',
			'booter StatusRequest 2.1 → 1a 2a',
			'booter Next 2.1 height 2 free → 1a 2a',
			'booter OrderCommit 2.1 → 1a 2a',
			'booter commits 2',
			'booter Finality 2.1 → 1a 2a'
		]);
	});

	it('is no reason to give up one that this Booter has opened: the question came late', async () => {
		const tiers = await started({ partitions: [1, 1] });
		tiers.reaches = (_from, _to, what) => !what.startsWith('OrderCommit');
		await order(tiers);
		const request = statusRequestStatement({ term: 1, attempt: 0 }, 2);
		const signed = await tiers.sign(tiers.booter.member, request);
		tiers.story();
		for (const name of ['1a', '2a']) tiers.post('booter', name, { case: 'signed', value: signed });
		await tiers.settle();
		expect(tiers.story('Refuse', 'carries refusals', 'given up')).toEqual([
			'1a Refuse 1.0 BallotOpened',
			'1a carries refusals 1 → booter',
			'2a Refuse 1.0 BallotOpened',
			'2a carries refusals 1 → booter'
		]);
	});
});

describe('a Booter that equivocates', () => {
	it('gets no two contents through: half of the partitions sign one, half the other, and nothing is final', async () => {
		const tiers = await started();
		tiers.reaches = (from, to) => from !== 'booter' || ['1a', '2a'].includes(to);
		await order(tiers);
		const first = await nextBy(tiers, { term: 1, attempt: 0 });
		const second = await nextBy(tiers, { term: 1, attempt: 0 }, 1000n);
		tiers.reaches = () => true;
		for (const name of ['3a', '4a']) tiers.post('booter', name, second);
		await tiers.settle();
		expect(tiers.story('a Sign', 'OrderCommit', 'commits', 'given up')).toEqual([
			'1a Sign 1.0',
			'2a Sign 1.0',
			'3a Sign 1.0',
			'4a Sign 1.0',
			'booter: ballot 1.0 of height 2 is given up: members signed another content'
		]);
		// R11: who sees both votes on the first alone, and keeps the two as evidence.
		for (const name of ['1a', '3a']) tiers.post('booter', name, name === '1a' ? second : first);
		await tiers.settle();
		expect(tiers.story('a Sign')).toEqual([]);
		for (const name of ['1a', '3a']) {
			const evidence = tiers.member(name).voter.equivocation!;
			const statements = [evidence.first, evidence.second].map((signed) => [
				signed.kind,
				signed.view,
				signed.attempt,
				signed.slot
			]);
			expect(statements).toEqual([
				[Kind.NEXT, 1, 0, 2],
				[Kind.NEXT, 1, 0, 2]
			]);
			expect(toHex(evidence.first.digest)).not.toBe(toHex(evidence.second.digest));
		}
		expect(tiers.member('2a').voter.equivocation).toBeNull();
	});

	it('is overcome by the next ballot: one content, with Statuses', async () => {
		const tiers = await started();
		tiers.reaches = (from, to) => from !== 'booter' || ['1a', '2a'].includes(to);
		await order(tiers);
		const other = await nextBy(tiers, { term: 1, attempt: 0 }, 1000n);
		tiers.reaches = () => true;
		for (const name of ['3a', '4a']) tiers.post('booter', name, other);
		await tiers.settle();
		tiers.crash('booter');
		await tiers.restart('booter');
		await tiers.ticks(1);
		expect(new Set(tiers.heights())).toEqual(new Set([2]));
	});

	it('cannot make a member say Done to what it has not signed, not even with an OrderCommit', async () => {
		const tiers = await started();
		tiers.reaches = (from, to, what) => from !== 'booter' || to !== '4a' || what.startsWith('block');
		tiers.onWrite = (who, persist) =>
			who === 'booter' && persist.some(({ key, value }) => key === 'ballot-order-commit' && value)
				? 'after'
				: null;
		await order(tiers);
		tiers.reaches = () => true;
		tiers.post('booter', '4a', await nextBy(tiers, { term: 1, attempt: 0 }, 1000n));
		const [, orderCommit] = await lateMessages(tiers);
		tiers.post('booter', '4a', orderCommit!);
		await tiers.settle();
		expect(tiers.story('4a ')).toEqual([
			'4a Sign 1.0',
			'4a Next 1.0 height 2 → all',
			'4a carries Signs 1.0 → booter'
		]);
	});
});

describe('crashes at persist boundaries', () => {
	it.each(['before', 'after'] as const)(
		'of a member, %s its lock is written: it says the same Done again, or for the first time',
		async (boundary) => {
			const tiers = await started();
			let isFirst = true;
			tiers.onWrite = (who, persist) => {
				if (who !== '1a' || !isFirst || persist.length === 0) return null;
				if (tiers.member('1a').voter.state()?.phase !== 'locked') return null;
				isFirst = false;
				return boundary;
			};
			tiers.crash('4a'); // So that its Done is needed.
			await order(tiers);
			expect(tiers.heights()).toEqual([1, 1, 1]);
			await tiers.restart('1a');
			for (const body of tiers.member('2a').bodies.values()) tiers.member('1a').bodies.set(body.id, body);
			tiers.story();
			await tiers.ticks(RESEND_TICKS);
			expect(tiers.story('1a Sign', '1a Done', '1a commits')).toEqual([
				'1a Sign 1.0',
				'1a Done 1.0',
				'1a commits 2'
			]);
			expect(tiers.heights()).toEqual([2, 2, 2, 2]);
		}
	);

	it.each(['before', 'after'] as const)(
		'of a member, %s block, state and head are written: all of it is there, or nothing',
		async (boundary) => {
			const tiers = await started();
			tiers.onWrite = (who, _persist, commits) => (who === '1a' && commits.length > 0 ? boundary : null);
			await order(tiers);
			await tiers.restart('1a');
			tiers.onWrite = () => null;
			const { chain, disk } = tiers.member('1a');
			expect(chain.head.height).toBe(boundary === 'after' ? 2 : 1);
			expect(disk.blocks.size).toBe(boundary === 'after' ? 1 : 0);
			expect(chain.state.get('counter/value')).toEqual(boundary === 'after' ? Uint8Array.of(1) : undefined);
			expect(disk.records.size).toBe(boundary === 'after' ? 0 : 1);
			// The others are at height 2, which the proof on the next Next shows: block sync brings what is missing.
			await order(tiers, 2);
			expect(chain.head.height).toBe(boundary === 'after' ? 3 : 1);
		}
	);

	it.each(['before', 'after'] as const)('of the Booter, %s its ballot is written', async (boundary) => {
		const tiers = await started({ partitions: [1, 1] });
		let isFirst = true;
		tiers.onWrite = (who, persist) => {
			const writesBallot = persist.some(({ key, value }) => key === 'ballot' && value !== null);
			if (who !== 'booter' || !isFirst || !writesBallot) return null;
			isFirst = false;
			return boundary;
		};
		await order(tiers);
		tiers.story();
		await tiers.restart('booter');
		await tiers.ticks(1);
		// Before: nobody has heard of the height. After: somebody may have.
		if (boundary === 'before') {
			expect(tiers.story()).toEqual([]);
			await tiers.handUp([...tiers.member('1a').bodies.values()][0]!);
			await tiers.settle();
			expect(tiers.story('booter ')[0]).toBe('booter Next 2.0 height 2 → 1a 2a');
		} else expect(tiers.story('booter ')[0]).toBe('booter StatusRequest 2.0 → 1a 2a');
		expect(new Set(tiers.heights())).toEqual(new Set([2]));
	});

	it.each(['before', 'after'] as const)('of the Booter, %s its OrderCommit is written', async (boundary) => {
		const tiers = await started({ partitions: [1, 1] });
		let isFirst = true;
		tiers.onWrite = (who, persist) => {
			const writesCommit = persist.some(({ key, value }) => key === 'ballot-order-commit' && value !== null);
			if (who !== 'booter' || !isFirst || !writesCommit) return null;
			isFirst = false;
			return boundary;
		};
		await order(tiers);
		tiers.story();
		await tiers.restart('booter');
		await tiers.ticks(1);
		// Nobody is locked, so that the choice is free; what it had open is what it proposes again.
		expect(tiers.story('booter Next')).toEqual(['booter Next 2.0 height 2 free → 1a 2a']);
		expect(new Set(tiers.heights())).toEqual(new Set([2]));
		expect(tiers.member('1a').voter.rolledBack).toBe(0);
	});

	it('of everyone at once, after the locks: the height continues from the disks', async () => {
		const tiers = await started({ partitions: [2, 2] });
		tiers.reaches = (_from, _to, what) => !what.startsWith('carries Dones');
		await order(tiers);
		tiers.reaches = () => true;
		const all = ['booter', '1a', '1b', '2a', '2b'];
		for (const name of all) tiers.crash(name);
		for (const name of all) await tiers.restart(name);
		await tiers.ticks(2 * RESEND_TICKS);
		expect(tiers.heights()).toEqual([2, 2, 2, 2, 2]);
		expect(tiers.story('booter Next')).toContain('booter Next 2.0 height 2 lock 1.0 → 1a 2a');
	});
});

describe('leaders', () => {
	it('a new one takes over in mid-ballot: the members give it their votes again', async () => {
		const tiers = await started({ partitions: [4] });
		tiers.reaches = (_from, to, what) => !(to === '1a' && what.startsWith('Sign'));
		await order(tiers);
		tiers.crash('1a');
		tiers.story();
		await tiers.changeLeader(1);
		await tiers.settle();
		await tiers.ticks(RESEND_TICKS);
		expect(tiers.story('carries', 'booter')).toEqual([
			'booter Next 1.0 height 2 → 1b',
			'1b carries Signs 1.0 → booter',
			'booter OrderCommit 1.0 → 1b',
			'1b carries Dones 1.0 → booter',
			'booter commits 2',
			'booter Finality 1.0 → 1b'
		]);
	});

	it('R11: one that carries nothing is passed by, and its partition counts once', async () => {
		const tiers = await started({ partitions: [4] });
		tiers.reaches = (from, to) => !(from === '1a' && to === 'booter');
		await order(tiers);
		await tiers.ticks(CARRY_TO_ALL_TICKS - 1);
		expect(tiers.story('commits')).toEqual([]);
		await tiers.ticks(2 * CARRY_TO_ALL_TICKS);
		expect(tiers.story('booter commits')).toEqual(['booter commits 2']);
		expect(new Set(tiers.heights())).toEqual(new Set([2]));
	});

	it('R23: one that catches up carries no votes', async () => {
		const tiers = await started({ partitions: [2] });
		tiers.member('1a').voter.pause(true);
		await order(tiers);
		expect(tiers.story('carries')).toEqual([]);
		tiers.member('1a').voter.pause(false);
		await tiers.ticks(RESEND_TICKS);
		expect(tiers.heights()).toEqual([2, 2, 2]);
	});
});

/** A Next of the Booter's own key: what it has open, later by so many milliseconds. */
async function nextBy(tiers: Tiers, ballot: { term: number; attempt: number }, laterMs = 0n) {
	const { toBinary } = await import('@bufbuild/protobuf');
	const { OrderContentSchema } = await import('../../wire/gen/tabwave/v1/ledger_pb.js');
	const { contentDigest } = await import('../../ledger/block.ts');
	const { content } = tiers.booter.log.logged!;
	const payload = toBinary(OrderContentSchema, { ...content, timeMs: content.timeMs + laterMs });
	const statement = {
		kind: Kind.NEXT,
		partition: 0,
		epoch: 0,
		view: ballot.term,
		attempt: ballot.attempt,
		slot: content.height,
		digest: contentDigest(payload)
	};
	const signed = await tiers.sign(tiers.booter.member, statement, payload);
	return {
		case: 'next' as const,
		value: { $typeName: 'tabwave.v1.Next' as const, signed, statuses: [] }
	};
}

/** The Next and the OrderCommit of the ballot that is open. */
async function lateMessages(tiers: Tiers) {
	const { fromBinary } = await import('@bufbuild/protobuf');
	const { BooterEntrySchema } = await import('../../wire/gen/tabwave/v1/storage_pb.js');
	const { body } = fromBinary(BooterEntrySchema, tiers.booter.disk.records.get('ballot-order-commit')!);
	if (body.case !== 'orderCommit') throw new Error('there is no OrderCommit');
	const { value } = body;
	return [await nextBy(tiers, { term: 1, attempt: 0 }), { case: 'orderCommit' as const, value }];
}
