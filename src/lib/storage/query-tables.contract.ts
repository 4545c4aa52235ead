/** What all query tables must do, as tests: run against memory, IndexedDB and SQLite. Imported by test files only. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PAGE_ROWS, QueryTablesError } from './query-pages.ts';
import type { FilledBlock } from './query-pages.ts';
import type { BlockRow, QueryTables, TransactionRow } from './query-tables.ts';

fc.configureGlobal({ seed: 7 });

/** Tables at `place`; made again after `close()`, they hold what was added. Places are new in every test. */
export type MakeQueryTables = (place: string) => QueryTables;

export function transactionAt(
	height: number,
	index: number,
	part: Partial<TransactionRow> = {}
): TransactionRow {
	return {
		height,
		index,
		id: `${height}-${index}`,
		partition: height % 2,
		contract: 'bank',
		function: 'transfer',
		accounts: ['alice'],
		status: 'ok',
		...part
	};
}

export function filledBlock(height: number, transactions: Partial<TransactionRow>[] = []): FilledBlock {
	const block: BlockRow = {
		height,
		hash: `hash-${height}`,
		partition: height % 2,
		epoch: 1,
		roundId: height,
		timeMs: 1_700_000_000_000 + height,
		transactions: transactions.length,
		kind: transactions.length > 0 ? 'block' : 'membership'
	};
	return { block, transactions: transactions.map((part, index) => transactionAt(height, index, part)) };
}

const places = (row: TransactionRow) => `${row.height}/${row.index}`;

let made = 0;

export function queryTablesContract(name: string, make: MakeQueryTables): void {
	const newTables = async () => {
		const place = `tables-${++made}`;
		const tables = make(place);
		await tables.open();
		return { place, tables };
	};

	describe(`${name} as query tables`, () => {
		it('are empty when new', async () => {
			const { tables } = await newTables();
			expect(await tables.filledTo()).toBe(0);
			expect(await tables.transaction('x')).toBeUndefined();
			expect(await tables.blocks({ limit: 10 })).toEqual([]);
			expect(await tables.transactionsOf('alice', { limit: 10 })).toEqual([]);
			expect(await tables.transactionsTo('bank', undefined, { limit: 10 })).toEqual([]);
			await tables.add([]);
			expect(await tables.filledTo()).toBe(0);
			await tables.close();
		});

		it('keep what was added over a restart, and go on from there', async () => {
			const { place, tables } = await newTables();
			await tables.add([filledBlock(1, [{}]), filledBlock(2)]);
			await tables.close();
			const again = make(place);
			await again.open();
			expect(await again.filledTo()).toBe(2);
			await again.add([filledBlock(3, [{}, {}])]);
			expect(await again.transaction('1-0')).toEqual(transactionAt(1, 0));
			expect(await again.blocks({ limit: 9 })).toEqual([
				filledBlock(3, [{}, {}]).block,
				filledBlock(2).block,
				filledBlock(1, [{}]).block
			]);
			await again.close();
		});

		it('refuse blocks out of order, and rows of another block, whole', async () => {
			const { tables } = await newTables();
			await tables.add([filledBlock(1)]);
			for (const blocks of [
				[filledBlock(1)],
				[filledBlock(3)],
				[filledBlock(2, [{}]), filledBlock(4)],
				[filledBlock(2, [{ height: 7 }])]
			])
				await expect(tables.add(blocks)).rejects.toThrow(QueryTablesError);
			expect(await tables.filledTo()).toBe(1);
			expect(await tables.transaction('2-0')).toBeUndefined();
			await tables.close();
		});

		it('page through blocks, also of one partition', async () => {
			const { tables } = await newTables();
			await tables.add([1, 2, 3, 4, 5, 6].map((height) => filledBlock(height)));
			const heights = async (page: Parameters<QueryTables['blocks']>[0]) =>
				(await tables.blocks(page)).map(({ height }) => height);
			expect(await heights({ limit: 4 })).toEqual([6, 5, 4, 3]);
			expect(await heights({ limit: 4, beforeHeight: 3 })).toEqual([2, 1]);
			expect(await heights({ limit: 2, partition: 0 })).toEqual([6, 4]);
			expect(await heights({ limit: 2, partition: 0, beforeHeight: 4 })).toEqual([2]);
			expect(await heights({ limit: 2, partition: 7 })).toEqual([]);
			expect(await heights({ limit: 0 })).toEqual([]);
			expect(await heights({ limit: -1 })).toEqual([]);
			await tables.close();
		});

		it('find transactions by account, contract and function', async () => {
			const { tables } = await newTables();
			await tables.add([
				filledBlock(1, [
					{ accounts: ['alice', 'bob'] },
					{ accounts: ['bob', 'bob'], contract: 'spectrum', function: 'bid' }
				]),
				filledBlock(2, [
					{ accounts: ['carol'], contract: 'spectrum', function: 'issue' },
					{ accounts: ['carol', 'bob', 'alice'] }
				])
			]);
			const of = async (account: string) => (await tables.transactionsOf(account, { limit: 9 })).map(places);
			const to = async (contract: string, fn?: string) =>
				(await tables.transactionsTo(contract, fn, { limit: 9 })).map(places);
			expect(await of('alice')).toEqual(['2/1', '1/0']);
			expect(await of('bob')).toEqual(['2/1', '1/1', '1/0']);
			expect(await of('bo')).toEqual([]);
			expect(await to('spectrum')).toEqual(['2/0', '1/1']);
			expect(await to('spectrum', 'bid')).toEqual(['1/1']);
			expect(await to('bank', 'bid')).toEqual([]);
			expect(await tables.transactionsOf('bob', { limit: 9, beforeHeight: 2 })).toEqual([
				transactionAt(1, 1, { accounts: ['bob'], contract: 'spectrum', function: 'bid' }),
				transactionAt(1, 0, { accounts: ['alice', 'bob'] })
			]);
			await tables.close();
		});

		it('give the transaction that was executed, where an id comes more than once', async () => {
			const { tables } = await newTables();
			await tables.add([
				filledBlock(1, [{ id: 'x', status: 'skipped' }]),
				filledBlock(2, [
					{ id: 'x', status: 'failed' },
					{ id: 'y', status: 'skipped' }
				]),
				filledBlock(3, [
					{ id: 'x', status: 'skipped' },
					{ id: 'y', status: 'skipped' }
				])
			]);
			expect(await tables.transaction('x')).toMatchObject({ height: 2, status: 'failed' });
			expect(await tables.transaction('y')).toMatchObject({ height: 2 });
			await tables.close();
		});

		it('tell ids and accounts apart that begin alike', async () => {
			const { tables } = await newTables();
			const long = 'ab'.repeat(31);
			await tables.add([
				filledBlock(1, [{ id: `${long}01`, accounts: [`${long}a1`] }]),
				filledBlock(2, [{ id: `${long}02`, accounts: [`${long}a2`] }])
			]);
			expect(await tables.transaction(`${long}01`)).toMatchObject({ height: 1 });
			expect(await tables.transaction(`${long}03`)).toBeUndefined();
			expect((await tables.transactionsOf(`${long}a2`, { limit: 9 })).map(places)).toEqual(['2/0']);
			await tables.close();
		});

		it('end a page with a whole block, so that the next page misses nothing', async () => {
			const { tables } = await newTables();
			await tables.add([filledBlock(1, [{}, {}]), filledBlock(2, [{}, {}, {}]), filledBlock(3, [{}])]);
			const first = await tables.transactionsOf('alice', { limit: 2 });
			expect(first.map(places)).toEqual(['3/0', '2/2', '2/1', '2/0']);
			const second = await tables.transactionsOf('alice', { limit: 2, beforeHeight: first.at(-1)!.height });
			expect(second.map(places)).toEqual(['1/1', '1/0']);
			expect(await tables.transactionsOf('alice', { limit: 0 })).toEqual([]);
			await tables.close();
		});

		it('bound a page', async () => {
			const { tables } = await newTables();
			await tables.add(Array.from({ length: MAX_PAGE_ROWS + 1 }, (_, i) => filledBlock(i + 1)));
			expect(await tables.blocks({ limit: Number.MAX_SAFE_INTEGER })).toHaveLength(MAX_PAGE_ROWS);
			await tables.close();
		});

		it('begin anew after clear', async () => {
			const { tables } = await newTables();
			await tables.add([filledBlock(1, [{}])]);
			await tables.clear();
			expect(await tables.filledTo()).toBe(0);
			expect(await tables.transaction('1-0')).toBeUndefined();
			expect(await tables.blocks({ limit: 9 })).toEqual([]);
			await tables.add([filledBlock(1, [{ id: 'other' }])]);
			expect(await tables.transaction('other')).toMatchObject({ height: 1 });
			await tables.close();
		});

		it('begin anew at a height, where the blocks below are not there', async () => {
			const { tables } = await newTables();
			await tables.add([filledBlock(1, [{}])]);
			await tables.clear(40);
			expect(await tables.filledTo()).toBe(40);
			expect(await tables.blocks({ limit: 9 })).toEqual([]);
			await tables.add([filledBlock(41, [{ id: 'above' }])]);
			expect([await tables.filledTo(), (await tables.transaction('above'))?.height]).toEqual([41, 41]);
			await tables.close();
		});

		it('show every matching transaction exactly once, whatever the size of a page', async () => {
			const transaction = fc.record({
				accounts: fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
				contract: fc.constantFrom('bank', 'spectrum')
			});
			const ledgers = fc.array(fc.array(transaction, { maxLength: 4 }), { maxLength: 6 });
			await fc.assert(
				fc.asyncProperty(ledgers, fc.integer({ min: 1, max: 5 }), async (ledger, limit) => {
					const { tables } = await newTables();
					const blocks = ledger.map((transactions, i) => filledBlock(i + 1, transactions));
					await tables.add(blocks);
					const all = blocks.flatMap((block) => block.transactions).reverse();
					const pages = async (ask: (beforeHeight?: number) => Promise<TransactionRow[]>) => {
						const seen: string[] = [];
						for (let page = await ask(); page.length > 0; page = await ask(page.at(-1)!.height))
							seen.push(...page.map(places));
						return seen;
					};
					expect(await pages((beforeHeight) => tables.transactionsOf('a', { limit, beforeHeight }))).toEqual(
						all.filter(({ accounts }) => accounts.includes('a')).map(places)
					);
					expect(
						await pages((beforeHeight) => tables.transactionsTo('bank', undefined, { limit, beforeHeight }))
					).toEqual(all.filter(({ contract }) => contract === 'bank').map(places));
					await tables.close();
				}),
				{ numRuns: 25 }
			);
		});
	});
}
