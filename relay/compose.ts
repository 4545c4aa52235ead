/** Joins the parts of the relay: the one place that knows which classes they are. */
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { getLogger } from '@logtape/logtape';
import { toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import type { GenesisBlock } from '#lib/ledger/genesis.ts';
import type { NodeId } from '#lib/network/network.ts';
import { peerIdOf } from '#lib/network/peer-identity.ts';
import { relayAddress } from '#lib/network/relay-address.ts';
import { systemClock } from '#lib/node/clock.ts';
import { openChain } from '#lib/node/open-chain.ts';
import { contractsOf } from '#lib/node/session.ts';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { BooterNode } from './booter/booter-node.ts';
import type { BooterService } from './booter-service.ts';
import type { NetworkConfig } from './config/network-ini.ts';
import { takeRecoveryWishes, WISH_CHECK_MS } from './recover.ts';
import { RelayNetwork } from './network/relay-host.ts';
import type { RelayStatus } from './network/relay-host.ts';
import type { Replicas } from './replicas.ts';
import type { Revocations } from './revocations.ts';
import { SqliteLedgerStore } from './storage/sqlite-ledger-store.ts';

export interface CompositionInput {
	config: NetworkConfig;
	suite: Suite;
	genesis: GenesisBlock;
	operator: Signer;
	booter: Signer;
	/** 32 bytes; libp2p proves the same identity. */
	booterSeed: Uint8Array;
	/** File of the SQLite ledger. */
	ledgerPath: string;
	/** Listens already: site, API and libp2p share its port. */
	server: Server;
	revocations: Revocations;
	/** This relay among the replicas of its Booter. */
	replicas: Replicas;
	/** A part that cannot go on, for example a ledger that was deleted under it: the relay stops and says why. */
	onFatal(error: Error): void;
}

export interface Composition {
	/** libp2p's name of this relay, as in `/p2p/…`. */
	peerId: string;
	booter: BooterService;
	/** Who has a link to this relay now: tabs and replicas. */
	linked(): Set<NodeId>;
	tabs(): RelayStatus;
}

/** Starts nothing: the caller starts and stops the Booter, and the Booter its network. */
export function compose(input: CompositionInput): Composition {
	const { relay } = input.config;
	const { replicas } = input;
	const network = new RelayNetwork({
		server: input.server,
		seed: input.booterSeed,
		maxTabs: relay.reservations,
		maxConnectionsPerSecondPerHost: relay.connectionsPerSecond,
		maxStrangers: Math.min(relay.strangers, relay.reservations),
		maxBytesPerSecondPerTab: relay.relayedBytesPerSecond,
		maxFramesPerSecond: relay.maxFramesPerSecond,
		replicas: replicas.others.map((replica) => ({
			id: replica.id,
			name: replica.name,
			address: relayAddress(replicas.originOf(replica), replica.id)
		})),
		checkReplica: (id, signal) => replicas.check(id, signal)
	});
	return {
		peerId: peerIdOf(toHex(input.booter.publicKey)).toString(),
		booter: new Ordering(input, network),
		linked: () => new Set(network.links().flatMap(({ peer, path }) => (path === 'down' ? [] : [peer]))),
		tabs: () => network.relayStatus()
	};
}

/** The Booter as the shell of the relay sees it. */
class Ordering implements BooterService {
	readonly #input: CompositionInput;
	readonly #network: RelayNetwork;
	readonly #store: SqliteLedgerStore;
	#node: BooterNode | null = null;
	#wishes: NodeJS.Timeout | undefined;

	constructor(input: CompositionInput, network: RelayNetwork) {
		this.#input = input;
		this.#network = network;
		this.#store = new SqliteLedgerStore(input.ledgerPath);
	}

	async start(): Promise<void> {
		const { genesis, config, suite, booter, operator, onFatal } = this.#input;
		const { chain, votes } = await openChain(this.#store, genesis.bytes, contractsOf(genesis.bytes));
		this.#store.onLost(onFatal);
		this.#network.setMembers(chain.topology.members());
		const log = getLogger(['tabwave', 'booter']);
		const { heartbeatMs, resendMs, awayMs, evictionGraceMs } = config.timeouts;
		this.#node = new BooterNode({
			chain,
			votes,
			store: this.#store,
			network: this.#network,
			suite,
			signer: booter,
			operator,
			clock: systemClock,
			random: Math.random,
			revoked: this.#input.revocations,
			timing: { ...DEFAULT_TIMING, heartbeatMs, resendMs, awayMs, evictionGraceMs },
			events: {
				committed: (commits) => {
					if (commits.some(({ blocks }) => blocks.some(({ kind }) => kind === 'membership')))
						this.#network.setMembers(chain.topology.members());
				},
				halted: onFatal,
				log: (level, message) => log[level](message)
			}
		});
		await this.#node.start();
		const node = this.#node;
		const folder = dirname(this.#input.ledgerPath);
		this.#wishes = setInterval(() => {
			try {
				for (const wish of takeRecoveryWishes(folder)) {
					log.warning(`the operator asks to recover partition ${wish.partition}`);
					node.wishRecovery(wish);
				}
			} catch (error) {
				log.error('a wish of the operator cannot be read: {error}', { error });
			}
		}, WISH_CHECK_MS);
	}

	network(): ReturnType<BooterService['network']> {
		const chain = this.#node?.chain;
		const partitions = chain?.topology.partitions() ?? [];
		return {
			finalHeight: chain?.head.height ?? 0,
			partitions: partitions.map(({ id, epoch, members, maxMembers, nicknames }) => ({
				id,
				epoch,
				members: members.map((member) => ({ id: member, nickname: nicknames.get(member) ?? '' })),
				maxMembers,
				leader: this.#node!.core.leader(id)
			}))
		};
	}

	active(): string | null {
		return this.#node?.replica.active ?? null;
	}

	async stop(): Promise<void> {
		clearInterval(this.#wishes);
		// Another replica takes over at once, and nobody waits for an election.
		await this.#node?.handOver();
		await this.#node?.stop();
		await this.#store.close();
	}
}
