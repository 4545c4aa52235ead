/** A whole network in one process: the nodes' and the Booter's own drivers over virtual time, network and disks. */
import { portableSuite } from '#lib/crypto/portable-suite.ts';
import { webcryptoSuite } from '#lib/crypto/webcrypto-suite.ts';
import { SIMULATION_SUITE_NAME, simulationSuite } from '#lib/crypto/simulation-suite.ts';
import { hashFaster } from '#lib/crypto/hash.ts';
import { toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import { encodeGenesis, GENESIS_DEFAULTS, readGenesis, type GenesisFields } from '#lib/ledger/genesis.ts';
import type { Contract } from '#lib/ledger/contract.ts';
import { transferArguments, transferContract } from '#lib/ledger/transfer.ts';
import { TabwaveNode } from '#lib/node/node.ts';
import { openChain } from '#lib/node/open-chain.ts';
import { DEFAULT_TIMING, VIEW_TIMEOUT_CAP_FACTOR, type Timing } from '#lib/node/timing.ts';
import { spectrumParameters } from '#lib/spectrum/contract/parameters.ts';
import { SPECTRUM_CONTRACT, spectrumContract } from '#lib/spectrum/contract/spectrum-contract.ts';
import { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import type { Chain, Commit } from '#lib/consensus/ordering/chain.ts';
import { faultyBound } from '#lib/consensus/quorum.ts';
import type { Evidence } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { Checkers, Violation } from './checkers.ts';
import { MarketChecker } from './market-checker.ts';
import { Market } from './market.ts';
import type { Call } from './market-call.ts';
import { between, pick, seededRandom, type Random } from './random.ts';
import { Replicas, type BooterParts, type Replica } from './replicas.ts';
import { SimulatedHub, type NetworkFaults, type SimulatedNetwork } from './simulated-network.ts';
import { cutShort } from './slow-disk.ts';
import { newLife, VirtualTime, type Life } from './virtual-time.ts';

export interface WorldOptions {
	seed: number;
	/** Members of each partition. */
	partitions: number[];
	faults: NetworkFaults;
	/** Transactions a second over the whole network: transfers, and one in a few a trade of the market. */
	transfersPerSecond: number;
	maxClockSkewMs: number;
	/** Replicas of the Booter: 1, 3 or 5; default 1. */
	booters?: number;
	/** Where genesis is another than the default. */
	genesis?: Partial<GenesisFields>;
	/** Options of the market, which are parts of genesis too; default: bids are open, and channels are held for good. */
	market?: MarketOptions;
	/** Where intervals are others than the default. */
	timing?: Partial<Timing>;
	/** Partitions under the adversary beyond b: only to show what comes of it. */
	beyondBound?: number;
	/** R26: some tabs check the signatures of `torsionKeys` as browsers do, others as plain JavaScript does. */
	hasBothSuites?: boolean;
}

export type MarketOptions = Partial<
	Pick<GenesisFields, 'bidCommitHeights' | 'bidRevealHeights' | 'bidDeposit' | 'grantHeartbeatHeights'>
>;

export const QUIET: NetworkFaults = {
	loss: 0,
	duplication: 0,
	minDelayMs: 1,
	maxDelayMs: 3,
	reordering: false
};

const START_MS = 1_700_000_000_000;
/** After the last fault: the view timer at its cap, twice, and what a view change and catching up take. */
const SETTLE_MS = 2 * VIEW_TIMEOUT_CAP_FACTOR * DEFAULT_TIMING.viewTimeoutMs + 10_000;

/** Of the transactions, those that are trades. */
const TRADES_SHARE = 0.3;
/** The same where a trade takes more of them: a commitment and its reveal, heartbeats. */
const TRADES_SHARE_WITH_OPTIONS = 0.6;

/** Each node runs its own. */
export function contracts(genesis: Uint8Array): Contract[] {
	return [transferContract, spectrumContract(spectrumParameters(readGenesis(genesis).fields))];
}

/** Hashing is a quarter of what a simulated node does. */
let hashing: Promise<void> | null = null;

interface Running<T> {
	node: T;
	network: SimulatedNetwork;
	life: Life;
}

export interface Tab {
	name: string;
	id: string;
	signer: Signer;
	partition: number;
	store: MemoryLedgerStore;
	/** Called around each write of its store. */
	onWrite: ((phase: 'before' | 'after') => void) | null;
	running: Running<TabwaveNode> | null;
	joined: boolean;
	leaving: boolean;
	/** Has left, and will not come back. */
	gone: boolean;
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
	/** Ids of members that are Byzantine, from the first lie to the end of the run. */
	readonly liars = new Set<string>();
	/** Partitions of which every member, present or to come, is under the adversary: at most b of them. */
	readonly conquered = new Set<number>();
	/** Accounts whose signatures real implementations judge, lower-case hex. */
	readonly torsionKeys = new Set<string>();
	/** What liars agree on among themselves: by slot, the digest that is the untrue one. */
	readonly rumours = new Map<string, Uint8Array>();
	genesis = new Uint8Array(0);
	readonly replicas: Replicas;
	readonly timing: Timing;
	readonly #market: Market;
	readonly #tradesShare: number;
	#violation: Error | null = null;
	submitted = 0;
	/** Where each transaction was submitted: who does not crash brings it to the ledger, or sees it expire. */
	readonly #submissions: { id: string; expiryHeight: number; tab: Tab; running: Tab['running'] }[] = [];

	constructor(options: WorldOptions) {
		this.options = options;
		this.random = seededRandom(options.seed);
		this.suite = simulationSuite(this.random);
		this.hub = new SimulatedHub(this.time, this.random, options.faults);
		const rules = spectrumParameters({ ...GENESIS_DEFAULTS, ...options.genesis, ...options.market });
		this.#tradesShare = rules.sealedBids || rules.grants ? TRADES_SHARE_WITH_OPTIONS : TRADES_SHARE;
		this.#market = new Market(options.seed, rules);
		this.checkers = new Checkers(
			this.suite,
			this.liars,
			this.conquered,
			new MarketChecker(rules, this.#market.hidden)
		);
		this.timing = { ...DEFAULT_TIMING, ...options.timing };
		this.replicas = new Replicas(this, options.seed, (who, chain, commits) =>
			this.committed(who, chain, commits)
		);
	}

	async start(): Promise<void> {
		await (hashing ??= hashFaster());
		const operator = await this.suite.signer(this.suite.generateSeed());
		const booters: Signer[] = [];
		for (let i = 0; i < (this.options.booters ?? 1); i++)
			booters.push(await this.suite.signer(this.suite.generateSeed()));
		this.genesis = new Uint8Array(
			encodeGenesis({
				...GENESIS_DEFAULTS,
				suite: SIMULATION_SUITE_NAME,
				name: 'simulation',
				createdMs: BigInt(START_MS),
				operator: operator.publicKey,
				booters: booters.map(({ publicKey }) => publicKey),
				contracts: ['transfer', SPECTRUM_CONTRACT],
				partitions: this.options.partitions.map((_, i) => ({
					$typeName: 'tabwave.v1.PartitionGenesis',
					id: i + 1,
					maxMembers: 16
				})),
				...this.options.genesis,
				...this.options.market
			})
		);
		await this.replicas.found(booters, operator);
		for (const [i, members] of this.options.partitions.entries())
			for (let j = 0; j < members; j++) await this.addTab(i + 1);
		this.#submitForever();
	}

	/** The active one of the Booter's replicas, or the one that was. */
	get booter(): Replica | null {
		return this.replicas.booter;
	}

	get booterId(): string {
		return this.booter!.id;
	}

	/** Starts a replica of the Booter again, with what it had. */
	async startBooter(parts: BooterParts = this.booter!): Promise<void> {
		await this.replicas.start(parts);
	}

	async stopBooter(replica = this.booter!): Promise<void> {
		await this.replicas.stop(replica);
	}

	async addTab(partition: number): Promise<Tab> {
		const signer = await this.suite.signer(this.suite.generateSeed());
		const tab: Tab = {
			name: `tab${this.tabs.length + 1}`,
			id: toHex(signer.publicKey),
			signer,
			partition,
			store: new MemoryLedgerStore({ onWrite: (phase) => tab.onWrite?.(phase) }),
			onWrite: null,
			running: null,
			joined: false,
			leaving: false,
			gone: false
		};
		this.tabs.push(tab);
		if (this.conquered.has(partition)) this.liars.add(tab.id);
		await this.startTab(tab);
		this.#joinUntilMember(tab);
		return tab;
	}

	async startTab(tab: Tab): Promise<void> {
		const { chain, votes } = await openChain(tab.store, this.genesis, contracts(this.genesis));
		const running = { life: newLife() } as Running<TabwaveNode>;
		const network = this.hub.network(tab.id, [...this.replicas.ids], running.life);
		const send = network.send.bind(network);
		network.send = (to, packets) => {
			for (const packet of packets) this.#guard(() => this.checkers.sent(tab.name, packet, running.node));
			send(to, packets);
		};
		const skewMs = between(this.random, -this.options.maxClockSkewMs, this.options.maxClockSkewMs);
		running.network = network;
		running.node = new TabwaveNode({
			chain,
			votes,
			store: tab.store,
			network,
			suite: this.#suiteOf(tab),
			signer: tab.signer,
			clock: this.time.clock(skewMs, running.life),
			timing: this.timing,
			nonce: () => Uint8Array.from({ length: 16 }, () => Math.floor(this.random() * 256)),
			events: {
				committed: (commits) => this.committed(tab.name, chain, commits),
				link: () => {},
				changed: () => {},
				assignment: () => {},
				refusal: (refusal) => this.note(`${tab.name} was refused: ${refusal.message}`),
				evidence: (offender, evidence) => this.evidence(tab.name, offender, evidence),
				// A store that crashed under its node is this simulation's own doing.
				halted: (error) => running.life.stopped || this.#halted(tab, error),
				log: (level, message) => this.note(`${tab.name} ${level}: ${message}`)
			}
		});
		tab.running = running;
		await running.node.start();
	}

	/** Every third tab has no WebCrypto. What no suite of the simulation's own signed is judged by the real ones. */
	#suiteOf(tab: Tab): Suite {
		if (!this.options.hasBothSuites) return this.suite;
		const real = this.tabs.indexOf(tab) % 3 === 0 ? webcryptoSuite() : portableSuite();
		return {
			...this.suite,
			verify: (check) =>
				this.torsionKeys.has(toHex(check.publicKey))
					? this.time.outside(real.verify(check))
					: this.suite.verify(check)
		};
	}

	/** A crash: nothing says goodbye. What the disk holds afterwards is the store's to say. */
	async crashTab(tab: Tab, loseRelaxed: boolean): Promise<void> {
		const { running } = tab;
		if (!running) return;
		tab.onWrite = null;
		running.life.stopped = true;
		cutShort(tab.store);
		tab.running = null;
		await running.network.stop();
		await running.node.stop();
		tab.store = tab.store.reopenAfterCrash({ loseRelaxed });
	}

	get startedMs(): number {
		return START_MS;
	}

	/** The next write of a tab is its last act: before it takes effect, or after, and nothing is sent any more. */
	crashAtWrite(tab: Tab, at: 'before' | 'after'): void {
		const { running, store } = tab;
		tab.onWrite = (phase) => {
			if (phase !== at || tab.running !== running) return;
			tab.onWrite = null;
			running!.life.stopped = true;
			store.crash();
			// The program itself is cleared away when its stack has unwound.
			this.time.after(0, () => void this.crashTab(tab, at === 'before'));
		};
	}

	/** A tab that is down, or about to go down, runs again. One that has left for good does not. */
	async recover(tab: Tab): Promise<void> {
		tab.onWrite = null;
		if (tab.running?.life.stopped) await this.crashTab(tab, false);
		if (!tab.running && !tab.gone) await this.startTab(tab);
	}

	/** What waited for a frozen program comes to it at once, in order. */
	thaw({ life }: { life: Life }): void {
		life.frozen = false;
		for (const run of life.waiting.splice(0)) if (!life.stopped) run();
	}

	/** Tabs that run and are members. */
	members(): Tab[] {
		return this.live().filter(
			({ joined, leaving, running }) => joined && !leaving && running!.node.partition
		);
	}

	/**
	 * A member that may lie: one that does already, or one more where its partition's f still allows for it.
	 * @param leads it should lead its partition, where that may be
	 */
	takeLiar(random: Random, leads: boolean): Tab | null {
		const mayLie = this.members().filter((tab) => this.liars.has(tab.id) || this.#sparesOne(tab.partition));
		const leading = leads ? mayLie.filter(({ running }) => running!.node.pbft?.isLeader) : [];
		const candidates = leading.length > 0 ? leading : mayLie;
		if (candidates.length === 0) return null;
		const tab = pick(random, candidates);
		this.liars.add(tab.id);
		return tab;
	}

	/** Another partition comes under the adversary, while the model allows for one more; else one that is already. @returns its id */
	conquer(random: Random): number | null {
		const active = this.booter!.node.chain.topology.active();
		const taken = active.filter(({ id }) => this.conquered.has(id));
		const bound = faultyBound(active.length) + (this.options.beyondBound ?? 0);
		const isOneMore = taken.length < bound && (taken.length === 0 || random() < 0.5);
		const candidates = isOneMore ? active.filter(({ id }) => !this.conquered.has(id)) : taken;
		if (candidates.length === 0) return null;
		const { id, members } = pick(random, candidates);
		this.conquered.add(id);
		for (const member of members) this.liars.add(member);
		for (const tab of this.tabs) if (tab.partition === id) this.liars.add(tab.id);
		return id;
	}

	/** Whether a partition keeps its bound with one member less. */
	maySpare(partition: number): boolean {
		const members = this.#membersOf(partition);
		const leaving = this.tabs.filter((tab) => tab.leaving && members.includes(tab.id)).length;
		const left = members.length - leaving - 1;
		return left > 0 && members.filter((id) => this.liars.has(id)).length <= faultyBound(left);
	}

	#sparesOne(partition: number): boolean {
		const members = this.#membersOf(partition);
		const leaving = this.tabs.filter((tab) => tab.leaving && members.includes(tab.id)).length;
		const lying = members.filter((id) => this.liars.has(id)).length;
		return lying < faultyBound(Math.max(0, members.length - leaving));
	}

	#membersOf(partition: number): string[] {
		return this.booter!.node.chain.topology.partition(partition)?.members ?? [];
	}

	/** Those that lead a partition in their own eyes. */
	leaders(): Tab[] {
		return this.members().filter(({ running }) => running!.node.pbft?.isLeader);
	}

	/** Runs for so long, then throws what any checker found. */
	async run(durationMs: number, done?: () => boolean): Promise<void> {
		await this.time.run(this.time.nowMs + durationMs, () => this.#violation !== null || (done?.() ?? false));
		if (this.#violation) throw this.#violation;
	}

	/**
	 * Faults have ended: everything must come to the same head within a bound (liveness), hold the same state, and nothing that was
	 * submitted may be forgotten.
	 * @returns virtual milliseconds that it took
	 */
	async heal(): Promise<number> {
		this.hub.faults = QUIET;
		this.options.transfersPerSecond = 0;
		const fromMs = this.time.nowMs;
		await this.run(SETTLE_MS, () => this.isSettled());
		if (!this.isSettled())
			throw new Violation(`liveness: ${SETTLE_MS} ms after the last fault ${this.#standing()}`);
		const tookMs = this.time.nowMs - fromMs;
		const { chain } = this.booter!.node;
		const nodes = [
			...this.replicas.running.map(({ name, node }) => ({ name, chain: node.chain })),
			...this.live().map(({ name, running }) => ({ name, chain: running!.node.chain }))
		];
		for (const { name, chain: one } of nodes) this.checkers.state(name, one);
		this.checkers.rows(nodes);
		this.checkers.balances('everyone', chain);
		this.replicas.check();
		if (this.#violation) throw this.#violation;
		for (const { id, expiryHeight, tab, running } of this.#submissions)
			if (
				tab.running === running &&
				!this.liars.has(tab.id) &&
				expiryHeight > chain.head.height &&
				!this.checkers.isFinal(id)
			)
				throw new Violation(
					`liveness: transaction ${id.slice(0, 8)} of ${tab.name} is neither final nor expired at height ${chain.head.height}`
				);
		return tookMs;
	}

	/** Where everyone is, for a line that says why a run did not come to rest. */
	#standing(): string {
		const nodes = this.live().map(({ id, name, running }) => {
			const { chain, pool, pbft } = running!.node;
			const view = pbft ? ` ${pbft.isActive ? 'v' : 'joined v'}${pbft.view}` : ' no member';
			return `${this.liars.has(id) ? 'liar ' : ''}${name}:${chain.head.height}${view} pool ${pool.size}`;
		});
		const booters = this.replicas.running.map(({ name, node }) => {
			const { role, term } = node.replica.state().raft;
			return `${name}:${node.chain.head.height} ${role} ${term} ${JSON.stringify(node.core.state())}`;
		});
		return [...booters, ...nodes].join(', ');
	}

	isSettled(): boolean {
		const { height } = this.booter!.node.chain.head;
		const isClusterSettled =
			this.booter!.node.replica.isActive &&
			this.replicas.running.every(({ node }) => node.chain.head.height === height);
		return (
			isClusterSettled &&
			this.live().every(({ id, running, joined }) => {
				// What became of a liar is its own affair; it must not hold up the others.
				if (this.liars.has(id)) return true;
				const node = running!.node;
				return (
					joined &&
					node.partition !== undefined &&
					node.chain.head.height === height &&
					node.pool.size === 0 &&
					// What a snapshot passed over has been filled in behind it.
					node.older.missingTo === 0
				);
			})
		);
	}

	/** Sends past whatever the network of a tab was wrapped in. */
	sendAs(network: SimulatedNetwork, to: string, packets: Uint8Array[]): void {
		if (network.isLinked(to)) this.hub.send(network.self, to, packets);
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

	/** A node says that blocks are final. */
	committed(who: string, chain: Chain, commits: Commit[]): void {
		this.checkers.counts.snapshots += commits.filter(({ blocks }) => blocks.length === 0).length;
		for (const commit of commits)
			for (const block of commit.blocks)
				void this.checkers.committed(who, chain, block).catch((error: unknown) => this.fail(error as Error));
		this.#guard(() => this.checkers.state(who, chain));
	}

	/** A node holds evidence of somebody's lies. */
	evidence(who: string, offender: string, evidence: Evidence): void {
		this.#guard(() => this.checkers.evidence(who, offender, evidence));
	}

	/** A liar may find its own words where it does not expect them. */
	#halted(tab: Tab, error: Error): void {
		if (this.liars.has(tab.id)) this.note(`${tab.name} stopped: ${error.message}`);
		else this.fail(error);
	}

	#guard(check: () => void): void {
		try {
			check();
		} catch (error) {
			this.fail(error as Error);
		}
	}

	/** And again where it was evicted for its silence. */
	#joinUntilMember(tab: Tab): void {
		const ask = (): void => {
			if (tab.leaving) return;
			const node = tab.running?.node;
			if (node?.partition) tab.joined = true;
			else node?.requestJoin(tab.partition, tab.name);
			this.time.after(1000, ask);
		};
		this.time.after(between(this.random, 0, 500), ask);
	}

	/** Asks to leave until it is no member any more, and ends then. */
	leaveUntilGone(tab: Tab): void {
		tab.leaving = true;
		const ask = (): void => {
			const node = tab.running?.node;
			if (node && !node.partition) {
				tab.gone = true;
				return void this.crashTab(tab, false);
			}
			if (tab.running && !tab.running.life.frozen) node?.requestLeave();
			this.time.after(1000, ask);
		};
		ask();
	}

	#transfer(): Call {
		const to = pick(this.random, this.tabs);
		const amount = BigInt(1 + Math.floor(this.random() * 1000));
		return {
			contract: 'transfer',
			function: 'transfer',
			arguments: transferArguments(to.signer.publicKey, amount)
		};
	}

	async #submit(tab: Tab, call: Call): Promise<void> {
		const { running } = tab;
		const transaction = await running!.node.submit(call);
		if (!transaction) return;
		this.#market.submitted(call, transaction.id);
		this.#submissions.push({
			id: transaction.id,
			expiryHeight: transaction.body.expiryHeight,
			tab,
			running
		});
	}

	#submitForever(): void {
		const { transfersPerSecond } = this.options;
		const delayMs = transfersPerSecond > 0 ? between(this.random, 0, 2000 / transfersPerSecond) : 100;
		this.time.after(delayMs, () => {
			const members = this.live().filter(
				({ joined, leaving, running }) => joined && !leaving && !running!.life.frozen
			);
			if (members.length > 0 && this.options.transfersPerSecond > 0) {
				const from = pick(this.random, members);
				const trade = this.random() < this.#tradesShare ? this.#market.call(from, this.tabs) : null;
				this.submitted += 1;
				void this.#submit(from, trade ?? this.#transfer());
			}
			this.#submitForever();
		});
	}
}
