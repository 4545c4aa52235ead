/** A member whose storage runs full: it gives up bodies of old blocks before it loses a vote, and stops before it gives one that it cannot keep. */
import { describe, expect, it } from 'vitest';
import { TestNetwork } from '../../../relay/booter/testing/test-network.ts';
import { MemoryLedgerStore } from '../storage/memory-ledger-store.ts';

const SOMEBODY = '11'.repeat(32);

/** Room for the window's blocks and not for the whole chain. */
const CAPACITY_BYTES = 130_000;

/** One that votes on all that another one pays, twenty payments a block. */
async function memberWith(capacityBytes: number) {
	const network = await TestNetwork.start([16], { expiryWindow: 10, maxBlocksPerNext: 1 });
	const other = await network.member();
	const tab = await network.tab('small', new MemoryLedgerStore({ capacityBytes }));
	await network.settle(tab.api.node.join());
	const pay = async (count: number) => {
		for (let i = 0; i < count; i++)
			await network.settle(
				Promise.all(Array.from({ length: 20 }, () => other.api.account.transfer(SOMEBODY, 1)))
			);
	};
	return { network, other, tab, pay };
}

describe('a member whose storage is full', () => {
	it('keeps headers and proofs of old blocks, says so, and goes on voting', async () => {
		const { network, other, tab, pay } = await memberWith(CAPACITY_BYTES);
		await pay(5);
		const first = (await tab.api.chain.blocks({ limit: 20 })).filter(({ kind }) => kind === 'block').at(-1)!;
		await pay(30);
		const status = await tab.api.node.status();
		expect(status.halted).toBeNull();
		expect(status.storage.headersOnlyTo).toBeGreaterThan(first.height);
		expect(network.log.join('\n')).toContain('the storage is full: blocks up to');

		const held = await tab.api.chain.block(first.height);
		expect([held.isHeaderOnly, held.transactions]).toEqual([true, []]);
		expect({
			...held,
			isHeaderOnly: false,
			transactions: first.transactions,
			sizeBytes: first.sizeBytes
		}).toEqual(first);
		await expect(tab.api.chain.transaction(first.transactions[0]!.id)).rejects.toMatchObject({
			name: 'NotFound'
		});
		await network.until(() => tab.node.chain.head.height === other.node.chain.head.height);
		expect(await tab.api.chain.verify()).toEqual({
			checked: tab.node.chain.head.height,
			firstBad: null
		});
		// Both of two members vote on everything: nothing would be final without this one.
		const { votes } = tab.node;
		await pay(1);
		expect(tab.node.votes).toBeGreaterThan(votes);
	});

	it('gives old bodies up while there is still room to do it in, and says it once', async () => {
		const { network, tab, pay } = await memberWith(Infinity);
		await pay(30);
		await tab.node.roomLeft(40_000_000, 1_000_000_000);
		await tab.node.roomLeft(2_000_000, 8_000_000);
		expect(tab.node.headersOnlyTo).toBe(0);
		await tab.node.roomLeft(999_999, 8_000_000);
		const { headersOnlyTo } = tab.node;
		expect(headersOnlyTo).toBeGreaterThan(0);
		await pay(5);
		await tab.node.roomLeft(0, 1_000_000_000);
		expect((await tab.api.node.status()).storage.headersOnlyTo).toBeGreaterThan(headersOnlyTo);
		expect(network.log.filter((line) => line.includes('the storage is full'))).toHaveLength(1);
		expect(await tab.api.chain.verify()).toEqual({ checked: tab.node.chain.head.height, firstBad: null });
	});

	it('serves no block that it has not whole, and a newcomer gets the chain from the others', async () => {
		const { network, tab, pay } = await memberWith(CAPACITY_BYTES);
		await pay(30);
		expect(tab.node.headersOnlyTo).toBeGreaterThan(5);
		const late = await network.member();
		await network.until(() => late.node.chain.head.height === tab.node.chain.head.height);
		expect((await late.api.chain.verify()).firstBad).toBeNull();
		expect(late.node.headersOnlyTo).toBe(0);
	});

	it('stops where nothing is left to give up, and no vote leaves that is not stored', async () => {
		const { network, tab, other, pay } = await memberWith(CAPACITY_BYTES);
		await pay(1);
		tab.store.shrink = async () => ({ bytes: 0, headersOnlyTo: 0 });
		// More than fits, all at once.
		for (let i = 0; i < 700; i++) other.api.account.transfer(SOMEBODY, 1).catch(() => {});
		await network.until(() => tab.node.halted !== null);
		expect((await tab.api.node.status()).halted?.code).toBe('StorageFull');
		const { height } = other.node.chain.head;
		await network.run(2000);
		// Without its vote nothing more becomes final.
		expect(other.node.chain.head.height).toBeLessThanOrEqual(height + 1);
		expect(network.halted).toHaveLength(1);
	});
});
