import { beforeEach, describe, expect, it } from 'vitest';
import { blockEntry, TestLedger } from '../consensus/testing/test-ledger.ts';
import type { ParsedTransaction } from '../ledger/transaction.ts';
import { MemoryLedgerStore } from '../storage/memory-ledger-store.ts';
import { openChain } from './open-chain.ts';
import { recordOf, storeOf } from './testing/stored-ledger.ts';

let ledger: TestLedger;

beforeEach(async () => {
	ledger = await TestLedger.found([1], { expiryWindow: 6 });
});

const open = (store: MemoryLedgerStore, of = ledger) => openChain(store, of.genesis.bytes, of.contracts);

describe('a chain from its store', () => {
	it('is founded where the store is new', async () => {
		const store = new MemoryLedgerStore();
		const { chain, votes, continued } = await open(store);
		expect([chain.head.height, votes, continued]).toEqual([0, [], false]);
		const { genesis, head, state } = await store.load();
		expect(genesis).toEqual(ledger.genesis.bytes);
		expect(head).toEqual(chain.head);
		expect(state.map(({ key }) => key)).toEqual(['partition/0001']);
	});

	it('is not founded anew for a key that has voted on it, and what is there is left as it is', async () => {
		const store = new MemoryLedgerStore();
		const { genesis, contracts } = ledger;
		const opening = openChain(store, genesis.bytes, contracts, { hasVoted: true });
		await expect(opening).rejects.toMatchObject({ name: 'StoreError', reason: 'lost' });
		expect((await store.load()).genesis).toBeNull();
		await open(store);
		const { continued } = await openChain(store.reopen(), genesis.bytes, contracts, { hasVoted: true });
		expect(continued).toBe(true);
	});

	it('goes on where it was, with the votes that it has cast', async () => {
		await ledger.grow();
		const store = await storeOf(ledger);
		await store.write({ votes: [{ key: 'vote/1', value: Uint8Array.of(7) }], durability: 'strict' });
		const { chain, votes, continued } = await open(store.reopen());
		expect(continued).toBe(true);
		expect(chain.head).toEqual(ledger.chain.head);
		expect([...chain.state.rows()].sort(byKey)).toEqual([...ledger.chain.state.rows()].sort(byKey));
		expect(votes).toEqual([{ key: 'vote/1', value: Uint8Array.of(7) }]);
	});

	it('that was founded and never moved goes on at genesis', async () => {
		const store = new MemoryLedgerStore();
		await open(store);
		const { chain, continued } = await open(store.reopen());
		expect([chain.head.height, continued]).toEqual([0, true]);
	});

	it('is never that of another network', async () => {
		const other = await TestLedger.found([1]);
		await expect(open(await storeOf(ledger), other)).rejects.toMatchObject({
			name: 'StoreError',
			reason: 'other-chain'
		});
	});

	it('remembers exactly the ids that it would remember had it never stopped', async () => {
		const [ada] = ledger.members(1);
		const transactions: ParsedTransaction[] = [];
		for (let i = 0; i < 12; i++) {
			const { height } = ledger.chain.head;
			const transaction = await ledger.transaction(ada!, { expiryHeight: height + 1 + (i % 6) });
			transactions.push(transaction);
			await ledger.commit(blockEntry(await ledger.certified(1, [transaction])));
		}
		const { chain } = await open(await storeOf(ledger));
		for (const { id } of transactions)
			expect(chain.recent.position(id)).toEqual(ledger.chain.recent.position(id));
		expect(chain.recent.size).toBe(ledger.chain.recent.size);
		expect(chain.recent.size).toBeGreaterThan(2);
	});

	it('reads no more blocks than the window, and says which is missing', async () => {
		while (ledger.chain.head.height < 20) await ledger.grow();
		const store = new MemoryLedgerStore();
		await store.initialise(ledger.genesis.bytes, ledger.fresh().genesisRows(), ledger.fresh().head);
		const keep = (from: number) =>
			store.write({
				blocks: ledger.blocks.slice(from - 1).map((bytes, i) => recordOf(from + i, bytes)),
				state: [...ledger.chain.state.rows()],
				head: ledger.chain.head,
				durability: 'strict'
			});
		await keep(15);
		await expect(open(store)).rejects.toMatchObject({
			reason: 'corrupt',
			message: 'block 14 is missing from the store'
		});
		await keep(14);
		expect((await open(store)).chain.head.height).toBe(20);
	});
});

function byKey(a: { key: string }, b: { key: string }): number {
	return a.key < b.key ? -1 : 1;
}
