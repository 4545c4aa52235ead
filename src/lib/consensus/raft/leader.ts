/**
 * What a replica has only while it leads: what it adds to the log, when that is committed (R19), how the cluster's membership
 * changes, and to whom it hands over.
 */
import type { AppendResponse, InstallSnapshotResponse } from '../../wire/gen/tabwave/v1/raft_pb.js';
import {
	configurationOf,
	encodeConfiguration,
	enterJoint,
	isJoint,
	isSimpleChange,
	isVoter,
	leaveJoint,
	membershipFault,
	type Configuration,
	type Membership
} from './configuration.ts';
import { MAX_ENTRY_BYTES, type RaftLimits } from './limits.ts';
import type { LogPlace, RaftLog } from './log.ts';
import { RaftEntryType, type MessageBody } from './messages.ts';
import type { Outbox, Refusal } from './outbox.ts';
import { Replication } from './replication.ts';

export interface LeaderInit {
	self: string;
	term: number;
	log: RaftLog;
	outbox: Outbox;
	limits: RaftLimits;
	electionTicks: number;
	heartbeatTicks: number;
}

/** How a change of membership is gone through. */
export type Transition = 'auto' | 'joint' | 'explicit';

export class Leader {
	readonly #init: LeaderInit;
	readonly #log: RaftLog;
	readonly #replication: Replication;
	/** Where its term begins in the log: once that is committed, so is all before. */
	readonly #firstIndex: number;
	/** Who is to lead next, and whether it was told. */
	#transfer: { to: string; isTold: boolean; sinceTicks: number } | null = null;
	#sinceHeartbeatTicks = 0;
	#sinceCheckTicks = 0;

	constructor(init: LeaderInit) {
		this.#init = init;
		this.#log = init.log;
		this.#firstIndex = init.log.lastIndex + 1;
		this.#replication = new Replication({
			self: init.self,
			log: init.log,
			limits: init.limits,
			resendTicks: init.electionTicks,
			send: (to, body) => this.#send(to, body)
		});
	}

	/** All that earlier leaders committed is committed here, by an entry of this term. */
	get hasCommitted(): boolean {
		return this.#log.commit >= this.#firstIndex;
	}

	get firstIndex(): number {
		return this.#firstIndex;
	}

	get transferee(): string | null {
		return this.#transfer?.to ?? null;
	}

	get replication(): Replication {
		return this.#replication;
	}

	/** The first entry of its term. */
	start(): void {
		this.#push(RaftEntryType.TERM_START, new Uint8Array(0));
	}

	/** @returns whether it still leads: CheckQuorum, who hears no quorum for an election timeout does not */
	tick(): boolean {
		const { electionTicks, heartbeatTicks } = this.#init;
		this.#replication.tick();
		if (++this.#sinceCheckTicks >= electionTicks) {
			this.#sinceCheckTicks = 0;
			if (!this.#replication.takeActivity()) return false;
		}
		if (this.#transfer && ++this.#transfer.sinceTicks >= electionTicks) this.#transfer = null;
		if (++this.#sinceHeartbeatTicks >= heartbeatTicks) {
			this.#sinceHeartbeatTicks = 0;
			this.#replication.heartbeat();
		}
		return true;
	}

	propose(data: Uint8Array): LogPlace | Refusal {
		return this.#proposalFault(data.length) ?? this.#push(RaftEntryType.DATA, data);
	}

	changeMembership(membership: Membership, transition: Transition): LogPlace | Refusal {
		const { configuration } = this.#log;
		const fault = this.#changeFault() ?? (isJoint(configuration) ? 'ChangeUnderWay' : null);
		if (fault) return fault;
		if (membershipFault(membership)) return 'MembershipInvalid';
		return this.#pushConfiguration(
			transition === 'auto' && isSimpleChange(configuration, membership)
				? configurationOf(membership)
				: enterJoint(configuration, membership, transition !== 'explicit')
		);
	}

	leaveJointConfiguration(): LogPlace | Refusal {
		const fault = this.#changeFault();
		if (fault) return fault;
		const { configuration } = this.#log;
		return isJoint(configuration) ? this.#pushConfiguration(leaveJoint(configuration)) : 'MembershipInvalid';
	}

	/** @param to null for the voter whose log is furthest */
	transferTo(to: string | null): Refusal | null {
		const { self } = this.#init;
		const { configuration } = this.#log;
		const target = to ?? this.#replication.mostAdvanced(configuration.voters.filter((id) => id !== self));
		if (target === null || target === self || !isVoter(configuration, target)) return 'NotVoter';
		if (this.#transfer?.to === target) return null;
		this.#transfer = { to: target, isTold: false, sinceTicks: 0 };
		this.#tellTransferee();
		if (!this.#transfer.isTold) this.#replication.probe(target);
		return null;
	}

	onAppendResponse(from: string, response: AppendResponse): void {
		if (!this.#replication.onAppendResponse(from, response)) return;
		if (this.#advanceCommit()) this.#replication.broadcast();
		this.#replication.fill(from);
		this.#tellTransferee();
	}

	onHeartbeatResponse(from: string): void {
		this.#replication.onHeartbeatResponse(from);
	}

	onSnapshotResponse(from: string, response: InstallSnapshotResponse): void {
		this.#replication.onSnapshotResponse(from, response);
	}

	/**
	 * What a committed configuration asks of its leader: to end a joint one, and to go where it is no part of it.
	 * @returns whether it still leads
	 */
	followConfiguration(): boolean {
		if (!this.#isConfigurationCommitted) return true;
		const { configuration } = this.#log;
		if (isJoint(configuration) && configuration.autoLeave && this.hasCommitted && !this.#transfer)
			this.#pushConfiguration(leaveJoint(configuration));
		if (!this.#isConfigurationCommitted) return true;
		this.#replication.dropRemoved();
		if (isVoter(this.#log.configuration, this.#init.self)) return true;
		// One of the others goes on at once.
		this.transferTo(null);
		return false;
	}

	get #isConfigurationCommitted(): boolean {
		return this.#log.configurationIndex <= this.#log.commit;
	}

	#proposalFault(bytes: number): Refusal | null {
		// Removed, and only here to see its own removal through.
		if (!isVoter(this.#log.configuration, this.#init.self)) return 'NotVoter';
		if (this.#transfer) return 'TransferUnderWay';
		if (bytes > MAX_ENTRY_BYTES) return 'EntryTooLarge';
		const { maxSnapshotsOverdue, snapshotAfterBytes, snapshotAfterEntries, maxUncommittedBytes } =
			this.#init.limits;
		if (
			this.#log.entriesSinceSnapshot >= maxSnapshotsOverdue * snapshotAfterEntries ||
			this.#log.bytesSinceSnapshot >= maxSnapshotsOverdue * snapshotAfterBytes
		)
			return 'LogFull';
		const uncommittedBytes = this.#log.bytesAfter(this.#log.commit);
		return uncommittedBytes > 0 && uncommittedBytes + bytes > maxUncommittedBytes ? 'UncommittedFull' : null;
	}

	/**
	 * One change at a time; and none before an entry of this leader's own term is committed, or two leaders might each rely on
	 * a majority that shares nobody with the other's (Ongaro, raft-dev, 2015).
	 */
	#changeFault(): Refusal | null {
		if (this.#transfer) return 'TransferUnderWay';
		return this.#isConfigurationCommitted && this.hasCommitted ? null : 'ChangeUnderWay';
	}

	#pushConfiguration(configuration: Configuration): LogPlace {
		return this.#push(RaftEntryType.CONFIGURATION, encodeConfiguration(configuration));
	}

	#push(type: RaftEntryType, data: Uint8Array): LogPlace {
		const { term, outbox } = this.#init;
		this.#log.push(term, type, data, outbox.persist);
		const place = { index: this.#log.lastIndex, term };
		if (type === RaftEntryType.CONFIGURATION) this.#reconfigure();
		// Where this replica is all of a quorum, that is all.
		this.#advanceCommit();
		this.#replication.broadcast();
		return place;
	}

	#reconfigure(): void {
		this.#replication.reconfigure();
		if (this.#transfer && !isVoter(this.#log.configuration, this.#transfer.to)) this.#transfer = null;
	}

	/** R19: only an entry of the leader's own term commits by counting; earlier ones go with it. */
	#advanceCommit(): boolean {
		const index = this.#replication.committedIndex();
		return this.#log.term(index) === this.#init.term && this.#log.commitTo(index);
	}

	#tellTransferee(): void {
		const transfer = this.#transfer;
		if (!transfer || transfer.isTold || !this.#replication.isCaughtUp(transfer.to)) return;
		transfer.isTold = true;
		this.#send(transfer.to, { case: 'timeoutNow', value: { $typeName: 'tabwave.v1.TimeoutNow' } });
	}

	#send(to: string, body: MessageBody): void {
		this.#init.outbox.send(to, this.#init.term, body);
	}
}
