/**
 * The three ways in which a node comes to blocks of others (R23), as one: block after block (sync.ts), a snapshot in their place where they
 * are many (snapshot-sync.ts), and behind it the blocks below (older-blocks.ts). Who has lied to one of them is asked by none.
 */
import type { Chain } from '../../consensus/ordering/chain.ts';
import type { LedgerError } from '../../ledger/errors.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { Clock } from '../clock.ts';
import type { Verifier } from '../intake/verifier.ts';
import type { Peers } from '../peers/peers.ts';
import { OlderBlocks } from './older-blocks.ts';
import { SnapshotSync, type TakenSnapshot } from './snapshot-sync.ts';
import { Sync, type FetchedBlock } from './sync.ts';

export interface CatchUpInit {
	chain: Chain;
	self: string;
	store: LedgerStore;
	peers: Peers;
	verifier: Verifier;
	clock: Clock;
	/** Silence after which a peer counts as away. */
	awayMs: number;
	/** R7: heard of lately, and linked. */
	looksAlive(peer: string): boolean;
	/** The Booter's replicas have all blocks. */
	isBooter(peer: string): boolean;
	send(to: string, packet: Packet['body']): void;
	/** Hands checked blocks to the turn loop; resolves when they are in the chain, or were overtaken: their way to the disk goes on. */
	apply(blocks: FetchedBlock[]): Promise<void>;
	/** Hands a checked snapshot to the turn loop; resolves when the chain goes on from it, or has come as far by itself. */
	adopt(taken: TakenSnapshot): Promise<void>;
	/** All blocks below the snapshot are here. */
	filledIn(): void;
	/** What is wrong with this node itself. */
	halt(error: Error): void;
	log(level: 'info' | 'warning', message: string): void;
}

export class CatchUp {
	readonly sync: Sync;
	/** Below a snapshot. */
	readonly older: OlderBlocks;
	readonly #init: CatchUpInit;
	readonly #snapshots: SnapshotSync;

	constructor(init: CatchUpInit) {
		const { chain, peers, verifier, clock, send, log } = init;
		this.#init = init;
		this.sync = new Sync({
			chain,
			peers,
			verifier,
			clock,
			awayMs: init.awayMs,
			looksAlive: init.looksAlive,
			send,
			apply: init.apply,
			snapshots: () => this.#snapshots,
			log
		});
		const ban = (peer: string, error: LedgerError): void => this.sync.ban(peer, error);
		const fetching = { chain, verifier, clock, send, ban, log };
		this.older = new OlderBlocks({
			...fetching,
			store: init.store,
			filledIn: init.filledIn,
			peers: (height) => this.#sources(height)
		});
		this.#snapshots = new SnapshotSync({
			...fetching,
			older: this.older,
			peers: () => this.#sources(chain.head.height + 1),
			// A member's rounds go on where they are: they need the ledger's last block of its partition, wherever that is (R9).
			suits: ({ topology }) => !topology.partitionOf(init.self),
			adopt: init.adopt,
			halt: init.halt
		});
	}

	/** An answer to one of the three; all other packets are left alone. */
	onAnswer(from: string, body: Packet['body']): void {
		if (body.case === 'snapshotResponse') this.#snapshots.onResponse(from, body.value);
		else if (body.case === 'syncResponse' && !this.older.onResponse(from, body.value))
			void this.sync.onResponse(from, body.value).catch((error: unknown) => this.#init.halt(error as Error));
	}

	/** Who is asked for blocks: the Booter's replicas have them all. */
	#sources(height: number): string[] {
		const { isBooter } = this.#init;
		const sources = this.sync.sources(height);
		return [...sources.filter(isBooter), ...sources.filter((peer) => !isBooter(peer))];
	}
}
