/**
 * The Booter as a running node: the ordering core joined to the network, the store and the operator's key. It keeps every
 * final block, so that late joiners can always catch up and a network whose tabs have all gone resumes with them.
 */
import { create } from '@bufbuild/protobuf';
import { BooterCore } from '#lib/consensus/ordering/booter/booter.ts';
import { noBooterEffects, type BooterEffects } from '#lib/consensus/ordering/booter/booter-effects.ts';
import type { ComplaintSummary } from '#lib/consensus/ordering/booter/complaints.ts';
import { BooterReplica } from '#lib/consensus/ordering/booter/replica.ts';
import {
	readCertifiedBlock,
	toCertifiedBlock,
	type CertifiedBody
} from '#lib/consensus/ordering/certified-block.ts';
import type { Chain, Commit } from '#lib/consensus/ordering/chain.ts';
import { Raft } from '#lib/consensus/raft/raft.ts';
import { Kind, statementBytes, type Statement } from '#lib/consensus/statement.ts';
import { toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite } from '#lib/crypto/suite.ts';
import { decodeFinalBlock } from '#lib/ledger/block.ts';
import { LedgerError } from '#lib/ledger/errors.ts';
import type { Network } from '#lib/network/network.ts';
import type { Clock } from '#lib/node/clock.ts';
import { addEffects, emptyTurn, Turns, type Turn } from '#lib/node/driver/turns.ts';
import { Inbox } from '#lib/node/intake/inbox.ts';
import { Verifier } from '#lib/node/intake/verifier.ts';
import { Peers } from '#lib/node/peers/peers.ts';
import { commitFetched, Sync } from '#lib/node/sync/sync.ts';
import { ticks, type Timing } from '#lib/node/timing.ts';
import type { LedgerStore } from '#lib/storage/ledger-store.ts';
import { encodePacket } from '#lib/wire/codec.ts';
import type { CertifiedBlock } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { PacketSchema, type Heartbeat, type Packet } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { Admissions, refusalPacket } from './admissions.ts';
import { BooterChecks } from './booter-checks.ts';
import { BooterHeartbeats } from './booter-heartbeats.ts';
import { ChainAnswers } from './chain-answers.ts';
import { ComplaintDesk } from './complaint-desk.ts';
import type { BooterInput } from './inputs.ts';
import { Recoveries } from './recoveries.ts';
import type { LostPartition, RecoveryWish } from './recovery-watch.ts';
import { RevocationSpread, type RevokedInvitations } from './revocation-spread.ts';
import { StoredCheckpoints } from './stored-checkpoints.ts';
import { isForStrangers } from './strangers.ts';

export interface BooterEvents {
	committed(commits: Commit[]): void;
	/** Members want another active Booter, and enough of them: a reason for an election (R21). */
	complaint?(summary: ComplaintSummary): void;
	halted(error: Error): void;
	log(level: 'debug' | 'info' | 'warning' | 'error', message: string): void;
}

export interface BooterNodeInit {
	chain: Chain;
	votes: { key: string; value: Uint8Array }[];
	store: LedgerStore;
	network: Network;
	suite: Suite;
	signer: Signer;
	operator: Signer;
	clock: Clock;
	timing: Timing;
	/** At least 0, below 1: elections are spread by it. */
	random: () => number;
	/** Invitations that the operator has taken back; none are where this is absent. */
	revoked?: RevokedInvitations;
	events: BooterEvents;
}

const SYNC_CHECK_MS = 200;
/** Being behind is not ordinary for a Booter: who is active tells of a block only when it has it, and the others follow at once. */
const SYNC_PATIENCE_MS = 0;
/** A clean stop waits for another replica to take over no longer than this: Ctrl-C ends a relay within 2 s. */
const HAND_OVER_TIMEOUT_MS = 500;
const NOTHING = new Uint8Array(0);

export class BooterNode {
	readonly chain: Chain;
	readonly peers = new Peers();
	readonly sync: Sync;
	readonly #init: BooterNodeInit;
	readonly #core: BooterCore;
	readonly #replica: BooterReplica;
	readonly #turns: Turns<BooterInput>;
	readonly #inbox: Inbox<BooterInput>;
	readonly #checks: BooterChecks;
	readonly #admissions: Admissions;
	readonly #recoveries: Recoveries;
	readonly #complaints: ComplaintDesk;
	readonly #revocations: RevocationSpread | null;
	readonly #heartbeats: BooterHeartbeats;
	readonly #answers: ChainAnswers;
	readonly #checkpoints: StoredCheckpoints;
	readonly #stops: (() => void)[] = [];
	#halted = false;

	constructor(init: BooterNodeInit) {
		const { chain, network, store, signer, operator, clock, timing, events } = init;
		const { peers } = this;
		const { fields } = chain.genesis;
		const verifier = new Verifier(init.suite);
		const add = (input: BooterInput): void => this.#turns.add(input);
		/** What most parts need; each says in its Init what it takes of it. */
		const shared = {
			chain,
			store,
			signer,
			operator,
			clock,
			peers,
			verifier,
			revoked: init.revoked,
			isReplica: (peer: string): boolean => this.#replica.isReplica(peer),
			send: (to: string, packet: Packet['body']): void => this.#sendNow(to, packet),
			halt: (error: Error): void => this.#halt(error),
			log: events.log
		};
		this.#init = init;
		this.chain = chain;
		this.#core = new BooterCore({
			chain,
			resendTicks: ticks(timing, timing.resendMs),
			gatherTicks: ticks(timing, timing.gatherMs),
			gapTicks: ticks(timing, timing.gapMs),
			readBlock: (block) => this.#readLogged(block)
		});
		const core = this.#core;
		this.#checkpoints = new StoredCheckpoints(chain, init.votes);
		const replicas = fields.booters.map(toHex);
		this.#replica = new BooterReplica({
			chain,
			core,
			raft: new Raft({
				self: toHex(signer.publicKey),
				records: init.votes,
				bootstrap: { voters: replicas },
				electionTicks: ticks(timing, timing.booterElectionMs),
				heartbeatTicks: ticks(timing, timing.booterHeartbeatMs),
				stallTicks: ticks(timing, timing.booterPatienceMs),
				random: init.random
			}),
			replicas
		});
		const replica = this.#replica;
		this.#turns = new Turns<BooterInput>({
			...shared,
			chainId: chain.chainId,
			network,
			step: (inputs) => this.#step(inputs),
			members: () => [],
			own: () => [],
			keepsBlocks: true,
			committed: (commits) => this.#committed(commits)
		});
		this.sync = new Sync({
			...shared,
			awayMs: timing.awayMs,
			looksAlive: (peer) => this.#looksAlive(peer),
			apply: (blocks) => new Promise((done) => add({ type: 'synced', blocks, done }))
		});
		this.#inbox = new Inbox<BooterInput>({
			check: (from, packet) => this.#check(from, packet),
			deliver: add,
			rejected: (from, error) =>
				events.log('warning', `refused what ${from.slice(0, 8)} sent: ${error.message}`)
		});
		this.#checks = new BooterChecks({
			...shared,
			view: (partition) => core.view(partition),
			isAccused: (member) => core.requests.isAccused(member)
		});
		this.#recoveries = new Recoveries({
			...shared,
			requests: () => core.requests,
			isLeading: () => core.isLeading,
			isHeard: (member) => peers.isAlive(member, clock.now(), timing.awayMs),
			recover: (signed) => add({ type: 'recover', signed }),
			heardAgain: (partition) => add({ type: 'heard-again', partition })
		});
		this.#admissions = new Admissions({
			...shared,
			isActive: () => replica.isActive,
			isHeard: (member) => peers.isAlive(member, clock.now(), timing.evictionGraceMs / 2),
			newcomer: (nowMs) => this.#recoveries.newcomer(nowMs),
			redirect: (to) => this.#heartbeats.sayTo(to)
		});
		this.#complaints = new ComplaintDesk({
			...shared,
			upheld: (summary) => {
				// R21: only another Booter mends what is not a standstill.
				replica.accuse(summary.booter, summary.term, summary.name !== 'BooterStalls');
				events.complaint?.(summary);
			}
		});
		this.#revocations = init.revoked ? new RevocationSpread(init.revoked) : null;
		this.#heartbeats = new BooterHeartbeats({
			...shared,
			core,
			replica,
			recoveries: this.#recoveries,
			revokedHash: () => this.#revocations?.hash,
			links: () => network.links()
		});
		this.#answers = new ChainAnswers(shared);
	}

	async start(): Promise<void> {
		const { clock, timing, network, store, events } = this.#init;
		const last = this.chain.head.height > 0 ? await store.block(this.chain.head.height) : undefined;
		const finality = (last && decodeFinalBlock(last).finality) ?? null;
		this.#core.restore(finality);
		this.#turns.add({ type: 'start' });
		await network.start({
			packets: (from, packets) => {
				this.peers.heard(from, clock.now());
				this.#core.requests.heard(from);
				this.#inbox.receive(from, packets);
			},
			link: (status) => {
				const isUp = status.path !== 'down';
				if (isUp) this.#heartbeats.sayTo(status.peer);
				else this.#inbox.forget(status.peer);
				this.#turns.add({ type: 'link', peer: status.peer, isUp });
			},
			violation: (from, error) =>
				events.log('warning', `the link to ${from.slice(0, 8)} was closed: ${error.message}`)
		});
		network.setPeers(this.chain.genesis.fields.booters.map(toHex).filter((id) => id !== network.self));
		this.#stops.push(
			clock.every(timing.tickMs, () => this.#turns.add({ type: 'tick' })),
			clock.every(timing.heartbeatMs, () => this.#heartbeats.say()),
			clock.every(
				timing.heartbeatMs,
				() => void this.#recoveries.look(clock.now()).catch((error: Error) => this.#halt(error))
			),
			clock.every(SYNC_CHECK_MS, () => this.sync.check(SYNC_PATIENCE_MS))
		);
	}

	/** Before a clean stop: another replica takes over without an election timeout. Resolves when it has, or cannot. */
	handOver(): Promise<void> {
		if (!this.#replica.isLeader) return Promise.resolve();
		this.#turns.add({ type: 'hand-over' });
		const { clock, timing } = this.#init;
		return new Promise((resolve) => {
			const ends = [
				clock.every(timing.tickMs, () => this.#replica.isLeader || end()),
				clock.after(HAND_OVER_TIMEOUT_MS, () => end())
			];
			const end = (): void => {
				for (const stop of ends) stop();
				resolve();
			};
		});
	}

	async stop(): Promise<void> {
		for (const stop of this.#stops.splice(0)) stop();
		await this.#turns.stop();
		await this.#init.network.stop();
	}

	/** What members have against an active Booter, this one or another replica; null where too few complain. */
	complaintAgainst(booter: string, term: number): ComplaintSummary | null {
		return this.#complaints.against(booter, term);
	}

	/** R22: the operator wants a partition that has lost its quorum to go on without its lost members, or to end. */
	wishRecovery(wish: RecoveryWish): void {
		this.#recoveries.wish(wish);
	}

	/** Partitions of which too few members are heard. */
	get lost(): readonly LostPartition[] {
		return this.#recoveries.lost;
	}

	get core(): BooterCore {
		return this.#core;
	}

	get replica(): BooterReplica {
		return this.#replica;
	}

	#step(inputs: BooterInput[]): Turn {
		const turn = emptyTurn();
		const before = this.#replica.active;
		for (const input of inputs) {
			const effects = this.#replica.step(this.#stepOne(input));
			addEffects(turn, effects);
			for (const note of effects.notes) this.#init.events.log('warning', note);
			if (effects.operator) void this.#signAsOperator(effects.operator);
		}
		turn.persist.push(...this.#checkpoints.of(turn.commits));
		// NewLeader: tabs turn to it at once.
		if (this.#replica.active !== before) this.#announce(turn);
		for (const { member, error } of this.#core.requests.takeRefused())
			turn.send.push({ to: member, packet: refusalPacket(error) });
		return turn;
	}

	#stepOne(input: BooterInput): BooterEffects {
		switch (input.type) {
			case 'tick':
				return this.#replica.tick(this.#init.clock.now());
			case 'start':
				return this.#replica.start();
			case 'raft':
				return this.#replica.message(input.from, input.message);
			case 'hand-over':
				return this.#replica.handOver();
			case 'certified':
				return this.#core.certified(input.body);
			case 'request':
				return this.#core.request(input.signed);
			case 'status':
				return this.#core.status(input.status);
			case 'vote':
				return this.#core.vote(input.vote);
			case 'refusal':
				return this.#core.refusal(input.refusal);
			case 'synced':
				return this.#takeSynced(input);
			case 'leader-changed':
				return this.#core.leaderChanged(input.partition, input.view);
			case 'recover':
				return this.#core.recover(input.signed);
			case 'heard-again':
				return this.#core.heardAgain(input.partition);
			case 'evidence':
				return this.#core.evidence(input.offender, input.evidence);
			case 'operator':
				return this.#core.operatorSigned(input.statement, input.signature);
			case 'link':
				return this.#replica.link(input.peer, input.isUp);
		}
	}

	/** R23: a Booter whose disk had lost its last blocks has them from the members. */
	#takeSynced({ blocks, done }: Extract<BooterInput, { type: 'synced' }>): BooterEffects {
		const effects = noBooterEffects();
		const committed = [...commitFetched(this.chain, blocks)];
		done();
		const last = blocks.at(-1);
		if (!last || committed.length === 0) return effects;
		const moved = this.#core.moved(last.finality);
		return { ...moved, commits: [...committed, ...moved.commits] };
	}

	#check(from: string, packet: Packet): Promise<BooterInput | null> | BooterInput | null {
		const { body } = packet;
		if (!isForStrangers(packet) && !this.#isKnown(from)) return null;
		switch (body.case) {
			case 'raft':
				return this.#checks.raft(from, body.value);
			case 'certifiedBlock':
				return this.#checks.certified(body.value);
			case 'partitionVote':
				return this.#checks.vote(body.value);
			case 'partitionStatus':
				return this.#checks.status(body.value);
			case 'partitionRefusal':
				return this.#checks.refusal(body.value);
			case 'signed':
				return body.value.kind === Kind.COMPLAINT
					? this.#complaints.take(body.value)
					: this.#admissions.request(from, body.value);
			case 'leaderChange':
				return this.#checks.leaderChange(body.value);
			case 'evidence':
				return this.#checks.evidence(body.value);
			case 'heartbeat':
				this.#onHeartbeat(from, body.value);
				return null;
			case 'revokedInvitations':
				this.#takeRevocations(from, body.value.ids);
				return null;
			case 'assignmentRequest':
				this.#admissions.assign(from, body.value.partition);
				return null;
			case 'syncRequest':
				this.#answers.blocks(from, body.value);
				return null;
			case 'snapshotRequest':
				this.#answers.snapshot(from, body.value);
				return null;
			case 'syncResponse':
				void this.sync.onResponse(from, body.value).catch((error: unknown) => this.#halt(error as Error));
				return null;
			case 'certifiedBlockRequest': {
				const held = this.#core.body(toHex(body.value.blockId), body.value.view);
				if (held) this.#sendNow(from, { case: 'certifiedBlock', value: toCertifiedBlock(held) });
				return null;
			}
			default:
				return null;
		}
	}

	#onHeartbeat(from: string, heartbeat: Heartbeat): void {
		this.peers.heartbeat(from, heartbeat, this.#init.clock.now());
		if (!this.#replica.isReplica(from)) return;
		this.sync.check(SYNC_PATIENCE_MS);
		this.#recoveries.wishedElsewhere(heartbeat.wishes?.recoveries ?? []);
		this.#tellRevocations(from, heartbeat.wishes?.revokedHash ?? NOTHING);
	}

	#tellRevocations(replica: string, hash: Uint8Array): void {
		const ids = this.#revocations?.heard(replica, hash, this.#init.clock.now());
		if (!ids) return;
		const value = { $typeName: 'tabwave.v1.RevokedInvitations' as const, ids };
		this.#sendNow(replica, { case: 'revokedInvitations', value });
	}

	#takeRevocations(from: string, ids: Uint8Array): void {
		if (!this.#replica.isReplica(from))
			throw new LedgerError('NotBooter', 'only a replica of the Booter says what the operator took back');
		const added = this.#revocations?.told(ids) ?? 0;
		if (added > 0)
			this.#init.events.log('info', `${added} invitations were taken back at ${from.slice(0, 8)}`);
	}

	#isKnown(peer: string): boolean {
		return this.#replica.isReplica(peer) || this.chain.topology.members().has(peer);
	}

	async #signAsOperator(statement: Statement): Promise<void> {
		const { operator } = this.#init;
		const signature = await operator.sign(statementBytes(this.chain.chainId, statement, operator.publicKey));
		this.#turns.add({ type: 'operator', statement, signature });
	}

	#committed(commits: Commit[]): void {
		// Newcomers learn that they are members; the others have it from their leaders.
		if (commits.some((commit) => commit.blocks.some((block) => block.kind === 'membership')))
			this.#heartbeats.say();
		else if (this.#replica.isActive) this.#heartbeats.sayToReplicas();
		this.#init.events.committed(commits);
	}

	/** Another replica is active than before, this one perhaps. */
	#announce(turn: Turn): void {
		const { active, term } = this.#replica;
		const who =
			active === null ? 'nobody' : active === this.#init.network.self ? 'this one' : active.slice(0, 8);
		this.#init.events.log('info', `term ${term} of the Booter: ${who} is active`);
		for (const peer of this.#heartbeats.linked())
			turn.send.push({ to: peer, packet: this.#heartbeats.of(peer) });
	}

	/** Signatures were checked by whoever wrote it there, and are checked by those who vote. */
	#readLogged(block: CertifiedBlock): CertifiedBody | null {
		const { topology, genesis, chainId } = this.chain;
		try {
			return readCertifiedBlock(block, topology, genesis.fields, chainId).body;
		} catch (error) {
			if (error instanceof LedgerError) return null;
			throw error;
		}
	}

	#looksAlive(peer: string): boolean {
		const { network, clock, timing } = this.#init;
		const isLinked = network.links().some((link) => link.peer === peer && link.path !== 'down');
		return isLinked && this.peers.isAlive(peer, clock.now(), timing.awayMs);
	}

	#sendNow(to: string, packet: Packet['body']): void {
		this.#init.network.send(to, [encodePacket(create(PacketSchema, { body: packet }))]);
	}

	#halt(error: Error): void {
		if (this.#halted) return;
		this.#halted = true;
		for (const stop of this.#stops.splice(0)) stop();
		this.#init.events.log('error', `the Booter stopped: ${error.message}`);
		this.#init.events.halted(error);
	}
}
