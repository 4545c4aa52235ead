/**
 * What every ledger store must do, as tests: run against memory, IndexedDB and SQLite, so that a node cannot tell them
 * apart. Imported by test files only.
 */
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFinalBlock, encodeFinalBlock, isHeaderOnly } from '../ledger/block.ts';
import { BlockCertificateSchema, OrderCertificateSchema } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { StoreError } from './ledger-store.ts';
import type { HeadRecord, LedgerStore, LoadedLedger, StateRow, StoreWrite } from './ledger-store.ts';

fc.configureGlobal({ seed: 7 });

/** Opens the store at `place`; opened again after `close()`, it holds what was written. Places are new in every test. */
export type OpenLedgerStore = (place: string) => LedgerStore | Promise<LedgerStore>;

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const hashOf = (height: number): Uint8Array => new Uint8Array(32).fill(height % 256).fill(height >> 8, 0, 1);
const headAt = (height: number): HeadRecord => ({
	height,
	hash: hashOf(height),
	stateDigest: bytes(height % 256, 7),
	timeMs: 1_700_000_000_000 + height
});
const blockAt = (height: number, size = 3) => ({
	height,
	hash: hashOf(height),
	bytes: new Uint8Array(size).fill(height % 256)
});
const row = (key: string, value: number | null, height: number, before?: number): StateRow => ({
	key,
	value: value === null ? null : bytes(value),
	height,
	previous: before === undefined ? null : { value: bytes(before), height: height - 1 }
});

let places = 0;

export function ledgerStoreContract(name: string, open: OpenLedgerStore): void {
	const newPlace = () => `place-${++places}`;
	const reopen = async (store: LedgerStore, place: string) => {
		await store.close();
		return open(place);
	};

	describe(`${name} as a ledger store`, () => {
		it('is empty when new', async () => {
			const store = await open(newPlace());
			expect(await store.load()).toEqual({ genesis: null, head: null, state: [], votes: [] });
			expect(await store.block(1)).toBeUndefined();
			expect(await store.blockByHash(hashOf(1))).toBeUndefined();
			expect(await store.blocks(1, 20, 1000)).toEqual([]);
			await store.close();
		});

		it('keeps genesis, first state and head over a restart', async () => {
			const place = newPlace();
			let store = await open(place);
			await store.load();
			await store.initialise(bytes(1, 2, 3), [row('b', 2, 0), row('a', 1, 0)], headAt(0));
			store = await reopen(store, place);
			expect(await store.load()).toEqual({
				genesis: bytes(1, 2, 3),
				head: headAt(0),
				state: [row('a', 1, 0), row('b', 2, 0)],
				votes: []
			});
			await store.close();
		});

		it('takes the same genesis again without touching what came after it', async () => {
			const store = await open(newPlace());
			await store.load();
			await store.initialise(bytes(1), [row('a', 1, 0)], headAt(0));
			await store.write({ state: [row('a', 9, 1, 1)], head: headAt(1), durability: 'strict' });
			await store.initialise(bytes(1), [row('a', 1, 0)], headAt(0));
			const loaded = await store.load();
			expect(loaded.head).toEqual(headAt(1));
			expect(loaded.state).toEqual([row('a', 9, 1, 1)]);
			await store.close();
		});

		it('refuses another chain', async () => {
			const store = await open(newPlace());
			await store.load();
			await store.initialise(bytes(1), [], headAt(0));
			const refusal = store.initialise(bytes(2), [row('x', 1, 0)], headAt(0));
			await expect(refusal).rejects.toThrow(StoreError);
			await expect(refusal).rejects.toMatchObject({ name: 'StoreError', reason: 'other-chain' });
			expect((await store.load()).genesis).toEqual(bytes(1));
			expect((await store.load()).state).toEqual([]);
			await store.close();
		});

		for (const durability of ['strict', 'relaxed'] as const) {
			it(`keeps all of a ${durability} write over a restart`, async () => {
				const place = newPlace();
				let store = await open(place);
				await store.load();
				await store.write({
					votes: [{ key: 'prepare/1', value: bytes(5) }],
					blocks: [blockAt(1)],
					state: [row('a', 2, 1, 1), row('gone', null, 1, 4)],
					head: headAt(1),
					durability
				});
				store = await reopen(store, place);
				const loaded = await store.load();
				expect(loaded.votes).toEqual([{ key: 'prepare/1', value: bytes(5) }]);
				expect(loaded.state).toEqual([row('a', 2, 1, 1), row('gone', null, 1, 4)]);
				expect(loaded.head).toEqual(headAt(1));
				expect(await store.block(1)).toEqual(blockAt(1).bytes);
				expect(await store.blockByHash(hashOf(1))).toEqual(blockAt(1).bytes);
				await store.close();
			});
		}

		it('deletes a vote whose value is null, and a state row that has neither value nor previous', async () => {
			const store = await open(newPlace());
			await store.load();
			await store.write({
				votes: [
					{ key: 'a', value: bytes(1) },
					{ key: 'b', value: bytes() }
				],
				state: [row('x', 1, 1), row('y', 1, 1)],
				durability: 'strict'
			});
			await store.write({
				votes: [
					{ key: 'a', value: null },
					{ key: 'never there', value: null }
				],
				state: [row('x', null, 2), row('y', null, 2, 1)],
				durability: 'strict'
			});
			const loaded = await store.load();
			expect(loaded.votes).toEqual([{ key: 'b', value: bytes() }]);
			expect(loaded.state).toEqual([row('y', null, 2, 1)]);
			await store.close();
		});

		it('gives blocks in order, without gaps, within count and bytes, and always one', async () => {
			const store = await open(newPlace());
			await store.load();
			const heights = [1, 2, 3, 4, 6, 300];
			await store.write({ blocks: heights.map((height) => blockAt(height, 10)), durability: 'relaxed' });
			const first = async (...args: [number, number, number]) =>
				(await store.blocks(...args)).map((b) => b[0]);
			expect(await first(1, 20, 1000)).toEqual([1, 2, 3, 4]);
			expect(await first(2, 2, 1000)).toEqual([2, 3]);
			expect(await first(1, 20, 30)).toEqual([1, 2, 3]);
			expect(await first(1, 20, 29)).toEqual([1, 2]);
			expect(await first(1, 20, 1)).toEqual([1]);
			expect(await first(5, 20, 1000)).toEqual([]);
			expect(await first(6, 20, 1000)).toEqual([6]);
			expect(await first(1, 0, 1000)).toEqual([]);
			expect(await store.blockByHash(hashOf(300))).toEqual(blockAt(300, 10).bytes);
			await store.close();
		});

		it('writes in the order of the calls, without waiting for each', async () => {
			const store = await open(newPlace());
			await store.load();
			const writes: Promise<void>[] = [];
			for (let i = 1; i <= 20; i++)
				writes.push(
					store.write({
						votes: [{ key: 'v', value: bytes(i) }],
						head: headAt(i),
						durability: i % 2 ? 'strict' : 'relaxed'
					})
				);
			await Promise.all(writes);
			const loaded = await store.load();
			expect(loaded.head?.height).toBe(20);
			expect(loaded.votes).toEqual([{ key: 'v', value: bytes(20) }]);
			await store.close();
		});

		it('is not changed through the arrays it was given or gave', async () => {
			const store = await open(newPlace());
			await store.load();
			const block = blockAt(1);
			const vote = { key: 'v', value: bytes(1) };
			await store.write({ blocks: [block], votes: [vote], durability: 'strict' });
			block.bytes.fill(99);
			vote.value.fill(99);
			(await store.block(1))!.fill(98);
			(await store.load()).votes[0]!.value.fill(98);
			expect(await store.block(1)).toEqual(blockAt(1).bytes);
			expect((await store.load()).votes).toEqual([{ key: 'v', value: bytes(1) }]);
			await store.close();
		});

		it('reads a view into a larger buffer as its own bytes', async () => {
			const store = await open(newPlace());
			await store.load();
			const large = bytes(0, 1, 2, 3, 4, 5);
			await store.write({
				votes: [{ key: 'v', value: large.subarray(2, 4) }],
				blocks: [{ height: 1, hash: hashOf(1), bytes: large.subarray(1, 3) }],
				durability: 'strict'
			});
			expect((await store.load()).votes[0]!.value).toEqual(bytes(2, 3));
			expect(await store.block(1)).toEqual(bytes(1, 2));
			expect(await store.blockByHash(new Uint8Array([9, ...hashOf(1)]).subarray(1))).toEqual(bytes(1, 2));
			await store.close();
		});

		it('refuses calls after close as lost, and does not call that a loss', async () => {
			const store = await open(newPlace());
			await store.load();
			const losses: Error[] = [];
			store.onLost((error) => losses.push(error));
			await store.close();
			await store.close();
			const call = store.write({ votes: [{ key: 'v', value: bytes(1) }], durability: 'strict' });
			await expect(call).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
			await expect(store.load()).rejects.toMatchObject({ reason: 'lost' });
			await expect(store.block(1)).rejects.toMatchObject({ reason: 'lost' });
			expect(losses).toEqual([]);
		});

		it('equals a plain model after any writes and restarts', async () => {
			await fc.assert(
				fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
					const place = newPlace();
					let store = await open(place);
					await store.load();
					const model = { state: new Map<string, StateRow>(), votes: new Map<string, Uint8Array>() };
					let head: HeadRecord | null = null;
					for (const write of steps) {
						if (write === 'reopen') {
							store = await reopen(store, place);
							continue;
						}
						await store.write(write);
						for (const r of write.state ?? [])
							if (r.value === null && r.previous === null) model.state.delete(r.key);
							else model.state.set(r.key, r);
						for (const v of write.votes ?? [])
							if (v.value === null) model.votes.delete(v.key);
							else model.votes.set(v.key, v.value);
						head = write.head ?? head;
					}
					const expected: LoadedLedger = {
						genesis: null,
						head,
						state: sorted([...model.state.values()]),
						votes: sorted([...model.votes].map(([key, value]) => ({ key, value })))
					};
					const loaded = await store.load();
					expect({ ...loaded, state: sorted(loaded.state), votes: sorted(loaded.votes) }).toEqual(expected);
					await store.close();
				}),
				{ numRuns: 25 }
			);
		});
	});
}

/** Of a store that may give bodies of old blocks up. */
export function shrinkContract(name: string, open: OpenLedgerStore): void {
	const block = (height: number, isMembership = false) => ({
		height,
		hash: hashOf(height),
		bytes: encodeFinalBlock({
			header: bytes(height, 1),
			entry: bytes(2, 2, 2),
			transactions: isMembership ? [] : [new Uint8Array(1000).fill(height)],
			receipts: isMembership ? [] : [bytes(3)],
			certificate: isMembership
				? undefined
				: create(BlockCertificateSchema, { blockId: hashOf(height), view: height }),
			finality: create(OrderCertificateSchema, { height })
		})
	});

	describe(`${name} that runs full`, () => {
		it('keeps of the oldest blocks what proves them, and all of a change of members', async () => {
			const place = `place-${++places}`;
			let store = await open(place);
			await store.load();
			const blocks = [1, 2, 3, 4, 5, 6].map((height) => block(height, height === 2));
			await store.write({ blocks, durability: 'strict' });

			const first = await store.shrink!(4, 1500);
			expect(first.headersOnlyTo).toBe(3);
			expect(first.bytes).toBeGreaterThan(2000);
			await store.close();
			store = await open(place);
			expect((await store.load()).headersOnlyTo).toBe(3);
			const kept = (await store.blocks(1, 6, 1_000_000)).map(decodeFinalBlock);
			expect(kept.map(isHeaderOnly)).toEqual([true, false, true, false, false, false]);
			expect(kept.map(({ header }) => header[0])).toEqual([1, 2, 3, 4, 5, 6]);
			expect(kept[0]!.certificate?.blockId).toEqual(hashOf(1));
			expect(kept[0]!.finality?.height).toBe(1);
			expect(kept[1]!.entry).toEqual(bytes(2, 2, 2));
			expect(await store.blockByHash(hashOf(1))).toEqual(await store.block(1));

			// What is to stay whole stays whole, and where nothing is left it says so.
			expect((await store.shrink!(5, 1_000_000)).headersOnlyTo).toBe(4);
			expect(await store.shrink!(5, 1)).toEqual({ bytes: 0, headersOnlyTo: 4 });
			expect(decodeFinalBlock((await store.block(5))!).transactions).toHaveLength(1);
			await store.close();
		});
	});
}

const value = fc.uint8Array({ maxLength: 4 });
const key = fc.constantFrom('a', 'b', 'ä', 'channel/7');
const step: fc.Arbitrary<StoreWrite | 'reopen'> = fc.oneof(
	{ weight: 1, arbitrary: fc.constant('reopen' as const) },
	{
		weight: 4,
		arbitrary: fc.record<StoreWrite>({
			votes: fc.array(fc.record({ key, value: fc.option(value) }), { maxLength: 3 }),
			state: fc.array(
				fc.record({
					key,
					value: fc.option(value),
					height: fc.nat(1000),
					previous: fc.option(fc.record({ value: fc.option(value), height: fc.nat(1000) }))
				}),
				{ maxLength: 3 }
			),
			head: fc.option(fc.nat(1000).map(headAt), { nil: undefined }),
			durability: fc.constantFrom('strict', 'relaxed')
		})
	}
);

function sorted<T extends { key: string }>(rows: T[]): T[] {
	return [...rows].sort((a, b) => (a.key < b.key ? -1 : 1));
}
