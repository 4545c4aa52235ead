/** A whole network in one process: the nodes' and the Booter's own drivers over virtual time, network and disks. */
import { SIMULATION_SUITE_NAME, simulationSuite } from '#lib/crypto/simulation-suite.ts';
import { toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import { encodeGenesis, GENESIS_DEFAULTS } from '#lib/ledger/genesis.ts';
import { transferArguments, transferContract } from '#lib/ledger/transfer.ts';
import { TabwaveNode } from '#lib/node/node.ts';
import { openChain } from '#lib/node/open-chain.ts';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import type { Chain, Commit } from '#lib/consensus/ordering/chain.ts';
import { BooterNode } from '../../relay/booter/booter-node.ts';
import { Checkers, Violation } from './checkers.ts';
import { between, pick, seededRandom, type Random } from './random.ts';
import { SimulatedHub, type NetworkFaults, type SimulatedNetwork } from './simulated-network.ts';
import { VirtualTime } from './virtual-time.ts';

export interface WorldOptions {
	seed: number;
	/** Members of each partition. */
	partitions: number[];
	faults: NetworkFaults;
	/** Transfers a second over the whole network. */
	transfersPerSecond: number;
	maxClockSkewMs: number;
}

export const QUIET: NetworkFaults = {
	loss: 0,
	duplication: 0,
	minDelayMs: 1,
	maxDelayMs: 3,
	reordering: false
};

const START_MS = 1_700_000_000_000;
const SETTLE_MS = 30_000;

interface Running<T> {
	node: T;
	network: SimulatedNetwork;
	stopped: boolean;
}

interface BooterParts {
	store: MemoryLedgerStore;
	signer: Signer;
	operator: Signer;
}

export interface Tab {
	name: string;
	id: string;
	signer: Signer;
	partition: number;
	store: MemoryLedgerStore;
	running: Running<TabwaveNode> | null;
	joined: boolean;
	leaving: boolean;
}

export class World {
	readonly options: WorldOptions;
	readonly time = new VirtualTime(START_MS);
	readonly random: Random;
	readonly suite: Suite;
	readonly hub: SimulatedHub;
	readonly checkers: Checkers;
	readonly tabs: Tab[] = [];
	readonly log: string[] = [];
	genesis = new Uint8Array(0);
	booter: (Running<BooterNode> & BooterParts) | null = null;
	#violation: Error | null = null;
	submitted = 0;

	constructor(options: WorldOptions) {
		this.options = options;
		this.random = seededRandom(options.seed);
		this.suite = simulationSuite(this.random);
		this.hub = new SimulatedHub(this.time, this.random, options.faults);
		this.checkers = new Checkers(this.suite);
	}

	async start(): Promise<void> {
		const operator = await this.suite.signer(this.suite.generateSeed());
		const signer = await this.suite.signer(this.suite.generateSeed());
		this.genesis = new Uint8Array(
			encodeGenesis({
				...GENESIS_DEFAULTS,
				suite: SIMULATION_SUITE_NAME,
				name: 'simulation',
				createdMs: BigInt(START_MS),
				operator: operator.publicKey,
				booters: [signer.publicKey],
				contracts: ['transfer'],
				partitions: this.options.partitions.map((_, i) => ({
					$typeName: 'tabwave.v1.PartitionGenesis',
					id: i + 1,
					maxMembers: 16
				}))
			})
		);
		await this.startBooter({ store: new MemoryLedgerStore(), signer, operator });
		for (const [i, members] of this.options.partitions.entries())
			for (let j = 0; j < members; j++) await this.addTab(i + 1);
		this.#submitForever();
	}

	/** Starts it for the first time, or again with what it had. */
	async startBooter(parts: BooterParts = this.booter!): Promise<void> {
		const { store, signer, operator } = parts;
		const { chain, votes } = await openChain(store, this.genesis, [transferContract]);
		const running = { stopped: false } as Running<BooterNode>;
		const network = this.hub.network(toHex(signer.publicKey), []);
		const node = new BooterNode({
			chain,
			votes,
			store,
			network,
			suite: this.suite,
			signer,
			operator,
			clock: this.time.clock(0, () => running.stopped),
			timing: DEFAULT_TIMING,
			events: {
				committed: (commits) => this.#committed('booter', chain, commits),
				halted: (error) => this.fail(error),
				log: (level, message) => this.note(`booter ${level}: ${message}`)
			}
		});
		this.booter = Object.assign(running, { node, network, store, signer, operator });
		await node.start();
	}

	async stopBooter(): Promise<void> {
		this.booter!.stopped = true;
		await this.booter!.node.stop();
	}

	async addTab(partition: number): Promise<Tab> {
		const signer = await this.suite.signer(this.suite.generateSeed());
		const tab: Tab = {
			name: `tab${this.tabs.length + 1}`,
			id: toHex(signer.publicKey),
			signer,
			partition,
			store: new MemoryLedgerStore(),
			running: null,
			joined: false,
			leaving: false
		};
		this.tabs.push(tab);
		await this.startTab(tab);
		this.#joinUntilMember(tab);
		return tab;
	}

	async startTab(tab: Tab): Promise<void> {
		const booterId = toHex(this.booter!.signer.publicKey);
		const { chain, votes } = await openChain(tab.store, this.genesis, [transferContract]);
		const running = { stopped: false } as Running<TabwaveNode>;
		const network = this.hub.network(tab.id, [booterId]);
		const send = network.send.bind(network);
		network.send = (to, packets) => {
			for (const packet of packets) this.#guard(() => this.checkers.sent(tab.name, packet));
			send(to, packets);
		};
		const skewMs = between(this.random, -this.options.maxClockSkewMs, this.options.maxClockSkewMs);
		running.network = network;
		running.node = new TabwaveNode({
			chain,
			votes,
			store: tab.store,
			network,
			suite: this.suite,
			signer: tab.signer,
			booter: booterId,
			clock: this.time.clock(skewMs, () => running.stopped),
			timing: DEFAULT_TIMING,
			nonce: () => Uint8Array.from({ length: 16 }, () => Math.floor(this.random() * 256)),
			events: {
				committed: (commits) => this.#committed(tab.name, chain, commits),
				link: () => {},
				changed: () => {},
				assignment: () => {},
				refusal: (refusal) => this.note(`${tab.name} was refused: ${refusal.message}`),
				halted: (error) => this.fail(error),
				log: (level, message) => this.note(`${tab.name} ${level}: ${message}`)
			}
		});
		tab.running = running;
		await running.node.start();
	}

	/** A crash: nothing says goodbye. What the disk holds afterwards is the store's to say. */
	async crashTab(tab: Tab, loseRelaxed: boolean): Promise<void> {
		const { running } = tab;
		if (!running) return;
		running.stopped = true;
		tab.running = null;
		await running.network.stop();
		await running.node.stop();
		tab.store = tab.store.reopenAfterCrash({ loseRelaxed });
	}

	get startedMs(): number {
		return START_MS;
	}

	/** Makes one thing happen, where it can. @returns whether it did */
	async happen(
		what: 'crash-and-restart' | 'restart-booter' | 'join' | 'leave',
		downMs: number
	): Promise<boolean> {
		if (what === 'restart-booter') {
			await this.stopBooter();
			await this.run(downMs);
			await this.startBooter();
			return true;
		}
		if (what === 'join') {
			await this.addTab(1 + Math.floor(this.random() * this.options.partitions.length));
			return true;
		}
		const candidates = this.live().filter(({ joined, running }) => joined && running!.node.partition);
		if (candidates.length === 0) return false;
		const tab = pick(this.random, candidates);
		if (what === 'leave') {
			// The last member of all leaves nobody to vote.
			if (tab.running!.node.partition!.members.length < 2) return false;
			this.#leaveUntilGone(tab);
			return true;
		}
		const loseRelaxed = this.random() < 0.5;
		await this.crashTab(tab, loseRelaxed);
		await this.run(downMs);
		await this.startTab(tab);
		return true;
	}

	/** Runs for so long, then throws what any checker found. */
	async run(durationMs: number, done?: () => boolean): Promise<void> {
		await this.time.run(this.time.nowMs + durationMs, () => this.#violation !== null || (done?.() ?? false));
		if (this.#violation) throw this.#violation;
	}

	/** Faults end; everything must come to the same head within a bound (liveness), and then hold the same state. */
	async heal(): Promise<void> {
		this.hub.faults = QUIET;
		this.options.transfersPerSecond = 0;
		await this.run(SETTLE_MS, () => this.isSettled());
		const live = this.live();
		const heads = live.map(({ name, running }) => `${name}:${running!.node.chain.head.height}`);
		if (!this.isSettled())
			throw new Violation(
				`liveness: ${SETTLE_MS} ms after the last fault heads are ${heads.join(' ')}, booter ${this.booter!.node.chain.head.height}, pools ${live.map(({ running }) => running!.node.pool.size).join(' ')}`
			);
		for (const tab of live) this.checkers.state(tab.name, tab.running!.node.chain);
		this.checkers.state('booter', this.booter!.node.chain);
	}

	isSettled(): boolean {
		const { height } = this.booter!.node.chain.head;
		return this.live().every(({ running, joined }) => {
			const node = running!.node;
			return (
				joined && node.partition !== undefined && node.chain.head.height === height && node.pool.size === 0
			);
		});
	}

	live(): Tab[] {
		return this.tabs.filter((tab) => tab.running !== null);
	}

	fail(error: Error): void {
		this.#violation ??= error;
	}

	note(line: string): void {
		this.log.push(`${((this.time.nowMs - START_MS) / 1000).toFixed(3)} ${line}`);
		if (this.log.length > 2000) this.log.shift();
	}

	#committed(who: string, chain: Chain, commits: Commit[]): void {
		for (const commit of commits)
			for (const block of commit.blocks)
				void this.checkers.committed(who, chain, block).catch((error: unknown) => this.fail(error as Error));
		this.#guard(() => this.checkers.state(who, chain));
	}

	#guard(check: () => void): void {
		try {
			check();
		} catch (error) {
			this.fail(error as Error);
		}
	}

	#joinUntilMember(tab: Tab): void {
		const ask = (): void => {
			const node = tab.running?.node;
			if (node?.partition) {
				tab.joined = true;
				return;
			}
			node?.requestJoin(tab.partition, tab.name);
			this.time.after(1000, ask);
		};
		this.time.after(between(this.random, 0, 500), ask);
	}

	#leaveUntilGone(tab: Tab): void {
		tab.leaving = true;
		const ask = (): void => {
			const node = tab.running?.node;
			if (node && !node.partition) return void this.crashTab(tab, false);
			node?.requestLeave();
			this.time.after(1000, ask);
		};
		ask();
	}

	#submitForever(): void {
		const { transfersPerSecond } = this.options;
		const delayMs = transfersPerSecond > 0 ? between(this.random, 0, 2000 / transfersPerSecond) : 100;
		this.time.after(delayMs, () => {
			const members = this.live().filter(({ joined, leaving }) => joined && !leaving);
			if (members.length > 0 && this.options.transfersPerSecond > 0) {
				const from = pick(this.random, members);
				const to = pick(this.random, this.tabs);
				this.submitted += 1;
				void from.running!.node.submit({
					contract: 'transfer',
					function: 'transfer',
					arguments: transferArguments(to.signer.publicKey, BigInt(1 + Math.floor(this.random() * 1000)))
				});
			}
			this.#submitForever();
		});
	}
}
