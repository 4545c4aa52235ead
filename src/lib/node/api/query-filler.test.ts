import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newLife, VirtualTime } from '../../../../tests/simulation/virtual-time.ts';
import type { Chain } from '../../consensus/ordering/chain.ts';
import { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { decodeFinalBlock } from '../../ledger/block.ts';
import { transferArguments } from '../../ledger/transfer.ts';
import type { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';
import { MemoryQueryTables } from '../../storage/memory-query-tables.ts';
import { recordOf, storeOf } from '../testing/stored-ledger.ts';
import { QueryFiller } from './query-filler.ts';

/** 1, 2: members of two partitions; 3: a payment; 4: one that fails; 5: the first again; then to 80 one block a round. */
let ledger: TestLedger;
let store: MemoryLedgerStore;
const HEAD = 80;

beforeAll(async () => {
	ledger = await TestLedger.found([1, 1]);
	const [ada, bob] = [ledger.members(1)[0]!, ledger.members(2)[0]!];
	const pay = (amount: bigint) =>
		ledger.transaction(ada, { arguments: transferArguments(bob.signer.publicKey, amount) });
	const [paid, overdrawn] = [await pay(5n), await pay(2_000_000n)];
	await ledger.commit({ kind: 'block', body: await ledger.certified(1, [paid]) });
	await ledger.commit({ kind: 'block', body: await ledger.certified(2, [overdrawn]) });
	await ledger.commit({ kind: 'block', body: await ledger.certified(1, [paid]) });
	while (ledger.chain.head.height < HEAD) await ledger.grow(1);
	store = await storeOf(ledger);
});

let time: VirtualTime;
let tables: MemoryQueryTables;
let failures: Error[];

beforeEach(() => {
	time = new VirtualTime(0);
	tables = new MemoryQueryTables();
	failures = [];
});

const fillerOf = (chain: Chain = ledger.chain, from: MemoryLedgerStore = store): QueryFiller =>
	new QueryFiller(chain, from, tables, time.clock(0, newLife()), (error) => failures.push(error));

async function started(filler: QueryFiller): Promise<QueryFiller> {
	await filler.start();
	return filler;
}

const until = (filler: QueryFiller, height: number): Promise<void> =>
	time.run(time.nowMs + 60_000, () => filler.filledTo >= height);

describe('the query tables behind the commit', () => {
	it('come to hold every block of the chain, in order', async () => {
		const filler = await started(fillerOf());
		await until(filler, HEAD);
		expect([filler.filledTo, await tables.filledTo()]).toEqual([HEAD, HEAD]);
		const rows = await tables.blocks({ limit: 100 });
		expect(rows.map(({ height }) => height)).toEqual(Array.from({ length: HEAD }, (_, i) => HEAD - i));
		expect(failures).toEqual([]);
	});

	it('say of a block what its header says', async () => {
		const filler = await started(fillerOf());
		await until(filler, HEAD);
		const [row] = await tables.blocks({ beforeHeight: 5, limit: 1 });
		expect(row).toMatchObject({
			height: 4,
			partition: 2,
			epoch: 1,
			roundId: 1,
			transactions: 1,
			kind: 'block'
		});
		expect((await tables.blocks({ beforeHeight: 2, limit: 1 }))[0]).toMatchObject({
			height: 1,
			transactions: 0,
			roundId: 0,
			kind: 'membership'
		});
		expect((await tables.blocks({ partition: 2, limit: 10 })).map(({ height }) => height)).toEqual([4, 2]);
	});

	it('find a transaction by its id, and by each account that it names', async () => {
		const filler = await started(fillerOf());
		await until(filler, HEAD);
		const [paid, failed, again] = [3, 4, 5].map((height) =>
			ledger.chain.parse(decodeFinalBlock(ledger.blocks[height - 1]!).transactions[0]!)
		);
		expect(again!.id).toBe(paid!.id);
		expect(await tables.transaction(paid!.id)).toMatchObject({
			height: 3,
			index: 0,
			partition: 1,
			contract: 'transfer',
			function: 'transfer',
			status: 'ok'
		});
		expect(await tables.transaction(failed!.id)).toMatchObject({ height: 4, status: 'failed' });
		const bob = ledger.members(2)[0]!.id;
		const ofBob = await tables.transactionsOf(bob, { limit: 10 });
		expect(ofBob.map(({ height, status }) => [height, status])).toEqual([
			[5, 'skipped'],
			[4, 'failed'],
			[3, 'ok']
		]);
		expect(ofBob[0]!.accounts.sort()).toEqual([ledger.members(1)[0]!.id, bob].sort());
	});

	it('name an account once that pays itself', async () => {
		const own = await TestLedger.found([1]);
		const [ada] = own.members(1);
		const transfer = await own.transaction(ada!, { arguments: transferArguments(ada!.signer.publicKey, 1n) });
		await own.commit({ kind: 'block', body: await own.certified(1, [transfer]) });
		const filler = await started(fillerOf(own.chain, await storeOf(own)));
		await until(filler, 2);
		expect((await tables.transaction(transfer.id))!.accounts).toEqual([ada!.id]);
	});

	it('go on where they were', async () => {
		const before = await started(fillerOf());
		await time.run(60_000, () => before.filledTo > 0);
		before.stop();
		const filled = before.filledTo;
		expect(filled).toBeLessThan(HEAD);
		const after = await started(fillerOf());
		expect(after.filledTo).toBe(filled);
		await until(after, HEAD);
		expect(await tables.blocks({ limit: 100 })).toHaveLength(HEAD);
	});

	it('of a longer chain belong to a store that was deleted, and are made anew', async () => {
		const filler = await started(fillerOf());
		await until(filler, HEAD);
		filler.stop();
		const short = await TestLedger.found([1, 1]);
		const anew = await started(fillerOf(short.chain, await storeOf(short)));
		expect(anew.filledTo).toBe(0);
		await until(anew, 2);
		expect(await tables.filledTo()).toBe(2);
	});

	describe('with what the node has just committed', () => {
		let growing: TestLedger;
		let stored: MemoryLedgerStore;
		let filler: QueryFiller;

		/** 40 blocks in the store, and tables that hold all of them. */
		beforeEach(async () => {
			growing = await TestLedger.found([1]);
			while (growing.chain.head.height < 40) await growing.grow();
			stored = await storeOf(growing);
			filler = await started(fillerOf(growing.chain, stored));
			await until(filler, 40);
		});

		const heights = async (): Promise<number[]> =>
			(await tables.blocks({ limit: 200 })).map(({ height }) => height).reverse();
		const upTo = (height: number): number[] => Array.from({ length: height }, (_, i) => i + 1);

		it('take it as it is, and read it nowhere', async () => {
			// Nothing of this reaches the store.
			filler.committed([await growing.grow(), await growing.grow()]);
			await until(filler, 42);
			expect(await heights()).toEqual(upTo(42));
			const { id } = growing.chain.parse(decodeFinalBlock(growing.blocks[41]!).transactions[0]!);
			expect(await tables.transaction(id)).toMatchObject({ height: 42, index: 0, status: 'ok' });
		});

		it('read older blocks from the store where more has come than one batch takes', async () => {
			for (let i = 0; i < 70; i++) filler.committed([await growing.grow()]);
			await stored.write({
				blocks: growing.blocks.slice(40).map((bytes, i) => recordOf(41 + i, bytes)),
				durability: 'relaxed'
			});
			await until(filler, 110);
			expect(await heights()).toEqual(upTo(110));
			expect(failures).toEqual([]);
		});

		it('say the same of a block, however it came to them', async () => {
			filler.committed([await growing.grow()]);
			await until(filler, 41);
			const [direct] = await tables.blocks({ limit: 1 });
			const read = new MemoryQueryTables();
			const other = new QueryFiller(
				growing.chain,
				await storeOf(growing),
				read,
				time.clock(0, newLife()),
				() => {}
			);
			await other.start();
			await time.run(time.nowMs + 60_000, () => other.filledTo >= 41);
			expect((await read.blocks({ limit: 1 }))[0]).toEqual(direct);
			expect(await read.transactionsOf(growing.members(1)[0]!.id, { limit: 5 })).toEqual(
				await tables.transactionsOf(growing.members(1)[0]!.id, { limit: 5 })
			);
		});

		it('take it from a batch that is under way as well', async () => {
			const behind = new MemoryQueryTables();
			const late = new QueryFiller(growing.chain, stored, behind, time.clock(0, newLife()), () => {});
			await late.start();
			late.committed([await growing.grow()]);
			await time.run(time.nowMs + 60_000, () => late.filledTo >= 41);
			expect((await behind.blocks({ limit: 200 })).map(({ height }) => height).reverse()).toEqual(upTo(41));
		});
	});

	it('leave most of the time to voting: a batch, then a rest', async () => {
		const filler = await started(fillerOf());
		const at: number[] = [];
		let last = 0;
		await time.run(60_000, () => {
			if (filler.filledTo > last) at.push(time.nowMs);
			last = filler.filledTo;
			return last >= HEAD;
		});
		expect(at.length).toBeGreaterThan(1);
		for (let i = 1; i < at.length; i++) expect(at[i]! - at[i - 1]!).toBeGreaterThanOrEqual(250);
	});

	it('stop when they are told', async () => {
		const filler = await started(fillerOf());
		filler.stop();
		await time.run(60_000);
		expect(await tables.filledTo()).toBe(0);
	});

	it('tell once when they fail, and fail nobody else', async () => {
		const closed = await storeOf(ledger);
		await closed.close();
		await started(fillerOf(ledger.chain, closed));
		await time.run(60_000);
		expect(failures.map(({ name }) => name)).toEqual(['StoreError']);
	});

	it('that are stopped in the middle of a failure do not complain', async () => {
		const closed = await storeOf(ledger);
		await closed.close();
		const filler = await started(fillerOf(ledger.chain, closed));
		await time.run(0, () => true);
		filler.stop();
		await time.run(60_000);
		expect(failures).toEqual([]);
	});
});
