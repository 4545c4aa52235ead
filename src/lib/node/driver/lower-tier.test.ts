import { beforeEach, describe, expect, it } from 'vitest';
import type { TestMember } from '../../consensus/testing/members.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { received } from '../intake/inputs.ts';
import { DEFAULT_TIMING, OVERDUE_SHARE } from '../timing.ts';
import { storeOf } from '../testing/stored-ledger.ts';
import { LowerTier } from './lower-tier.ts';
import { Pool } from './pool.ts';

const OVERDUE_MS = OVERDUE_SHARE * DEFAULT_TIMING.viewTimeoutMs;
let ledger: TestLedger;
let ada: TestMember;
let pool: Pool;
let openHeight: number | null;
let hasBooter: boolean;
let lower: LowerTier;

beforeEach(async () => {
	ledger = await TestLedger.found([1]);
	ada = ledger.members(1)[0]!;
	pool = new Pool();
	openHeight = null;
	hasBooter = true;
	lower = tierOf(ada.id);
});

const tierOf = (self: string) =>
	new LowerTier({
		chain: ledger.chain,
		self,
		pool,
		timing: DEFAULT_TIMING,
		isChecking: () => false,
		looksAlive: () => true,
		isCatchingUp: () => false,
		openHeight: () => openHeight,
		hasBooter: () => hasBooter
	});
const partition = () => ledger.chain.topology.partition(1);

describe('R22: the rounds of an epoch', () => {
	it('are there for members alone, and end with it', () => {
		expect(lower.pbft).toBeNull();
		expect(lower.enter(partition())).toEqual([]);
		const first = lower.pbft!;
		expect(first).toMatchObject({ partition: 1, epoch: 1, leader: ada.id });
		lower.enter({ ...partition()!, epoch: 2 });
		expect(lower.pbft).toMatchObject({ epoch: 2 });
		expect(lower.pbft).not.toBe(first);
		lower.enter(undefined);
		expect(lower.pbft).toBeNull();
	});

	it('take their last block from the store after a restart, where there is one', async () => {
		await tierOf('stranger').restore(await storeOf(ledger));
		await lower.restore(await storeOf(ledger));
		await ledger.grow();
		const store = await storeOf(ledger);
		const read: number[] = [];
		const block = (height: number) => {
			read.push(height);
			return store.block(height);
		};
		await lower.restore({ block });
		expect(read).toEqual([ledger.chain.head.height]);
	});
});

describe('R8: what waits for the leader', () => {
	beforeEach(() => lower.enter(partition()));

	it('is nothing in a quiet partition', () => {
		expect(lower.demand(1000)).toBe('none');
	});

	it('is a transaction, which is overdue after a part of the view timeout', async () => {
		pool.add(await ledger.transaction(ada), 1000);
		expect(lower.demand(1000 + OVERDUE_MS)).toBe('waiting');
		expect(lower.demand(1001 + OVERDUE_MS)).toBe('overdue');
	});

	it('is an open order, from when it was first seen, each height anew', () => {
		openHeight = 5;
		expect(lower.demand(1000)).toBe('waiting');
		expect(lower.demand(1001 + OVERDUE_MS)).toBe('overdue');
		openHeight = 6;
		expect(lower.demand(1002 + OVERDUE_MS)).toBe('waiting');
		openHeight = null;
		expect(lower.demand(1003 + 2 * OVERDUE_MS)).toBe('none');
	});

	it('is nothing beside an open round while no Booter is known: another leader would not help', async () => {
		const transaction = await ledger.transaction(ada);
		pool.add(transaction, 0);
		for (const { statement, payload } of lower.pbft!.pool().votes)
			lower.pbft!.message(received(await ledger.sign(ada, statement, payload)));
		expect(lower.pbft!.rounds()).toHaveLength(1);
		expect(lower.demand(1 + OVERDUE_MS)).toBe('overdue');
		hasBooter = false;
		expect(lower.demand(1 + OVERDUE_MS)).toBe('none');
	});
});
