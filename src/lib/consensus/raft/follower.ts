/** What a replica does with its leader's words: it makes its log the leader's, and says how far it is. */
import type { AppendEntries, InstallSnapshot, LeaderHeartbeat } from '../../wire/gen/tabwave/v1/raft_pb.js';
import type { Entry, LogPlace, RaftLog, Snapshot } from './log.ts';
import type { Outbox } from './outbox.ts';
import { SnapshotAssembly } from './snapshot-assembly.ts';

export interface FollowerInit {
	log: RaftLog;
	outbox: Outbox;
	term(): number;
	/** A snapshot has taken the log's place. */
	installed(snapshot: Snapshot): void;
}

export class Follower {
	readonly #init: FollowerInit;
	readonly #log: RaftLog;
	readonly #assembly = new SnapshotAssembly();

	constructor(init: FollowerInit) {
		this.#init = init;
		this.#log = init.log;
	}

	/** Another leader's snapshot may be of other bytes. */
	leaderChanged(): void {
		this.#assembly.clear();
	}

	onAppend(from: string, append: AppendEntries): void {
		const previous = { index: append.previousIndex, term: append.previousTerm };
		if (previous.index < this.#log.commit) {
			// An old message. What is committed here is as the leader's.
			this.#acknowledge(from, this.#log.commit);
			return;
		}
		const entries = append.entries.map(({ term, type, data }, i): Entry => {
			// A copy: the log must not hold the whole frame that brought an entry.
			return { index: previous.index + 1 + i, term, type, data: data.slice() };
		});
		const last = this.#log.append(previous, entries, this.#init.outbox.persist);
		if (!last) {
			this.refuse(from, previous.index, this.#log.lastPlaceWithin(previous.index, previous.term));
			return;
		}
		// Behind `last` this log may still hold what the leader's does not.
		this.#log.commitTo(Math.min(append.commit, last.index));
		this.#acknowledge(from, last.index);
	}

	onHeartbeat(from: string, { commit }: LeaderHeartbeat): void {
		this.#log.commitTo(commit);
		this.#init.outbox.send(from, this.#init.term(), {
			case: 'heartbeatResponse',
			value: { $typeName: 'tabwave.v1.LeaderHeartbeatResponse' }
		});
	}

	onInstallSnapshot(from: string, piece: InstallSnapshot): void {
		const place = { index: piece.index, term: piece.term };
		if (place.index > this.#log.commit && this.#log.matches(place)) this.#log.commitTo(place.index);
		if (place.index <= this.#log.commit) {
			this.#acknowledge(from, this.#log.commit);
			return;
		}
		const snapshot = this.#assembly.add(piece);
		if (!snapshot) {
			this.#init.outbox.send(from, this.#init.term(), {
				case: 'installSnapshotResponse',
				value: {
					$typeName: 'tabwave.v1.InstallSnapshotResponse',
					index: place.index,
					receivedBytes: this.#assembly.receivedBytes
				}
			});
			return;
		}
		this.#log.install(snapshot, this.#init.outbox.persist);
		this.#init.installed(snapshot);
		this.#acknowledge(from, snapshot.index);
	}

	/** @param hint where the logs may agree; none for a leader whose term is over, which needs only the term */
	refuse(to: string, previousIndex: number, hint: LogPlace = { index: 0, term: 0 }): void {
		this.#respond(to, { index: previousIndex, rejected: true, hintIndex: hint.index, hintTerm: hint.term });
	}

	#acknowledge(to: string, index: number): void {
		this.#respond(to, { index, rejected: false, hintIndex: 0, hintTerm: 0 });
	}

	#respond(
		to: string,
		response: { index: number; rejected: boolean; hintIndex: number; hintTerm: number }
	): void {
		this.#init.outbox.send(to, this.#init.term(), {
			case: 'appendResponse',
			value: { $typeName: 'tabwave.v1.AppendResponse', ...response }
		});
	}
}
