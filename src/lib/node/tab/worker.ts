/**
 * The dedicated worker in which a tab's node lives: timers of a hidden page sleep, a worker's do not, and hashing and
 * signatures must not freeze the page (architecture.md).
 */
import { PortNetwork } from '../../network/port-messages.ts';
import { nodeIdOfSeed } from '../../network/peer-identity.ts';
import { startWebWorker } from '../../spectrum/mechanisms/optimal/web-solver.ts';
import { IdbAccessPointDatabase } from '../../storage/idb-access-point-database.ts';
import { MemoryAccessPointDatabase } from '../../storage/access-point-database.ts';
import { DexieQueryTables } from '../../storage/dexie-query-tables.ts';
import { MemoryQueryTables } from '../../storage/memory-query-tables.ts';
import { IdbLedgerStore } from '../../storage/idb-ledger-store.ts';
import { StoreError } from '../../storage/ledger-store.ts';
import { MemoryLedgerStore } from '../../storage/memory-ledger-store.ts';
import type { BrowserStorage } from '../api.ts';
import { systemClock } from '../clock.ts';
import { haltCodeOf } from '../halt.ts';
import { serveApi } from '../api/rpc.ts';
import { startSession, type Session } from '../session.ts';
import type { NetworkDocument } from './network-document.ts';

/** Page to worker. */
export type ToWorker =
	| {
			kind: 'start';
			document: NetworkDocument;
			/** 32 bytes: this tab's identity, which the page has claimed. */
			seed: Uint8Array;
			nickname: string;
			/** False where this browser stores nothing: the node runs in memory, as somebody new after a reload. */
			persistent: boolean;
			/** Its vote records must be there (R25). */
			hasVoted: boolean;
			relayUrl: string;
			/** The page's links. */
			links: MessagePort;
			/** The client API. */
			api: MessagePort;
	  }
	| { kind: 'stop' };

/** Worker to page. */
export type FromWorker =
	| { kind: 'started'; continued: boolean }
	| { kind: 'failed'; name: string; message: string }
	| { kind: 'stopped' };

let session: Session | null = null;

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
	if (data?.kind === 'start') void start(data);
	else if (data?.kind === 'stop') void stop();
});

async function start(message: Extract<ToWorker, { kind: 'start' }>): Promise<void> {
	const { document, seed, persistent } = message;
	try {
		const ids = { chainId: document.chainId, nodeId: nodeIdOfSeed(seed) };
		const accessPoints = persistent
			? new IdbAccessPointDatabase(ids.nodeId)
			: new MemoryAccessPointDatabase();
		session = await startSession({
			genesis: document.genesis,
			seed,
			nickname: message.nickname,
			hasVoted: message.hasVoted,
			network: new PortNetwork({
				port: message.links,
				self: ids.nodeId,
				settings: {
					seed,
					relays: document.relays.map(({ address }) => address),
					iceServers: document.iceServers,
					maxFramesPerSecond: document.maxFramesPerSecond
				}
			}),
			store: persistent ? new IdbLedgerStore(ids) : new MemoryLedgerStore(),
			tables: persistent ? new DexieQueryTables(ids) : new MemoryQueryTables(),
			accessPoints,
			settingsStore: accessPoints,
			clock: systemClock,
			timing: document.timing,
			mechanism: document.mechanism,
			startSolver: startWebWorker,
			relayUrl: message.relayUrl,
			replicaNames: new Map(document.relays.map(({ id, name }) => [id, name])),
			storage: () => storageStatus(persistent),
			log: (level, category, text) => {
				if (level === 'error' || level === 'warning') console.warn(`[${category}] ${text}`);
			}
		});
		serveApi(message.api, session.api);
		say({ kind: 'started', continued: session.continued });
	} catch (error) {
		const { name, message: text } = error instanceof Error ? error : new Error(String(error));
		say({ kind: 'failed', name: error instanceof StoreError ? haltCodeOf(error) : name, message: text });
	}
}

async function stop(): Promise<void> {
	await session?.stop();
	session = null;
	say({ kind: 'stopped' });
}

async function storageStatus(persistent: boolean): Promise<BrowserStorage> {
	const kind = persistent ? 'indexeddb' : 'memory';
	// Not there on plain http.
	if (!navigator.storage) return { kind, persistent: null, usedBytes: null, quotaBytes: null };
	const [isKept, { usage, quota }] = await Promise.all([
		navigator.storage.persisted(),
		navigator.storage.estimate()
	]);
	return { kind, persistent: isKept, usedBytes: usage ?? null, quotaBytes: quota ?? null };
}

function say(message: FromWorker): void {
	self.postMessage(message);
}
