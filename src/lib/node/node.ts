/**
 * One running node without its surroundings: cores, pool, block sync and the driver that joins them to a network and a store.
 * It runs the same in a tab's worker, in Node.js and in the simulator.
 *
 * The rooms beside it:
 *
 * - `driver/`: what this node is made of, from the loop that persists, then sends, to what waits to be said again
 * - `intake/`: from packets to inputs, with every check on the way
 * - `peers/`: what it knows of the others
 * - `sync/`: final blocks from others, and snapshots in their place (R23)
 * - `api/`: what it answers to people and programs (`api.ts`), from a page across a port as well
 * - `spectrum/`: its side of the market
 * - `identity/`, `tab/`: who a tab is (R25), and a node in it
 * - `study/`: what a page computes for itself, without the node
 */
import { create } from '@bufbuild/protobuf';
import type { Chain, Commit } from '../consensus/ordering/chain.ts';
import type { Grievance } from '../consensus/ordering/complaint.ts';
import type { Voter } from '../consensus/ordering/voter.ts';
import type { Pbft } from '../consensus/pbft/pbft.ts';
import type { Statement } from '../consensus/statement.ts';
import type { PartitionView } from '../consensus/topology.ts';
import { toHex } from '../crypto/hex.ts';
import type { Signer, Suite } from '../crypto/suite.ts';
import { invariant } from '../ledger/errors.ts';
import type { ParsedTransaction } from '../ledger/transaction.ts';
import type { LinkChange, LinkStatus, Network } from '../network/network.ts';
import type { LedgerStore } from '../storage/ledger-store.ts';
import { encodePacket } from '../wire/codec.ts';
import type { Evidence, SignedInvitation } from '../wire/gen/tabwave/v1/ledger_pb.js';
import { PacketSchema, type Assignment, type Packet, type Refusal } from '../wire/gen/tabwave/v1/wire_pb.js';
import type { Clock } from './clock.ts';
import { Answers } from './driver/answers.ts';
import { BooterComplaints } from './driver/booter-complaints.ts';
import { Cores } from './driver/cores.ts';
import { Declarations } from './driver/declarations.ts';
import type { EvidenceKeeper } from './driver/evidence-keeper.ts';
import { HandOn } from './driver/hand-on.ts';
import { OwnTransactions, type Call } from './driver/own-transactions.ts';
import { Pool } from './driver/pool.ts';
import { StorageRoom } from './driver/storage-room.ts';
import { transactionPacket } from './driver/transaction-packet.ts';
import { Turns } from './driver/turns.ts';
import { EarlyWords } from './intake/early-words.ts';
import type { NodeInput } from './intake/inputs.ts';
import { Intake } from './intake/intake.ts';
import { Verifier } from './intake/verifier.ts';
import { ActiveBooter } from './peers/active-booter.ts';
import { Heartbeats } from './peers/heartbeats.ts';
import { Liveness } from './peers/liveness.ts';
import type { Lost } from './peers/lost-partitions.ts';
import { Peers } from './peers/peers.ts';
import { CatchUp } from './sync/catch-up.ts';
import type { OlderBlocks } from './sync/older-blocks.ts';
import type { Sync } from './sync/sync.ts';
import type { Timing } from './timing.ts';

export interface NodeEvents {
	/** Blocks that are final and durable, in order. */
	committed(commits: Commit[]): void;
	/** The chain goes on from a snapshot; blocks of this height and below are fetched behind it. */
	jumped?(missingTo: number): void;
	/** They are here. */
	filledIn?(): void;
	link(status: LinkStatus): void;
	/** Anything that status() shows may have changed. */
	changed(): void;
	assignment(assignment: Assignment): void;
	refusal(refusal: Refusal): void;
	/** R24: a member has lied, and this holds the proof. */
	evidence?(offender: string, evidence: Evidence): void;
	halted(error: Error): void;
	log(level: 'debug' | 'info' | 'warning' | 'error', message: string): void;
}

export interface NodeInit {
	chain: Chain;
	/** What the store held (R2). */
	votes: { key: string; value: Uint8Array }[];
	store: LedgerStore;
	/** The store is full and gives nothing up any more: removes what else of this node can be made again. @returns whether there was any */
	giveUp?(): Promise<boolean>;
	/** As the store has it. */
	headersOnlyTo?: number;
	network: Network;
	suite: Suite;
	signer: Signer;
	clock: Clock;
	timing: Timing;
	events: NodeEvents;
	/** 16 bytes for each transaction. */
	nonce(): Uint8Array;
}

/** Being one block behind is ordinary: the proof is under way. After this it is asked for. */
const SYNC_PATIENCE_MS = 1000;
const SYNC_CHECK_MS = 200;
/** How often this node looks for what is to be sent again. */
const RESEND_CHECK_MS = 500;

export class TabwaveNode {
	readonly chain: Chain;
	readonly pool = new Pool();
	readonly peers = new Peers();
	readonly self: string;
	readonly verifier: Verifier;
	/** The Booter's replicas, and which of them is active. */
	readonly booters: ActiveBooter;
	readonly #init: NodeInit;
	readonly #turns: Turns<NodeInput>;
	readonly #intake: Intake;
	readonly #cores: Cores;
	readonly #catchUp: CatchUp;
	readonly #liveness: Liveness;
	readonly #heartbeats: Heartbeats;
	readonly #own: OwnTransactions;
	readonly #handOn: HandOn;
	readonly #declarations: Declarations;
	readonly #complaints: BooterComplaints;
	readonly #answers: Answers;
	readonly #room: StorageRoom;
	readonly #stops: (() => void)[] = [];
	#halted: Error | null = null;

	constructor(init: NodeInit) {
		const { chain, network, store, signer, clock, timing, events } = init;
		const { self } = network;
		const { pool, peers } = this;
		const { fields } = chain.genesis;
		const verifier = new Verifier(init.suite);
		const looksAlive = (peer: string): boolean => this.#liveness.looksAlive(peer, clock.now());
		const booters = new ActiveBooter(fields.booters.map(toHex), looksAlive);
		const isBooter = (peer: string): boolean => booters.isBooter(peer);
		const deliver = (input: NodeInput): void => this.#turns.add(input);
		/** What most parts need; each says in its Init what it takes of it. */
		const shared = {
			chain,
			self,
			store,
			signer,
			clock,
			pool,
			peers,
			booters,
			verifier,
			lower: (): Pbft | null => this.pbft,
			send: (to: string, packet: Packet['body']): void => this.#sendNow(to, packet),
			halt: (error: Error): void => this.halt(error),
			log: events.log
		};
		this.#init = init;
		this.chain = chain;
		this.self = self;
		this.verifier = verifier;
		this.booters = booters;
		this.#liveness = new Liveness(timing);
		this.#turns = new Turns<NodeInput>({
			...shared,
			chainId: chain.chainId,
			network,
			step: (inputs) => this.#cores.step(inputs),
			members: () => this.partition?.members ?? [],
			own: (signed) => this.#cores.ownVotes(signed),
			committed: (commits) => this.#committed(commits),
			makeRoom: (bytes) => this.#room.make(bytes)
		});
		this.#catchUp = new CatchUp({
			...shared,
			awayMs: timing.awayMs,
			looksAlive,
			isBooter,
			apply: (blocks) => new Promise((done) => deliver({ type: 'synced', blocks, done })),
			adopt: (taken) => new Promise((done) => deliver({ type: 'snapshot', taken, done })),
			filledIn: () => events.filledIn?.()
		});
		this.#own = new OwnTransactions({
			...shared,
			nonce: init.nonce,
			submitted: (transactions) => deliver({ type: 'submitted', transactions })
		});
		const early = new EarlyWords({
			height: () => chain.head.height,
			partition: () => this.partition,
			isBooter,
			behind: (peer, height) => {
				peers.holds(peer, height);
				this.sync.check(0);
			},
			again: (from, packet) => this.#intake.receive(from, [packet])
		});
		this.#cores = new Cores({
			...shared,
			timing,
			own: this.#own,
			liveness: this.#liveness,
			early,
			older: this.older,
			isChecking: (id) => this.#intake.isChecking(id),
			later: deliver,
			events: {
				found: (offender, evidence) => this.#found(offender, evidence),
				viewBegun: (view, leader) => this.#viewBegun(view, leader),
				epochBegun: (nowMs) => this.#declarations.epochBegun(nowMs),
				linkUp: (peer) => this.#heartbeats.sayTo(peer),
				jumped: () => {
					this.sync.jumped();
					events.jumped?.(this.older.missingTo);
				}
			}
		});
		const { bodies, evidence, voter } = this.#cores;
		this.#intake = new Intake({
			...shared,
			evidence,
			early,
			deliver,
			other: (from, body) => this.#hear(from, body),
			rejected: (from, error) =>
				events.log('warning', `refused what ${from.slice(0, 8)} sent: ${error.message}`)
		});
		this.#heartbeats = new Heartbeats({
			...shared,
			heartbeatMs: timing.heartbeatMs,
			isMember: (peer) => this.partition?.members.includes(peer) ?? false,
			isSyncing: () => this.sync.status() !== null,
			links: () => network.links(),
			booterChanged: (active) => {
				if (active !== null) deliver({ type: 'booter-active', booter: active });
				events.changed();
			}
		});
		this.#handOn = new HandOn({
			...shared,
			viewTimeoutMs: timing.viewTimeoutMs,
			limit: fields.maxTransactionsPerBlock,
			isOwn: (id) => this.#own.has(id),
			give: (leader, transactions) => this.#sendNow(leader, transactionPacket(transactions))
		});
		this.#declarations = new Declarations({
			...shared,
			evictionGraceMs: timing.evictionGraceMs,
			declare: (statement, payload) => this.#declare(booters.targets, statement, payload)
		});
		this.#complaints = new BooterComplaints({
			...shared,
			bodies,
			voter,
			patienceMs: timing.booterPatienceMs,
			declare: (statement, payload) => this.#declare(booters.booters, statement, payload)
		});
		this.#answers = new Answers({
			...shared,
			bodies,
			proposal: (blockId) => this.pbft?.proposal(blockId),
			headersOnlyTo: () => this.headersOnlyTo
		});
		this.#room = new StorageRoom({
			...shared,
			headersOnlyTo: init.headersOnlyTo ?? 0,
			giveUp: init.giveUp,
			changed: () => events.changed()
		});
	}

	async start(): Promise<void> {
		const { clock, timing, network, events, votes, store } = this.#init;
		this.older.restore(votes);
		await this.#cores.restore(votes, store);
		await network.start({
			packets: (from, packets) => {
				this.peers.heard(from, clock.now());
				this.#liveness.heard(from, clock.now());
				this.#intake.receive(from, packets);
			},
			link: (status, change) => this.#onLink(status, change),
			violation: (from, error) =>
				events.log('warning', `the link to ${from.slice(0, 8)} was closed: ${error.message}`)
		});
		this.#dial();
		if (this.pbft) this.#turns.add({ type: 'restored', effects: this.pbft.restore(votes) });
		const every = (intervalMs: number, run: (nowMs: number) => void): void => {
			this.#stops.push(clock.every(intervalMs, () => run(clock.now())));
		};
		every(timing.tickMs, () => this.#turns.add({ type: 'tick' }));
		every(timing.heartbeatMs, () => this.#heartbeat());
		every(SYNC_CHECK_MS, () => this.#checkSync());
		every(RESEND_CHECK_MS, (nowMs) => this.#resubmit(nowMs));
		every(RESEND_CHECK_MS, (nowMs) => this.#cores.duties.resend(nowMs));
		every(timing.heartbeatMs, (nowMs) => this.#declarations.silences(nowMs));
		every(RESEND_CHECK_MS, (nowMs) => {
			if (!this.sync.status()) this.#complaints.look(nowMs);
		});
		this.#turns.add({ type: 'tick' });
	}

	async stop(): Promise<void> {
		for (const stop of this.#stops.splice(0)) stop();
		await this.#turns.stop();
		await this.#init.network.stop();
	}

	/** The partition of this node as the ledger has it; undefined while it is no member. */
	get partition(): PartitionView | undefined {
		return this.chain.topology.partitionOf(this.self);
	}

	/** This node's rounds; null while it is no member. */
	get pbft(): Pbft | null {
		return this.#cores.pbft;
	}

	get voter(): Voter {
		return this.#cores.voter;
	}

	get evidence(): EvidenceKeeper {
		return this.#cores.evidence;
	}

	/** Votes sent since the start. */
	get votes(): number {
		return this.#cores.votes;
	}

	get sync(): Sync {
		return this.#catchUp.sync;
	}

	/** Below a snapshot. */
	get older(): OlderBlocks {
		return this.#catchUp.older;
	}

	/** What this node has against the active Booter. */
	get grievance(): Grievance | null {
		return this.#complaints.grievance;
	}

	get halted(): Error | null {
		return this.#halted;
	}

	/** R22: partitions that have lost their quorum, as the active Booter says. */
	get lost(): Lost[] {
		return this.#heartbeats.lost(this.#init.clock.now());
	}

	/** Packets refused, by reason. */
	get refused(): ReadonlyMap<string, number> {
		return this.#intake.refused;
	}

	/** The store was full: blocks of this height and below are headers alone; 0 where all are whole. */
	get headersOnlyTo(): number {
		return this.#room.headersOnlyTo;
	}

	isAlive(peer: string): boolean {
		return peer === this.self || this.peers.isAlive(peer, this.#init.clock.now(), this.#init.timing.awayMs);
	}

	/**
	 * Signs a transaction, puts it into the pool and hands it to the members.
	 * @returns null where the pool is full
	 */
	submit(call: Call): Promise<ParsedTransaction | null> {
		return this.#own.submit(call);
	}

	/** Asks the Booter for a partition; the answer is an event. */
	requestAssignment(partition: number): void {
		for (const booter of this.booters.targets)
			this.#sendNow(booter, {
				case: 'assignmentRequest',
				value: { $typeName: 'tabwave.v1.AssignmentRequest', partition }
			});
	}

	/** Asks to be admitted; the ledger answers, or a refusal. */
	requestJoin(partition: number, nickname: string, invitation?: SignedInvitation): void {
		this.#declarations.join(partition, nickname, invitation);
	}

	requestLeave(): void {
		this.#declarations.leave();
	}

	/** What the browser says is left for this site: while it is little, old blocks make room. */
	async roomLeft(bytes: number, quotaBytes: number): Promise<void> {
		if (!this.#halted) await this.#room.left(bytes, quotaBytes);
	}

	/** Stops the node for good; its status says why. */
	halt(error: Error): void {
		if (this.#halted) return;
		invariant(error instanceof Error, 'driver', 'only errors stop a node');
		this.#halted = error;
		for (const stop of this.#stops.splice(0)) stop();
		// No vote leaves any more, whatever still comes; and the others are told goodbye rather than left to guess.
		void this.#turns.stop();
		void this.#init.network.stop();
		this.#init.events.log('error', `this node stopped: ${error.message}`);
		this.#init.events.halted(error);
	}

	#onLink(status: LinkStatus, change: LinkChange): void {
		const { events } = this.#init;
		this.#liveness.link(status.peer, status.path !== 'down');
		if (status.path === 'down') this.#intake.forget(status.peer);
		// What was sent before a move arrives: nothing is said again.
		else if (change === 'up') this.#turns.add({ type: 'link-up', peer: status.peer });
		if (change === 'full')
			events.log('warning', `SendQueueFull: the link to ${status.peer.slice(0, 8)} does not take all`);
		events.link(status);
	}

	/** What is said to this node, and not to its cores. */
	#hear(from: string, body: Packet['body']): void {
		const { clock, events } = this.#init;
		switch (body.case) {
			case 'heartbeat':
				this.#heartbeats.heard(from, body.value, clock.now());
				// A newcomer has nothing but block sync to tell it that the chain has moved.
				if (!this.partition) this.#checkSync();
				return;
			case 'assignment':
				if (this.booters.isBooter(from)) events.assignment(body.value);
				return;
			case 'refusal':
				if (this.booters.isBooter(from)) events.refusal(body.value);
				return;
			case 'syncResponse':
			case 'snapshotResponse':
				this.#catchUp.onAnswer(from, body);
				return;
			default:
				this.#answers.answer(from, body);
		}
	}

	#found(offender: string, evidence: Evidence): void {
		const { events } = this.#init;
		events.log('warning', `${offender.slice(0, 8)} has signed what no honest member signs`);
		events.evidence?.(offender, evidence);
	}

	#viewBegun(view: number, leader: string): void {
		const { clock, events } = this.#init;
		this.#handOn.viewBegun();
		this.#heartbeats.viewBegun(clock.now());
		events.log('info', `view ${view} has begun, led by ${leader.slice(0, 8)}`);
		events.changed();
	}

	#committed(commits: Commit[]): void {
		this.#own.committed(commits);
		this.#pauseWhileSyncing();
		// A snapshot comes without its blocks.
		const hasChange = ({ blocks }: Commit): boolean =>
			blocks.length === 0 || blocks.some(({ kind }) => kind === 'membership');
		if (commits.some(hasChange)) this.#dial();
		this.#intake.moved();
		this.#init.events.committed(commits);
		this.#init.events.changed();
	}

	/** R23 @returns whether this node catches up */
	#pauseWhileSyncing(): boolean {
		const isSyncing = this.sync.status() !== null;
		this.#cores.pause(isSyncing);
		return isSyncing;
	}

	#checkSync(): void {
		this.sync.check(this.partition ? SYNC_PATIENCE_MS : 0);
		const isSyncing = this.#pauseWhileSyncing();
		// Where old blocks had to make room there is none for them.
		if (!isSyncing && this.headersOnlyTo === 0)
			void this.older.check().catch((error: Error) => this.halt(error));
	}

	#heartbeat(): void {
		this.#heartbeats.say();
		this.#init.events.changed();
	}

	/** What the ledger does not show in time may have been lost with a link or with a leader's pool. */
	#resubmit(nowMs: number): void {
		// Not with each block: a look passes over the whole pool. Nor at some heights: the ledger may rest just before one.
		this.pool.expire(this.chain.head.height, (id) => this.pbft?.isNamed(id) ?? false);
		this.#own.resend(nowMs);
		this.#handOn.look(nowMs);
	}

	#declare(to: readonly string[], statement: Statement, payload?: Uint8Array): void {
		this.#turns.add({ type: 'declare', statement, payload, to: [...to] });
	}

	/** Links follow the ledger's topology (R22). */
	#dial(): void {
		this.#init.network.setPeers((this.partition?.members ?? []).filter((member) => member !== this.self));
	}

	#sendNow(to: string, packet: Packet['body']): void {
		this.#init.network.send(to, [encodePacket(create(PacketSchema, { body: packet }))]);
	}
}
