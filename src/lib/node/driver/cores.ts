/**
 * The cores of a node, stepped together: the rounds of its partition (lower-tier.ts), its votes on orders (Voter) and its eye for lies
 * (evidence-keeper.ts), over one chain and one pool. What comes of a step of one the others hear of in the same turn. Like the cores it
 * does no I/O: what is to be written and sent is the turn's.
 */
import {
	certifiedBodyOf,
	readCertifiedBlock,
	type CertifiedBody
} from '../../consensus/ordering/certified-block.ts';
import type { Chain, Commit } from '../../consensus/ordering/chain.ts';
import { Voter } from '../../consensus/ordering/voter.ts';
import type { Pbft, PbftEffects } from '../../consensus/pbft/pbft.ts';
import { Kind } from '../../consensus/statement.ts';
import type { PartitionView } from '../../consensus/topology.ts';
import { taggedHash } from '../../crypto/hash.ts';
import { toHex } from '../../crypto/hex.ts';
import type { ParsedTransaction } from '../../ledger/transaction.ts';
import type { LedgerStore } from '../../storage/ledger-store.ts';
import type { Evidence, Signed } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import type { LeaderChange } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import type { Packet } from '../../wire/gen/tabwave/v1/wire_pb.js';
import type { Clock } from '../clock.ts';
import type { EarlyWords } from '../intake/early-words.ts';
import { received, type NodeInput } from '../intake/inputs.ts';
import { isOrderVote } from '../intake/order-checks.ts';
import type { ActiveBooter } from '../peers/active-booter.ts';
import type { Liveness } from '../peers/liveness.ts';
import type { Peers } from '../peers/peers.ts';
import type { OlderBlocks } from '../sync/older-blocks.ts';
import { commitFetched } from '../sync/sync.ts';
import { ticks, type Timing } from '../timing.ts';
import { CertifiedBodies } from './certified-bodies.ts';
import { EvidenceKeeper } from './evidence-keeper.ts';
import { LeaderDuties } from './leader-duties.ts';
import { LowerTier } from './lower-tier.ts';
import type { OwnTransactions } from './own-transactions.ts';
import type { Pool } from './pool.ts';
import { transactionPacket } from './transaction-packet.ts';
import { addEffects, emptyTurn, type Turn } from './turns.ts';

export interface CoresInit {
	chain: Chain;
	self: string;
	timing: Timing;
	clock: Pick<Clock, 'now'>;
	pool: Pool;
	own: Pick<OwnTransactions, 'waiting'>;
	peers: Pick<Peers, 'get'>;
	liveness: Liveness;
	booters: ActiveBooter;
	early: EarlyWords;
	older: Pick<OlderBlocks, 'begin'>;
	/** Whether a transaction's signature is being checked. */
	isChecking(id: string): boolean;
	/** At once, and not with the turn. */
	send(to: string, packet: Packet['body']): void;
	/** An input that has to wait for the next turn. */
	later(input: NodeInput): void;
	events: CoresEvents;
}

export interface CoresEvents {
	/** R24: a member has lied, and this holds the proof. */
	found(offender: string, evidence: Evidence): void;
	/** Another view has begun in this node's rounds. */
	viewBegun(view: number, leader: string): void;
	/** R22: this node's rounds are those of another epoch, or it is no member any more. */
	epochBegun(nowMs: number): void;
	linkUp(peer: string): void;
	/** R23: the chain goes on from a snapshot. */
	jumped(): void;
}

export class Cores {
	readonly #init: CoresInit;
	readonly #lower: LowerTier;
	/** This node in the upper tier. */
	readonly voter: Voter;
	readonly evidence: EvidenceKeeper;
	readonly bodies = new CertifiedBodies();
	readonly duties: LeaderDuties;
	/** Of this node's partition, in the epoch of its rounds. */
	#members: string[] = [];
	#votes = 0;

	constructor(init: CoresInit) {
		const { chain, self, pool, timing, clock, booters, liveness, peers } = init;
		this.#init = init;
		this.evidence = new EvidenceKeeper({
			chain,
			self,
			found: (offender, evidence) => init.events.found(offender, evidence)
		});
		this.voter = new Voter({
			chain,
			self,
			bodies: this.bodies,
			leader: () => this.pbft?.leader ?? null,
			resendTicks: ticks(timing, timing.resendMs),
			carryToAllTicks: ticks(timing, timing.commitToAllMs)
		});
		this.#lower = new LowerTier({
			chain,
			self,
			pool,
			timing,
			isChecking: init.isChecking,
			looksAlive: (member) => liveness.looksAlive(member, clock.now()),
			isCatchingUp: (member) => peers.get(member)?.syncing ?? false,
			openHeight: () => this.voter.openHeight,
			hasBooter: () => booters.current !== null
		});
		this.duties = new LeaderDuties({
			booters,
			bodies: this.bodies,
			ordered: () => this.voter.ordered(),
			maxBlocksPerNext: chain.genesis.fields.maxBlocksPerNext,
			lower: () => this.pbft,
			send: init.send
		});
	}

	/** The rounds of this node's partition; null while it is no member. */
	get pbft(): Pbft | null {
		return this.#lower.pbft;
	}

	/** Votes asked for since the start. */
	get votes(): number {
		return this.#votes;
	}

	/** After a restart. @param votes what the store held (R2) */
	async restore(
		votes: { key: string; value: Uint8Array }[],
		store: Pick<LedgerStore, 'block'>
	): Promise<void> {
		const { chain, clock, liveness } = this.#init;
		liveness.awake(clock.now());
		this.voter.restore(votes);
		for (const block of this.voter.lockedBlocks())
			// Signatures were checked before this member signed.
			this.bodies.add(readCertifiedBlock(block, chain.topology, chain.genesis.fields, chain.chainId).body);
		this.evidence.restore(votes);
		await this.#lower.restore(store);
		this.#enterEpoch(emptyTurn());
	}

	/** R23: who catches up carries no votes and starts no rounds. */
	pause(isSyncing: boolean): void {
		this.pbft?.pause(isSyncing);
		this.voter.pause(isSyncing);
	}

	step(inputs: readonly NodeInput[]): Turn {
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
		if (poolGrew && this.pbft) this.#takePbft(turn, this.pbft.pool());
		this.#votes += turn.votes.filter(({ statement }) => statement.kind < Kind.STATUS).length;
		return turn;
	}

	/** Own signed messages that are durable: a core counts its own vote only then. */
	ownVotes(signed: readonly Signed[]): NodeInput[] {
		return signed
			.filter(({ kind }) => kind <= Kind.REFUSE && kind !== Kind.PREPARE_REPORT)
			.map((message) => ({ type: 'signed', message: received(message) }));
	}

	get #partition(): PartitionView | undefined {
		return this.#init.chain.topology.partitionOf(this.#init.self);
	}

	#stepOne(turn: Turn, input: Exclude<NodeInput, { type: 'transactions' | 'submitted' }>): void {
		const { clock, liveness, booters, early } = this.#init;
		const { pbft, voter } = this;
		switch (input.type) {
			case 'tick':
				liveness.tick(clock.now());
				if (pbft) this.#takePbft(turn, pbft.tick(this.#lower.demand(clock.now())));
				this.#takeVoter(turn, voter.tick());
				addEffects(turn, this.evidence.tick(clock.now()));
				break;
			case 'restored':
				this.#takePbft(turn, input.effects);
				break;
			case 'signed': {
				const { signed } = input.message;
				this.#watchVote(turn, signed);
				if (isOrderVote(signed)) this.#takeVoter(turn, voter.vote(input.message));
				else if (pbft?.epoch === signed.epoch) this.#takePbft(turn, pbft.message(input.message));
				break;
			}
			case 'new-view': {
				const signed = input.newView.newView.signed!;
				addEffects(turn, this.evidence.saw(signed, null));
				if (pbft?.epoch === signed.epoch) this.#takePbft(turn, pbft.newView(input.newView));
				break;
			}
			case 'leader-change': {
				const signed = input.leaderChange.leaderChange.signed!;
				addEffects(turn, this.evidence.saw(signed, null));
				if (pbft?.epoch === signed.epoch) this.#takePbft(turn, pbft.leaderChanged(input.leaderChange));
				break;
			}
			case 'proposal':
				if (pbft) this.#takePbft(turn, pbft.proposed(input.bytes));
				break;
			case 'block-certificate':
				if (pbft?.epoch === input.certificate.epoch)
					this.#takePbft(turn, pbft.certificate(input.certificate));
				break;
			case 'body':
				this.#takeBody(turn, input.body, booters.isBooter(input.from));
				break;
			case 'booter-active':
				this.duties.booterActive(turn, input.booter);
				break;
			case 'status-request':
				this.#onAsked(turn, input.request);
				this.#takeVoter(turn, voter.statusRequest(input.request));
				break;
			case 'next': {
				const { previous, signed } = input.next;
				this.#onAsked(turn, signed!);
				if (previous) this.#takeVoter(turn, voter.finality(previous, false));
				this.#takeVoter(turn, voter.next(input.next, clock.now()));
				if (input.order && early.isBeyondNext(signed!.slot)) early.take(input.order);
				break;
			}
			case 'early':
				early.take(input.order);
				break;
			case 'order-commit':
				this.#takeVoter(turn, voter.orderCommit(input.certificate));
				break;
			case 'finality':
				this.#takeVoter(turn, voter.finality(input.certificate, true));
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
		const round = this.pbft?.view === signed.view ? this.pbft.round(signed.slot) : undefined;
		const isLower = signed.kind <= Kind.COMMIT;
		const own = isLower ? (round?.digest ? round.digestBytes : null) : this.voter.resultAt(signed);
		addEffects(turn, this.evidence.saw(signed, own));
	}

	/** R24: a body without a valid form, which a round names. */
	#watchBody(turn: Turn, body: Uint8Array): void {
		const prePrepare = this.pbft?.naming(toHex(taggedHash('transaction', body)));
		if (prePrepare) addEffects(turn, this.evidence.sawBody(prePrepare, body));
	}

	/** @returns whether the cores have to look */
	#addTransactions(turn: Turn, input: Extract<NodeInput, { type: 'transactions' | 'submitted' }>): boolean {
		if (input.type === 'submitted') {
			turn.send.push({ to: 'members', packet: transactionPacket(input.transactions) });
			return true;
		}
		for (const body of input.malformed) this.#watchBody(turn, body);
		const { chain, pool, clock } = this.#init;
		const nowMs = clock.now();
		let added = false;
		for (const transaction of input.transactions) {
			const { id, body } = transaction;
			const isOver = chain.recent.has(id) || body.expiryHeight <= chain.head.height;
			const result = isOver ? 'full' : pool.add(transaction, nowMs);
			added = result === 'added' || added;
			if (result !== 'full' || !this.pbft?.isNamed(id)) continue;
			// R3: a body that a round waits for is taken whatever the height at which it comes.
			pool.keep(transaction);
			added = true;
		}
		return added;
	}

	#takePbft(turn: Turn, effects: PbftEffects): void {
		addEffects(turn, effects);
		for (const round of effects.certified) {
			const transactions = round.transactionIds.map((id) => this.#init.pool.get(id));
			// A body may have left the pool because an earlier block holds it; then the block is fetched whole.
			if (transactions.some((transaction) => !transaction)) continue;
			const body = certifiedBodyOf(round.proposal, round.certificate, transactions as ParsedTransaction[]);
			this.bodies.add(body);
			this.#takeVoter(turn, this.voter.body(body.id));
		}
		this.duties.certified(turn, effects.handUp);
		if (effects.begun) this.#onViewBegun(turn, effects.begun);
	}

	/** The partition's votes on what is open go to its new leader, and that one reports itself to the Booter. */
	#onViewBegun(turn: Turn, leaderChange: LeaderChange): void {
		this.duties.viewBegun(turn, leaderChange);
		this.#takeVoter(turn, this.voter.leaderChanged());
		this.#init.events.viewBegun(leaderChange.signed!.view, this.pbft!.leader);
	}

	#onAsked(turn: Turn, { sender, view }: Signed): void {
		const booter = toHex(sender);
		if (this.#init.booters.asked(booter, view)) this.duties.booterActive(turn, booter);
	}

	#takeVoter(turn: Turn, effects: ReturnType<Voter['tick']>): void {
		addEffects(turn, effects);
		for (const commit of effects.commits) this.#moved(turn, commit);
	}

	#takeBody(turn: Turn, body: CertifiedBody, fromBooter: boolean): void {
		if (!this.bodies.has(body)) {
			this.bodies.add(body);
			if (fromBooter) this.duties.handAround(turn, body);
		}
		this.#takeVoter(turn, this.voter.body(body.id));
	}

	#takeSynced(turn: Turn, { blocks, done }: Extract<NodeInput, { type: 'synced' }>): void {
		for (const commit of commitFetched(this.#init.chain, blocks)) {
			turn.commits.push(commit);
			this.#moved(turn, commit);
			this.#takeVoter(turn, this.voter.moved());
		}
		done();
	}

	/** R23: all that was open here was of heights that are long final. */
	#takeSnapshot(turn: Turn, input: Extract<NodeInput, { type: 'snapshot' }>): void {
		const { chain, pool, older, early, later, events } = this.#init;
		// What follows the blocks one by one hears of those before it first.
		if (turn.commits.length > 0) return later(input);
		const { taken, done } = input;
		const { snapshot, changes, missingTo } = taken;
		const { height } = chain.head;
		if (snapshot.head.height > height) {
			turn.commits.push(chain.jump(snapshot));
			turn.persist.push(older.begin(missingTo, height));
			for (const { height: at, change } of changes)
				if (at > height) addEffects(turn, this.evidence.moved(change));
			const { topology, recent } = chain;
			for (const { id, epoch } of topology.partitions())
				this.bodies.forgetThrough(id, epoch, topology.lastRoundId(id));
			for (const { id } of snapshot.included) if (recent.has(id)) pool.remove(id);
			this.#lower.jumped();
			if (this.#partition || this.pbft) this.#enterEpoch(turn);
			this.#takeVoter(turn, this.voter.moved());
			early.heightBegun();
			events.jumped();
		}
		done();
	}

	/** The chain moved, in this step: pool, rounds and epochs follow at once, the disk follows with the turn. */
	#moved(turn: Turn, commit: Commit): void {
		const { chain, pool, early } = this.#init;
		const partition = this.#partition;
		const isNamed = (id: string): boolean => this.pbft?.isNamed(id) ?? false;
		for (const block of commit.blocks) {
			for (const transaction of block.transactions) pool.remove(transaction.id, isNamed(transaction.id));
			this.bodies.forgetThrough(block.header.partition, block.header.epoch, block.header.roundId);
			if (block.change) addEffects(turn, this.evidence.moved(block.change));
			if (block.kind === 'block' && block.header.partition === partition?.id)
				this.#lower.ordered(block.bytes);
		}
		const { pbft } = this;
		if (partition && pbft?.partition === partition.id && pbft.epoch === partition.epoch)
			this.#takePbft(turn, pbft.ledger(chain.topology.lastRoundId(partition.id)));
		else if (partition || pbft) this.#enterEpoch(turn);
		pool.release(isNamed);
		early.heightBegun();
	}

	/** R22: a new epoch begins with its entry; open rounds are dropped, their transactions are still in the pool. */
	#enterEpoch(turn: Turn): void {
		const { clock, liveness, early, events } = this.#init;
		const partition = this.#partition;
		const members = partition?.members ?? [];
		const nowMs = clock.now();
		this.evidence.enter(partition);
		this.#handOwn(
			turn,
			members.filter((member) => !this.#members.includes(member))
		);
		this.#members = members;
		liveness.awake(nowMs);
		turn.persist.push(...this.#lower.enter(partition));
		events.epochBegun(nowMs);
		if (partition) early.epochBegun(partition);
	}

	/** Who has just come lacks what is waiting, and may be the one that proposes it. */
	#handOwn(turn: Turn, to: string[]): void {
		const waiting = this.#init.own.waiting();
		if (waiting.length === 0) return;
		const packet = transactionPacket(waiting);
		for (const peer of to) if (peer !== this.#init.self) turn.send.push({ to: peer, packet });
	}

	#onLinkUp(turn: Turn, peer: string): void {
		this.#init.events.linkUp(peer);
		if (this.#partition?.members.includes(peer)) this.#handOwn(turn, [peer]);
		if (this.pbft) this.#takePbft(turn, this.pbft.linkUp(peer));
		this.#takeVoter(turn, this.voter.linkUp(peer));
		this.duties.linkUp(turn, peer);
	}
}
