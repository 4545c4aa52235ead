/** R22: which partitions the active Booter says have lost their quorum, and when their recovery is due. It is for people alone. */
import type { LostPartitions as Told } from '../../wire/gen/tabwave/v1/wire_pb.js';

/** Of no chain are there more partitions. */
const MAX_LOST = 64;

export interface Lost {
	partition: number;
	/** Until the relay acts by itself; null where only the operator does. */
	recoversInMs: number | null;
}

export class LostPartitions {
	#told: readonly { partition: number; recoversInMs: number }[] = [];
	#toldMs = 0;

	/** What the Booter's last heartbeat said: none where all is well. */
	heard(told: Told | undefined, nowMs: number): void {
		this.#told = (told?.partitions ?? []).slice(0, MAX_LOST);
		this.#toldMs = nowMs;
	}

	list(nowMs: number): Lost[] {
		return this.#told.map(({ partition, recoversInMs }) => ({
			partition,
			recoversInMs: recoversInMs === 0 ? null : Math.max(0, recoversInMs - (nowMs - this.#toldMs))
		}));
	}
}
