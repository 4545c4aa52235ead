/** Brings a node's chain up from its store, or founds it there. */
import { Chain } from '../consensus/ordering/chain.ts';
import { equalBytes } from '../crypto/hex.ts';
import type { Contract } from '../ledger/contract.ts';
import { readGenesis } from '../ledger/genesis.ts';
import { StoreError, type LedgerStore } from '../storage/ledger-store.ts';
import { MAX_SYNC_RESPONSE_BYTES } from '../wire/limits.ts';

export interface OpenedChain {
	chain: Chain;
	votes: { key: string; value: Uint8Array }[];
	/** The store held this chain before. */
	continued: boolean;
}

/**
 * @param genesis encoded Genesis of the network that this node is to be part of
 * @throws StoreError `other-chain`; LedgerError where genesis is malformed
 */
export async function openChain(
	store: LedgerStore,
	genesis: Uint8Array,
	contracts: Contract[]
): Promise<OpenedChain> {
	const block = readGenesis(genesis);
	const loaded = await store.load();
	if (loaded.genesis && !equalBytes(loaded.genesis, genesis))
		throw new StoreError('other-chain', 'this store holds the ledger of another network');
	if (!loaded.genesis || !loaded.head) {
		const chain = new Chain(block, contracts);
		await store.initialise(genesis, chain.genesisRows(), chain.head);
		return { chain, votes: [], continued: false };
	}
	const chain = new Chain(block, contracts, { head: loaded.head, state: loaded.state });
	// R15: before anything else is done with it.
	if (chain.repaired.length > 0) await store.write({ state: chain.repaired, durability: 'strict' });
	// Ids that may still be repeated are all in the last window of blocks.
	let height = Math.max(1, chain.head.height - block.fields.expiryWindow);
	while (height <= chain.head.height) {
		const blocks = await store.blocks(height, 50, MAX_SYNC_RESPONSE_BYTES);
		if (blocks.length === 0) throw new StoreError('corrupt', `block ${height} is missing from the store`);
		for (const bytes of blocks) chain.remember(bytes);
		height += blocks.length;
	}
	return { chain, votes: loaded.votes, continued: true };
}
