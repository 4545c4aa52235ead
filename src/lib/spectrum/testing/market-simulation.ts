/**
 * Managers of several nodes over one chain in memory, in virtual time: what they submit enters the next blocks, what the blocks
 * say goes back to each of them. A node can be slow, dead or lossy.
 */
import { sha256 } from '../../crypto/hash.ts';
import { fromHex } from '../../crypto/hex.ts';
import type { OwnAccessPoint } from '../access-point.ts';
import { TREASURY } from '../contract/keys.ts';
import type { ManagerSettings } from '../manager/settings.ts';
import { SpectrumManager } from '../manager/spectrum-manager.ts';
import type { Submission } from '../manager/submissions.ts';
import type { Mechanism } from '../mechanisms/mechanism.ts';
import { escrowOf, grantFaults } from './invariants.ts';
import { SeededRandom } from '../random.ts';
import { SpectrumView } from '../view/spectrum-view.ts';
import { TestChain, account, type SpectrumOptions, type TestBlock } from './test-chain.ts';

export interface SimulationOptions {
	/** The AP database of each node. */
	databases: OwnAccessPoint[][];
	mechanism?: string;
	/** Where the managers have more mechanisms than the registry. */
	mechanismNamed?: (name: string) => Mechanism;
	/** Of all managers; the defaults where it is not said. */
	settings?: Partial<ManagerSettings>;
	initialBalance?: bigint;
	/** Share of submissions that vanish, in percent; the manager is told for half of them. */
	lossPercent?: number;
	seed?: number;
	conflictDistancePercent?: number;
	/** Of genesis. */
	options?: SpectrumOptions;
}

interface Node {
	name: string;
	account: string;
	manager: SpectrumManager;
	database: Map<string, OwnAccessPoint>;
	/** Neither hears nor acts. */
	asleep: boolean;
	/** Blocks of which it has not heard yet. */
	backlog: TestBlock[];
}

/** Submissions that one block takes. */
const BLOCK_SIZE = 50;
const STEP_MS = 500;

export class MarketSimulation {
	readonly chain: TestChain;
	readonly view: SpectrumView;
	readonly nodes: Node[];
	readonly refusals = new Map<string, number>();
	nowMs = 0;
	readonly #queue: { node: Node; submission: Submission }[] = [];
	readonly #random: SeededRandom;
	readonly #lossPercent: number;
	readonly #percent: number;
	readonly #options: SpectrumOptions;
	readonly #settings: Partial<ManagerSettings> | undefined;
	readonly #mechanismNamed: ((name: string) => Mechanism) | undefined;

	constructor(options: SimulationOptions) {
		this.#percent = options.conflictDistancePercent ?? 100;
		this.#mechanismNamed = options.mechanismNamed;
		this.#options = options.options ?? {};
		this.chain = new TestChain(this.#percent, this.#options);
		this.#settings = options.settings;
		this.view = new SpectrumView(this.#percent);
		this.#random = new SeededRandom(options.seed ?? 1, 'market-simulation');
		this.#lossPercent = options.lossPercent ?? 0;
		this.nodes = options.databases.map((database, i) => {
			const name = `node-${i}`;
			this.chain.credit(account(name), options.initialBalance ?? 1_000_000n);
			const manager = this.#manager(account(name), options.mechanism);
			manager.onOwnAccessPoints(database);
			return {
				name,
				account: account(name),
				manager,
				database: new Map(database.map((ap) => [ap.id, ap])),
				asleep: false,
				backlog: []
			};
		});
	}

	/** One step of virtual time: every node ticks, one block is made where there is something to put into it. */
	step(): void {
		this.nowMs += STEP_MS;
		for (const node of this.nodes) if (!node.asleep) this.#tick(node);
		const batch = this.#queue.splice(0, BLOCK_SIZE).filter((entry) => !this.#isLost(entry));
		if (batch.length === 0) return;
		const block = this.chain.block(
			batch.map(({ node, submission }) => ({
				sender: node.account,
				function: submission.function,
				arguments: submission.arguments
			}))
		);
		this.view.apply({
			height: block.height,
			timeMs: block.timeMs,
			transactions: block.receipts,
			events: block.events
		});
		for (const node of this.nodes) node.backlog.push(block);
		block.receipts.forEach((receipt, i) => {
			const { node, submission } = batch[i]!;
			if (receipt.error) this.refusals.set(receipt.error, (this.refusals.get(receipt.error) ?? 0) + 1);
			node.manager.onOutcome({ key: submission.key, status: receipt.status, error: receipt.error || null });
		});
	}

	/** @returns whether the condition came true within so many steps */
	until(condition: () => boolean, maxSteps: number): boolean {
		for (let i = 0; i < maxSteps; i++) {
			if (condition()) return true;
			this.step();
		}
		return condition();
	}

	/** A row of a node's AP database changes, as its owner or a measurement would change it. */
	edit(node: Node, row: OwnAccessPoint): void {
		node.database.set(row.id, row);
		node.manager.onOwnAccessPoints([...node.database.values()]);
	}

	/** A node's memory is gone; its database, the chain and its key are not. */
	reload(node: Node): void {
		node.manager = this.#manager(node.account);
		node.manager.restore(this.chain.state.rows('spectrum/'));
		node.manager.onOwnAccessPoints([...node.database.values()]);
		node.backlog = [];
		node.asleep = false;
	}

	/** Every reason why the chain is not as it must be. */
	faults(): string[] {
		const faults = this.view.conflictingPairs().map((pair) => `conflict of ${pair.join(' and ')}`);
		const escrows = this.chain.bids().reduce((sum, bid) => sum + escrowOf(bid), 0n);
		const forfeited = this.chain.balance(TREASURY);
		const held = this.nodes.reduce((sum, node) => sum + this.chain.balance(node.account), 0n);
		if (held + escrows + forfeited !== this.chain.totalMoney())
			faults.push(`${held} held, ${escrows} in escrow and ${forfeited} forfeited are not all money`);
		faults.push(...grantFaults(this.chain));
		for (const ap of this.chain.accessPoints()) {
			if (new Set(ap.channels).size !== ap.channels.length) faults.push(`${ap.id} holds a channel twice`);
			if (ap.idleChannels.some((channel) => !ap.channels.includes(channel)))
				faults.push(`${ap.id} idles what it lacks`);
			if (ap.occupancyPpm > 1_000_000) faults.push(`${ap.id} is busier than always`);
		}
		return faults;
	}

	#manager(self: string, mechanism?: string): SpectrumManager {
		return new SpectrumManager({
			self,
			conflictDistancePercent: this.#percent,
			...this.#options,
			sealKey: sha256(fromHex(self)),
			...(mechanism && { mechanism }),
			...(this.#settings && { settings: this.#settings }),
			...(this.#mechanismNamed && { mechanismNamed: this.#mechanismNamed })
		});
	}

	#tick(node: Node): void {
		for (const block of node.backlog.splice(0)) {
			node.manager.onEvents(block.events, block.height);
			for (const receipt of block.receipts) node.manager.onEvents(receipt.events, block.height);
		}
		const { submit, store } = node.manager.tick({
			height: this.chain.height,
			nowMs: this.nowMs,
			balance: this.chain.balance(node.account)
		});
		for (const submission of submit) this.#queue.push({ node, submission });
		for (const row of store) node.database.set(row.id, row);
		if (store.length > 0) node.manager.onOwnAccessPoints([...node.database.values()]);
	}

	#isLost({ node, submission }: { node: Node; submission: Submission }): boolean {
		if (submission.expiryHeight <= this.chain.height) {
			node.manager.onOutcome({ key: submission.key, status: 'lost' });
			return true;
		}
		if (this.#random.below(100) >= this.#lossPercent) return false;
		if (this.#random.below(2) === 0) node.manager.onOutcome({ key: submission.key, status: 'lost' });
		return true;
	}
}
