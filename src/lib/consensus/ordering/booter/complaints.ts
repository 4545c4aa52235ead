/**
 * Complaints as a replica of the Booter gathers them, and when they are enough to want another active one. It decides
 * nothing: the cluster's election does (R21), and this is a reason for one.
 */
import { toHex } from '../../../crypto/hex.ts';
import type { Signed } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { faultyBound } from '../../quorum.ts';
import type { PartitionView } from '../../topology.ts';
import { readComplaint, type ComplaintName } from '../complaint.ts';

export interface ComplaintSummary {
	name: ComplaintName;
	/** Lower-case hex. */
	booter: string;
	/** Of the Booter. */
	term: number;
	/** Partitions in which more members complain than may lie. */
	partitions: number[];
}

interface Heard {
	name: ComplaintName;
	booter: string;
	term: number;
	partition: number;
	epoch: number;
	heardMs: number;
	signed: Signed;
}

export class Complaints {
	readonly #lifetimeMs: number;
	/** The last complaint of each member: bounded by who has a vote. */
	readonly #heard = new Map<string, Heard>();

	/** @param lifetimeMs what is not said again within this is over */
	constructor(lifetimeMs: number) {
		this.#lifetimeMs = lifetimeMs;
	}

	/** One that passed its checks. */
	add(signed: Signed, nowMs: number): void {
		const { name, booter } = readComplaint(signed.payload);
		this.#heard.set(toHex(signed.sender), {
			name: name as ComplaintName,
			booter: toHex(booter),
			term: signed.view,
			partition: signed.partition,
			epoch: signed.epoch,
			heardMs: nowMs,
			signed
		});
	}

	/** Two Nexts of one ballot, as the member sent them: evidence that stands by itself. */
	evidence(booter: string): Signed | null {
		const proof = [...this.#heard.values()].find(
			(one) => one.name === 'BooterEquivocates' && one.booter === booter
		);
		return proof?.signed ?? null;
	}

	/**
	 * Why this Booter should lead no longer in this term, or null. A stall is a matter of the network: honest members of more
	 * than b partitions have to see it. Being passed by is seen by one partition alone. Saying two things proves itself.
	 */
	against(booter: string, term: number, active: PartitionView[], nowMs: number): ComplaintSummary | null {
		const current = this.#current(active, nowMs).filter((one) => one.booter === booter && one.term === term);
		for (const name of ['BooterEquivocates', 'BooterCensors', 'BooterStalls'] as const) {
			const named = current.filter((one) => one.name === name);
			const partitions = active.filter(({ id, members }) => {
				const count = named.filter(({ partition }) => partition === id).length;
				return count > faultyBound(members.length);
			});
			const needed = name === 'BooterStalls' ? faultyBound(active.length) + 1 : 1;
			if (partitions.length >= needed || (name === 'BooterEquivocates' && named.length > 0))
				return { name, booter, term, partitions: partitions.map(({ id }) => id) };
		}
		return null;
	}

	/** Those of members of the present epochs that are not too old. Others are forgotten. */
	#current(active: PartitionView[], nowMs: number): Heard[] {
		for (const [member, { partition, epoch, heardMs }] of this.#heard) {
			const view = active.find(({ id }) => id === partition);
			if (view?.epoch !== epoch || nowMs - heardMs > this.#lifetimeMs) this.#heard.delete(member);
		}
		return [...this.#heard.values()];
	}
}
