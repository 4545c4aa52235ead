/** The Booter's list of who wants to come, wants to go, or has gone silent, and the change that it makes of it (R22). */
import { fromHex, toHex } from '../../crypto/hex.ts';
import { LedgerError } from '../../ledger/errors.ts';
import {
	Kind,
	type Evidence,
	type MembershipChange,
	type Signed,
	type SignedRecovery
} from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { quorum } from '../quorum.ts';
import type { PartitionView, Topology } from '../topology.ts';
import { readRecovery } from './recovery.ts';
import {
	checkJoin,
	checkLeave,
	checkMembershipChange,
	encodeMembershipChange,
	halves,
	nextMembers,
	splitTarget,
	type MembershipContext
} from './change.ts';

/** A class of sixty, twice: joins beyond wait for the entry that admits these. */
export const MAX_WAITING_REQUESTS = 128;
/** Many joins share one entry; the bound keeps it far below a packet. */
const MAX_CHANGES_PER_ENTRY = 64;
/** Evidence of two proposals' size each fits four times over into half a packet. */
const MAX_LIARS_PER_ENTRY = 4;

export class MembershipRequests {
	readonly #joins = new Map<string, Signed>();
	readonly #leaves = new Map<string, Signed>();
	/** By the silent member, then by who declares it. */
	readonly #silences = new Map<string, Map<string, Signed>>();
	/** By who is accused (R24). */
	readonly #evidence = new Map<string, Evidence>();
	/** R22: by partition, of its present epoch. */
	readonly #recoveries = new Map<number, { signed: SignedRecovery; epoch: number }>();
	readonly #refused: { member: string; error: LedgerError }[] = [];

	get isEmpty(): boolean {
		return this.#joins.size + this.#leaves.size + this.#silences.size + this.#evidence.size === 0;
	}

	/** Where there is no room the request is refused, like any other that cannot be granted. */
	add(signed: Signed): void {
		const sender = toHex(signed.sender);
		if (signed.kind === Kind.SILENCE) {
			this.#addSilence(sender, signed);
			return;
		}
		const list = signed.kind === Kind.JOIN ? this.#joins : this.#leaves;
		if (list.has(sender) || list.size < MAX_WAITING_REQUESTS) list.set(sender, signed);
		else
			this.#refuse(
				signed,
				new LedgerError('TooManyRequests', 'too many wait to join or leave; try again in a moment')
			);
	}

	/** A declaration that finds no room is made again while the silence lasts. */
	#addSilence(sender: string, signed: Signed): void {
		const member = toHex(signed.digest);
		// Who speaks is not silent, and one such declaration would spoil the entry for all others in it.
		if (member === sender) return;
		const declared = this.#silences.get(member) ?? new Map<string, Signed>();
		if (!this.#silences.has(member) && this.#silences.size >= MAX_WAITING_REQUESTS) return;
		this.#silences.set(member, declared);
		declared.set(sender, signed);
	}

	/** R24: evidence that holds, against a member of any partition. Members say it again until the ledger holds it. */
	addEvidence(offender: string, evidence: Evidence): void {
		if (this.#evidence.size < MAX_WAITING_REQUESTS && !this.#evidence.has(offender))
			this.#evidence.set(offender, evidence);
	}

	isAccused(member: string): boolean {
		return this.#evidence.has(member);
	}

	/** R22: the operator's signature holds. At most one for each partition. */
	addRecovery(signed: SignedRecovery): void {
		const { partition, epoch } = readRecovery(signed);
		this.#recoveries.set(partition, { signed, epoch });
	}

	/** The partition has a quorum again: it signs for itself. */
	dropRecovery(partition: number): void {
		this.#recoveries.delete(partition);
	}

	/** What the operator has signed for a partition in its present epoch; null where that is nothing. */
	recovery({ id, epoch }: Pick<PartitionView, 'id' | 'epoch'>): SignedRecovery | null {
		const held = this.#recoveries.get(id);
		return held?.epoch === epoch ? held.signed : null;
	}

	/** The next recovery alone: all that a ballot without some partitions may choose. */
	nextRecovery(
		topology: Topology,
		context: MembershipContext
	): { change: MembershipChange; bytes: Uint8Array } | null {
		for (const partition of topology.active()) {
			const change = this.#recoveryOf(partition, context);
			if (change) return { change, bytes: encodeMembershipChange(change) };
		}
		return null;
	}

	#recoveryOf(partition: PartitionView, context: MembershipContext): MembershipChange | null {
		const recovery = this.recovery(partition);
		if (!recovery) return null;
		const change = changeTo(partition, { joins: [], leaves: [], evictions: [], recovery });
		// Its time has not come, or something else has made it void: the driver signs another.
		if (refusalOf(change, context)) return null;
		return change;
	}

	/** The member was heard: what was declared of its silence no longer holds. */
	heard(member: string): void {
		this.#silences.delete(member);
	}

	/** The next change of members, or null. One partition's, since an entry is of one. Drops what can no longer hold. */
	next(
		topology: Topology,
		context: MembershipContext
	): { change: MembershipChange; bytes: Uint8Array } | null {
		for (const partition of topology.partitions()) {
			const change = this.#changeOf(partition, topology, context);
			if (change) return { change, bytes: encodeMembershipChange(change) };
		}
		return null;
	}

	#changeOf(
		partition: PartitionView,
		topology: Topology,
		context: MembershipContext
	): MembershipChange | null {
		const recovery = this.#recoveryOf(partition, context);
		if (recovery) return recovery;
		// R24: who lies is evicted and banned, whatever else it asks for in the meantime.
		const leaves = this.#valid(this.#leaves, partition, (leave) => checkLeave(leave, partition)).filter(
			(leave) => !this.#evidence.has(toHex(leave.sender))
		);
		const going = new Set(leaves.map((leave) => toHex(leave.sender)));
		const evictions = this.#evictions(partition, going, context);
		const remaining = partition.members.length - leaves.length - evictions.length;
		// A partition past its maximum splits in two: then there are the seats of both.
		const splitInto = splitTarget(partition, topology, context.genesis);
		const seats = splitInto === null ? partition.maxMembers : 2 * partition.maxMembers;
		const free = seats - remaining;
		const candidates = this.#valid(this.#joins, partition, (join) =>
			checkJoin(join, partition, topology, context)
		);
		const joins: Signed[] = [];
		for (const join of candidates.slice(0, Math.min(free, MAX_CHANGES_PER_ENTRY))) {
			// One by one: an invitation that is used up must not spoil the entry for the others.
			const parts = { joins: [...joins, join], leaves, evictions };
			const error = refusalOf(changeTo(partition, parts, splitInto), context);
			if (error) this.#refuse(join, error);
			else joins.push(join);
		}
		if (joins.length + leaves.length + evictions.length === 0) return null;
		return changeTo(partition, { joins, leaves, evictions }, splitInto);
	}

	/** Voters refused the change, or this Booter's own execution did: who asked is told, and may ask again. */
	drop(change: MembershipChange, error: LedgerError): void {
		if (change.recovery) this.#recoveries.delete(change.partition);
		for (const join of change.joins) this.#refuse(join, error);
		for (const leave of change.leaves) this.#leaves.delete(toHex(leave.sender));
		for (const { member, evidence } of change.evictions)
			(evidence ? this.#evidence : this.#silences).delete(toHex(member));
	}

	/** Requests that could not be granted since the last call. */
	takeRefused(): { member: string; error: LedgerError }[] {
		return this.#refused.splice(0);
	}

	#refuse(join: Signed, error: LedgerError): void {
		const member = toHex(join.sender);
		this.#joins.delete(member);
		if (this.#refused.length < MAX_WAITING_REQUESTS) this.#refused.push({ member, error });
	}

	#valid(list: Map<string, Signed>, partition: PartitionView, check: (signed: Signed) => unknown): Signed[] {
		const valid: Signed[] = [];
		for (const [sender, signed] of list) {
			if (signed.partition !== partition.id) continue;
			try {
				check(signed);
				valid.push(signed);
			} catch (error) {
				if (!(error instanceof LedgerError)) throw error;
				list.delete(sender); // Done already, or of an epoch that has passed.
				if (list === this.#joins && error.reason !== 'AlreadyMember') this.#refuse(signed, error);
			}
		}
		return valid;
	}

	#evictions(
		partition: PartitionView,
		going: Set<string>,
		context: MembershipContext
	): MembershipChange['evictions'] {
		const evictions: MembershipChange['evictions'] = [];
		const lying = new Set<string>();
		for (const [member, evidence] of this.#evidence) {
			// Evidence is bulky where it shows a whole proposal; what has no room waits for the next entry.
			if (!partition.members.includes(member) || lying.size >= MAX_LIARS_PER_ENTRY) continue;
			lying.add(member);
			evictions.push({ $typeName: 'tabwave.v1.Eviction', member: fromHex(member), silences: [], evidence });
		}
		for (const [member, declared] of this.#silences) {
			if (!partition.members.includes(member) || going.has(member) || lying.has(member)) continue;
			const current = [...declared.values()].filter(
				(silence) =>
					silence.epoch === partition.epoch &&
					partition.members.includes(toHex(silence.sender)) &&
					silence.slot <= context.height &&
					silence.slot + context.genesis.silenceWindow >= context.height
			);
			if (current.length < quorum(partition.members.length)) continue;
			evictions.push({
				$typeName: 'tabwave.v1.Eviction',
				member: current[0]!.digest,
				silences: current.slice(0, quorum(partition.members.length))
			});
		}
		return evictions;
	}

	/** Drops declarations of epochs that have passed, and evidence against who is no member any more. */
	prune(topology: Topology): void {
		for (const [id, { epoch }] of this.#recoveries)
			if (topology.partition(id)?.epoch !== epoch) this.#recoveries.delete(id);
		for (const member of this.#evidence.keys())
			if (!topology.partitionOf(member)) this.#evidence.delete(member);
		for (const [member, declared] of this.#silences) {
			const partition = topology.partitionOf(member);
			for (const [sender, silence] of declared)
				if (silence.epoch !== partition?.epoch) declared.delete(sender);
			if (declared.size === 0) this.#silences.delete(member);
		}
	}
}

function changeTo(
	partition: PartitionView,
	parts: Pick<MembershipChange, 'joins' | 'leaves' | 'evictions' | 'recovery'>,
	splitInto: number | null = null
): MembershipChange {
	const members = nextMembers(parts, partition);
	const change: MembershipChange = {
		$typeName: 'tabwave.v1.MembershipChange',
		partition: partition.id,
		epoch: partition.epoch + 1,
		members,
		...parts
	};
	if (splitInto === null || members.length <= partition.maxMembers) return change;
	const { staying, leaving } = halves(members);
	const split = { $typeName: 'tabwave.v1.Split' as const, partition: splitInto, members: leaving };
	return { ...change, members: staying, split };
}

function refusalOf(change: MembershipChange, context: MembershipContext): LedgerError | null {
	try {
		checkMembershipChange(change, context);
		return null;
	} catch (error) {
		if (error instanceof LedgerError) return error;
		throw error;
	}
}
