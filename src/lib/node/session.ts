/** Puts a node together from its parts: store, chain, network, market and client API. A tab's worker and a headless program do. */
import { taggedHash } from '../crypto/hash.ts';
import { openSuite } from '../crypto/open-suite.ts';
import type { Contract } from '../ledger/contract.ts';
import { readGenesis } from '../ledger/genesis.ts';
import { transferContract } from '../ledger/transfer.ts';
import type { LinkStatus, Network } from '../network/network.ts';
import { spectrumParameters } from '../spectrum/contract/parameters.ts';
import { spectrumContract } from '../spectrum/contract/spectrum-contract.ts';
import type { ManagerSettings } from '../spectrum/manager/settings.ts';
import type { SolverWorker } from '../spectrum/mechanisms/optimal/optimum-service.ts';
import type { AccessPointDatabase, ManagerSettingsStore } from '../storage/access-point-database.ts';
import type { LedgerStore } from '../storage/ledger-store.ts';
import type { QueryTables } from '../storage/query-tables.ts';
import type { BrowserStorage } from './api.ts';
import { ClientApi } from './api/client-api.ts';
import type { Clock } from './clock.ts';
import { readBlock } from './api/describe.ts';
import { TabwaveNode } from './node.ts';
import { missingTo } from './sync/older-blocks.ts';
import { openChain } from './open-chain.ts';
import { QueryFiller } from './api/query-filler.ts';
import { SpectrumService } from './spectrum/spectrum-service.ts';
import type { Timing } from './timing.ts';

export interface SessionInit {
	/** Encoded Genesis. */
	genesis: Uint8Array;
	/** 32 bytes. */
	seed: Uint8Array;
	nickname: string;
	/** Its key may have voted on this chain: it runs with its vote records or not at all (R25). False by default. */
	hasVoted?: boolean;
	network: Network;
	store: LedgerStore;
	tables: QueryTables;
	accessPoints: AccessPointDatabase;
	clock: Clock;
	timing: Timing;
	/** Of the spectrum market. */
	mechanism: string;
	/** When this node's manager acts; the defaults where it is not said. @throws ManagerSettingsError */
	marketSettings?: Partial<ManagerSettings>;
	/** Where what its owner chooses of that is kept over a restart; without it, a choice lasts as long as the session. */
	settingsStore?: ManagerSettingsStore;
	/** Starts the solver of `optimal`, which nothing loads before it is asked for. */
	startSolver?: () => SolverWorker;
	relayUrl: string;
	/** What the operator calls the replicas of the Booter, by id; none for a relay that is alone. */
	replicaNames?: ReadonlyMap<string, string>;
	storage(): Promise<BrowserStorage>;
	log(level: 'debug' | 'info' | 'warning' | 'error', category: string, message: string): void;
}

export interface Session {
	api: ClientApi;
	node: TabwaveNode;
	/** The store held this chain before. */
	continued: boolean;
	stop(): Promise<void>;
}

/** Blocks looked through for trades after a restart, newest first: those lists are not part of the state. */
const OLDER_BLOCKS = 500;
/** Read at once. */
const OLDER_BYTES = 2_000_000;

export function contractsOf(genesis: Uint8Array): Contract[] {
	return [transferContract, spectrumContract(spectrumParameters(readGenesis(genesis).fields))];
}

export async function startSession(init: SessionInit): Promise<Session> {
	const { genesis, store, clock, timing, network, log } = init;
	const suite = await openSuite(readGenesis(genesis).fields.suite);
	const signer = await suite.signer(init.seed);
	const { chain, votes, continued, repaired, headersOnlyTo } = await openChain(
		store,
		genesis,
		contractsOf(genesis),
		{ hasVoted: init.hasVoted }
	);
	const report = (error: unknown): void =>
		log('error', 'node', error instanceof Error ? error.message : String(error));
	const node = new TabwaveNode({
		chain,
		votes,
		store,
		headersOnlyTo,
		giveUp: () => filler.giveUp(),
		network,
		suite,
		signer,
		clock,
		timing,
		nonce: () => crypto.getRandomValues(new Uint8Array(16)),
		events: {
			committed: (commits) => {
				api.committed(commits);
				filler.committed(commits);
			},
			jumped: (missing) => {
				api.jumped(missing);
				// A newcomer has none yet; behind those of others they would stand in no order.
				if (spectrum.trades(1).length === 0) void readOlderTrades(missing).catch(report);
			},
			filledIn: () => api.filledIn(),
			link: (status: LinkStatus) => api.link(status),
			changed: () => api.changed(),
			assignment: (assignment) => api.assigned(assignment),
			refusal: (refusal) => api.refused(refusal),
			evidence: (offender, evidence) => api.accused(offender, evidence),
			halted: (error) => api.halted(error),
			log: (level, message) => {
				log(level, 'node', message);
				api.emit('log', { timeMs: clock.now(), level, category: 'node', message });
			}
		}
	});
	const filler = new QueryFiller(chain, store, init.tables, clock, report);
	const spectrum = new SpectrumService({
		chain,
		self: node.self,
		database: init.accessPoints,
		sealKey: taggedHash('seal-key', init.seed),
		clock,
		mechanism: init.mechanism,
		settings: init.marketSettings,
		settingsStore: init.settingsStore,
		startSolver: init.startSolver,
		submit: (call) => node.submit(call),
		isReady: () => node.partition !== undefined && node.sync.status() === null && node.halted === null,
		nicknameOf: (account) => chain.topology.partitionOf(account)?.nicknames.get(account) ?? '',
		changed: ({ accessPoints, trades }) => {
			for (const accessPoint of accessPoints) api.emit('ap', accessPoint);
			for (const trade of trades) api.emit('trade', trade);
		},
		log: (level, message) => {
			log(level, 'spectrum', message);
			api.emit('log', { timeMs: clock.now(), level, category: 'spectrum', message });
		}
	});
	const api: ClientApi = new ClientApi({
		node,
		store,
		tables: init.tables,
		filler,
		spectrum,
		suite,
		clock,
		timing,
		relayUrl: init.relayUrl,
		replicaNames: init.replicaNames,
		nickname: init.nickname,
		links: () => network.links(),
		storage: init.storage,
		report
	});
	if (repaired) {
		const message = `after a stop in the middle of a write, the store was mended: ${repaired}`;
		log('warning', 'storage', message);
		api.emit('log', { timeMs: clock.now(), level: 'warning', category: 'storage', message });
	}
	store.onLost((error) => node.halt(error));
	await spectrum.start();
	await readOlderTrades(missingTo(votes));
	await Promise.all([filler.start(missingTo(votes)), node.start()]);
	return {
		api,
		node,
		continued,
		async stop() {
			api.stop();
			filler.stop();
			await node.stop();
			await spectrum.stop();
			await init.tables.close();
			await store.close();
		}
	};

	async function readOlderTrades(missing: number): Promise<void> {
		const older: Parameters<SpectrumService['addOlder']>[0][] = [];
		const last = chain.head.height;
		for (let height = Math.max(missing, last - OLDER_BLOCKS) + 1; height <= last;) {
			const blocks = await store.blocks(height, last - height + 1, OLDER_BYTES);
			if (blocks.length === 0) return;
			height += blocks.length;
			for (const { header, transactions, receipts } of blocks.map((bytes) => readBlock(chain, bytes)))
				older.push({
					height: header.height,
					timeMs: Number(header.timeMs),
					transactions: transactions.map(({ id }, i) => ({ id, events: receipts[i]?.events ?? [] }))
				});
		}
		for (const block of older.reverse()) spectrum.addOlder(block);
	}
}
