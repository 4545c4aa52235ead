import { describe, expect, it } from 'vitest';
import { bytes, ledgerStoreContract, shrinkContract } from './ledger-store.contract.ts';
import { MAX_UNSYNCED_WRITES, MemoryLedgerStore } from './memory-ledger-store.ts';

const stores = new Map<string, MemoryLedgerStore>();
const openStore = (place: string): MemoryLedgerStore => {
	const store = stores.get(place)?.reopen() ?? new MemoryLedgerStore();
	stores.set(place, store);
	return store;
};
ledgerStoreContract('memory', openStore);
shrinkContract('memory', openStore);

const vote = (n: number) => ({ key: `v${String(n).padStart(4, '0')}`, value: bytes(n % 256) });

async function votesOf(store: MemoryLedgerStore): Promise<string[]> {
	return (await store.load()).votes.map(({ key }) => key);
}

describe('a crash of the memory ledger store', () => {
	it('loses the relaxed writes after the last strict one, and only those', async () => {
		const store = new MemoryLedgerStore();
		await store.write({ votes: [vote(1)], durability: 'relaxed' });
		await store.write({ votes: [vote(2)], durability: 'strict' });
		await store.write({ votes: [vote(3)], durability: 'relaxed' });
		store.crash();
		await expect(store.load()).rejects.toMatchObject({ reason: 'lost' });
		expect(await votesOf(store.reopenAfterCrash({ loseRelaxed: true }))).toEqual(['v0001', 'v0002']);
		expect(await votesOf(store.reopenAfterCrash({ loseRelaxed: false }))).toEqual([
			'v0001',
			'v0002',
			'v0003'
		]);
	});

	it('can be had right before a write, which is lost, and right after it, where it is durable', async () => {
		for (const phase of ['before', 'after'] as const) {
			const store: MemoryLedgerStore = new MemoryLedgerStore({
				onWrite: (at) => {
					if (at === phase) store.crash();
				}
			});
			await expect(store.write({ votes: [vote(1)], durability: 'strict' })).rejects.toMatchObject({
				reason: 'lost'
			});
			const after = store.reopenAfterCrash({ loseRelaxed: true }, {});
			expect(await votesOf(after)).toEqual(phase === 'before' ? [] : ['v0001']);
		}
	});

	it('takes no more than the bound of relaxed writes', async () => {
		const store = new MemoryLedgerStore();
		for (let i = 0; i < MAX_UNSYNCED_WRITES + 3; i++)
			await store.write({ votes: [vote(i)], durability: 'relaxed' });
		expect(await votesOf(store.reopenAfterCrash({ loseRelaxed: true }))).toEqual(['v0000', 'v0001', 'v0002']);
	});

	it('keeps genesis, whose write is strict', async () => {
		const store = new MemoryLedgerStore();
		await store.initialise(bytes(1), [], { height: 0, hash: bytes(1), stateDigest: bytes(2), timeMs: 3 });
		const after = store.reopenAfterCrash({ loseRelaxed: true });
		expect((await after.load()).genesis).toEqual(bytes(1));
		expect((await after.load()).head?.height).toBe(0);
	});
});

describe('the memory ledger store', () => {
	it('resolves in microtasks', async () => {
		const store = new MemoryLedgerStore();
		let done = false;
		void store
			.write({ votes: [vote(1)], durability: 'strict' })
			.then(() => store.load())
			.then(() => (done = true));
		for (let i = 0; i < 10; i++) await Promise.resolve();
		expect(done).toBe(true);
	});

	it('tells of a deletion under the node, also a late listener, and is empty afterwards', async () => {
		const store = new MemoryLedgerStore();
		await store.write({ votes: [vote(1)], durability: 'strict' });
		const losses: Error[] = [];
		store.onLost((error) => losses.push(error));
		store.deleteUnderneath();
		store.onLost((error) => losses.push(error));
		expect(losses).toMatchObject([{ reason: 'lost' }, { reason: 'lost' }]);
		await expect(store.load()).rejects.toMatchObject({ reason: 'lost' });
		expect(await votesOf(store.reopen())).toEqual([]);
	});
});
