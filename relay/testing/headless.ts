/** Nodes in Node.js that stand in for tabs in tests of the relay: real links through it, the ledger in memory. */
import { nodeIdOfSeed } from '#lib/network/peer-identity.ts';
import { NodeNetwork } from '#lib/network/node-network.ts';
import type { NetworkEvents } from '#lib/network/network.ts';
import { systemClock } from '#lib/node/clock.ts';
import { parseNetworkDocument } from '#lib/node/tab/network-document.ts';
import type { NetworkDocument } from '#lib/node/tab/network-document.ts';
import { startSession } from '#lib/node/session.ts';
import type { Session } from '#lib/node/session.ts';
import { startThread } from '#lib/spectrum/mechanisms/optimal/thread-solver.ts';
import { MemoryAccessPointDatabase } from '#lib/storage/access-point-database.ts';
import { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import { MemoryQueryTables } from '#lib/storage/memory-query-tables.ts';

export async function networkDocumentOf(origin: string): Promise<NetworkDocument> {
	return parseNetworkDocument(await (await fetch(`${origin}/api/v1/network`)).text());
}

/** A node that is no member yet. @param n - tells identities apart, 1 to 255 */
export async function headlessNode(origin: string, n: number): Promise<Session> {
	const document = await networkDocumentOf(origin);
	const seed = seedOf(n);
	return startSession({
		genesis: document.genesis,
		seed,
		nickname: `node ${n}`,
		network: new NodeNetwork({
			seed,
			relays: document.relays.map(({ address }) => address),
			maxFramesPerSecond: document.maxFramesPerSecond
		}),
		store: new MemoryLedgerStore(),
		tables: new MemoryQueryTables(),
		accessPoints: new MemoryAccessPointDatabase(),
		clock: systemClock,
		timing: document.timing,
		mechanism: document.mechanism,
		startSolver: startThread,
		relayUrl: origin,
		replicaNames: new Map(document.relays.map(({ id, name }) => [id, name])),
		storage: async () => ({ kind: 'memory', persistent: null, usedBytes: null, quotaBytes: null }),
		log: () => undefined
	});
}

/** The links of a tab and nothing above them: a page that was opened and looks on. */
export async function headlessLinks(origin: string, n: number): Promise<NodeNetwork> {
	const { relays } = await networkDocumentOf(origin);
	const network = new NodeNetwork({ seed: seedOf(n), relays: relays.map(({ address }) => address) });
	const deaf: NetworkEvents = { packets: () => undefined, link: () => undefined, violation: () => undefined };
	await network.start(deaf);
	return network;
}

export function nodeIdOfNumber(n: number): string {
	return nodeIdOfSeed(seedOf(n));
}

function seedOf(n: number): Uint8Array {
	return new Uint8Array(32).fill(n);
}
