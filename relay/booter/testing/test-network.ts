/**
 * For tests: a Booter and tabs with their client APIs in one process, joined by the in-memory twins over virtual time, so that
 * thirty seconds of waiting cost nothing. Signatures are the simulator's.
 */
import { TEST_START_MS } from '#lib/consensus/testing/test-ledger.ts';
import { testSuite } from '#lib/consensus/testing/members.ts';
import { toHex } from '#lib/crypto/hex.ts';
import { SIMULATION_SUITE_NAME } from '#lib/crypto/simulation-suite.ts';
import type { Signer } from '#lib/crypto/suite.ts';
import { encodeGenesis, GENESIS_DEFAULTS, type GenesisFields } from '#lib/ledger/genesis.ts';
import { MemoryHub, type MemoryNetwork } from '#lib/network/memory-network.ts';
import type { BrowserStorage } from '#lib/node/api.ts';
import { ClientApi } from '#lib/node/api/client-api.ts';
import type { Clock } from '#lib/node/clock.ts';
import { TabwaveNode } from '#lib/node/node.ts';
import { missingTo } from '#lib/node/sync/older-blocks.ts';
import { openChain } from '#lib/node/open-chain.ts';
import { QueryFiller } from '#lib/node/api/query-filler.ts';
import { contractsOf } from '#lib/node/session.ts';
import { SpectrumService } from '#lib/node/spectrum/spectrum-service.ts';
import { DEFAULT_TIMING, type Timing } from '#lib/node/timing.ts';
import { MemoryAccessPointDatabase } from '#lib/storage/access-point-database.ts';
import { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import { MemoryQueryTables } from '#lib/storage/memory-query-tables.ts';
import { seededRandom } from '../../../tests/simulation/random.ts';
import { newLife, VirtualTime } from '../../../tests/simulation/virtual-time.ts';
import { BooterNode } from '../booter-node.ts';

export interface TestTab {
	id: string;
	signer: Signer;
	network: MemoryNetwork;
	store: MemoryLedgerStore;
	tables: MemoryQueryTables;
	node: TabwaveNode;
	api: ClientApi;
	/** What went wrong in a listener or in the background. */
	reports: unknown[];
	stop(): Promise<void>;
}

const STORAGE: BrowserStorage = {
	kind: 'memory',
	persistent: null,
	usedBytes: null,
	quotaBytes: null
};

export class TestNetwork {
	readonly time = new VirtualTime(TEST_START_MS + 1000);
	readonly hub = new MemoryHub();
	readonly timing: Timing = DEFAULT_TIMING;
	readonly genesis: Uint8Array;
	readonly operator: Signer;
	readonly tabs: TestTab[] = [];
	readonly log: string[] = [];
	/** Nodes and Booters that stopped because they could not go on. */
	readonly halted: Error[] = [];
	booterNetwork: MemoryNetwork;
	booter: BooterNode | null = null;
	booterStore = new MemoryLedgerStore();
	readonly #booterSigner: Signer;
	#nonce = 0;

	private constructor(genesis: Uint8Array, operator: Signer, booterSigner: Signer) {
		this.genesis = genesis;
		this.operator = operator;
		this.#booterSigner = booterSigner;
		this.booterNetwork = this.hub.network(this.booterId);
	}

	/** @param seats of each partition */
	static async start(seats: number[] = [16], fields: Partial<GenesisFields> = {}): Promise<TestNetwork> {
		const operator = await testSuite.signer(testSuite.generateSeed());
		const booter = await testSuite.signer(testSuite.generateSeed());
		const genesis = encodeGenesis({
			...GENESIS_DEFAULTS,
			suite: SIMULATION_SUITE_NAME,
			name: 'test',
			createdMs: BigInt(TEST_START_MS),
			operator: operator.publicKey,
			booters: [booter.publicKey],
			partitions: seats.map((maxMembers, i) => ({
				$typeName: 'tabwave.v1.PartitionGenesis',
				id: i + 1,
				maxMembers
			})),
			// A full partition is full, but where a test is about splits.
			maxPartitions: 0,
			...fields
		});
		const network = new TestNetwork(genesis, operator, booter);
		await network.startBooter();
		return network;
	}

	get booterId(): string {
		return toHex(this.#booterSigner.publicKey);
	}

	/** For the first time, or again with what its store holds. */
	async startBooter(): Promise<void> {
		const { chain, votes } = await openChain(this.booterStore, this.genesis, contractsOf(this.genesis));
		this.booterNetwork = this.hub.network(this.booterId);
		this.booter = new BooterNode({
			chain,
			votes,
			store: this.booterStore,
			network: this.booterNetwork,
			suite: testSuite,
			signer: this.#booterSigner,
			operator: this.operator,
			clock: this.#clock(),
			timing: this.timing,
			random: seededRandom(1),
			events: {
				committed: () => {},
				halted: (error) => this.halted.push(error),
				log: (level, message) => this.log.push(`booter ${level}: ${message}`)
			}
		});
		await this.booter.start();
	}

	async stopBooter(): Promise<void> {
		await this.booter!.stop();
		this.booter = null;
		this.booterStore = this.booterStore.reopen();
	}

	/** A tab that runs and is no member yet. */
	async tab(nickname = `tab ${this.tabs.length + 1}`, store = new MemoryLedgerStore()): Promise<TestTab> {
		const signer = await testSuite.signer(testSuite.generateSeed());
		const network = this.hub.network(toHex(signer.publicKey));
		// As a real network does, this one keeps the link to the relay whatever the peers are.
		const setPeers = network.setPeers.bind(network);
		network.setPeers = (peers) => setPeers([...peers, this.booterId]);
		const { chain, votes } = await openChain(store, this.genesis, contractsOf(this.genesis));
		const tables = new MemoryQueryTables();
		const clock = this.#clock();
		const reports: unknown[] = [];
		const node = new TabwaveNode({
			chain,
			votes,
			store,
			network,
			suite: testSuite,
			signer,
			clock,
			timing: this.timing,
			nonce: () => this.#nextNonce(),
			events: {
				committed: (commits) => {
					api.committed(commits);
					filler.committed(commits);
				},
				jumped: (missingTo) => api.jumped(missingTo),
				filledIn: () => api.filledIn(),
				link: (status) => api.link(status),
				changed: () => api.changed(),
				assignment: (assignment) => api.assigned(assignment),
				refusal: (refusal) => api.refused(refusal),
				halted: (error) => {
					this.halted.push(error);
					api.halted(error);
				},
				log: (level, message) => this.log.push(`${nickname} ${level}: ${message}`)
			}
		});
		const filler = new QueryFiller(chain, store, tables, clock, (error) => reports.push(error));
		const spectrum = new SpectrumService({
			chain,
			self: node.self,
			database: new MemoryAccessPointDatabase(),
			clock,
			mechanism: 'greedy',
			sealKey: new Uint8Array(32),
			submit: (call) => node.submit(call),
			isReady: () => node.partition !== undefined,
			nicknameOf: (account) => chain.topology.partitionOf(account)?.nicknames.get(account) ?? '',
			changed: () => {},
			log: (level, message) => this.log.push(`${nickname} ${level}: ${message}`)
		});
		const api: ClientApi = new ClientApi({
			node,
			store,
			tables,
			filler,
			spectrum,
			suite: testSuite,
			clock,
			timing: this.timing,
			relayUrl: 'http://relay.test',
			nickname,
			links: () => network.links(),
			storage: async () => STORAGE,
			report: (error) => reports.push(error)
		});
		store.onLost((error) => node.halt(error));
		await spectrum.start();
		await filler.start(missingTo(votes));
		await node.start();
		const tab: TestTab = {
			id: node.self,
			signer,
			network,
			store,
			tables,
			node,
			api,
			reports,
			async stop() {
				api.stop();
				filler.stop();
				await node.stop();
				await spectrum.stop();
			}
		};
		this.tabs.push(tab);
		return tab;
	}

	/** A tab that has joined. */
	async member(partition?: number): Promise<TestTab> {
		const tab = await this.tab();
		await this.settle(tab.api.node.join({ partition }));
		return tab;
	}

	/** Lets time pass until the promise has settled, at most a minute. @returns what it resolves to */
	async settle<T>(promise: Promise<T>): Promise<T> {
		let done = false;
		const settled = promise.finally(() => (done = true));
		settled.catch(() => {});
		await this.until(() => done);
		return settled;
	}

	/** Lets time pass until this holds. @throws Error where it does not within a minute */
	async until(holds: () => boolean): Promise<void> {
		await this.time.run(this.time.nowMs + 60_000, holds);
		if (!holds())
			throw new Error(`a minute passed in vain; the last lines are ${this.log.slice(-5).join('\n')}`);
	}

	async run(durationMs: number): Promise<void> {
		await this.time.run(this.time.nowMs + durationMs);
	}

	#clock(): Clock {
		return this.time.clock(0, newLife());
	}

	#nextNonce(): Uint8Array {
		const nonce = new Uint8Array(16);
		new DataView(nonce.buffer).setUint32(0, ++this.#nonce);
		return nonce;
	}
}
