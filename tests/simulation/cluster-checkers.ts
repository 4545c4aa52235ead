/**
 * What must hold of the Booter cluster (R19, R20), seen on its wires: one leader a term, one content a place in the log, one
 * log as far as it is committed, and no Next or OrderCommit before a majority holds the entry that says it leaves.
 */
import type { BooterReplica } from '#lib/consensus/ordering/booter/replica.ts';
import { ballotName, type Ballot } from '#lib/consensus/ordering/ballot.ts';
import { RaftEntryType } from '#lib/consensus/raft/messages.ts';
import { equalBytes } from '#lib/crypto/hex.ts';
import { decodeContent } from '#lib/ledger/block.ts';
import { fromBinary } from '@bufbuild/protobuf';
import type { AppendEntries, RaftMessage } from '#lib/wire/gen/tabwave/v1/raft_pb.js';
import { BooterEntrySchema } from '#lib/wire/gen/tabwave/v1/storage_pb.js';
import { Violation } from './checkers.ts';
import { bodyOf } from './wiretap.ts';

interface Place {
	data: Uint8Array;
	type: RaftEntryType;
}

export class ClusterCheckers {
	/** Ids of all replicas. */
	readonly #replicas: readonly string[];
	readonly #leaders = new Map<number, string>();
	/** By term and index. */
	readonly #places = new Map<string, Place>();
	/** What an entry says may leave, and where it is in the log of its term. */
	readonly #recorded = new Map<string, number>();
	/** By term, then by follower: how far it said that it holds the leader's log. */
	readonly #acknowledged = new Map<number, Map<string, number>>();
	/** By index: what is committed there. */
	readonly #committed = new Map<number, Place & { term: number }>();
	readonly counts = { leaders: 0, entries: 0, recorded: 0, committed: 0 };

	constructor(replicas: readonly string[]) {
		this.#replicas = replicas;
	}

	/** Looks at what leaves a replica. */
	sent(from: string, to: string, packets: readonly Uint8Array[]): void {
		for (const bytes of packets) {
			const body = bodyOf(bytes);
			if (body.case === 'raft') this.#raft(from, body.value);
			else if (body.case === 'next') {
				const { view: term, attempt, slot: height } = body.value.signed!;
				this.#isRecorded('Next', { term, attempt }, height);
			} else if (body.case === 'orderCommit') this.#isRecorded('OrderCommit', body.value, body.value.height);
		}
	}

	/** Logs as they are: what is committed once is there for good. */
	logs(replicas: { name: string; replica: BooterReplica }[]): void {
		for (const { name, replica } of replicas) {
			const { commit } = replica.state().raft;
			for (const { index, term, type, data } of replica.log()) {
				if (index > commit) break;
				const known = this.#committed.get(index);
				if (!known) this.#committed.set(index, { term, type, data });
				else if (known.term !== term || known.type !== type || !equalBytes(known.data, data))
					throw new Violation(`R19: ${name} has committed another entry ${index} than was decided`);
			}
		}
		this.counts.committed = this.#committed.size;
	}

	#raft(from: string, { term, body }: RaftMessage): void {
		if (body.case === 'append' || body.case === 'heartbeat' || body.case === 'installSnapshot') {
			const leader = this.#leaders.get(term);
			if (leader === undefined) {
				this.#leaders.set(term, from);
				this.counts.leaders += 1;
			} else if (leader !== from)
				throw new Violation(`R19: ${from.slice(0, 8)} and ${leader.slice(0, 8)} lead in term ${term}`);
		}
		if (body.case === 'append') this.#append(term, body.value);
		else if (body.case === 'appendResponse' && !body.value.rejected) {
			const followers = this.#acknowledged.get(term) ?? new Map<string, number>();
			this.#acknowledged.set(term, followers);
			followers.set(from, Math.max(body.value.index, followers.get(from) ?? 0));
		}
	}

	#append(leaderTerm: number, { previousIndex, entries }: AppendEntries): void {
		entries.forEach(({ term, type, data }, i) => {
			const index = previousIndex + 1 + i;
			const place = `${term}/${index}`;
			const known = this.#places.get(place);
			if (known) {
				if (known.type !== type || !equalBytes(known.data, data))
					throw new Violation(`R19: two entries at ${place}`);
				return;
			}
			this.#places.set(place, { type, data });
			this.counts.entries += 1;
			if (type !== RaftEntryType.DATA || term !== leaderTerm) return;
			const { body } = fromBinary(BooterEntrySchema, data);
			if (body.case === 'ballot')
				this.#recorded.set(keyOf('Next', body.value, decodeContent(body.value.content).height), index);
			else if (body.case === 'orderCommit')
				this.#recorded.set(keyOf('OrderCommit', body.value, body.value.height), index);
		});
	}

	/** R20. */
	#isRecorded(what: 'Next' | 'OrderCommit', ballot: Ballot, height: number): void {
		const index = this.#recorded.get(keyOf(what, ballot, height));
		const followers = [...(this.#acknowledged.get(ballot.term)?.values() ?? [])];
		const holders =
			1 + followers.filter((acknowledged) => index !== undefined && acknowledged >= index).length;
		if (index === undefined || 2 * holders <= this.#replicas.length)
			throw new Violation(
				`R20: ${what} ${ballotName(ballot)} of height ${height} leaves, and ${index === undefined ? 'nobody' : holders} of ${this.#replicas.length} replicas hold that it does`
			);
		this.counts.recorded += 1;
	}
}

function keyOf(what: string, { term, attempt }: Ballot, height: number): string {
	return [what, term, attempt, height].join('/');
}
