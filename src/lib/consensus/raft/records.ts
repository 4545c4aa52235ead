/** What a replica keeps on its disk: term and vote, the snapshot, and one record for each entry behind it. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { fromHex, toHex } from '../../crypto/hex.ts';
import { invariant } from '../../ledger/errors.ts';
import {
	RaftEntrySchema,
	RaftSnapshotRecordSchema,
	RaftStateRecordSchema
} from '../../wire/gen/tabwave/v1/raft_pb.js';
import { padded, type Persist } from '../effects.ts';
import { fromWireConfiguration, toWireConfiguration } from './configuration.ts';
import type { Entry, LogStart, Snapshot } from './log.ts';

/** All records of Raft start with this. */
export const RAFT_RECORD_PREFIX = 'raft/';

const STATE_KEY = `${RAFT_RECORD_PREFIX}state`;
const SNAPSHOT_KEY = `${RAFT_RECORD_PREFIX}snapshot`;
const LOG_PREFIX = `${RAFT_RECORD_PREFIX}log/`;

/** What must survive a crash beside the log. */
export interface HardState {
	term: number;
	vote: string | null;
	/** Need not be the newest: what is committed is found out again. */
	commit: number;
}

export interface Stored {
	state: HardState;
	/** Null on a disk that never held one. */
	snapshot: Snapshot | null;
	start: LogStart;
	entries: Entry[];
}

export function stateRecord({ term, vote, commit }: HardState): Persist {
	const record = create(RaftStateRecordSchema, {
		term,
		vote: vote === null ? undefined : fromHex(vote),
		commit
	});
	return { key: STATE_KEY, value: toBinary(RaftStateRecordSchema, record) };
}

export function snapshotRecord(snapshot: Snapshot, start: LogStart): Persist {
	const record = create(RaftSnapshotRecordSchema, {
		index: snapshot.index,
		term: snapshot.term,
		configuration: toWireConfiguration(snapshot.configuration),
		data: snapshot.data,
		logStartIndex: start.index,
		logStartTerm: start.term
	});
	return { key: SNAPSHOT_KEY, value: toBinary(RaftSnapshotRecordSchema, record) };
}

export function entryRecord({ index, term, type, data }: Entry): Persist {
	return {
		key: entryKey(index),
		value: toBinary(RaftEntrySchema, create(RaftEntrySchema, { term, type, data }))
	};
}

export function entryRemoval(index: number): Persist {
	return { key: entryKey(index), value: null };
}

/** @param records of any kind; those of others are skipped */
export function readRecords(records: readonly { key: string; value: Uint8Array }[]): Stored {
	const stored: Stored = {
		state: { term: 0, vote: null, commit: 0 },
		snapshot: null,
		start: { index: 0, term: 0 },
		entries: []
	};
	for (const { key, value } of records) {
		if (key === STATE_KEY) {
			const { term, vote, commit } = fromBinary(RaftStateRecordSchema, value);
			stored.state = { term, vote: vote.length > 0 ? toHex(vote) : null, commit };
		} else if (key === SNAPSHOT_KEY) {
			const record = fromBinary(RaftSnapshotRecordSchema, value);
			const { index, term, data } = record;
			stored.snapshot = { index, term, data, configuration: fromWireConfiguration(record.configuration) };
			stored.start = { index: record.logStartIndex, term: record.logStartTerm };
		} else if (key.startsWith(LOG_PREFIX)) {
			const { term, type, data } = fromBinary(RaftEntrySchema, value);
			stored.entries.push({ index: Number(key.slice(LOG_PREFIX.length)), term, type, data });
		}
	}
	stored.entries.sort((a, b) => a.index - b.index);
	stored.entries.forEach(({ index }, i) =>
		invariant(index === stored.start.index + 1 + i, 'R19', `entry ${stored.start.index + 1 + i} is missing`)
	);
	return stored;
}

function entryKey(index: number): string {
	return `${LOG_PREFIX}${padded(index)}`;
}
