/**
 * The Booter cluster's state machine (R20): the ballot that was opened last, as the log has it. Whoever is active next
 * continues it through R14. That a height is final is no entry of its own: the entry that opens the next one says so.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { decodeContent } from '../../../ledger/block.ts';
import { LedgerError } from '../../../ledger/errors.ts';
import { DecodeError, decodeMessage } from '../../../wire/codec.ts';
import type { CertifiedBlock, OrderContent } from '../../../wire/gen/tabwave/v1/ledger_pb.js';
import {
	BooterEntrySchema,
	OpenBallotRecordSchema,
	type BallotRecord,
	type BooterEntry,
	type OpenBallotRecord
} from '../../../wire/gen/tabwave/v1/storage_pb.js';
import { MAX_ENTRY_BYTES } from '../../raft/limits.ts';
import { compareBallots, type Ballot } from '../ballot.ts';

export interface LoggedBallot {
	ballot: Ballot;
	content: OrderContent;
	contentBytes: Uint8Array;
	/** As its proposer checked them. Not all of what it orders, where that did not fit. */
	blocks: CertifiedBlock[];
	/** q_u partitions had signed it. */
	hasOrderCommit: boolean;
}

/** An entry that opens a ballot. Where the blocks do not fit it they go by their own way: members hold what they vote on. */
export function ballotEntry(record: BallotRecord): Uint8Array {
	const entry = encodeEntry({ case: 'ballot', value: record });
	return entry.length <= MAX_ENTRY_BYTES
		? entry
		: encodeEntry({ case: 'ballot', value: { ...record, blocks: [] } });
}

export function encodeEntry(body: BooterEntry['body']): Uint8Array {
	return toBinary(BooterEntrySchema, create(BooterEntrySchema, { body }));
}

export class OpenBallot {
	#record: OpenBallotRecord = create(OpenBallotRecordSchema);
	#logged: LoggedBallot | null = null;

	/** Null before the first. */
	get logged(): LoggedBallot | null {
		return this.#logged;
	}

	/** Of the ballot; 0 before the first. */
	get height(): number {
		return this.#logged?.content.height ?? 0;
	}

	/** @returns the entry; null for what no replica of this version writes, and then nothing changes on any of them */
	apply(data: Uint8Array): BooterEntry | null {
		const entry = readEntry(data);
		if (!entry) return null;
		const { body } = entry;
		if (body.case === 'ballot') this.#take({ ballot: body.value });
		else if (body.case === 'orderCommit' && this.#isOfOpen(body.value))
			this.#take({ ballot: this.#record.ballot, orderCommit: body.value });
		return entry;
	}

	snapshot(): Uint8Array {
		return toBinary(OpenBallotRecordSchema, this.#record);
	}

	restore(snapshot: Uint8Array): void {
		this.#take(fromBinary(OpenBallotRecordSchema, snapshot));
	}

	#isOfOpen(certificate: Ballot & { height: number }): boolean {
		const logged = this.#logged;
		return (
			logged !== null &&
			certificate.height === logged.content.height &&
			compareBallots(certificate, logged.ballot) === 0
		);
	}

	#take(record: Partial<OpenBallotRecord>): void {
		this.#record = create(OpenBallotRecordSchema, record);
		const { ballot, orderCommit } = this.#record;
		this.#logged = ballot
			? {
					ballot: { term: ballot.term, attempt: ballot.attempt },
					content: decodeContent(ballot.content),
					contentBytes: ballot.content,
					blocks: ballot.blocks,
					hasOrderCommit: orderCommit !== undefined
				}
			: null;
	}
}

function readEntry(data: Uint8Array): BooterEntry | null {
	try {
		const entry = decodeMessage(BooterEntrySchema, data, MAX_ENTRY_BYTES);
		if (entry.body.case === 'ballot') decodeContent(entry.body.value.content);
		return entry;
	} catch (error) {
		if (error instanceof LedgerError || error instanceof DecodeError) return null;
		throw error;
	}
}
