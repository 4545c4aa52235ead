/**
 * A full node without a page: it votes, keeps the ledger in SQLite, and trades for the access points of its database, which other programs
 * may write to while it runs.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSuite } from '#lib/crypto/open-suite.ts';
import { readGenesis } from '#lib/ledger/genesis.ts';
import { NodeNetwork } from '#lib/network/node-network.ts';
import { nodeIdOfSeed } from '#lib/network/peer-identity.ts';
import type { JoinOptions } from '#lib/node/api.ts';
import { systemClock } from '#lib/node/clock.ts';
import { parseNetworkDocument } from '#lib/node/tab/network-document.ts';
import type { NetworkDocument } from '#lib/node/tab/network-document.ts';
import { startSession } from '#lib/node/session.ts';
import type { Session, SessionInit } from '#lib/node/session.ts';
import type { ManagerSettings } from '#lib/spectrum/manager/settings.ts';
import { startThread } from '#lib/spectrum/mechanisms/optimal/thread-solver.ts';
import { RelayStartError } from '../errors.ts';
import { describeDatabase } from '../storage/sql/database-address.ts';
import type { DatabaseAddress } from '../storage/sql/database-address.ts';
import { SqlAccessPointDatabase } from '../storage/sql/sql-access-point-database.ts';
import { SqliteLedgerStore } from '../storage/sqlite-ledger-store.ts';
import { SqliteQueryTables } from '../storage/sqlite-query-tables.ts';
import { openHeadlessDirectory } from './data-directory.ts';

export interface HeadlessInit {
	/** Origin of the relay, for example http://192.168.1.5:7070. */
	relay: string;
	/** Of the access points; null: a file in the data directory. */
	database: DatabaseAddress | null;
	dataDirectory: string;
	nickname: string;
	/** When its manager acts; the defaults where it is not said. */
	settings?: Partial<ManagerSettings>;
	log: SessionInit['log'];
}

export interface HeadlessNode {
	nodeId: string;
	session: Session;
	network: string;
	/** Of the access points, without its password. */
	database: string;
	/** Resolves when it votes; at once where it is a member already. @throws ApiError */
	join(options: JoinOptions): Promise<void>;
	/** Leaves the network where it can, and stops. */
	leave(): Promise<void>;
	/** Stops and stays a member: for a restart. */
	stop(): Promise<void>;
}

const DOCUMENT_TIMEOUT_MS = 10_000;
/** A network that stands still lets nobody go; then the others evict whom they do not hear. */
const LEAVE_TIMEOUT_MS = 5_000;

/** @throws RelayStartError `RelayNotReached`, `DataInUse`, `DataUnusable`; DatabaseError; StoreError */
export async function startHeadless(init: HeadlessInit): Promise<HeadlessNode> {
	const document = await networkOf(init.relay);
	const directory = openHeadlessDirectory(init.dataDirectory);
	try {
		const { chainId } = document;
		const suite = await openSuite(readGenesis(document.genesis).fields.suite);
		const seed = directory.seed(suite);
		const nodeId = nodeIdOfSeed(seed);
		const address: DatabaseAddress = init.database ?? {
			kind: 'sqlite',
			path: join(init.dataDirectory, 'access-points.sqlite')
		};
		mkdirSync(init.dataDirectory, { recursive: true });
		const accessPoints = new SqlAccessPointDatabase({
			address,
			owner: nodeId,
			onUnreadable: (id, reason) =>
				init.log('warning', 'spectrum', `the row of ${id} cannot be read and is left alone: ${reason}`)
		});
		// A database that cannot be used is told of before anything is begun.
		await accessPoints.open();
		const session = await startSession({
			genesis: document.genesis,
			seed,
			nickname: init.nickname,
			hasVoted: directory.hasVoted(chainId),
			network: new NodeNetwork({
				seed,
				relays: document.relays.map((relay) => relay.address),
				maxFramesPerSecond: document.maxFramesPerSecond
			}),
			store: new SqliteLedgerStore(directory.file(chainId, 'ledger.sqlite')),
			tables: new SqliteQueryTables(directory.file(chainId, 'queries.sqlite')),
			accessPoints,
			clock: systemClock,
			timing: document.timing,
			mechanism: document.mechanism,
			marketSettings: init.settings,
			startSolver: startThread,
			relayUrl: init.relay,
			replicaNames: new Map(document.relays.map(({ id, name }) => [id, name])),
			storage: async () => ({ kind: 'memory', persistent: true, usedBytes: null, quotaBytes: null }),
			log: init.log
		});
		const { api } = session;
		const stop = async (): Promise<void> => {
			await session.stop();
			directory.release();
		};
		return {
			nodeId,
			session,
			network: (await api.node.network()).name,
			database: describeDatabase(address),
			async join(options) {
				if ((await api.node.status()).partition !== null) return;
				directory.markVoted(chainId);
				await api.node.join({ nickname: init.nickname, ...options });
			},
			async leave() {
				const { partition } = await api.node.status();
				if (partition !== null) await withinTime(api.node.leave(), LEAVE_TIMEOUT_MS);
				await stop();
			},
			stop
		};
	} catch (error) {
		directory.release();
		throw error;
	}
}

async function networkOf(origin: string): Promise<NetworkDocument> {
	let text: string;
	try {
		const response = await fetch(`${origin}/api/v1/network`, {
			signal: AbortSignal.timeout(DOCUMENT_TIMEOUT_MS)
		});
		if (!response.ok) throw new Error(`status ${response.status}`);
		text = await response.text();
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new RelayStartError(
			'RelayNotReached',
			{
				en: `There is no Tabwave relay at ${origin}: ${reason}. Start one with npm start, or check --relay.`,
				zh: `${origin} 处没有 Tabwave 中继：${reason}。请先运行 npm start，或检查 --relay。`
			},
			{ cause }
		);
	}
	return parseNetworkDocument(text);
}

/** Resolves in any case: what it waits for is a courtesy. */
async function withinTime(work: Promise<unknown>, timeoutMs: number): Promise<void> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
	await Promise.race([work.catch(() => undefined), late]);
	clearTimeout(timer);
}
