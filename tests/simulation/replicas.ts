/** The Booter's replicas in a simulated network: each with its key, its disk and lives of its own. */
import type { Commit, Chain } from '#lib/consensus/ordering/chain.ts';
import { toHex } from '#lib/crypto/hex.ts';
import type { Signer } from '#lib/crypto/suite.ts';
import { openChain } from '#lib/node/open-chain.ts';
import { MemoryLedgerStore } from '#lib/storage/memory-ledger-store.ts';
import { BooterNode } from '../../relay/booter/booter-node.ts';
import { ClusterCheckers } from './cluster-checkers.ts';
import { seededRandom, type Random } from './random.ts';
import type { SimulatedNetwork } from './simulated-network.ts';
import { cutShort } from './slow-disk.ts';
import { newLife, type Life } from './virtual-time.ts';
import { contracts, type World } from './world.ts';

export interface BooterParts {
	store: MemoryLedgerStore;
	signer: Signer;
	operator: Signer;
}

/** One that runs, or ran last: its life says which. */
export interface Replica extends BooterParts {
	name: string;
	id: string;
	node: BooterNode;
	network: SimulatedNetwork;
	life: Life;
}

export class Replicas {
	readonly #world: World;
	readonly #committed: (who: string, chain: Chain, commits: Commit[]) => void;
	/** Of elections alone: they must not change what else a seed decides. */
	readonly #random: Random;
	readonly #ids: string[] = [];
	readonly #all = new Map<string, Replica>();
	readonly checkers: ClusterCheckers;

	constructor(world: World, seed: number, committed: (who: string, chain: Chain, commits: Commit[]) => void) {
		this.#world = world;
		this.#random = seededRandom(seed + 1);
		this.#committed = committed;
		this.checkers = new ClusterCheckers(this.#ids);
	}

	/** Starts them for the first time. */
	async found(signers: Signer[], operator: Signer): Promise<void> {
		this.#ids.push(...signers.map(({ publicKey }) => toHex(publicKey)));
		for (const signer of signers) await this.start({ store: new MemoryLedgerStore(), signer, operator });
	}

	get ids(): readonly string[] {
		return this.#ids;
	}

	get all(): Replica[] {
		return [...this.#all.values()];
	}

	get running(): Replica[] {
		return this.all.filter(({ life }) => !life.stopped);
	}

	/** The active one of the highest term; while there is none, the first that runs; where none runs, the first. */
	get booter(): Replica | null {
		const active = this.running
			.filter(({ node }) => node.replica.isActive)
			.sort((a, b) => b.node.replica.term - a.node.replica.term);
		return active[0] ?? this.running[0] ?? this.all[0] ?? null;
	}

	/** For the first time, or again with what it had. */
	async start({ store, signer, operator }: BooterParts): Promise<Replica> {
		const world = this.#world;
		const id = toHex(signer.publicKey);
		const name = this.#ids.length === 1 ? 'booter' : `booter${this.#ids.indexOf(id) + 1}`;
		const { chain, votes } = await openChain(store, world.genesis, contracts(world.genesis));
		const life = newLife();
		const network = world.hub.network(id, [], life);
		const send = network.send.bind(network);
		network.send = (to, packets) => {
			if (this.#ids.length > 1) this.#check(() => this.checkers.sent(id, to, packets));
			send(to, packets);
		};
		const node = new BooterNode({
			chain,
			votes,
			store,
			network,
			suite: world.suite,
			signer,
			operator,
			clock: world.time.clock(0, life),
			timing: world.timing,
			random: this.#random,
			events: {
				committed: (commits) => this.#committed(name, chain, commits),
				// A store that crashed under its node is this simulation's own doing.
				halted: (error) => life.stopped || world.fail(error),
				log: (level, message) => world.note(`${name} ${level}: ${message}`)
			}
		});
		const replica: Replica = { name, id, node, network, life, store, signer, operator };
		this.#all.set(id, replica);
		await node.start();
		return replica;
	}

	async stop(replica: Replica): Promise<void> {
		replica.life.stopped = true;
		if (cutShort(replica.store)) replica.store = replica.store.reopenAfterCrash({ loseRelaxed: false });
		await replica.node.stop();
	}

	/** A crash: nothing says goodbye. What the disk holds afterwards is the store's to say. */
	async crash(replica: Replica, loseRelaxed: boolean): Promise<void> {
		replica.life.stopped = true;
		cutShort(replica.store);
		await replica.network.stop();
		await replica.node.stop();
		replica.store = replica.store.reopenAfterCrash({ loseRelaxed });
	}

	/** Raft: what is committed is the same everywhere. */
	check(): void {
		this.#check(() =>
			this.checkers.logs(this.running.map(({ name, node }) => ({ name, replica: node.replica })))
		);
	}

	#check(check: () => void): void {
		try {
			check();
		} catch (error) {
			this.#world.fail(error as Error);
		}
	}
}
