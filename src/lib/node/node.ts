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
import { create, toBinary } from '@bufbuild/protobuf';
import {
	certifiedBodyOf,
	readCertifiedBlock,
	toCertifiedBlock,
	type CertifiedBody
} from '../consensus/ordering/certified-block.ts';
import type { Chain, Commit } from '../consensus/ordering/chain.ts';
import { BooterWatch } from '../consensus/ordering/booter-watch.ts';
import { complaintStatement, encodeComplaint, type Grievance } from '../consensus/ordering/complaint.ts';
import { Voter } from '../consensus/ordering/voter.ts';
import { Pbft, type Demand, type PbftEffects } from '../consensus/pbft/pbft.ts';
import { JOIN_VALID_HEIGHTS } from '../consensus/membership/change.ts';
import { Kind, payloadDigest } from '../consensus/statement.ts';
import type { PartitionView } from '../consensus/topology.ts';
import { taggedHash, ZERO_HASH } from '../crypto/hash.ts';
import { fromHex, toHex } from '../crypto/hex.ts';
import type { Signer, Suite } from '../crypto/suite.ts';
import { decodeFinalBlock, MAX_BLOCK_BODY_BYTES, splitHashes } from '../ledger/block.ts';
import { roundKey } from '../ledger/genesis.ts';
import { invariant, type LedgerError } from '../ledger/errors.ts';
import { signedTransaction, unsignedTransaction, type ParsedTransaction } from '../ledger/transaction.ts';
import type { LinkStatus, Network } from '../network/network.ts';
import type { LedgerStore } from '../storage/ledger-store.ts';
import { encodePacket } from '../wire/codec.ts';
import {
	JoinRequestSchema,
	type Evidence,
	type Signed,
	type SignedInvitation
} from '../wire/gen/tabwave/v1/ledger_pb.js';
import type { LeaderChange, LedgerProof } from '../wire/gen/tabwave/v1/view_change_pb.js';
import {
	PacketSchema,
	type Assignment,
	type Heartbeat,
	type Packet,
	type Refusal
} from '../wire/gen/tabwave/v1/wire_pb.js';
import { ActiveBooter } from './peers/active-booter.ts';
import { CertifiedBodies } from './driver/certified-bodies.ts';
import type { Clock } from './clock.ts';
import { EarlyEpochs } from './intake/early-epochs.ts';
import { EarlyOrders, type EarlyOrder } from './intake/early-orders.ts';
import { EvidenceChecks } from './intake/evidence-checks.ts';
import { EvidenceKeeper } from './driver/evidence-keeper.ts';
import { Inbox } from './intake/inbox.ts';
import { received, type Early, type NodeInput } from './intake/inputs.ts';
import { LeaderReports } from './peers/leader-reports.ts';
import { Liveness } from './peers/liveness.ts';
import { LostPartitions, type Lost } from './peers/lost-partitions.ts';
import { OlderBlocks } from './sync/older-blocks.ts';
import { PacketChecks } from './intake/packet-checks.ts';
import { Peers } from './peers/peers.ts';
import { Pool } from './driver/pool.ts';
import { Resends } from './driver/resends.ts';
import { answerSnapshot } from './sync/snapshot-answers.ts';
import { SnapshotSync } from './sync/snapshot-sync.ts';
import { answerSync, commitFetched, Sync } from './sync/sync.ts';
import { HAND_ON_SHARE, OVERDUE_SHARE, ticks, VIEW_TIMEOUT_CAP_FACTOR, type Timing } from './timing.ts';
import { addEffects, emptyTurn, Turns, type Turn } from './driver/turns.ts';
import { Verifier } from './intake/verifier.ts';

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
/** An own transaction that is not final after this goes to the members again. */
const OWN_RESEND_MS = 4000;
/** Heights above the head after which an own transaction gives up; below genesis' window, since heads differ. */
const EXPIRY_SHARE = 0.8;
/** A transaction that waited for so long in a member's pool is handed to a leader that is busy with others. */
const HAND_ON_MS = 5000;
/** A certified block that is not ordered after this is handed up again. */
const CERTIFIED_RESEND_MS = 2000;
/** Room is made in steps of this at least, so that a full store does not meet every turn. */
const MIN_ROOM_BYTES = 1_000_000;
/** Below this the storage counts as full. Chromium's LevelDB gives room back with a compaction, which first takes some megabytes. */
const LOW_ROOM_BYTES = 32_000_000;
/** The same where a browser gives little. */
const LOW_ROOM_SHARE = 1 / 8;
const NOBODY = new Uint8Array(0);
/** What is declared, of a silent member or of the Booter, is declared again while it lasts. */
const DECLARATION_REPEAT_MS = 5000;

export class TabwaveNode {
	readonly chain: Chain;
	readonly pool = new Pool();
	readonly peers = new Peers();
	readonly self: string;
	readonly verifier: Verifier;
	readonly sync: Sync;
	/** Below a snapshot. */
	readonly older: OlderBlocks;
	readonly #snapshots: SnapshotSync;
	/** The Booter's replicas, and which of them is active. */
	readonly booters: ActiveBooter;
	readonly #init: NodeInit;
	readonly #turns: Turns<NodeInput>;
	readonly #inbox: Inbox<NodeInput>;
	readonly #checks: PacketChecks;
	readonly #evidenceChecks: EvidenceChecks;
	readonly evidence: EvidenceKeeper;
	readonly #lost = new LostPartitions();
	readonly #voter: Voter;
	readonly #watch: BooterWatch;
	readonly #bodies = new CertifiedBodies();
	readonly #liveness: Liveness;
	readonly #reports: LeaderReports;
	readonly #earlyOrders = new EarlyOrders();
	readonly #earlyEpochs = new EarlyEpochs();
	/** When a transaction or a certified block is to be sent again. */
	readonly #resends = new Resends();
	/** To the leader of this view. */
	readonly #handedOn = new Resends();
	/** Own transactions that are not final yet. */
	readonly #own = new Map<string, ParsedTransaction>();
	readonly #stops: (() => void)[] = [];
	readonly #silencedAt = new Map<string, number>();
	#pbft: Pbft | null = null;
	/** Of this node's partition, in the epoch of its rounds. */
	#members: string[] = [];
	/** The partition's last block in the ledger, which proves its last round (R9). */
	#lastOwnBlock: Uint8Array | null = null;
	/** R8: the order that waits for this partition's votes, and since when. */
	#order: { height: number; sinceMs: number } | null = null;
	#memberSinceMs = 0;
	#outbox: ParsedTransaction[] = [];
	#halted: Error | null = null;
	/** One at a time: each goes on where the last one ended. */
	#shrinking: Promise<unknown> = Promise.resolve();
	#isMakingRoom = false;
	/** Votes sent since the start. */
	votes = 0;
	/** The store was full: blocks of this height and below are headers alone; 0 where all are whole. */
	headersOnlyTo: number;

	constructor(init: NodeInit) {
		this.#init = init;
		this.headersOnlyTo = init.headersOnlyTo ?? 0;
		this.chain = init.chain;
		this.self = init.network.self;
		this.verifier = new Verifier(init.suite);
		this.#liveness = new Liveness(this.peers, init.timing.heartbeatMs);
		this.#reports = new LeaderReports(init.timing.heartbeatMs);
		this.booters = new ActiveBooter(init.chain.genesis.fields.booters.map(toHex), (booter) =>
			this.#liveness.looksAlive(booter, init.clock.now())
		);
		this.#checks = new PacketChecks({
			chain: init.chain,
			verifier: this.verifier,
			self: this.self,
			lower: () => this.#pbft,
			late: (signed) => this.#evidenceChecks.late(signed)
		});
		this.evidence = new EvidenceKeeper({
			chain: init.chain,
			self: this.self,
			found: (offender, evidence) => {
				init.events.log('warning', `${offender.slice(0, 8)} has signed what no honest member signs`);
				init.events.evidence?.(offender, evidence);
			}
		});
		this.#evidenceChecks = new EvidenceChecks(init.chain, this.verifier, this.evidence);
		this.#voter = new Voter({
			chain: init.chain,
			self: this.self,
			bodies: this.#bodies,
			leader: () => this.#pbft?.leader ?? null,
			resendTicks: ticks(init.timing, init.timing.resendMs),
			carryToAllTicks: ticks(init.timing, init.timing.commitToAllMs)
		});
		this.#watch = new BooterWatch({
			patienceMs: init.timing.booterPatienceMs,
			repeatMs: DECLARATION_REPEAT_MS,
			maxRoundsInFlight: init.chain.genesis.fields.maxRoundsInFlight
		});
		this.#turns = new Turns<NodeInput>({
			chainId: init.chain.chainId,
			signer: init.signer,
			store: init.store,
			network: init.network,
			step: (inputs) => this.#step(inputs),
			members: () => this.partition?.members ?? [],
			own: (signed) => this.#ownVotes(signed),
			committed: (commits) => this.#committed(commits),
			makeRoom: (bytes) => this.#makeRoom(bytes),
			halt: (error) => this.halt(error)
		});
		this.#inbox = new Inbox<NodeInput>({
			check: (from, packet) => this.#check(from, packet),
			deliver: (input) => this.#turns.add(input),
			rejected: (from, error) =>
				init.events.log('warning', `refused what ${from.slice(0, 8)} sent: ${error.message}`)
		});
		this.sync = new Sync({
			chain: init.chain,
			peers: this.peers,
			verifier: this.verifier,
			clock: init.clock,
			awayMs: init.timing.awayMs,
			looksAlive: (peer) => this.#liveness.looksAlive(peer, init.clock.now()),
			send: (to, packet) => this.#sendNow(to, packet),
			apply: (blocks) => new Promise((done) => this.#turns.add({ type: 'synced', blocks, done })),
			snapshots: () => this.#snapshots,
			log: init.events.log
		});
		const fetching = {
			chain: init.chain,
			verifier: this.verifier,
			clock: init.clock,
			send: (to: string, packet: Packet['body']) => this.#sendNow(to, packet),
			ban: (peer: string, error: LedgerError) => this.sync.ban(peer, error),
			log: init.events.log
		};
		this.older = new OlderBlocks({
			...fetching,
			store: init.store,
			filledIn: () => init.events.filledIn?.(),
			peers: (height) => this.#sources(height)
		});
		this.#snapshots = new SnapshotSync({
			...fetching,
			older: this.older,
			peers: () => this.#sources(init.chain.head.height + 1),
			// A member's rounds go on where they are: they need the ledger's last block of its partition, wherever that is (R9).
			suits: ({ topology }) => !topology.partitionOf(this.self),
			adopt: (taken) => new Promise((done) => this.#turns.add({ type: 'snapshot', taken, done })),
			halt: (error) => this.halt(error)
		});
	}

	async start(): Promise<void> {
		const { clock, timing, network, events, votes } = this.#init;
		this.#liveness.awake(clock.now());
		this.#voter.restore(votes);
		const { topology, genesis, chainId } = this.chain;
		for (const block of this.#voter.lockedBlocks())
			// Signatures were checked before this member signed.
			this.#bodies.add(readCertifiedBlock(block, topology, genesis.fields, chainId).body);
		this.evidence.restore(votes);
		this.older.restore(votes);
		this.#lastOwnBlock = await this.#readLastOwnBlock();
		this.#enterEpoch(emptyTurn());
		await network.start({
			packets: (from, packets) => {
				this.peers.heard(from, clock.now());
				this.#inbox.receive(from, packets);
			},
			link: (status, change) => {
				this.#liveness.link(status.peer, status.path !== 'down');
				if (status.path === 'down') this.#inbox.forget(status.peer);
				// What was sent before a move arrives: nothing is said again.
				else if (change === 'up') this.#turns.add({ type: 'link-up', peer: status.peer });
				if (change === 'full')
					events.log('warning', `SendQueueFull: the link to ${status.peer.slice(0, 8)} does not take all`);
				events.link(status);
			},
			violation: (from, error) =>
				events.log('warning', `the link to ${from.slice(0, 8)} was closed: ${error.message}`)
		});
		this.#dial();
		if (this.#pbft) this.#turns.add({ type: 'restored', effects: this.#pbft.restore(votes) });
		this.#stops.push(
			clock.every(timing.tickMs, () => this.#turns.add({ type: 'tick' })),
			clock.every(timing.heartbeatMs, () => this.#heartbeat()),
			clock.every(SYNC_CHECK_MS, () => this.#checkSync()),
			clock.every(RESEND_CHECK_MS, () => this.#resubmit()),
			clock.every(RESEND_CHECK_MS, () => this.#resendCertified()),
			clock.every(timing.heartbeatMs, () => this.#declareSilences()),
			clock.every(RESEND_CHECK_MS, () => this.#watchBooter())
		);
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

	get pbft(): Pbft | null {
		return this.#pbft;
	}

	get voter(): Voter {
		return this.#voter;
	}

	/** What this node has against the active Booter. */
	get grievance(): Grievance | null {
		return this.#watch.grievance;
	}

	get halted(): Error | null {
		return this.#halted;
	}

	/** R22: partitions that have lost their quorum, as the active Booter says. */
	get lost(): Lost[] {
		return this.#lost.list(this.#init.clock.now());
	}

	/** Packets refused, by reason. */
	get refused(): ReadonlyMap<string, number> {
		return this.#inbox.refused;
	}

	isAlive(peer: string): boolean {
		return peer === this.self || this.peers.isAlive(peer, this.#init.clock.now(), this.#init.timing.awayMs);
	}

	/**
	 * Signs a transaction, puts it into the pool and hands it to the members.
	 * @returns null where the pool is full
	 */
	async submit(call: {
		contract: string;
		function: string;
		arguments: Uint8Array;
	}): Promise<ParsedTransaction | null> {
		const { fields } = this.chain.genesis;
		const expiryHeight = this.chain.head.height + Math.max(1, Math.floor(fields.expiryWindow * EXPIRY_SHARE));
		const { signer } = this.#init;
		const { body, message } = unsignedTransaction(signer.publicKey, {
			...call,
			chainId: this.chain.chainId,
			nonce: this.#init.nonce(),
			expiryHeight
		});
		const bytes = signedTransaction(body, await signer.sign(message));
		const transaction = this.chain.parse(bytes);
		if (this.pool.add(transaction, this.#init.clock.now()) === 'full') return null;
		this.#own.set(transaction.id, transaction);
		// What is submitted in one task leaves in one packet.
		if (this.#outbox.push(transaction) === 1)
			queueMicrotask(() => this.#turns.add({ type: 'submitted', transactions: this.#outbox.splice(0) }));
		return transaction;
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
		const payload = toBinary(JoinRequestSchema, create(JoinRequestSchema, { nickname, invitation }));
		const slot = this.chain.head.height + JOIN_VALID_HEIGHTS / 2;
		this.#declare(
			{ kind: Kind.JOIN, partition, epoch: 0, view: 0, attempt: 0, slot, digest: payloadDigest(payload) },
			payload
		);
	}

	requestLeave(): void {
		const { partition } = this;
		if (partition)
			this.#declare({
				kind: Kind.LEAVE,
				partition: partition.id,
				epoch: partition.epoch,
				view: 0,
				attempt: 0,
				slot: 0,
				digest: ZERO_HASH
			});
	}

	#step(inputs: NodeInput[]): Turn {
		const turn = emptyTurn();
		let poolGrew = false;
		for (const input of inputs) {
			// The pool is told once for all that came: a proposal should hold all of it.
			if (input.type === 'transactions' || input.type === 'submitted') {
				poolGrew = this.#addTransactions(turn, input) || poolGrew;
				continue;
			}
			this.#stepOne(turn, input);
		}
		if (poolGrew && this.#pbft) this.#takePbft(turn, this.#pbft.pool());
		this.votes += turn.votes.filter(({ statement }) => statement.kind < Kind.STATUS).length;
		return turn;
	}

	#stepOne(turn: Turn, input: Exclude<NodeInput, { type: 'transactions' | 'submitted' }>): void {
		switch (input.type) {
			case 'tick':
				this.#liveness.tick(this.#init.clock.now());
				if (this.#pbft) this.#takePbft(turn, this.#pbft.tick(this.#demand()));
				this.#takeVoter(turn, this.#voter.tick());
				addEffects(turn, this.evidence.tick(this.#init.clock.now()));
				break;
			case 'restored':
				this.#takePbft(turn, input.effects);
				break;
			case 'signed': {
				this.#watchVote(turn, input.message.signed);
				if (this.#checks.orders.isVote(input.message.signed))
					this.#takeVoter(turn, this.#voter.vote(input.message));
				else if (this.#pbft?.epoch === input.message.signed.epoch)
					this.#takePbft(turn, this.#pbft.message(input.message));
				break;
			}
			case 'new-view':
				addEffects(turn, this.evidence.saw(input.newView.newView.signed!, null));
				if (this.#pbft?.epoch === input.newView.newView.signed!.epoch)
					this.#takePbft(turn, this.#pbft.newView(input.newView));
				break;
			case 'leader-change':
				addEffects(turn, this.evidence.saw(input.leaderChange.leaderChange.signed!, null));
				if (this.#pbft?.epoch === input.leaderChange.leaderChange.signed!.epoch)
					this.#takePbft(turn, this.#pbft.leaderChanged(input.leaderChange));
				break;
			case 'proposal':
				if (this.#pbft) this.#takePbft(turn, this.#pbft.proposed(input.bytes));
				break;
			case 'block-certificate':
				if (this.#pbft?.epoch === input.certificate.epoch)
					this.#takePbft(turn, this.#pbft.certificate(input.certificate));
				break;
			case 'body':
				this.#takeBody(turn, input.body, this.booters.isBooter(input.from));
				break;
			case 'booter-active':
				this.#onBooterActive(turn, input.booter);
				break;
			case 'status-request':
				this.#onAsked(turn, input.request);
				this.#takeVoter(turn, this.#voter.statusRequest(input.request));
				break;
			case 'next': {
				const { previous, signed } = input.next;
				this.#onAsked(turn, signed!);
				if (previous) this.#takeVoter(turn, this.#voter.finality(previous, false));
				this.#takeVoter(turn, this.#voter.next(input.next, this.#init.clock.now()));
				if (input.order && this.#isBeyondNext(signed!.slot)) this.#takeEarly(input.order);
				break;
			}
			case 'early':
				this.#takeEarly(input.order);
				break;
			case 'order-commit':
				this.#takeVoter(turn, this.#voter.orderCommit(input.certificate));
				break;
			case 'finality':
				this.#takeVoter(turn, this.#voter.finality(input.certificate, true));
				break;
			case 'synced':
				this.#takeSynced(turn, input);
				break;
			case 'snapshot':
				this.#takeSnapshot(turn, input);
				break;
			case 'evidence':
				addEffects(turn, this.evidence.take(input.offender, input.evidence));
				break;
			case 'witnessed':
				addEffects(turn, this.evidence.saw(input.signed, null));
				break;
			case 'link-up':
				this.#onLinkUp(turn, input.peer);
				break;
			case 'declare':
				turn.votes.push({ statement: input.statement, payload: input.payload, to: input.to });
		}
	}

	/** R24 */
	#watchVote(turn: Turn, signed: Signed): void {
		const round = this.#pbft?.view === signed.view ? this.#pbft.round(signed.slot) : undefined;
		const isLower = signed.kind <= Kind.COMMIT;
		const own = isLower ? (round?.digest ? round.digestBytes : null) : this.#voter.resultAt(signed);
		addEffects(turn, this.evidence.saw(signed, own));
	}

	/** R24: a body without a valid form, which a round names. */
	#watchBody(turn: Turn, body: Uint8Array): void {
		const prePrepare = this.#pbft?.naming(toHex(taggedHash('transaction', body)));
		if (prePrepare) addEffects(turn, this.evidence.sawBody(prePrepare, body));
	}

	/** @returns whether the cores have to look */
	#addTransactions(turn: Turn, input: Extract<NodeInput, { type: 'transactions' | 'submitted' }>): boolean {
		if (input.type === 'submitted') {
			turn.send.push({ to: 'members', packet: transactionPacket(input.transactions) });
			return true;
		}
		for (const body of input.malformed) this.#watchBody(turn, body);
		const nowMs = this.#init.clock.now();
		let added = false;
		for (const transaction of input.transactions) {
			const { id, body } = transaction;
			const isOver = this.chain.recent.has(id) || body.expiryHeight <= this.chain.head.height;
			const result = isOver ? 'full' : this.pool.add(transaction, nowMs);
			added = result === 'added' || added;
			if (result !== 'full' || !this.#pbft?.isNamed(id)) continue;
			// R3: a body that a round waits for is taken whatever the height at which it comes.
			this.pool.keep(transaction);
			added = true;
		}
		return added;
	}

	#takePbft(turn: Turn, effects: PbftEffects): void {
		addEffects(turn, effects);
		for (const round of effects.certified) {
			const transactions = round.transactionIds.map((id) => this.pool.get(id));
			// A body may have left the pool because an earlier block holds it; then the block is fetched whole.
			if (transactions.some((transaction) => !transaction)) continue;
			const body = certifiedBodyOf(round.proposal, round.certificate, transactions as ParsedTransaction[]);
			this.#bodies.add(body);
			this.#takeVoter(turn, this.#voter.body(body.id));
		}
		for (const id of effects.handUp) {
			const body = this.#bodies.byId(id);
			if (body) this.#handUp(turn, [body], this.booters.targets);
		}
		if (effects.begun) this.#onViewBegun(turn, effects.begun);
	}

	/** The partition's votes on what is open go to its new leader, and that one reports itself to the Booter. */
	#onViewBegun(turn: Turn, leaderChange: LeaderChange): void {
		const { view } = leaderChange.signed!;
		this.#handedOn.forget();
		this.#reports.begun(this.#init.clock.now());
		if (this.#pbft!.isLeader) this.#report(turn, leaderChange, this.booters.targets);
		this.#takeVoter(turn, this.#voter.leaderChanged());
		this.#init.events.log('info', `view ${view} has begun, led by ${this.#pbft!.leader.slice(0, 8)}`);
		this.#init.events.changed();
	}

	#report(turn: Turn, leaderChange: LeaderChange, to: readonly string[]): void {
		const packet = { case: 'leaderChange', value: leaderChange } as const;
		for (const booter of to) turn.send.push({ to: booter, packet });
	}

	#handUp(turn: Turn, bodies: readonly CertifiedBody[], to: readonly string[]): void {
		for (const body of bodies) {
			const packet = { case: 'certifiedBlock', value: toCertifiedBlock(body) } as const;
			for (const booter of to) turn.send.push({ to: booter, packet });
		}
	}

	#onAsked(turn: Turn, { sender, view }: Signed): void {
		const booter = toHex(sender);
		if (this.booters.asked(booter, view)) this.#onBooterActive(turn, booter);
	}

	/** R21: another replica of the Booter is active. It lacks what was handed to the one before, and may not know who leads here. */
	#onBooterActive(turn: Turn, booter: string): void {
		const pbft = this.#pbft;
		if (!pbft?.isLeader) return;
		if (pbft.leaderChange) this.#report(turn, pbft.leaderChange.leaderChange, [booter]);
		this.#handUp(turn, this.#bodies.of(pbft.partition, pbft.epoch), [booter]);
	}

	/** R8: what waits for this partition's leader, beside the rounds that it has open. */
	#demand(): Demand {
		const { clock, timing } = this.#init;
		const nowMs = clock.now();
		const height = this.#voter.openHeight;
		if (height === null) this.#order = null;
		else if (this.#order?.height !== height) this.#order = { height, sinceMs: nowMs };
		// Without the Booter nothing becomes final, whoever leads.
		if (!this.booters.current && this.#pbft!.rounds().length > 0) return 'none';
		const overdueMs = nowMs - OVERDUE_SHARE * timing.viewTimeoutMs;
		if ((this.#order?.sinceMs ?? nowMs) < overdueMs || this.pool.hasOlder(overdueMs)) return 'overdue';
		return this.pool.size > 0 || this.#order ? 'waiting' : 'none';
	}

	#takeVoter(turn: Turn, effects: ReturnType<Voter['tick']>): void {
		addEffects(turn, effects);
		for (const commit of effects.commits) this.#moved(turn, commit);
	}

	#takeBody(turn: Turn, body: CertifiedBody, fromBooter: boolean): void {
		if (!this.#bodies.has(body)) {
			this.#bodies.add(body);
			// The leader hands on what other partitions certified; who asked a member for it does not.
			if (fromBooter && this.#pbft?.isLeader && body.proposal.partition !== this.#pbft.partition)
				turn.send.push({ to: 'members', packet: { case: 'certifiedBlock', value: toCertifiedBlock(body) } });
		}
		this.#takeVoter(turn, this.#voter.body(body.id));
	}

	#takeSynced(turn: Turn, { blocks, done }: Extract<NodeInput, { type: 'synced' }>): void {
		for (const commit of commitFetched(this.chain, blocks)) {
			turn.commits.push(commit);
			this.#moved(turn, commit);
			this.#takeVoter(turn, this.#voter.moved());
		}
		done();
	}

	/** R23: all that was open here was of heights that are long final. */
	#takeSnapshot(turn: Turn, input: Extract<NodeInput, { type: 'snapshot' }>): void {
		// What follows the blocks one by one hears of those before it first.
		if (turn.commits.length > 0) return this.#turns.add(input);
		const { taken, done } = input;
		const { snapshot, changes, missingTo } = taken;
		const { height } = this.chain.head;
		if (snapshot.head.height > height) {
			turn.commits.push(this.chain.jump(snapshot));
			turn.persist.push(this.older.begin(missingTo, height));
			for (const { height: at, change } of changes)
				if (at > height) addEffects(turn, this.evidence.moved(change));
			const { topology, recent } = this.chain;
			for (const { id, epoch } of topology.partitions())
				this.#bodies.forgetThrough(id, epoch, topology.lastRoundId(id));
			for (const { id } of snapshot.included) if (recent.has(id)) this.pool.remove(id);
			this.#lastOwnBlock = null;
			if (this.partition || this.#pbft) this.#enterEpoch(turn);
			this.#takeVoter(turn, this.#voter.moved());
			this.sync.jumped();
			this.#takeUpEarly();
			this.#init.events.jumped?.(this.older.missingTo);
		}
		done();
	}

	/** The chain moved, in this step: pool, rounds and epochs follow at once, the disk follows with the turn. */
	#moved(turn: Turn, commit: Commit): void {
		const { partition } = this;
		const isNamed = (id: string): boolean => this.#pbft?.isNamed(id) ?? false;
		for (const block of commit.blocks) {
			for (const transaction of block.transactions) this.pool.remove(transaction.id, isNamed(transaction.id));
			this.#bodies.forgetThrough(block.header.partition, block.header.epoch, block.header.roundId);
			if (block.change) addEffects(turn, this.evidence.moved(block.change));
			if (block.kind === 'block' && block.header.partition === partition?.id)
				this.#lastOwnBlock = block.bytes;
		}
		if (partition && this.#pbft?.partition === partition.id && this.#pbft.epoch === partition.epoch)
			this.#takePbft(turn, this.#pbft.ledger(this.chain.topology.lastRoundId(partition.id)));
		else if (partition || this.#pbft) this.#enterEpoch(turn);
		this.pool.release(isNamed);
		this.#takeUpEarly();
	}

	/** R22: a new epoch begins with its entry; open rounds are dropped, their transactions are still in the pool. */
	#enterEpoch(turn: Turn): void {
		const { partition } = this;
		const before = this.#pbft;
		if (before) turn.persist.push(...before.end());
		const members = partition?.members ?? [];
		this.evidence.enter(partition);
		this.#handOwn(
			turn,
			members.filter((member) => !this.#members.includes(member))
		);
		this.#members = members;
		this.#silencedAt.clear();
		this.#memberSinceMs = this.#init.clock.now();
		this.#liveness.awake(this.#memberSinceMs);
		const { timing } = this.#init;
		this.#pbft = partition
			? new Pbft({
					chainId: this.chain.chainId,
					genesis: this.chain.genesis.fields,
					partition: partition.id,
					epoch: partition.epoch,
					members: partition.members,
					self: this.self,
					lastRoundId: this.chain.topology.lastRoundId(partition.id),
					pool: {
						has: (id) => this.pool.has(id),
						isComing: (id) => this.#checks.isChecking(id),
						waiting: (limit, maxBodyBytes, except) => this.pool.waiting(limit, maxBodyBytes, except)
					},
					looksAlive: (member) => this.#liveness.looksAlive(member, this.#init.clock.now()),
					isCatchingUp: (member) => this.peers.get(member)?.syncing ?? false,
					ledgerProof: () => this.#ledgerProof(),
					resendTicks: ticks(timing, timing.resendMs),
					commitToAllTicks: ticks(timing, timing.commitToAllMs),
					gapTicks: ticks(timing, timing.gapMs),
					viewTimeoutTicks: ticks(timing, timing.viewTimeoutMs),
					viewTimeoutCapTicks: ticks(timing, timing.viewTimeoutMs * VIEW_TIMEOUT_CAP_FACTOR),
					maxBodyBytes: MAX_BLOCK_BODY_BYTES
				})
			: null;
		if (!partition) return;
		for (const { from, signed } of this.#earlyEpochs.take(partition.id, partition.epoch))
			this.#again(from, { case: 'signed', value: signed });
	}

	/** Who has just come lacks what is waiting, and may be the one that proposes it. */
	#handOwn(turn: Turn, to: string[]): void {
		const waiting = [...this.#own.values()].slice(0, this.chain.genesis.fields.maxTransactionsPerBlock);
		if (waiting.length === 0) return;
		const packet = transactionPacket(waiting);
		for (const peer of to) if (peer !== this.self) turn.send.push({ to: peer, packet });
	}

	#onLinkUp(turn: Turn, peer: string): void {
		this.#heartbeatTo(peer);
		if (this.partition?.members.includes(peer)) this.#handOwn(turn, [peer]);
		if (this.#pbft) this.#takePbft(turn, this.#pbft.linkUp(peer));
		this.#takeVoter(turn, this.#voter.linkUp(peer));
		// A Booter that was away lacks what is certified and not final.
		if (this.booters.targets.includes(peer) && this.#pbft?.isLeader)
			this.#handUp(turn, this.#bodies.of(this.#pbft.partition, this.#pbft.epoch), [peer]);
	}

	/** R9: where the ledger holds this partition's last round. */
	#ledgerProof(): LedgerProof | null {
		if (!this.#lastOwnBlock) return null;
		const { header, finality } = decodeFinalBlock(this.#lastOwnBlock);
		return { $typeName: 'tabwave.v1.LedgerProof', header, finality };
	}

	/** After a restart; the row of a partition's last round was written by the block that is looked for. */
	async #readLastOwnBlock(): Promise<Uint8Array | null> {
		const { partition } = this;
		if (!partition || this.chain.topology.lastRoundId(partition.id) === 0) return null;
		const { height } = this.chain.state.row(roundKey(partition.id))!;
		return (await this.#init.store.block(height)) ?? null;
	}

	#ownVotes(signed: Parameters<typeof received>[0][]): NodeInput[] {
		return signed
			.filter(({ kind }) => kind <= Kind.REFUSE && kind !== Kind.PREPARE_REPORT)
			.map((message) => ({ type: 'signed', message: received(message) }));
	}

	#committed(commits: Commit[]): void {
		for (const commit of commits)
			for (const block of commit.blocks) for (const { id } of block.transactions) this.#own.delete(id);
		for (const [id, transaction] of this.#own)
			if (transaction.body.expiryHeight <= this.chain.head.height) this.#own.delete(id);
		this.#pauseWhileSyncing();
		// A snapshot comes without its blocks.
		const hasChange = ({ blocks }: Commit): boolean =>
			blocks.length === 0 || blocks.some(({ kind }) => kind === 'membership');
		if (commits.some(hasChange)) this.#dial();
		// Asked for again, it would come a second later, and the others may have to wait for this member.
		const unjudged = this.#checks.takeUnjudged();
		if (unjudged) this.#inbox.receive(toHex(unjudged.signed!.sender), [leaderChangePacket(unjudged)]);
		this.#init.events.committed(commits);
		this.#init.events.changed();
	}

	#check(from: string, packet: Packet): Promise<NodeInput | null> | NodeInput | null {
		const { body } = packet;
		switch (body.case) {
			case 'signed':
				if (body.value.kind === Kind.STATUS_REQUEST && this.#isBeyondNext(body.value.slot))
					return this.#early(from, body.value.slot, body);
				if (this.#isOfNextEpoch(body.value)) {
					this.#earlyEpochs.keep({ from, signed: body.value });
					return null;
				}
				return this.#checks.signed(body.value);
			case 'transactions':
				return this.#checks.transactions(
					body.value.transactions,
					(id) => this.pool.has(id),
					(id) => this.#pbft?.isNamed(id) ?? false
				);
			case 'evidence':
				return this.#evidenceChecks.evidence(body.value);
			case 'suspect':
				return this.#evidenceChecks.suspect(body.value);
			case 'newView':
				return this.#checks.newView(body.value);
			case 'leaderChange':
				return this.#checks.leaderChange(body.value);
			case 'proposalRequest': {
				const proposal = this.#pbft?.proposal(toHex(body.value.blockId));
				if (proposal)
					this.#sendNow(from, {
						case: 'proposalResponse',
						value: { $typeName: 'tabwave.v1.ProposalResponse', proposal }
					});
				return null;
			}
			case 'proposalResponse':
				return this.#checks.proposal(body.value.proposal);
			case 'blockCertificate':
				return this.#checks.blockCertificate(body.value);
			case 'certifiedBlock':
				return this.#checks.certifiedBlock(from, body.value);
			case 'next':
				return this.#checkNext(from, body);
			case 'orderCommit':
				if (this.#isBeyondNext(body.value.height)) return this.#early(from, body.value.height, body);
				return this.#checks.orders.orderCommit(body.value);
			case 'finality':
				if (this.#isBeyondNext(body.value.height)) return this.#early(from, body.value.height, body);
				return this.#checks.orders.finality(body.value);
			case 'heartbeat':
				this.#onHeartbeat(from, body.value);
				// A newcomer has nothing but block sync to tell it that the chain has moved.
				if (!this.partition) this.#checkSync();
				return null;
			case 'bodyRequest':
				this.#answerBodies(from, body.value.transactionIds);
				return null;
			case 'certifiedBlockRequest': {
				const held = this.#bodies.get(toHex(body.value.blockId), body.value.view);
				if (held) this.#sendNow(from, { case: 'certifiedBlock', value: toCertifiedBlock(held) });
				return null;
			}
			case 'syncRequest':
				void this.#answer(from, async () => ({
					case: 'syncResponse',
					value: await answerSync(this.#init.store, this.chain.head.height, body.value, this.headersOnlyTo)
				}));
				return null;
			case 'snapshotRequest':
				void this.#answer(from, async () => ({
					case: 'snapshotResponse',
					value: await answerSnapshot(this.chain, this.#init.store, body.value)
				}));
				return null;
			case 'snapshotResponse':
				this.#snapshots.onResponse(from, body.value);
				return null;
			case 'syncResponse':
				if (this.older.onResponse(from, body.value)) return null;
				void this.sync.onResponse(from, body.value).catch((error: unknown) => this.halt(error as Error));
				return null;
			case 'assignment':
				if (this.booters.isBooter(from)) this.#init.events.assignment(body.value);
				return null;
			case 'refusal':
				if (this.booters.isBooter(from)) this.#init.events.refusal(body.value);
				return null;
			default:
				return null;
		}
	}

	/** The one after the next carries the proof of the next: it is checked as it comes, and taken if the proof is enough. */
	async #checkNext(from: string, body: Extract<Packet['body'], { case: 'next' }>): Promise<NodeInput | null> {
		const height = body.value.signed?.slot ?? 0;
		const early = this.#isBeyondNext(height) ? this.#early(from, height, body) : null;
		// An order may have been of several blocks: its proof has the height of the first.
		if (this.#isBeyondNext(body.value.previous?.height ?? height - 1)) return early;
		const input = await this.#checks.orders.next(body.value);
		return early && input?.type === 'next' ? { ...input, order: early.order } : input;
	}

	/** Who is no member does not know yet of which partition it will be one. */
	#isOfNextEpoch({ partition, epoch }: Signed): boolean {
		const own = this.partition;
		return own ? partition === own.id && epoch === own.epoch + 1 : partition !== 0;
	}

	#isBeyondNext(height: number): boolean {
		return height > this.chain.head.height + 1;
	}

	/** Null for who has nothing to say of orders. Who is no member yet does not know of whom it will be one. */
	#early(from: string, height: number, body: Packet['body']): Early | null {
		const { partition } = this;
		const isKnown = !partition || partition.members.includes(from) || this.booters.isBooter(from);
		return isKnown ? { type: 'early', order: { from, height, body } } : null;
	}

	/** All that its peer said before has been taken, and a block below it is still missing: that one is fetched without patience. */
	#takeEarly(order: EarlyOrder): void {
		if (!this.#isBeyondNext(order.height)) {
			this.#again(order.from, order.body);
			return;
		}
		this.#earlyOrders.keep(order);
		this.peers.holds(order.from, order.height - 1);
		this.sync.check(0);
	}

	/** The height has come that somebody spoke of before. */
	#takeUpEarly(): void {
		for (const order of this.#earlyOrders.take(this.chain.head.height + 1))
			this.#again(order.from, order.body);
	}

	/** As if it came now. */
	#again(from: string, body: Packet['body']): void {
		this.#inbox.receive(from, [encodePacket(create(PacketSchema, { body }))]);
	}

	/** R10: whoever works in a lower view is answered with the LeaderChange of the higher one; the Booter by the leader alone. */
	#onHeartbeat(from: string, heartbeat: Heartbeat): void {
		const nowMs = this.#init.clock.now();
		this.peers.heartbeat(from, heartbeat, nowMs);
		const isBooter = this.booters.isBooter(from);
		if (isBooter && from === this.booters.current?.booter) this.#lost.heard(heartbeat.lost, nowMs);
		if (isBooter && this.booters.heartbeat(from, heartbeat)) {
			const { current } = this.booters;
			if (current) this.#turns.add({ type: 'booter-active', booter: current.booter });
			this.#init.events.changed();
		}
		const pbft = this.#pbft;
		if (!pbft || heartbeat.partition !== pbft.partition || heartbeat.epoch !== pbft.epoch) return;
		const isFor = isBooter ? pbft.isLeader : this.partition!.members.includes(from);
		const held = pbft.leaderChange;
		if (isFor && held && this.#reports.isDue(from, heartbeat.view, held, nowMs))
			this.#sendNow(from, { case: 'leaderChange', value: held.leaderChange });
	}

	/** From the disk. */
	async #answer(to: string, read: () => Promise<Packet['body']>): Promise<void> {
		try {
			this.#sendNow(to, await read());
		} catch (error) {
			this.halt(error as Error);
		}
	}

	/** Who is asked for blocks: the Booter's replicas have them all. */
	#sources(height: number): string[] {
		const sources = this.sync.sources(height);
		const isBooter = (peer: string): boolean => this.booters.isBooter(peer);
		return [...sources.filter(isBooter), ...sources.filter((peer) => !isBooter(peer))];
	}

	#answerBodies(to: string, ids: Uint8Array): void {
		const held: ParsedTransaction[] = [];
		let bytes = 0;
		for (const id of splitHashes(ids).slice(0, this.chain.genesis.fields.maxTransactionsPerBlock)) {
			const transaction = this.pool.get(toHex(id));
			if (!transaction || bytes + transaction.bytes.length > MAX_BLOCK_BODY_BYTES) continue;
			held.push(transaction);
			bytes += transaction.bytes.length;
		}
		if (held.length > 0) this.#sendNow(to, transactionPacket(held));
	}

	/** R23 @returns whether this node catches up */
	#pauseWhileSyncing(): boolean {
		const isSyncing = this.sync.status() !== null;
		this.#pbft?.pause(isSyncing);
		this.#voter.pause(isSyncing);
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
		for (const { peer, path } of this.#init.network.links()) if (path !== 'down') this.#heartbeatTo(peer);
		this.#init.events.changed();
	}

	#heartbeatTo(peer: string): void {
		const { head } = this.chain;
		this.#sendNow(peer, {
			case: 'heartbeat',
			value: {
				$typeName: 'tabwave.v1.Heartbeat',
				partition: this.#pbft?.partition ?? 0,
				epoch: this.#pbft?.epoch ?? 0,
				view: this.#pbft?.leaderChange?.view ?? 0,
				finalHeight: head.height,
				headHash: head.hash,
				syncing: this.sync.status() !== null,
				booterTerm: 0,
				activeBooter: NOBODY
			}
		});
	}

	/** What the ledger does not show in time may have been lost with a link or with a leader's pool. */
	#resubmit(): void {
		// Not with each block: a look passes over the whole pool. Nor at some heights: the ledger may rest just before one.
		this.pool.expire(this.chain.head.height, (id) => this.#pbft?.isNamed(id) ?? false);
		const { maxTransactionsPerBlock } = this.chain.genesis.fields;
		const nowMs = this.#init.clock.now();
		// What is final and not durable yet is the ledger's already, and would wait in the pool for ever.
		const open = [...this.#own.values()].filter(({ id }) => !this.chain.recent.has(id));
		const own = this.#resends.due(open, maxTransactionsPerBlock, nowMs, OWN_RESEND_MS);
		for (const transaction of own) this.pool.add(transaction, nowMs);
		if (own.length > 0) this.#turns.add({ type: 'submitted', transactions: own });
		this.#handOn(nowMs, maxTransactionsPerBlock);
	}

	/**
	 * Whoever made a transaction may be gone, or have given it to this member alone: what stays too long is handed to the leader. One
	 * that does nothing meanwhile lacks it, and is told before it counts as overdue (R8).
	 */
	#handOn(nowMs: number, limit: number): void {
		const pbft = this.#pbft;
		if (!pbft || pbft.isLeader) return;
		const isIdle = pbft.rounds().length === 0;
		const patienceMs = isIdle ? HAND_ON_SHARE * this.#init.timing.viewTimeoutMs : HAND_ON_MS;
		const old = this.pool.olderThan(nowMs - patienceMs, limit).filter(({ id }) => !this.#own.has(id));
		const handed = this.#handedOn.due(old, limit, nowMs, HAND_ON_MS, 0);
		if (handed.length > 0) this.#sendNow(pbft.leader, transactionPacket(handed));
	}

	/** A Booter that stalls, censors or says two things is complained of to all of them; the others decide what comes of it. */
	#watchBooter(): void {
		const { partition } = this;
		if (!partition || this.sync.status()) return;
		const { suspect } = this.booters;
		if (!suspect) return;
		const { booter, term } = suspect;
		const ordered = this.#voter.ordered();
		const lastRoundId = this.chain.topology.lastRoundId(partition.id);
		const waiting = this.#bodies
			.of(partition.id, partition.epoch)
			.find(({ id, proposal }) => proposal.roundId > lastRoundId && !ordered.has(id));
		const view = {
			booter,
			finalHeight: this.chain.head.height,
			activePartitions: this.chain.topology.active().length,
			isOrderOpen: this.#voter.state() !== null,
			waiting: waiting?.certificate ?? null,
			equivocation: this.#voter.equivocation
		};
		const grievance = this.#watch.look(view, this.#init.clock.now());
		if (!grievance) return;
		const payload = encodeComplaint(grievance, fromHex(booter));
		const statement = complaintStatement(partition, term, view.finalHeight, payload);
		this.#declare(statement, payload, this.booters.booters);
		this.#init.events.log('warning', `complains of the Booter: ${grievance.name}`);
	}

	/** A leader hands up again what is certified and not ordered: the first time may have been lost. */
	#resendCertified(): void {
		if (!this.#pbft?.isLeader) return;
		const { partition, epoch } = this.#pbft;
		const ordered = this.#voter.ordered();
		const waiting = this.#bodies.of(partition, epoch).filter(({ id }) => !ordered.has(id));
		const { maxBlocksPerNext } = this.chain.genesis.fields;
		const nowMs = this.#init.clock.now();
		for (const body of this.#resends.due(waiting, maxBlocksPerNext, nowMs, CERTIFIED_RESEND_MS))
			for (const booter of this.booters.targets)
				this.#sendNow(booter, { case: 'certifiedBlock', value: toCertifiedBlock(body) });
	}

	/** R22: a member that has been silent beyond the grace is declared so, to the Booter, which gathers q declarations. */
	#declareSilences(): void {
		const { partition } = this;
		const { clock, timing } = this.#init;
		const nowMs = clock.now();
		if (!partition || nowMs - this.#memberSinceMs < timing.evictionGraceMs) return;
		for (const member of partition.members) {
			const lastHeardMs = this.peers.get(member)?.lastHeardMs ?? this.#memberSinceMs;
			if (member === this.self || nowMs - lastHeardMs < timing.evictionGraceMs) continue;
			if (nowMs - (this.#silencedAt.get(member) ?? 0) < DECLARATION_REPEAT_MS) continue;
			this.#silencedAt.set(member, nowMs);
			this.#declare({
				kind: Kind.SILENCE,
				partition: partition.id,
				epoch: partition.epoch,
				view: 0,
				attempt: 0,
				slot: this.chain.head.height,
				digest: fromHex(member)
			});
		}
	}

	#declare(
		statement: Extract<NodeInput, { type: 'declare' }>['statement'],
		payload?: Uint8Array,
		to = this.booters.targets
	): void {
		this.#turns.add({ type: 'declare', statement, payload, to: [...to] });
	}

	/** Links follow the ledger's topology (R22). */
	#dial(): void {
		this.#init.network.setPeers((this.partition?.members ?? []).filter((member) => member !== this.self));
	}

	#sendNow(to: string, packet: Packet['body']): void {
		this.#init.network.send(to, [encodePacket(create(PacketSchema, { body: packet }))]);
	}

	/**
	 * What the browser says is left for this site. Bodies of old blocks are given up while there is still room to do it in: a store that is
	 * full may take not even what is shorter.
	 */
	async roomLeft(bytes: number, quotaBytes: number): Promise<void> {
		const enough = Math.min(LOW_ROOM_BYTES, quotaBytes * LOW_ROOM_SHARE);
		if (bytes >= enough || this.#isMakingRoom || this.#halted) return;
		this.#isMakingRoom = true;
		try {
			await this.#shrink(enough - bytes);
		} finally {
			this.#isMakingRoom = false;
		}
	}

	/** A write found no room. Bodies of old blocks go before a vote is lost: the relay and other members hold them as well. */
	async #makeRoom(bytes: number): Promise<boolean> {
		if (await this.#shrink(Math.max(bytes * 2, MIN_ROOM_BYTES))) return true;
		// What can be made again goes last, since a person looks for transactions in it.
		return (await this.#init.giveUp?.()) ?? false;
	}

	/** @returns whether there is more room now */
	#shrink(bytes: number): Promise<boolean> {
		const shrinking = this.#shrinking.then(() => this.#shrinkBy(bytes));
		// Its failure is for whoever asked.
		this.#shrinking = shrinking.catch(() => undefined);
		return shrinking;
	}

	async #shrinkBy(bytes: number): Promise<boolean> {
		const { store, events } = this.#init;
		const { head, genesis } = this.chain;
		// The ids of the last window are read from their blocks at each start; blocks of this very turn are not stored yet.
		const below = head.height - genesis.fields.expiryWindow - genesis.fields.maxBlocksPerNext;
		const room = await store.shrink?.(below, bytes);
		if (!room || room.bytes === 0) return false;
		// From then on some go with every block: that is not said each time.
		if (this.headersOnlyTo === 0)
			events.log(
				'warning',
				`the storage is full: blocks up to ${room.headersOnlyTo} are kept as headers alone`
			);
		this.headersOnlyTo = room.headersOnlyTo;
		events.changed();
		return true;
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
}

function leaderChangePacket(value: LeaderChange): Uint8Array {
	return encodePacket(create(PacketSchema, { body: { case: 'leaderChange', value } }));
}

function transactionPacket(transactions: ParsedTransaction[]): Packet['body'] {
	return {
		case: 'transactions',
		value: {
			$typeName: 'tabwave.v1.TransactionBatch',
			transactions: transactions.map((transaction) => transaction.bytes)
		}
	};
}
