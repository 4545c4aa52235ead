/** R4: what this member has prepared, by round, in the highest view that it prepared it in. It outlives views and restarts. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { toHex } from '../../crypto/hex.ts';
import type { MemberSignature } from '../../wire/gen/tabwave/v1/ledger_pb.js';
import { PreparedRecordSchema, type PreparedRecord } from '../../wire/gen/tabwave/v1/storage_pb.js';
import { PreparedCertificateSchema } from '../../wire/gen/tabwave/v1/view_change_pb.js';
import { padded, type Persist, type Received } from '../effects.ts';
import { matching, type Round } from './round.ts';

export class PreparedRounds {
	readonly #prefix: string;
	readonly #records = new Map<number, PreparedRecord>();

	/** @param prefix of all records of the epoch */
	constructor(prefix: string) {
		this.#prefix = `${prefix}prepared/`;
	}

	/** In order of round. */
	above(roundId: number): PreparedRecord[] {
		return [...this.#records]
			.filter(([known]) => known > roundId)
			.sort(([a], [b]) => a - b)
			.map(([, record]) => record);
	}

	/** The content of a block that this member has prepared. @param blockId hex */
	proposal(blockId: string): Uint8Array | null {
		for (const { certificate, proposal } of this.#records.values())
			if (toHex(certificate!.blockId) === blockId) return proposal;
		return null;
	}

	/** @param needed q(n) */
	add(round: Round, view: number, leader: string, needed: number, persist: Persist[]): void {
		const { prePrepare } = round;
		const votes = matching(round.prepares, round.digest!)
			// The leader's PrePrepare is its Prepare.
			.filter(({ sender }) => prePrepare === null || sender !== leader)
			.slice(0, prePrepare ? needed - 1 : needed);
		const record = create(PreparedRecordSchema, {
			certificate: create(PreparedCertificateSchema, {
				view,
				roundId: round.roundId,
				blockId: round.digestBytes,
				prePrepare: prePrepare ? signatureOf(prePrepare) : undefined,
				prepares: votes.map(signatureOf)
			}),
			proposal: round.proposal!
		});
		this.#records.set(round.roundId, record);
		persist.push({ key: this.#key(round.roundId), value: toBinary(PreparedRecordSchema, record) });
	}

	restore(records: { key: string; value: Uint8Array }[]): void {
		for (const { key, value } of records)
			if (key.startsWith(this.#prefix))
				this.#records.set(Number(key.slice(this.#prefix.length)), fromBinary(PreparedRecordSchema, value));
	}

	/** R9: what the ledger has passed needs no proof. */
	forgetThrough(roundId: number, persist: Persist[]): void {
		for (const known of this.#records.keys()) {
			if (known > roundId) continue;
			this.#records.delete(known);
			persist.push({ key: this.#key(known), value: null });
		}
	}

	#key(roundId: number): string {
		return `${this.#prefix}${padded(roundId)}`;
	}
}

function signatureOf({ signed }: Received): MemberSignature {
	return { $typeName: 'tabwave.v1.MemberSignature', member: signed.sender, signature: signed.signature };
}
