/** R22: who has a vote, while partitions that cannot sign any more are being recovered. */
import { create } from '@bufbuild/protobuf';
import {
	SignedRecoveriesSchema,
	type SignedRecoveries,
	type SignedRecovery
} from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import { upperQuorum, type PartitionView, type Topology } from '../../topology.ts';

export class Electorate {
	readonly #topology: Topology;
	readonly #recovery: (partition: PartitionView) => SignedRecovery | null;

	/** @param recovery what the operator has signed of a partition in its present epoch */
	constructor(topology: Topology, recovery: (partition: PartitionView) => SignedRecovery | null) {
		this.#topology = topology;
		this.#recovery = recovery;
	}

	/** Partitions with a signed recovery, where the others alone are too few for q_u; ascending. */
	lost(): number[] {
		const active = this.#topology.active();
		const lost = active.filter((partition) => this.#recovery(partition) !== null);
		if (lost.length === 0 || active.length - lost.length >= upperQuorum(active)) return [];
		return lost.map(({ id }) => id);
	}

	/** Who votes: nobody while no partition has members, or where all are lost; then the operator's signature is enough. */
	voters(without: readonly number[]): PartitionView[] {
		return this.#topology.active().filter(({ id }) => !without.includes(id));
	}

	/** Why a ballot may leave partitions out. */
	recoveries(without: readonly number[]): SignedRecoveries | undefined {
		if (without.length === 0) return undefined;
		const recoveries = without.flatMap((id) => this.#recovery(this.#topology.partition(id)!) ?? []);
		return create(SignedRecoveriesSchema, { recoveries });
	}
}
