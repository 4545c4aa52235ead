/**
 * The one place where a page gets its node. hooks.client.ts calls {@link startNode} once per page load; routes come and
 * go without touching it.
 */
import { locale } from '../locale.svelte.ts';
import { NodeState } from './node-state.svelte.ts';

interface Session {
	/** null until the node's code is loaded and its worker runs. */
	node: NodeState | null;
	/** Why there is no node, as an error with a stable name. */
	failure: Error | null;
}

let node = $state.raw<NodeState | null>(null);
let failure = $state.raw<Error | null>(null);
let starting: Promise<void> | null = null;

/** Blocks fetched once so that feed and tape do not begin empty. */
const FIRST_BLOCKS = 40;

export const session: Readonly<Session> = {
	get node() {
		return node;
	},
	get failure() {
		return failure;
	}
};

/** Starts this tab's node, once per page load; later calls return the same promise. Never rejects: see `session.failure`. */
export function startNode(): Promise<void> {
	starting ??= start();
	return starting;
}

async function start(): Promise<void> {
	try {
		// Loaded beside the page and not before it: the shell is drawn and says "starting" while libp2p arrives.
		const { startTabNode } = await import('#lib/node/tab/tab.ts');
		const tab = await startTabNode({ locale: locale.current });
		const state = new NodeState(tab.api);
		tab.onIdentity((identity) => state.setIdentity(identity));
		tab.onChecks((checks) => state.setChecks(checks));
		Object.assign(globalThis, { tabwave: tab.api });
		node = state;
		void seed(state);
	} catch (error) {
		failure = error instanceof Error ? error : new Error(String(error));
		console.error(failure);
	}
}

async function seed(state: NodeState): Promise<void> {
	const { api } = state;
	try {
		state.setStatus(await api.node.status());
		const blocks = await api.chain.blocks({ limit: FIRST_BLOCKS });
		state.seedBlocks(blocks.map((block) => ({ ...block, transactions: block.transactions.length })));
	} catch (error) {
		// The events that follow fill the same lists; nothing is lost but the first screenful.
		console.warn('The first blocks could not be read', error);
	}
}
