/**
 * The form of what replicas say to each other. The driver calls {@link checkRaftMessage} before the core sees a message, and
 * hands over only what came over a link whose peer is a replica: that stands for a signature here.
 */
import { create } from '@bufbuild/protobuf';
import { LedgerError } from '../../ledger/errors.ts';
import {
	CampaignReason,
	RaftEntryType,
	RaftMessageSchema,
	type AppendEntries,
	type InstallSnapshot,
	type RaftConfiguration,
	type RaftMessage
} from '../../wire/gen/tabwave/v1/raft_pb.js';
import { decodeConfiguration } from './configuration.ts';
import {
	MAX_ENTRIES_PER_MESSAGE,
	MAX_ENTRY_BYTES,
	MAX_REPLICAS,
	MAX_SNAPSHOT_BYTES,
	MAX_TERM
} from './limits.ts';

export { CampaignReason, RaftEntryType, type RaftMessage };

export type MessageBody = RaftMessage['body'];

export function raftMessage(term: number, body: MessageBody): RaftMessage {
	return create(RaftMessageSchema, { term, body });
}

/** Only the leader of the term says this. */
export function isOfLeader(body: MessageBody): boolean {
	return body.case === 'append' || body.case === 'heartbeat' || body.case === 'installSnapshot';
}

/** @throws LedgerError (MessageMalformed) for what no replica of this version sends */
export function checkRaftMessage({ term, body }: RaftMessage): void {
	if (term === 0 && body.case !== 'changeResponse') refuse('a message of term 0');
	switch (body.case) {
		case undefined:
			return refuse('a message without a body');
		case 'changeRequest': {
			const { reason, lastLogTerm } = body.value;
			if (reason === CampaignReason.UNSPECIFIED || CampaignReason[reason] === undefined)
				refuse('a ChangeRequest without a reason');
			if (lastLogTerm >= term) refuse('a ChangeRequest for a term that the log has already');
			return;
		}
		case 'append':
			return checkAppend(term, body.value);
		case 'installSnapshot':
			return checkSnapshot(term, body.value);
	}
}

function checkAppend(term: number, { previousIndex, previousTerm, entries }: AppendEntries): void {
	if (entries.length > MAX_ENTRIES_PER_MESSAGE) refuse(`a message of ${entries.length} entries`);
	if (previousIndex + entries.length > MAX_TERM) refuse('an entry past the last index');
	let last = previousTerm;
	for (const entry of entries) {
		if (entry.term < last || entry.term > term) refuse('entries whose terms do not grow');
		if (entry.type === RaftEntryType.UNSPECIFIED || RaftEntryType[entry.type] === undefined)
			refuse('an entry of no known type');
		if (entry.data.length > MAX_ENTRY_BYTES) refuse(`an entry of ${entry.data.length} bytes`);
		if (entry.type === RaftEntryType.CONFIGURATION) {
			const { voters, outgoing, learners } = decodeConfiguration(entry.data);
			checkReplicas([...voters, ...outgoing, ...learners]);
			if (voters.length === 0) refuse('a configuration without voters');
		}
		last = entry.term;
	}
	if (last > term) refuse('a place in the log of a later term than the message');
}

function checkSnapshot(term: number, snapshot: InstallSnapshot): void {
	const { index, term: snapshotTerm, configuration, totalBytes, offset, data } = snapshot;
	if (index === 0 || snapshotTerm > term)
		refuse('a snapshot of nothing, or of a later term than the message');
	if (totalBytes > MAX_SNAPSHOT_BYTES) refuse(`a snapshot of ${totalBytes} bytes`);
	if (offset + data.length > totalBytes || (data.length === 0 && totalBytes > 0))
		refuse('a piece of a snapshot that is not within it');
	if (!configuration) return refuse('a snapshot without a configuration');
	const { voters, outgoing, learners }: RaftConfiguration = configuration;
	checkReplicas([...voters, ...outgoing, ...learners]);
}

function checkReplicas(ids: readonly unknown[]): void {
	// A joint configuration names those before as well.
	if (ids.length > 2 * MAX_REPLICAS) refuse(`a configuration of ${ids.length} replicas`);
}

function refuse(what: string): never {
	throw new LedgerError('MessageMalformed', `the Booter cluster does not send ${what}`);
}
