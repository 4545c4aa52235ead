/** A node that is cut off at any point of a commit opens again on blocks and state that agree, and knows its votes. */
import 'fake-indexeddb/auto';
import { IDBFactory, IDBObjectStore } from 'fake-indexeddb';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { orderRecordKey } from '../consensus/ordering/vote-record.ts';
import { blockEntry, TestLedger } from '../consensus/testing/test-ledger.ts';
import { toHex } from '../crypto/hex.ts';
import { decodeFinalBlock } from '../ledger/block.ts';
import type { VersionedRow } from '../ledger/state.ts';
import { IdbLedgerStore } from '../storage/idb-ledger-store.ts';
import type { LedgerStore, StoreWrite } from '../storage/ledger-store.ts';
import { MemoryLedgerStore } from '../storage/memory-ledger-store.ts';
import { openChain } from './open-chain.ts';
import { recordOf, storeOf } from './testing/stored-ledger.ts';

const BLOCKS = 6;

let ledger: TestLedger;
/** The state as it is after each block, by height. */
const states = new Map<number, VersionedRow[]>();

beforeAll(async () => {
	ledger = await TestLedger.found([1], { expiryWindow: 20 });
	while (ledger.chain.head.height < BLOCKS) {
		const [ada] = ledger.members(1);
		await ledger.commit(blockEntry(await ledger.certified(1, [await ledger.transaction(ada!)])));
	}
	const chain = ledger.fresh();
	states.set(0, rowsOf(chain.state.rows()));
	for (const bytes of ledger.blocks) {
		const { outcome, finality } = chain.check(decodeFinalBlock(bytes));
		if ('broken' in outcome) throw new Error(outcome.message);
		chain.commitChecked(outcome.executed, finality);
		states.set(chain.head.height, rowsOf(chain.state.rows()));
	}
});
afterEach(() => {
	vi.restoreAllMocks();
});

describe('a commit that is cut off', () => {
	it.each([
		['before', false],
		['after', false],
		['before', true],
		['after', true]
	] as const)('%s a write, with relaxed ones lost: %s', async (phase, loseRelaxed) => {
		for (let cut = 1; cut <= BLOCKS; cut++) {
			let writes = 0;
			const store: MemoryLedgerStore = new MemoryLedgerStore({
				onWrite: (at) => {
					if (at === phase && ++writes === cut) store.crash();
				}
			});
			await expect(grow(store)).rejects.toMatchObject({ name: 'StoreError' });
			const left = await expectAgreement(store.reopenAfterCrash({ loseRelaxed }, {}));
			if (!loseRelaxed) expect(left).toBe(phase === 'before' ? cut - 1 : cut);
		}
	});

	it('inside the transaction, at every request of it', async () => {
		let cut = 0;
		let isThrough = false;
		while (!isThrough) {
			globalThis.indexedDB = new IDBFactory();
			const open = () => new IdbLedgerStore({ chainId: '12'.repeat(32), nodeId: '34'.repeat(32) });
			const store = open();
			await openChain(store, ledger.genesis.bytes, ledger.contracts);
			let requests = 0;
			const put = IDBObjectStore.prototype.put;
			// The browser ends in the middle: what the transaction had asked for is not there.
			const spy = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
				this: IDBObjectStore,
				...args
			) {
				if (requests++ === cut) this.transaction.abort();
				return put.apply(this, args);
			});
			isThrough = await grow(store).then(
				() => true,
				() => false
			);
			spy.mockRestore();
			await store.close();
			const again = open();
			const left = await expectAgreement(again);
			if (isThrough) expect(left).toBe(BLOCKS);
			cut += 1;
		}
		// Block, head, vote and at least one row of state for each.
		expect(cut).toBeGreaterThan(4 * BLOCKS);
	});
});

describe('a store that is torn all the same', () => {
	it('has its state made again from the blocks, where two heights are above the head', async () => {
		const store = await storeOf(ledger);
		const torn = ledger.chain.state.row('round/0001') ?? [...ledger.chain.state.rows()][0]!;
		await store.write({
			state: [
				{
					key: [...ledger.chain.state.rows()][0]!.key,
					value: torn.value,
					height: BLOCKS + 2,
					previous: { value: torn.value, height: BLOCKS + 1 }
				},
				{ key: 'stray', value: Uint8Array.of(1), height: BLOCKS + 1, previous: null }
			],
			durability: 'strict'
		});
		const again = store.reopen({});
		const { chain, repaired } = await openChain(again, ledger.genesis.bytes, ledger.contracts);
		expect(repaired).toBe(`made the state again from ${BLOCKS} blocks`);
		expect(rowsOf(chain.state.rows())).toEqual(states.get(BLOCKS));
		expect(chain.head).toEqual(ledger.chain.head);
		const third = await openChain(again.reopen({}), ledger.genesis.bytes, ledger.contracts);
		expect(third.repaired).toBeNull();
		expect(rowsOf(third.chain.state.rows())).toEqual(states.get(BLOCKS));
	});

	it('takes back what is above its head, and says so', async () => {
		const store = await storeOf(ledger);
		await store.write({
			state: [{ key: 'stray', value: Uint8Array.of(1), height: BLOCKS + 1, previous: null }],
			durability: 'strict'
		});
		const { chain, repaired } = await openChain(store.reopen({}), ledger.genesis.bytes, ledger.contracts);
		expect(repaired).toBe(`took back 1 values above block ${BLOCKS}`);
		expect(rowsOf(chain.state.rows())).toEqual(states.get(BLOCKS));
	});

	it.each<[string, Partial<StoreWrite>, string]>([
		[
			'is not there',
			{ head: { height: 9, hash: new Uint8Array(32), stateDigest: new Uint8Array(32), timeMs: 9 } },
			'block 9 is missing'
		],
		[
			'cannot be read',
			{ blocks: [{ height: BLOCKS, hash: new Uint8Array(32), bytes: Uint8Array.of(255, 255) }] },
			'cannot be read'
		],
		['is another one', { blocks: [] }, 'not the one that its head names']
	])(
		'does not run where the head’s block %s: the chain must not go back below its votes',
		async (_, write, reason) => {
			const store = await storeOf(ledger);
			const blocks =
				write.blocks?.length === 0 ? [recordOf(BLOCKS, ledger.blocks[BLOCKS - 2]!)] : write.blocks;
			await store.write({ ...write, ...(blocks && { blocks }), durability: 'strict' });
			const opening = openChain(store.reopen({}), ledger.genesis.bytes, ledger.contracts);
			await expect(opening).rejects.toMatchObject({ name: 'StoreError', reason: 'corrupt' });
			await expect(opening).rejects.toThrow(reason);
		}
	);
});

/** As the driver does it: each block in one write, with the vote that is given on it. */
async function grow(store: LedgerStore): Promise<void> {
	const { chain } = await openChain(store, ledger.genesis.bytes, ledger.contracts);
	for (const bytes of ledger.blocks.slice(chain.head.height)) {
		const { outcome, finality } = chain.check(decodeFinalBlock(bytes));
		if ('broken' in outcome) throw new Error(outcome.message);
		const { blocks, state, head } = chain.commitChecked(outcome.executed, finality);
		await store.write({
			votes: [{ key: orderRecordKey(head.height + 1), value: Uint8Array.of(head.height) }],
			blocks: blocks.map(({ height, hash, bytes: block }) => ({ height, hash, bytes: block })),
			state,
			head,
			// Every second one, so that a crash finds some of each.
			durability: head.height % 2 === 0 ? 'strict' : 'relaxed'
		});
	}
}

/** @returns the height that was left; the store goes on from there to the end */
async function expectAgreement(store: LedgerStore): Promise<number> {
	const { chain, votes, repaired } = await openChain(store, ledger.genesis.bytes, ledger.contracts);
	const { height } = chain.head;
	expect(repaired).toBeNull();
	expect(rowsOf(chain.state.rows())).toEqual(states.get(height));
	if (height > 0) expect(await store.block(height)).toEqual(ledger.blocks[height - 1]);
	// The vote that was stored with the last block, and none beyond.
	expect(votes.map(({ key }) => key)).toEqual(
		Array.from({ length: height }, (_, i) => orderRecordKey(i + 2))
	);
	await grow(store);
	const { head, state } = await store.load();
	expect(head!.height).toBe(BLOCKS);
	expect(toHex(head!.hash)).toBe(toHex(ledger.chain.head.hash));
	expect(rowsOf(state)).toEqual(states.get(BLOCKS));
	await store.close();
	return height;
}

function rowsOf(rows: Iterable<VersionedRow>): VersionedRow[] {
	return [...rows].sort((a, b) => (a.key < b.key ? -1 : 1));
}
