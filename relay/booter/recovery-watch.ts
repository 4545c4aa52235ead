/**
 * Which partitions have lost their quorum, for how long, and when the operator's recovery of one is due (R22): by itself where
 * genesis says so, and else where the operator has asked for it.
 */
import { quorum } from '#lib/consensus/quorum.ts';
import type { PartitionView } from '#lib/consensus/topology.ts';
import { RecoveryMode, type Genesis } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';

export interface LostPartition {
	partition: PartitionView;
	/** Since when fewer than q of its members were heard; milliseconds of this host's clock. */
	sinceMs: number;
	/** Members that are heard. */
	remaining: string[];
	/** Milliseconds until its recovery is due; null where the operator has to ask for it. */
	dueInMs: number | null;
}

/** What the operator wants of a lost partition. */
export interface RecoveryWish {
	partition: number;
	/** End it in place of going on with those that remain. */
	retire: boolean;
}

/** Looks come with heartbeats. After a longer pause this host itself was away, and has heard nobody for that reason. */
const LONGEST_PAUSE_MS = 10_000;

export class RecoveryWatch {
	readonly #genesis: Pick<Genesis, 'recoveryMode' | 'recoverySilenceMs'>;
	/** By partition and epoch. */
	readonly #since = new Map<string, number>();
	readonly #wishes = new Map<number, RecoveryWish & { isHearsay: boolean }>();
	#lookedMs = -Infinity;
	/** When somebody last asked to come in. */
	#newcomerMs = -Infinity;

	constructor(genesis: Pick<Genesis, 'recoveryMode' | 'recoverySilenceMs'>) {
		this.#genesis = genesis;
	}

	/** The operator asks for a recovery; it is given when the silence is over, and forgotten when a quorum is back. */
	wish({ partition, retire }: RecoveryWish): void {
		this.#wishes.set(partition, { partition, retire, isHearsay: false });
	}

	/** Another replica was asked, and says so as long as it wishes it. What this one was asked for itself stands before it. */
	wishElsewhere({ partition, retire }: RecoveryWish): void {
		if (this.#wishes.get(partition)?.isHearsay === false) return;
		this.#wishes.set(partition, { partition, retire, isHearsay: true });
	}

	/** What the other replicas are to hear of: what they said is not repeated to them. */
	get asked(): RecoveryWish[] {
		return [...this.#wishes.values()].filter(({ isHearsay }) => !isHearsay);
	}

	/** Somebody who is no member wants to be one. */
	newcomer(nowMs: number): void {
		this.#newcomerMs = nowMs;
	}

	wishFor(partition: number): RecoveryWish | null {
		return this.#wishes.get(partition) ?? null;
	}

	get isAutomatic(): boolean {
		return this.#genesis.recoveryMode === RecoveryMode.AUTOMATIC;
	}

	/**
	 * Where no member of any partition is heard, it is this host that is cut off, or a class that sleeps: they would all come back
	 * as strangers. So nothing is recovered by itself then, unless somebody else wants to come in.
	 *
	 * @param isHeard whether a member was heard of lately
	 */
	look(active: PartitionView[], isHeard: (member: string) => boolean, nowMs: number): LostPartition[] {
		if (nowMs - this.#lookedMs > LONGEST_PAUSE_MS) this.#since.clear();
		this.#lookedMs = nowMs;
		const silenceMs = Number(this.#genesis.recoverySilenceMs);
		const isAnyoneThere =
			nowMs - this.#newcomerMs < silenceMs || active.some(({ members }) => members.some(isHeard));
		const lost: LostPartition[] = [];
		const seen = new Set<string>();
		for (const partition of active) {
			const remaining = partition.members.filter(isHeard);
			if (remaining.length >= quorum(partition.members.length)) continue;
			const key = `${partition.id}/${partition.epoch}`;
			seen.add(key);
			const sinceMs = this.#since.get(key) ?? nowMs;
			this.#since.set(key, sinceMs);
			const isAsked = (this.isAutomatic && isAnyoneThere) || this.#wishes.has(partition.id);
			const dueInMs = Math.max(0, sinceMs + silenceMs - nowMs);
			lost.push({ partition, sinceMs, remaining, dueInMs: isAsked ? dueInMs : null });
		}
		for (const key of this.#since.keys()) if (!seen.has(key)) this.#since.delete(key);
		for (const id of this.#wishes.keys())
			if (!lost.some(({ partition }) => partition.id === id)) this.#wishes.delete(id);
		return lost;
	}
}
