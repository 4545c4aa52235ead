/**
 * How a leader brings its log to the others: entries, snapshots, heartbeats, and what it learns from the answers. What they
 * mean for the commit index is for leader.ts to say.
 */
import { invariant } from '../../ledger/errors.ts';
import type { AppendResponse, InstallSnapshotResponse } from '../../wire/gen/tabwave/v1/raft_pb.js';
import { replicasOf, toWireConfiguration } from './configuration.ts';
import { committedIndex, isQuorum } from './joint-quorum.ts';
import { MAX_ENTRIES_PER_MESSAGE, type RaftLimits } from './limits.ts';
import type { Entry, RaftLog } from './log.ts';
import type { MessageBody } from './messages.ts';
import { Inflights, Progress } from './progress.ts';

export interface ReplicationInit {
	self: string;
	log: RaftLog;
	limits: RaftLimits;
	/** Ticks without an answer after which a snapshot's piece goes out again. */
	resendTicks: number;
	send(to: string, body: MessageBody): void;
}

export class Replication {
	readonly #init: ReplicationInit;
	readonly #log: RaftLog;
	/** Of all replicas but this one. */
	readonly #others = new Map<string, Progress>();

	constructor(init: ReplicationInit) {
		this.#init = init;
		this.#log = init.log;
		// Who answers within an election timeout is active: until then nobody is.
		this.#follow(false);
	}

	/** The others' progress, for status. */
	progress(): [string, Progress][] {
		return [...this.#others];
	}

	/** The highest index that a quorum holds durably. */
	committedIndex(): number {
		const { self } = this.#init;
		// Its own entries are durable before anything of the step that adds them leaves.
		return committedIndex(this.#log.configuration, (id) =>
			id === self ? this.#log.lastIndex : (this.#others.get(id)?.match ?? 0)
		);
	}

	/**
	 * The configuration in force has changed. Who is new has an election timeout's time to answer. Who is removed is written to
	 * until that is committed, so that it learns of it and campaigns no more.
	 */
	reconfigure(): void {
		this.#follow(true);
	}

	/** The configuration in force is committed, and the others were told. */
	dropRemoved(): void {
		const replicas = replicasOf(this.#log.configuration);
		for (const id of this.#others.keys()) if (!replicas.includes(id)) this.#others.delete(id);
	}

	/** CheckQuorum: whether a quorum has answered since the last call. */
	takeActivity(): boolean {
		const isActive = isQuorum(
			this.#log.configuration,
			(id) => id === this.#init.self || this.#others.get(id)?.isActive === true
		);
		for (const progress of this.#others.values()) progress.isActive = false;
		return isActive;
	}

	tick(): void {
		for (const { transfer } of this.#others.values()) if (transfer) transfer.sinceTicks += 1;
	}

	heartbeat(): void {
		for (const to of this.#others.keys()) this.heartbeatTo(to);
	}

	heartbeatTo(to: string): void {
		const progress = this.#others.get(to);
		if (!progress) return;
		// Above its match the follower's log may not be the leader's yet.
		const commit = Math.min(progress.match, this.#log.commit);
		progress.sentCommit = Math.max(progress.sentCommit, commit);
		this.#send(to, { case: 'heartbeat', value: { $typeName: 'tabwave.v1.LeaderHeartbeat', commit } });
	}

	/** Entries, or else the commit index, to everyone who may have something now. */
	broadcast(): void {
		for (const to of this.#others.keys()) this.#append(to, true);
	}

	/**
	 * The follower holds the log up to some entry, or not the one before what it was sent.
	 * @returns whether it is further than was known
	 */
	onAppendResponse(from: string, response: AppendResponse): boolean {
		const progress = this.#others.get(from);
		if (!progress) return false;
		progress.isActive = true;
		if (response.rejected) {
			const hint = this.#log.lastPlaceWithin(response.hintIndex, response.hintTerm);
			if (progress.reject(response.index, hint.index)) this.#append(from, true);
			return false;
		}
		invariant(
			response.index <= this.#log.lastIndex,
			'R19',
			`${from} acknowledges what no leader of this term sent`
		);
		const wasMatch = progress.match;
		if (!progress.acknowledge(response.index)) {
			// A follower that was only probed for: it is where the leader thought.
			if (progress.state !== 'probe' || response.index !== wasMatch) return false;
		}
		if (progress.state === 'probe') progress.becomeReplicate();
		else if (progress.state === 'snapshot' && progress.match >= this.#log.start.index)
			progress.becomeReplicate();
		return true;
	}

	/** More of what the follower lacks, after it advanced. */
	fill(to: string): void {
		const progress = this.#others.get(to);
		if (!progress) return;
		// It could commit more than it was told so far.
		const { commit } = this.#log;
		if (commit > progress.sentCommit && progress.sentCommit < progress.next - 1) this.#append(to, true);
		while (this.#append(to, false));
	}

	onHeartbeatResponse(from: string): void {
		const progress = this.#others.get(from);
		if (!progress) return;
		progress.isActive = true;
		progress.resume();
		if (progress.transfer && progress.transfer.sinceTicks >= this.#init.resendTicks)
			this.#resendSnapshot(from, progress);
		// What it was sent may be lost: an empty message finds out.
		if (progress.match < this.#log.lastIndex || progress.state === 'probe') this.#append(from, true);
	}

	onSnapshotResponse(from: string, { index, receivedBytes }: InstallSnapshotResponse): void {
		const progress = this.#others.get(from);
		if (!progress) return;
		progress.isActive = true;
		const { transfer } = progress;
		// Answers come twice and late; only one that is ahead asks for a piece.
		if (transfer?.snapshot.index !== index || receivedBytes <= transfer.offset) return;
		if (receivedBytes >= transfer.snapshot.data.length) return;
		transfer.offset = receivedBytes;
		this.#sendPiece(from, progress);
	}

	/** The link to it is down: what is under way is probably lost. */
	onUnreachable(id: string): void {
		const progress = this.#others.get(id);
		if (progress?.state === 'replicate') progress.becomeProbe();
	}

	/** Its link is up: it need not wait for the next heartbeat. */
	onLinkUp(id: string): void {
		this.#others.get(id)?.resume();
		this.heartbeatTo(id);
	}

	/** An empty message, where nothing else is to go out: what is under way may be lost. */
	probe(to: string): void {
		this.#append(to, true);
	}

	isCaughtUp(id: string): boolean {
		return this.#others.get(id)?.match === this.#log.lastIndex;
	}

	/** Whose log is furthest: of those that answer; right after a check of the quorum, of all. */
	mostAdvanced(ids: readonly string[]): string | null {
		const active = ids.filter((id) => this.#others.get(id)!.isActive);
		let best: string | null = null;
		for (const id of active.length > 0 ? active : ids)
			if (best === null || this.#others.get(id)!.match > this.#others.get(best)!.match) best = id;
		return best;
	}

	#follow(isActive: boolean): void {
		const { self, limits } = this.#init;
		for (const id of replicasOf(this.#log.configuration)) {
			if (id === self || this.#others.has(id)) continue;
			const inflights = new Inflights(limits.maxInflightMessages, limits.maxInflightBytes);
			this.#others.set(id, new Progress(this.#log.lastIndex + 1, isActive, inflights));
		}
	}

	/** @returns whether something went out */
	#append(to: string, evenIfEmpty: boolean): boolean {
		const progress = this.#others.get(to)!;
		if (progress.isPaused) return false;
		const previousIndex = progress.next - 1;
		const previousTerm = this.#log.term(previousIndex);
		if (previousTerm === null) return this.#startSnapshot(to, progress);
		const { maxAppendBytes } = this.#init.limits;
		const isFull = progress.state === 'replicate' && progress.inflights.isFull;
		const entries = isFull
			? []
			: this.#log.entriesFrom(progress.next, maxAppendBytes, MAX_ENTRIES_PER_MESSAGE);
		if (entries.length === 0 && !evenIfEmpty) return false;
		const { commit } = this.#log;
		this.#send(to, {
			case: 'append',
			value: {
				$typeName: 'tabwave.v1.AppendEntries',
				previousIndex,
				previousTerm,
				commit,
				entries: entries.map(({ term, type, data }) => ({
					$typeName: 'tabwave.v1.RaftEntry',
					term,
					type,
					data
				}))
			}
		});
		progress.sent(entries.length, bytesOf(entries), commit);
		return true;
	}

	#startSnapshot(to: string, progress: Progress): boolean {
		// Nothing large for who may not be there; its first answer makes it active.
		if (!progress.isActive) return false;
		progress.becomeSnapshot(this.#log.snapshot);
		this.#sendPiece(to, progress);
		return true;
	}

	#resendSnapshot(to: string, progress: Progress): void {
		const { snapshot } = this.#log;
		if (progress.transfer!.snapshot !== snapshot) progress.becomeSnapshot(snapshot);
		// From the start: it may have lost what it held. Where it has not, its answer says so.
		progress.transfer!.offset = 0;
		this.#sendPiece(to, progress);
	}

	#sendPiece(to: string, progress: Progress): void {
		const transfer = progress.transfer!;
		const { snapshot, offset } = transfer;
		transfer.sinceTicks = 0;
		this.#send(to, {
			case: 'installSnapshot',
			value: {
				$typeName: 'tabwave.v1.InstallSnapshot',
				index: snapshot.index,
				term: snapshot.term,
				configuration: toWireConfiguration(snapshot.configuration),
				totalBytes: snapshot.data.length,
				offset,
				data: snapshot.data.subarray(offset, offset + this.#init.limits.snapshotPieceBytes)
			}
		});
	}

	#send(to: string, body: MessageBody): void {
		this.#init.send(to, body);
	}
}

function bytesOf(entries: readonly Entry[]): number {
	return entries.reduce((sum, { data }) => sum + data.length, 0);
}
