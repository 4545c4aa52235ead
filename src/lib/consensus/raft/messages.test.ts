import { describe, expect, it } from 'vitest';
import { LedgerError } from '../../ledger/errors.ts';
import type { AppendEntries, InstallSnapshot, RaftEntry } from '../../wire/gen/tabwave/v1/raft_pb.js';
import { configurationOf, encodeConfiguration, NOBODY, toWireConfiguration } from './configuration.ts';
import { MAX_ENTRIES_PER_MESSAGE, MAX_ENTRY_BYTES, MAX_REPLICAS, MAX_SNAPSHOT_BYTES } from './limits.ts';
import {
	CampaignReason,
	checkRaftMessage,
	RaftEntryType,
	raftMessage,
	type MessageBody
} from './messages.ts';

const entry = (fields: Partial<RaftEntry> = {}): RaftEntry => ({
	$typeName: 'tabwave.v1.RaftEntry',
	term: 3,
	type: RaftEntryType.DATA,
	data: new Uint8Array(2),
	...fields
});

const append = (fields: Partial<AppendEntries> = {}): MessageBody => ({
	case: 'append',
	value: {
		$typeName: 'tabwave.v1.AppendEntries',
		previousIndex: 4,
		previousTerm: 2,
		commit: 4,
		entries: [entry()],
		...fields
	}
});

const snapshot = (fields: Partial<InstallSnapshot> = {}): MessageBody => ({
	case: 'installSnapshot',
	value: {
		$typeName: 'tabwave.v1.InstallSnapshot',
		index: 4,
		term: 2,
		configuration: toWireConfiguration(configurationOf({ voters: ['01'] })),
		totalBytes: 10,
		offset: 4,
		data: new Uint8Array(6),
		...fields
	}
});

const request = (reason: CampaignReason, lastLogTerm: number): MessageBody => ({
	case: 'changeRequest',
	value: { $typeName: 'tabwave.v1.ChangeRequest', preVote: false, reason, lastLogTerm, lastLogIndex: 4 }
});

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i).padStart(2, '0'));
const configuration = (count: number): RaftEntry =>
	entry({
		type: RaftEntryType.CONFIGURATION,
		data: encodeConfiguration({ ...NOBODY, voters: ids(count) })
	});

describe('a message of a replica', () => {
	it.each<[string, MessageBody]>([
		['entries', append()],
		['no entries', append({ entries: [] })],
		['a configuration', append({ entries: [configuration(2 * MAX_REPLICAS)] })],
		['the largest entry', append({ entries: [entry({ data: new Uint8Array(MAX_ENTRY_BYTES) })] })],
		['a snapshot’s piece', snapshot()],
		['a snapshot of nothing but its index', snapshot({ totalBytes: 0, offset: 0, data: new Uint8Array(0) })],
		['a ChangeRequest', request(CampaignReason.STALL, 2)]
	])('may hold %s', (_name, body) => {
		expect(() => checkRaftMessage(raftMessage(3, body))).not.toThrow();
	});

	it.each<[string, MessageBody]>([
		['nothing', { case: undefined }],
		[
			'too many entries',
			append({ entries: Array.from({ length: MAX_ENTRIES_PER_MESSAGE + 1 }, () => entry()) })
		],
		['entries past the last index', append({ previousIndex: 0xffff_ffff })],
		['entries of a later term', append({ entries: [entry({ term: 4 })] })],
		['entries whose terms fall', append({ entries: [entry(), entry({ term: 2 })] })],
		['entries of an earlier term than the place before', append({ entries: [entry({ term: 1 })] })],
		['a place of a later term', append({ previousTerm: 4, entries: [] })],
		['an entry of no type', append({ entries: [entry({ type: RaftEntryType.UNSPECIFIED })] })],
		['an entry of an unknown type', append({ entries: [entry({ type: 99 as RaftEntryType })] })],
		[
			'an entry that is too large',
			append({ entries: [entry({ data: new Uint8Array(MAX_ENTRY_BYTES + 1) })] })
		],
		['a configuration of nobody', append({ entries: [configuration(0)] })],
		['a configuration of too many', append({ entries: [configuration(2 * MAX_REPLICAS + 1)] })],
		[
			'a configuration that is none',
			append({ entries: [entry({ type: RaftEntryType.CONFIGURATION, data: Uint8Array.of(0x0a, 9) })] })
		],
		['a snapshot of index 0', snapshot({ index: 0 })],
		['a snapshot of a later term', snapshot({ term: 4 })],
		['a snapshot without configuration', snapshot({ configuration: undefined })],
		['a snapshot that is too large', snapshot({ totalBytes: MAX_SNAPSHOT_BYTES + 1 })],
		['a piece past the end', snapshot({ offset: 5 })],
		['an empty piece', snapshot({ data: new Uint8Array(0) })],
		['a ChangeRequest without a reason', request(CampaignReason.UNSPECIFIED, 2)],
		['a ChangeRequest for a reason that is unknown', request(99 as CampaignReason, 2)],
		['a ChangeRequest for a term that the log has', request(CampaignReason.TIMEOUT, 3)]
	])('holds not %s', (_name, body) => {
		expect(() => checkRaftMessage(raftMessage(3, body))).toThrow(LedgerError);
	});

	it('is of a term from 1, but for the answer of who never had one', () => {
		expect(() => checkRaftMessage(raftMessage(0, append({ previousTerm: 0, entries: [] })))).toThrow(
			LedgerError
		);
		const value = {
			$typeName: 'tabwave.v1.ChangeResponse' as const,
			preVote: true,
			reason: CampaignReason.TIMEOUT,
			granted: false
		};
		expect(() => checkRaftMessage(raftMessage(0, { case: 'changeResponse', value }))).not.toThrow();
	});
});
