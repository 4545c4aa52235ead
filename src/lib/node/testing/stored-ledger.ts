/** For tests: a store that holds the blocks of a ledger made by hand. */
import type { TestLedger } from '../../consensus/testing/test-ledger.ts';
import { blockHash, decodeFinalBlock } from '../../ledger/block.ts';
import { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';

export async function storeOf(ledger: TestLedger): Promise<MemoryLedgerStore> {
	const store = new MemoryLedgerStore();
	const fresh = ledger.fresh();
	await store.initialise(ledger.genesis.bytes, fresh.genesisRows(), fresh.head);
	await store.write({
		blocks: ledger.blocks.map((bytes, i) => recordOf(i + 1, bytes)),
		state: [...ledger.chain.state.rows()],
		head: ledger.chain.head,
		durability: 'strict'
	});
	return store;
}

/** As a store keeps it. */
export function recordOf(
	height: number,
	bytes: Uint8Array
): { height: number; hash: Uint8Array; bytes: Uint8Array } {
	return { height, hash: blockHash(decodeFinalBlock(bytes).header), bytes };
}
