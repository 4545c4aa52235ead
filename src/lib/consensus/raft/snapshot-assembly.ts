/** A follower's end of a snapshot that comes in pieces. It holds one at a time, of at most MAX_SNAPSHOT_BYTES. */
import type { InstallSnapshot } from '../../wire/gen/tabwave/v1/raft_pb.js';
import { fromWireConfiguration } from './configuration.ts';
import type { Snapshot } from './log.ts';

export class SnapshotAssembly {
	#index = 0;
	#term = 0;
	#bytes = new Uint8Array(0);
	#received = 0;

	/** Bytes of the snapshot that are there; pieces come in order, so it is also where the next one begins. */
	get receivedBytes(): number {
		return this.#received;
	}

	/** Another leader's pieces may be cut from other bytes. */
	clear(): void {
		this.#index = 0;
		this.#bytes = new Uint8Array(0);
		this.#received = 0;
	}

	/** @returns the snapshot, when this was the piece that it lacked */
	add({ index, term, totalBytes, offset, data, configuration }: InstallSnapshot): Snapshot | null {
		if (index !== this.#index || term !== this.#term || totalBytes !== this.#bytes.length) {
			this.#index = index;
			this.#term = term;
			this.#bytes = new Uint8Array(totalBytes);
			this.#received = 0;
		}
		// Old pieces come again, and one may have been lost before this one: neither is taken.
		if (offset === this.#received) {
			this.#bytes.set(data, offset);
			this.#received += data.length;
		}
		if (this.#received < totalBytes) return null;
		const snapshot = { index, term, configuration: fromWireConfiguration(configuration), data: this.#bytes };
		this.clear();
		return snapshot;
	}
}
