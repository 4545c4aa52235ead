/** For tests: what replicas do, in words short enough for a transcript. A place in a log is term/index; replica "01" is 1. */
import { fromBinary } from '@bufbuild/protobuf';
import {
	CampaignReason,
	RaftEntrySchema,
	RaftSnapshotRecordSchema,
	RaftStateRecordSchema,
	type RaftEntry
} from '../../../wire/gen/tabwave/v1/raft_pb.js';
import { toHex } from '../../../crypto/hex.ts';
import type { Persist } from '../../effects.ts';
import { decodeConfiguration, fromWireConfiguration, type Configuration } from '../configuration.ts';
import { RaftEntryType, type RaftMessage } from '../messages.ts';
import type { Raft, RaftEffects } from '../raft.ts';
import { splitMachine, textOf } from './cluster.ts';

export function nameOf(id: string | null): string {
	return id === null ? 'nobody' : id.replace(/^0+/, '');
}

export function describeConfiguration({ voters, outgoing, learners, autoLeave }: Configuration): string {
	const names = (ids: readonly string[]): string => ids.map(nameOf).join(' ');
	const parts = [`voters ${names(voters) || 'unknown'}`];
	if (outgoing.length > 0) parts.push(`and ${names(outgoing)}${autoLeave ? ' until committed' : ''}`);
	if (learners.length > 0) parts.push(`learners ${names(learners)}`);
	return parts.join(', ');
}

export function describeEntry(
	index: number,
	{ term, type, data }: Pick<RaftEntry, 'term' | 'type' | 'data'>
): string {
	const place = `${term}/${index}`;
	if (type === RaftEntryType.TERM_START) return `${place} start`;
	if (type === RaftEntryType.CONFIGURATION)
		return `${place} [${describeConfiguration(decodeConfiguration(data))}]`;
	return `${place} "${textOf(data)}"`;
}

export function describeMessage({ term, body }: RaftMessage): string {
	switch (body.case) {
		case 'changeRequest': {
			const { preVote, reason, lastLogTerm, lastLogIndex } = body.value;
			return `${preVote ? 'PreVote' : 'Vote'} request for term ${term}, log ${lastLogTerm}/${lastLogIndex}${because(reason)}`;
		}
		case 'changeResponse': {
			const { preVote, granted } = body.value;
			return `${preVote ? 'PreVote' : 'Vote'} ${granted ? 'granted' : 'refused'}, term ${term}`;
		}
		case 'append': {
			const { previousIndex, previousTerm, commit, entries } = body.value;
			const list = entries.map((entry, i) => describeEntry(previousIndex + 1 + i, entry));
			return `Append, term ${term}, after ${previousTerm}/${previousIndex}, commit ${commit}: ${list.join(', ') || 'nothing'}`;
		}
		case 'appendResponse': {
			const { index, rejected, hintIndex, hintTerm } = body.value;
			return rejected
				? `Append refused, term ${term}, no such ${index}, perhaps ${hintTerm}/${hintIndex}`
				: `Append held, term ${term}, to ${index}`;
		}
		case 'heartbeat':
			return `Heartbeat, term ${term}, commit ${body.value.commit}`;
		case 'heartbeatResponse':
			return `Heartbeat heard, term ${term}`;
		case 'installSnapshot': {
			const { index, term: last, configuration, totalBytes, offset, data } = body.value;
			const members = describeConfiguration(fromWireConfiguration(configuration));
			const piece =
				data.length < totalBytes ? `, bytes ${offset}…${offset + data.length} of ${totalBytes}` : '';
			return `Snapshot, term ${term}, of ${last}/${index} [${members}]${piece}`;
		}
		case 'installSnapshotResponse':
			return `Snapshot of ${body.value.index}, term ${term}, held to byte ${body.value.receivedBytes}`;
		case 'timeoutNow':
			return `TimeoutNow, term ${term}`;
		case undefined:
			return 'nothing';
	}
}

/** What a step asked for, in the order in which a driver does it. */
export function describeEffects(id: string, effects: RaftEffects): string[] {
	const lines = describePersist(effects.persist);
	for (const { to, packet } of effects.send)
		if (packet.case === 'raft') lines.push(`${nameOf(id)}→${nameOf(to)} ${describeMessage(packet.value)}`);
	if (effects.restored)
		lines.push(`restores "${splitMachine(effects.restored.data).join(' ')}" of ${effects.restored.index}`);
	for (const entry of effects.committed) lines.push(`delivers ${describeEntry(entry.index, entry)}`);
	if (effects.refusal) lines.push(`refused: ${effects.refusal}`);
	return lines;
}

/** Who leads, as this replica sees it. */
export function describeRole({ role, term, leader }: Pick<Raft, 'role' | 'term' | 'leader'>): string {
	const of = `of term ${term}`;
	return role === 'follower' ? `${role} ${of}, leader ${nameOf(leader)}` : `${role} ${of}`;
}

export function describeProgress(raft: Raft): string[] {
	return raft
		.state()
		.progress.map(({ id, state, match, next, sentCommit, inflight, isPaused, isActive }) =>
			[
				`${nameOf(id)}: ${state}`,
				`match ${match}, next ${next}, told commit ${sentCommit}`,
				...(inflight > 0 ? [`${inflight} in flight`] : []),
				...(isPaused ? ['paused'] : []),
				...(isActive ? [] : ['silent'])
			].join(', ')
		);
}

function describePersist(persist: readonly Persist[]): string[] {
	return persist.map(({ key, value }) => {
		const name = key.replace(/^raft\/(log\/0*)?/, '');
		if (value === null) return `erases entry ${name}`;
		if (name === 'state') {
			const { term, vote, commit } = fromBinary(RaftStateRecordSchema, value);
			return `stores term ${term}, vote for ${nameOf(vote.length > 0 ? toHex(vote) : null)}, commit ${commit}`;
		}
		if (name === 'snapshot') {
			const { index, term, logStartIndex } = fromBinary(RaftSnapshotRecordSchema, value);
			return `stores snapshot of ${term}/${index}, entries from ${logStartIndex + 1}`;
		}
		return `stores ${describeEntry(Number(name), fromBinary(RaftEntrySchema, value))}`;
	});
}

function because(reason: CampaignReason): string {
	if (reason === CampaignReason.STALL) return ', nothing moves';
	return reason === CampaignReason.TRANSFER ? ', as the leader wished' : '';
}
