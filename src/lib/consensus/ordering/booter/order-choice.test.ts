import { beforeEach, describe, expect, it } from 'vitest';
import { LedgerError } from '../../../ledger/errors.ts';
import type { CertifiedBody } from '../certified-block.ts';
import type { EntryBody } from '../chain.ts';
import { testMembers, type TestMember } from '../../testing/members.ts';
import { TestLedger } from '../../testing/test-ledger.ts';
import { entryId } from './entries.ts';
import { OrderChoice } from './order-choice.ts';

const GATHER_TICKS = 4;
const GAP_TICKS = 100;
const RESEND_TICKS = 10;
const WHY = new LedgerError('OrderRefused', 'as a test wants it');
let ledger: TestLedger;
let ada: TestMember;
let newcomer: TestMember;
let choice: OrderChoice;
/** Three rounds of one partition, in order. */
let blocks: CertifiedBody[];

beforeEach(async () => {
	ledger = await TestLedger.found([1, 0], {
		partitions: [1, 2].map((id) => ({ $typeName: 'tabwave.v1.PartitionGenesis', id, maxMembers: 6 }))
	});
	ada = ledger.members(1)[0]!;
	[newcomer] = (await testMembers(1)) as [TestMember];
	choice = new OrderChoice({
		chain: ledger.chain,
		gatherTicks: GATHER_TICKS,
		gapTicks: GAP_TICKS,
		resendTicks: RESEND_TICKS
	});
	blocks = [];
	for (const roundId of [1, 2, 3])
		blocks.push(await ledger.certified(1, [await ledger.transaction(ada)], { roundId }));
});

/** What is chosen: blocks by their round. */
const chosen = (tick = 100, isWhole = true): (number | string)[] | null =>
	choice
		.choose(tick, ledger.chain.head.timeMs + 10, isWhole)
		?.map((entry) => (entry.kind === 'block' ? entry.body.proposal.roundId : 'change')) ?? null;
const bodiesOf = (...bodies: CertifiedBody[]): EntryBody[] => bodies.map((body) => ({ kind: 'block', body }));
const certified = (): void => blocks.forEach((block) => choice.certified(block));

describe('the next order', () => {
	it('is nothing while nothing waits', () => {
		expect([chosen(), choice.isWaiting]).toEqual([null, false]);
	});

	it('is the blocks that wait, and the change of members last', async () => {
		certified();
		choice.request(await ledger.join(newcomer, 1), 0);
		expect(chosen()).toEqual([1, 2, 3, 'change']);
		expect([choice.isWaiting, choice.counts()]).toEqual([true, [{ partition: 1, blocks: 3 }]]);
		expect(choice.block(blocks[1]!.id)).toBe(blocks[1]);
	});

	it('gathers requests that come close together, from the first one on', async () => {
		choice.request(await ledger.join(newcomer, 1), 10);
		choice.request(await ledger.leave(ada, 1), 12);
		expect(chosen(10 + GATHER_TICKS - 1)).toBeNull();
		expect(chosen(10 + GATHER_TICKS)).toEqual(['change']);
	});

	it('does not let the first member of all wait', async () => {
		ledger = await TestLedger.found([0]);
		choice = new OrderChoice({
			chain: ledger.chain,
			gatherTicks: GATHER_TICKS,
			gapTicks: GAP_TICKS,
			resendTicks: RESEND_TICKS
		});
		choice.request(await ledger.join(newcomer, 1), 10);
		expect(chosen(10)).toEqual(['change']);
	});

	it('is a recovery alone, or nothing, while partitions are left out (R22)', () => {
		certified();
		expect(chosen(100, false)).toBeNull();
	});

	it('is without the requests of another leader’s time', async () => {
		const { requests } = choice;
		choice.request(await ledger.join(newcomer, 1), 0);
		choice.stepDown();
		expect(choice.requests).not.toBe(requests);
		expect(chosen()).toBeNull();
	});
});

describe('what was refused', () => {
	it('does not come again', () => {
		certified();
		expect(choice.drop(blocks[0]!.id, bodiesOf(...blocks), WHY)).toBe(true);
		expect(choice.certified(blocks[0]!)).toBe(false);
		expect(choice.block(blocks[0]!.id)).toBeUndefined();
	});

	it('is only what the order held', () => {
		certified();
		expect(choice.drop(blocks[0]!.id, bodiesOf(blocks[1]!), WHY)).toBe(false);
		expect(choice.block(blocks[0]!.id)).toBe(blocks[0]);
	});

	it('is told to who wanted it, if it is a change of members', async () => {
		choice.request(await ledger.join(newcomer, 1), 0);
		const [change] = choice.choose(100, ledger.chain.head.timeMs + 10, true)!;
		expect(choice.drop(entryId(change!), [change!], WHY)).toBe(true);
		expect(choice.requests.takeRefused()).toEqual([{ member: newcomer.id, error: WHY }]);
		expect(chosen()).toBeNull();
	});
});

describe('an order whose results differed', () => {
	it('is tried by halves, and at last one alone, which is put off', () => {
		certified();
		expect(choice.narrow(bodiesOf(...blocks), 100)).toBe(true);
		expect(chosen()).toEqual([1, 2]);
		expect(choice.narrow(bodiesOf(blocks[0]!, blocks[1]!), 100)).toBe(true);
		expect(chosen()).toEqual([1]);
		expect(choice.narrow(bodiesOf(blocks[0]!), 100)).toBe(true);
		expect(chosen()).toBeNull();
	});

	it('comes again where it was one block, after twice as long each time; what follows it waits for a gap (R9)', () => {
		choice.certified(blocks[0]!);
		let tick = 100;
		for (const resends of [10, 20, 40, 80, 160, 320, 640, 640]) {
			expect(chosen(tick)).toEqual([1]);
			choice.narrow(bodiesOf(blocks[0]!), tick);
			// Handed up again meanwhile.
			expect(choice.certified(blocks[0]!)).toBe(false);
			tick += resends * RESEND_TICKS;
			expect(chosen(tick - 1)).toBeNull();
		}
		choice.narrow(bodiesOf(blocks[0]!), tick);
		choice.certified(blocks[1]!);
		expect(chosen(tick)).toBeNull();
		expect(chosen(tick + GAP_TICKS)).toEqual([2]);
	});

	it('is refused where it was a change of members', async () => {
		choice.request(await ledger.join(newcomer, 1), 0);
		const bodies = choice.choose(100, ledger.chain.head.timeMs + 10, true)!;
		expect(choice.narrow(bodies, 100)).toBe(true);
		expect(choice.requests.takeRefused()).toMatchObject([{ member: newcomer.id }]);
	});

	it('leaves no place for a change of members', async () => {
		certified();
		choice.request(await ledger.join(newcomer, 1), 0);
		choice.narrow(bodiesOf(blocks[0]!, blocks[1]!), 100);
		expect(chosen()).toEqual([1]);
		choice.begin();
		expect(chosen()).toEqual([1, 2, 3, 'change']);
	});

	it('of nothing is none', () => {
		expect(choice.narrow([], 100)).toBe(false);
	});
});
