/**
 * The Booter as a running node: the ordering core joined to the network, the store and the operator's key. It keeps every
 * final block, so that late joiners can always catch up and a network whose tabs have all gone resumes with them.
 */
import { create } from '@bufbuild/protobuf';
import { checkPartitionVotes } from '#lib/consensus/certificates.ts';
import {
	checkJoin,
	checkLeave,
	membershipSignatures,
	readJoin,
	splitTarget,
	unusedId
} from '#lib/consensus/membership/change.ts';
import { BooterCore } from '#lib/consensus/ordering/booter/booter.ts';
import { noBooterEffects, type BooterEffects } from '#lib/consensus/ordering/booter/booter-effects.ts';
import { BooterReplica } from '#lib/consensus/ordering/booter/replica.ts';
import { checkLeaderChange } from '#lib/consensus/pbft/validation/leader-change.ts';
import {
	readCertifiedBlock,
	toCertifiedBlock,
	type CertifiedBody
} from '#lib/consensus/ordering/certified-block.ts';
import type { Chain, Commit } from '#lib/consensus/ordering/chain.ts';
import { checkComplaint, readComplaint } from '#lib/consensus/ordering/complaint.ts';
import { Complaints, type ComplaintSummary } from '#lib/consensus/ordering/booter/complaints.ts';
import { recoveryOf } from '#lib/consensus/membership/recovery.ts';
import { checkPartitionRefusal } from '#lib/consensus/ordering/refusal.ts';
import { checkPartitionStatus } from '#lib/consensus/ordering/status.ts';
import { checkRaftMessage, type RaftMessage } from '#lib/consensus/raft/messages.ts';
import { Raft } from '#lib/consensus/raft/raft.ts';
import { isWellFormed, Kind, signedCheck, statementBytes, type Statement } from '#lib/consensus/statement.ts';
import type { PartitionView } from '#lib/consensus/topology.ts';
import { fromHex, toHex } from '#lib/crypto/hex.ts';
import type { Signer, Suite, Verification } from '#lib/crypto/suite.ts';
import { decodeFinalBlock } from '#lib/ledger/block.ts';
import { LedgerError } from '#lib/ledger/errors.ts';
import { MAX_PARTITIONS } from '#lib/ledger/genesis.ts';
import type { Network } from '#lib/network/network.ts';
import type { Clock } from '#lib/node/clock.ts';
import { Inbox } from '#lib/node/intake/inbox.ts';
import { Peers } from '#lib/node/peers/peers.ts';
import { holdEvidence } from '#lib/node/intake/evidence-checks.ts';
import { votersOf } from '#lib/node/intake/order-checks.ts';
import { answerSnapshot } from '#lib/node/sync/snapshot-answers.ts';
import { answerSync, commitFetched, Sync, type FetchedBlock } from '#lib/node/sync/sync.ts';
import { ticks, type Timing } from '#lib/node/timing.ts';
import { addEffects, emptyTurn, Turns, type Turn } from '#lib/node/driver/turns.ts';
import { Verifier } from '#lib/node/intake/verifier.ts';
import type { LedgerStore } from '#lib/storage/ledger-store.ts';
import { encodePacket } from '#lib/wire/codec.ts';
import {
	Admission,
	type CertifiedBlock,
	type Evidence,
	type Signed,
	type SignedRecovery
} from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import type { LeaderChange } from '#lib/wire/gen/tabwave/v1/view_change_pb.js';
import {
	PacketSchema,
	LostPartitionsSchema,
	OperatorWishesSchema,
	type LostPartitions,
	type OperatorWishes,
	type Packet,
	type PartitionRefusal,
	type PartitionStatus,
	type PartitionVote,
	type SnapshotRequest
} from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { Assignments } from './assignments.ts';
import { StoredCheckpoints } from './stored-checkpoints.ts';
import { SyncAnswers, isForStrangers } from './strangers.ts';
import { RevocationSpread, type RevokedInvitations } from './revocation-spread.ts';
import { RecoveryWatch, type LostPartition, type RecoveryWish } from './recovery-watch.ts';

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

type BooterInput =
	| { type: 'tick' }
	| { type: 'start' }
	| { type: 'raft'; from: string; message: RaftMessage }
	| { type: 'hand-over' }
	| { type: 'certified'; body: CertifiedBody }
	| { type: 'request'; signed: Signed }
	| { type: 'status'; status: PartitionStatus }
	| { type: 'vote'; vote: PartitionVote }
	| { type: 'refusal'; refusal: PartitionRefusal }
	| { type: 'synced'; blocks: FetchedBlock[]; done(): void }
	| { type: 'leader-changed'; partition: number; view: number }
	| { type: 'recover'; signed: SignedRecovery }
	| { type: 'heard-again'; partition: number }
	| { type: 'evidence'; offender: string; evidence: Evidence }
	| { type: 'operator'; statement: Statement; signature: Uint8Array }
	| { type: 'link'; peer: string; isUp: boolean };

/** Members repeat a complaint while it lasts; this is three times as long. */
const COMPLAINT_LIFETIME_MS = 15_000;
const SYNC_CHECK_MS = 200;
/** Being behind is not ordinary for a Booter: who is active tells of a block only when it has it, and the others follow at once. */
const SYNC_PATIENCE_MS = 0;
/** A clean stop waits for another replica to take over no longer than this: Ctrl-C ends a relay within 2 s. */
const HAND_OVER_TIMEOUT_MS = 500;
const NOBODY = new Uint8Array(0);

export class BooterNode {
	readonly chain: Chain;
	readonly peers = new Peers();
	readonly sync: Sync;
	readonly #init: BooterNodeInit;
	readonly #core: BooterCore;
	readonly #replica: BooterReplica;
	readonly #turns: Turns<BooterInput>;
	readonly #inbox: Inbox<BooterInput>;
	readonly #verifier: Verifier;
	readonly #assignments: Assignments;
	readonly #recoveries: RecoveryWatch;
	readonly #revocations: RevocationSpread | null;
	/** Partitions without a quorum, as they were last looked at. */
	#lost: LostPartition[] = [];
	readonly #complaints = new Complaints(COMPLAINT_LIFETIME_MS);
	readonly #answers = new SyncAnswers();
	readonly #checkpoints: StoredCheckpoints;
	readonly #stops: (() => void)[] = [];
	#halted = false;

	constructor(init: BooterNodeInit) {
		this.#init = init;
		this.chain = init.chain;
		this.#verifier = new Verifier(init.suite);
		this.#assignments = new Assignments(
			init.chain.topology,
			() => unusedId(init.chain.topology, init.chain.genesis.fields) !== null
		);
		this.#recoveries = new RecoveryWatch(init.chain.genesis.fields);
		this.#revocations = init.revoked ? new RevocationSpread(init.revoked) : null;
		this.#core = new BooterCore({
			chain: init.chain,
			resendTicks: ticks(init.timing, init.timing.resendMs),
			gatherTicks: ticks(init.timing, init.timing.gatherMs),
			gapTicks: ticks(init.timing, init.timing.gapMs),
			readBlock: (block) => this.#readLogged(block)
		});
		this.#checkpoints = new StoredCheckpoints(init.chain, init.votes);
		const replicas = init.chain.genesis.fields.booters.map(toHex);
		this.#replica = new BooterReplica({
			chain: init.chain,
			core: this.#core,
			raft: new Raft({
				self: toHex(init.signer.publicKey),
				records: init.votes,
				bootstrap: { voters: replicas },
				electionTicks: ticks(init.timing, init.timing.booterElectionMs),
				heartbeatTicks: ticks(init.timing, init.timing.booterHeartbeatMs),
				stallTicks: ticks(init.timing, init.timing.booterPatienceMs),
				random: init.random
			}),
			replicas
		});
		this.#turns = new Turns<BooterInput>({
			chainId: init.chain.chainId,
			signer: init.signer,
			store: init.store,
			network: init.network,
			step: (inputs) => this.#step(inputs),
			members: () => [],
			own: () => [],
			keepsBlocks: true,
			committed: (commits) => this.#committed(commits),
			halt: (error) => this.#halt(error)
		});
		this.sync = new Sync({
			chain: init.chain,
			peers: this.peers,
			verifier: this.#verifier,
			clock: init.clock,
			awayMs: init.timing.awayMs,
			looksAlive: (peer) => this.#looksAlive(peer),
			send: (to, packet) => this.#sendNow(to, packet),
			apply: (blocks) => new Promise((done) => this.#turns.add({ type: 'synced', blocks, done })),
			log: init.events.log
		});
		this.#inbox = new Inbox<BooterInput>({
			check: (from, packet) => this.#check(from, packet),
			deliver: (input) => this.#turns.add(input),
			rejected: (from, error) =>
				init.events.log('warning', `refused what ${from.slice(0, 8)} sent: ${error.message}`)
		});
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
				if (isUp) this.#heartbeatTo(status.peer);
				else this.#inbox.forget(status.peer);
				this.#turns.add({ type: 'link', peer: status.peer, isUp });
			},
			violation: (from, error) =>
				events.log('warning', `the link to ${from.slice(0, 8)} was closed: ${error.message}`)
		});
		network.setPeers(this.chain.genesis.fields.booters.map(toHex).filter((id) => id !== network.self));
		this.#stops.push(
			clock.every(timing.tickMs, () => this.#turns.add({ type: 'tick' })),
			clock.every(timing.heartbeatMs, () => this.#heartbeat()),
			clock.every(
				timing.heartbeatMs,
				() => void this.#watchPartitions().catch((error: Error) => this.#halt(error))
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
		return this.#complaints.against(booter, term, this.chain.topology.active(), this.#init.clock.now());
	}

	/** R22: the operator wants a partition that has lost its quorum to go on without its lost members, or to end. */
	wishRecovery(wish: RecoveryWish): void {
		this.#recoveries.wish(wish);
	}

	/** Partitions of which too few members are heard. */
	get lost(): readonly LostPartition[] {
		return this.#lost;
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
			turn.send.push({ to: member, packet: refusal(error) });
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
				return this.#checkRaft(from, body.value);
			case 'certifiedBlock':
				return this.#checkCertified(body.value);
			case 'partitionVote':
				return this.#checkVote(body.value);
			case 'partitionStatus':
				return this.#checkStatus(body.value);
			case 'partitionRefusal':
				return this.#checkRefusal(body.value);
			case 'signed':
				return body.value.kind === Kind.COMPLAINT
					? this.#takeComplaint(body.value)
					: this.#checkRequest(from, body.value);
			case 'leaderChange':
				return this.#checkLeaderChange(body.value);
			case 'evidence':
				return this.#checkEvidence(body.value);
			case 'heartbeat':
				this.peers.heartbeat(from, body.value, this.#init.clock.now());
				if (!this.#replica.isReplica(from)) return null;
				this.sync.check(SYNC_PATIENCE_MS);
				for (const wish of (body.value.wishes?.recoveries ?? []).slice(0, MAX_PARTITIONS))
					if (this.chain.topology.partition(wish.partition)) this.#recoveries.wishElsewhere(wish);
				this.#tellRevocations(from, body.value.wishes?.revokedHash ?? NOBODY);
				return null;
			case 'revokedInvitations':
				this.#takeRevocations(from, body.value.ids);
				return null;
			case 'assignmentRequest':
				this.#assign(from, body.value.partition);
				return null;
			case 'syncRequest':
				void this.#answers.give(from, () => this.#answerSync(from, body.value));
				return null;
			case 'snapshotRequest':
				void this.#answers.give(from, () => this.#answerSnapshot(from, body.value));
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

	/** The link says who speaks; nobody but a replica has a say in who is active. */
	#checkRaft(from: string, message: RaftMessage): BooterInput {
		if (!this.#replica.isReplica(from))
			throw new LedgerError('NotBooter', 'what only a Booter says comes from who is none');
		checkRaftMessage(message);
		return { type: 'raft', from, message };
	}

	async #checkCertified(block: CertifiedBlock): Promise<BooterInput | null> {
		const { topology, genesis, chainId } = this.chain;
		const certificate = block.certificate;
		if (certificate && topology.partition(certificate.partition)?.epoch !== certificate.epoch) return null;
		if (certificate && certificate.roundId <= topology.lastRoundId(certificate.partition)) return null;
		const { body, checks } = readCertifiedBlock(block, topology, genesis.fields, chainId);
		await this.#hold(checks, 'a certified block');
		return { type: 'certified', body };
	}

	async #checkVote(vote: PartitionVote): Promise<BooterInput | null> {
		if (vote.kind !== Kind.SIGN && vote.kind !== Kind.DONE)
			throw new LedgerError('MessageMalformed', 'a partition votes Sign or Done');
		if (!vote.votes) throw new LedgerError('MessageMalformed', 'a partition vote holds votes');
		if (vote.height <= this.chain.head.height) return null;
		const partition = this.chain.topology.partition(vote.votes.partition);
		const checks = checkPartitionVotes(vote.kind, vote, vote.votes, partition, this.chain.chainId);
		await this.#hold(checks, 'a partition vote');
		return { type: 'vote', vote };
	}

	async #checkStatus(status: PartitionStatus): Promise<BooterInput | null> {
		if (status.height !== this.chain.head.height + 1) return null;
		await this.#hold(checkPartitionStatus(status, votersOf(this.chain)), 'a partition status');
		return { type: 'status', status };
	}

	async #checkRefusal(refusal: PartitionRefusal): Promise<BooterInput | null> {
		const partition = this.chain.topology.partition(refusal.partition);
		if (partition?.epoch !== refusal.epoch) return null;
		await this.#hold(checkPartitionRefusal(refusal, partition, this.chain.chainId), 'a refusal');
		return { type: 'refusal', refusal };
	}

	async #takeComplaint(signed: Signed): Promise<null> {
		const { maxRoundsInFlight } = this.chain.genesis.fields;
		const checks = checkComplaint(signed, votersOf(this.chain), maxRoundsInFlight);
		await this.#hold(checks, 'a complaint');
		this.#complaints.add(signed, this.#init.clock.now());
		const { name, booter } = readComplaint(signed.payload);
		this.#init.events.log('warning', `${toHex(signed.sender).slice(0, 8)} complains of a Booter: ${name}`);
		const summary = this.complaintAgainst(toHex(booter), signed.view);
		if (summary) {
			// R21: only another Booter mends what is not a standstill.
			this.#replica.accuse(summary.booter, summary.term, summary.name !== 'BooterStalls');
			this.#init.events.complaint?.(summary);
		}
		return null;
	}

	async #hold(checks: Verification[], what: string): Promise<void> {
		if (!(await this.#verifier.verifyAll(checks)))
			throw new LedgerError('SignatureInvalid', `${what} carries a bad signature`);
	}

	/** Who leads a partition is believed of what its members signed, never of who says so. */
	async #checkLeaderChange(leaderChange: LeaderChange): Promise<BooterInput | null> {
		const { signed } = leaderChange;
		const partition = signed && this.chain.topology.partition(signed.partition);
		if (!partition || signed.epoch !== partition.epoch || signed.view <= this.#core.view(partition.id))
			return null;
		const checked = checkLeaderChange(leaderChange, { chain: this.chain, partition });
		if (!checked) return null;
		if (!(await this.#verifier.verifyAll(checked.checks)))
			throw new LedgerError('SignatureInvalid', 'a LeaderChange carries a bad signature');
		return { type: 'leader-changed', partition: partition.id, view: checked.view };
	}

	/** R24: against a member; of anybody else there is nobody to evict. */
	async #checkEvidence(evidence: Evidence): Promise<BooterInput | null> {
		const accused = evidence.first && toHex(evidence.first.sender);
		if (!accused || !this.chain.topology.partitionOf(accused) || this.#core.requests.isAccused(accused))
			return null;
		const { offender, evidence: held } = await holdEvidence(evidence, this.chain, this.#verifier);
		return { type: 'evidence', offender, evidence: held };
	}

	async #checkRequest(from: string, signed: Signed): Promise<BooterInput | null> {
		if (!this.#isAskedRightly(from)) return null;
		const { topology, chainId, genesis, head, state } = this.chain;
		if (!isWellFormed(signed))
			throw new LedgerError('MessageMalformed', 'a request has fields of wrong size');
		const partition = topology.partition(signed.partition);
		try {
			if (!partition) throw new LedgerError('MembershipInvalid', `there is no partition ${signed.partition}`);
			const context = {
				state,
				genesis: genesis.fields,
				chainId,
				height: head.height + 1,
				timeMs: this.#init.clock.now()
			};
			if (signed.kind === Kind.JOIN) {
				checkJoin(signed, partition, topology, context);
				if (partition.members.length >= partition.maxMembers && !this.#maySplit(partition, from))
					throw new LedgerError(
						'PartitionFull',
						`partition ${partition.id} has ${partition.maxMembers} seats and all are taken`
					);
				const checks = membershipSignatures(
					{ joins: [signed], leaves: [], evictions: [] },
					genesis.fields.operator,
					chainId
				);
				if (!(await this.#verifier.verifyAll(checks)))
					throw new LedgerError(
						'InvitationInvalid',
						'the signature of the join or of its invitation does not hold'
					);
				const { invitation } = readJoin(signed);
				if (invitation && this.#init.revoked?.has(invitation.invitation))
					throw new LedgerError('InvitationRevoked', 'the operator has taken this invitation back');
				this.#recoveries.newcomer(this.#init.clock.now());
			} else if (signed.kind === Kind.LEAVE || signed.kind === Kind.SILENCE) {
				if (signed.epoch !== partition.epoch || !partition.members.includes(toHex(signed.sender)))
					return null;
				if (signed.kind === Kind.LEAVE) checkLeave(signed, partition);
				if (!(await this.#verifier.verifyOnce(signedCheck(chainId, signed))))
					throw new LedgerError('SignatureInvalid', 'a request carries a bad signature');
				// R22: who is heard is not silent.
				if (signed.kind === Kind.SILENCE && this.#isHeard(toHex(signed.digest))) return null;
			} else return null;
		} catch (error) {
			if (error instanceof LedgerError && error.reason !== 'AlreadyMember')
				this.#sendNow(from, refusal(error));
			throw error;
		}
		return { type: 'request', signed };
	}

	/** Who asks a replica that is not active is told which one is. What it asked for is not kept: it may be out of date by the time. */
	#isAskedRightly(from: string): boolean {
		if (this.#replica.isActive) return true;
		this.#heartbeatTo(from);
		return false;
	}

	/** R22: signs for the operator what is due, and takes it back where a quorum is heard again. */
	async #watchPartitions(): Promise<void> {
		const { clock, timing, events, operator } = this.#init;
		const nowMs = clock.now();
		const { requests } = this.#core;
		const active = this.chain.topology.active();
		const isHeard = (member: string): boolean => this.peers.isAlive(member, nowMs, timing.awayMs);
		this.#lost = this.#recoveries.look(active, isHeard, nowMs);
		for (const partition of active)
			if (requests.recovery(partition) && !this.#lost.some((one) => one.partition.id === partition.id))
				this.#turns.add({ type: 'heard-again', partition: partition.id });
		for (const { partition, sinceMs, remaining, dueInMs } of this.#lost) {
			if (dueInMs !== 0 || requests.recovery(partition) || !this.#core.isLeading) continue;
			const wish = this.#recoveries.wishFor(partition.id);
			const { recovery, message } = recoveryOf(partition, {
				chainId: this.chain.chainId,
				remaining,
				retire: wish?.retire ?? false,
				silentSinceMs: sinceMs,
				automatic: wish === null
			});
			const signature = await operator.sign(message);
			events.log(
				'warning',
				`recovers partition ${partition.id}: ${remaining.length} of ${partition.members.length} members are heard`
			);
			this.#turns.add({
				type: 'recover',
				signed: { $typeName: 'tabwave.v1.SignedRecovery', recovery, signature }
			});
		}
	}

	/** R22: a full partition takes a newcomer that finds no seat elsewhere, or that was sent here when it found none. */
	#maySplit(partition: PartitionView, from: string): boolean {
		const { topology, genesis } = this.chain;
		if (unusedId(topology, genesis.fields) === null || partition.maxMembers === 0) return false;
		return (
			splitTarget(partition, topology, genesis.fields) !== null ||
			this.#assignments.isAssigned(from, partition.id)
		);
	}

	#isHeard(member: string): boolean {
		const { clock, timing } = this.#init;
		return this.peers.isAlive(member, clock.now(), timing.evictionGraceMs / 2);
	}

	#assign(from: string, wish: number): void {
		if (!this.#isAskedRightly(from)) return;
		const nowMs = this.#init.clock.now();
		const { topology, genesis } = this.chain;
		// Where everybody is gone all seats may be taken still.
		if (genesis.fields.admission === Admission.OPEN && !topology.partitionOf(from))
			this.#recoveries.newcomer(nowMs);
		const partition = this.#assignments.choose(from, wish, nowMs);
		if (partition === null) {
			const what = wish === 0 ? 'every partition' : `partition ${wish}`;
			this.#sendNow(from, refusal(new LedgerError('PartitionFull', `${what} is full or does not exist`)));
			return;
		}
		this.#sendNow(from, {
			case: 'assignment',
			value: { $typeName: 'tabwave.v1.Assignment', partition, finalHeight: this.chain.head.height }
		});
	}

	async #signAsOperator(statement: Statement): Promise<void> {
		const { operator } = this.#init;
		const signature = await operator.sign(statementBytes(this.chain.chainId, statement, operator.publicKey));
		this.#turns.add({ type: 'operator', statement, signature });
	}

	async #answerSync(to: string, request: Parameters<typeof answerSync>[2]): Promise<void> {
		try {
			const response = await answerSync(this.#init.store, this.chain.head.height, request);
			this.#sendNow(to, { case: 'syncResponse', value: response });
		} catch (error) {
			this.#halt(error as Error);
		}
	}

	async #answerSnapshot(to: string, request: SnapshotRequest): Promise<void> {
		try {
			const response = await answerSnapshot(this.chain, this.#init.store, request);
			this.#sendNow(to, { case: 'snapshotResponse', value: response });
		} catch (error) {
			this.#halt(error as Error);
		}
	}

	#committed(commits: Commit[]): void {
		// Newcomers learn that they are members; the others have it from their leaders.
		if (commits.some((commit) => commit.blocks.some((block) => block.kind === 'membership')))
			this.#heartbeat();
		// The other replicas hold every final block too, and whoever is active next must not have to fetch them then.
		else if (this.#replica.isActive)
			for (const { peer, path } of this.#init.network.links())
				if (path !== 'down' && this.#replica.isReplica(peer)) this.#heartbeatTo(peer);
		this.#init.events.committed(commits);
	}

	#heartbeat(): void {
		for (const { peer, path } of this.#init.network.links()) if (path !== 'down') this.#heartbeatTo(peer);
	}

	/** Another replica is active than before, this one perhaps. */
	#announce(turn: Turn): void {
		const { active, term } = this.#replica;
		const who =
			active === null ? 'nobody' : active === this.#init.network.self ? 'this one' : active.slice(0, 8);
		this.#init.events.log('info', `term ${term} of the Booter: ${who} is active`);
		for (const { peer, path } of this.#init.network.links())
			if (path !== 'down') turn.send.push({ to: peer, packet: this.#heartbeatOf(peer) });
	}

	#heartbeatTo(peer: string): void {
		this.#sendNow(peer, this.#heartbeatOf(peer));
	}

	#heartbeatOf(peer: string): Packet['body'] {
		const { head, topology } = this.chain;
		const partition = topology.partitionOf(peer);
		const { active, term } = this.#replica;
		return {
			case: 'heartbeat',
			value: {
				$typeName: 'tabwave.v1.Heartbeat',
				partition: partition?.id ?? 0,
				epoch: partition?.epoch ?? 0,
				// R10: a leader of a higher view answers with its LeaderChange.
				view: partition ? this.#core.view(partition.id) : 0,
				finalHeight: head.height,
				headHash: head.hash,
				syncing: false,
				booterTerm: term,
				activeBooter: active === null ? NOBODY : fromHex(active),
				lost: lostPartitions(this.#lost),
				...(this.#replica.isReplica(peer) && {
					wishes: operatorWishes(this.#recoveries.asked, this.#revocations?.hash)
				})
			}
		};
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

/** As members hear of them; none where all is well. */
function lostPartitions(lost: readonly LostPartition[]): LostPartitions | undefined {
	if (lost.length === 0) return undefined;
	return create(LostPartitionsSchema, {
		// 0 says that only the operator acts.
		partitions: lost.map(({ partition, dueInMs }) => ({
			partition: partition.id,
			recoversInMs: dueInMs === null ? 0 : Math.max(1, dueInMs)
		}))
	});
}

/** As the other replicas hear of them; none where there are none. */
function operatorWishes(
	wishes: readonly RecoveryWish[],
	revokedHash: Uint8Array = NOBODY
): OperatorWishes | undefined {
	if (wishes.length === 0 && revokedHash.length === 0) return undefined;
	return create(OperatorWishesSchema, {
		recoveries: wishes.map(({ partition, retire }) => ({ partition, retire })),
		revokedHash
	});
}

function refusal(error: LedgerError): Packet['body'] {
	return {
		case: 'refusal',
		value: { $typeName: 'tabwave.v1.Refusal', name: error.reason, message: error.message }
	};
}
