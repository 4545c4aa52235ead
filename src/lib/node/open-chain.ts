/** Brings a node's chain up from its store, or founds it there. */
import { Chain } from '../consensus/ordering/chain.ts';
import { equalBytes } from '../crypto/hex.ts';
import { blockHash, decodeFinalBlock, decodeHeader } from '../ledger/block.ts';
import type { Contract } from '../ledger/contract.ts';
import { LedgerError } from '../ledger/errors.ts';
import { readGenesis, type GenesisBlock } from '../ledger/genesis.ts';
import { StoreError, type LedgerStore, type LoadedLedger } from '../storage/ledger-store.ts';
import { MAX_SYNC_RESPONSE_BYTES } from '../wire/limits.ts';

export interface OpenedChain {
	chain: Chain;
	votes: { key: string; value: Uint8Array }[];
	/** The store held this chain before. */
	continued: boolean;
	/** The store was full once: blocks of this height and below are headers alone; 0 where all are whole. */
	headersOnlyTo: number;
	/** What did not agree in the store and was brought to agree, as a sentence; null where all was well. */
	repaired: string | null;
}

const BLOCKS_AT_ONCE = 50;

/**
 * State and blocks agree when this resolves: what a crash has torn is mended from what is there, and what cannot be mended
 * without forgetting a vote is refused.
 * @param genesis encoded Genesis of the network that this node is to be part of
 * @param options.hasVoted this node's key may have voted on the chain: a store without its votes is not begun anew (R25)
 * @throws StoreError `other-chain`, `corrupt`, `lost`; LedgerError where genesis is malformed
 */
export async function openChain(
	store: LedgerStore,
	genesis: Uint8Array,
	contracts: Contract[],
	{ hasVoted = false }: { hasVoted?: boolean } = {}
): Promise<OpenedChain> {
	const block = readGenesis(genesis);
	const loaded = await store.load();
	if (loaded.genesis && !equalBytes(loaded.genesis, genesis))
		throw new StoreError('other-chain', 'this store holds the ledger of another network');
	if (!loaded.genesis || !loaded.head) {
		if (hasVoted) throw new StoreError('lost', 'the votes of this node were deleted; reload the page');
		const chain = new Chain(block, contracts);
		await store.initialise(genesis, chain.genesisRows(), chain.head);
		return { chain, votes: [], continued: false, repaired: null, headersOnlyTo: 0 };
	}
	const { chain, repaired } = await openState(store, block, contracts, loaded);
	// Ids that may still be repeated are all in the last window of blocks.
	let height = Math.max(1, chain.head.height - block.fields.expiryWindow);
	while (height <= chain.head.height) {
		const blocks = await store.blocks(height, BLOCKS_AT_ONCE, MAX_SYNC_RESPONSE_BYTES);
		if (blocks.length === 0) throw new StoreError('corrupt', `block ${height} is missing from the store`);
		for (const bytes of blocks) chain.remember(bytes);
		height += blocks.length;
	}
	return { chain, votes: loaded.votes, continued: true, repaired, headersOnlyTo: loaded.headersOnlyTo ?? 0 };
}

/** R15: before anything else is done with it. */
async function openState(
	store: LedgerStore,
	genesis: GenesisBlock,
	contracts: Contract[],
	loaded: LoadedLedger
): Promise<{ chain: Chain; repaired: string | null }> {
	const head = loaded.head!;
	await checkHead(store, head);
	try {
		const chain = new Chain(genesis, contracts, { head, state: loaded.state });
		if (chain.repaired.length === 0) return { chain, repaired: null };
		await store.write({ state: chain.repaired, durability: 'strict' });
		return { chain, repaired: `took back ${chain.repaired.length} values above block ${head.height}` };
	} catch (error) {
		if (!(error instanceof LedgerError) || error.reason !== 'StateTorn') throw error;
	}
	return {
		chain: await rebuildState(store, genesis, contracts, loaded),
		repaired: `made the state again from ${head.height} blocks`
	};
}

/** The block that the head names is the one that is stored. */
async function checkHead(store: LedgerStore, head: NonNullable<LoadedLedger['head']>): Promise<void> {
	if (head.height === 0) return;
	const bytes = await store.block(head.height);
	if (!bytes) throw new StoreError('corrupt', `block ${head.height} is missing from the store`);
	const { header } = readable(bytes, head.height);
	if (
		!equalBytes(blockHash(header), head.hash) ||
		!equalBytes(decodeHeader(header).stateDigest, head.stateDigest)
	)
		throw new StoreError('corrupt', `block ${head.height} in the store is not the one that its head names`);
}

/**
 * Executes every stored block again. It ends at the head or not at all: a chain that went back would meet heights at which this
 * node has voted and would have forgotten how (R2).
 */
async function rebuildState(
	store: LedgerStore,
	genesis: GenesisBlock,
	contracts: Contract[],
	{ head, state }: LoadedLedger
): Promise<Chain> {
	const chain = new Chain(genesis, contracts);
	for (let height = 1; height <= head!.height;) {
		const blocks = await store.blocks(height, BLOCKS_AT_ONCE, MAX_SYNC_RESPONSE_BYTES);
		if (blocks.length === 0) throw new StoreError('corrupt', `block ${height} is missing from the store`);
		for (const bytes of blocks.slice(0, head!.height - height + 1)) {
			// Its signatures were checked before it was stored; what it brings about is checked again here.
			const { outcome, finality } = checked(chain, bytes, height);
			if ('broken' in outcome) throw new StoreError('corrupt', `block ${height}: ${outcome.message}`);
			chain.commitChecked(outcome.executed, finality);
			height += 1;
		}
	}
	if (!equalBytes(chain.head.hash, head!.hash))
		throw new StoreError('corrupt', `block ${head!.height} in the store is not the one that its head names`);
	const rows = [...chain.state.rows()];
	const kept = new Set(rows.map(({ key }) => key));
	const gone = state
		.filter(({ key }) => !kept.has(key))
		.map((row) => ({ ...row, value: null, previous: null }));
	await store.write({ state: [...rows, ...gone], durability: 'strict' });
	return chain;
}

function checked(chain: Chain, bytes: Uint8Array, height: number): ReturnType<Chain['check']> {
	try {
		return chain.check(readable(bytes, height));
	} catch (error) {
		if (!(error instanceof LedgerError)) throw error;
		throw new StoreError('corrupt', `block ${height} in the store does not hold: ${error.message}`);
	}
}

function readable(bytes: Uint8Array, height: number): ReturnType<typeof decodeFinalBlock> {
	try {
		return decodeFinalBlock(bytes);
	} catch (error) {
		if (!(error instanceof LedgerError)) throw error;
		throw new StoreError('corrupt', `block ${height} in the store cannot be read: ${error.message}`);
	}
}
