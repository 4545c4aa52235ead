import { describe, expect, it } from 'vitest';
import { InvariantError, LedgerError } from '../../ledger/errors.ts';
import type { RaftEntry } from '../../wire/gen/tabwave/v1/raft_pb.js';
import { MAX_ENTRY_BYTES, MAX_TERM } from './limits.ts';
import { CampaignReason, RaftEntryType, raftMessage, type MessageBody } from './messages.ts';
import { Raft, type RaftEffects } from './raft.ts';
import { stateRecord } from './records.ts';
import { bytesOf, Cluster, textOf } from './testing/cluster.ts';

const THREE = { voters: ['01', '02', '03'] };
const SETTING = { electionTicks: 3, heartbeatTicks: 1, stallTicks: 6, random: () => 0 };

function followerOf(records: { key: string; value: Uint8Array }[] = []): Raft {
	const raft = new Raft({ ...SETTING, self: '01', records, bootstrap: THREE });
	raft.start();
	return raft;
}

function append(previous: [term: number, index: number], commit: number, ...terms: number[]): MessageBody {
	const entries = terms.map((term): RaftEntry => {
		return { $typeName: 'tabwave.v1.RaftEntry', term, type: RaftEntryType.DATA, data: bytesOf(`${term}`) };
	});
	const [previousTerm, previousIndex] = previous;
	return {
		case: 'append',
		value: { $typeName: 'tabwave.v1.AppendEntries', previousIndex, previousTerm, commit, entries }
	};
}

const heartbeat = (commit: number): MessageBody => ({
	case: 'heartbeat',
	value: { $typeName: 'tabwave.v1.LeaderHeartbeat', commit }
});

function committed(effects: RaftEffects): string[] {
	return effects.committed.map(({ term, index }) => `${term}/${index}`);
}

/** Three replicas, of which the first leads. */
function ledCluster(options: ConstructorParameters<typeof Cluster>[0] = {}): Cluster {
	const cluster = new Cluster(options);
	for (const id of THREE.voters) cluster.start(id, THREE);
	cluster.carryOut('01', cluster.raft('01').campaign());
	cluster.settle();
	return cluster;
}

describe('a follower', () => {
	it('commits no further than the message goes: behind it its log may not be the leader’s', () => {
		const raft = followerOf();
		raft.message('02', raftMessage(1, append([0, 0], 0, 1, 1, 1)));
		// The leader of term 2 decided something else at 3, and this message does not reach there.
		expect(committed(raft.message('03', raftMessage(2, append([1, 1], 3, 1))))).toEqual(['1/1', '1/2']);
		expect(committed(raft.message('03', raftMessage(2, append([1, 2], 3, 2))))).toEqual(['2/3']);
	});

	it('answers an old message with what it knows to be committed, and changes nothing', () => {
		const raft = followerOf();
		raft.message('02', raftMessage(1, append([0, 0], 2, 1, 1, 1)));
		const effects = raft.message('02', raftMessage(1, append([0, 0], 0, 1)));
		expect([effects.persist, effects.committed]).toEqual([[], []]);
		const { packet } = effects.send[0]!;
		expect(
			packet.case === 'raft' && packet.value.body.case === 'appendResponse' && packet.value.body.value.index
		).toBe(2);
		expect(raft.state().lastIndex).toBe(3);
	});

	it('keeps a copy of what it was sent, not the frame', () => {
		const raft = followerOf();
		const body = append([0, 0], 1, 1);
		raft.message('02', raftMessage(1, body));
		if (body.case === 'append') body.value.entries[0]!.data.fill(0);
		expect(textOf(raft.entries()[0]!.data)).toBe('1');
	});

	it('stops where its disk lost what it had acknowledged', () => {
		const raft = followerOf();
		raft.message('02', raftMessage(1, append([0, 0], 0, 1)));
		expect(() => raft.message('02', raftMessage(1, heartbeat(2)))).toThrow(InvariantError);
	});

	it('stops where two lead in one term', () => {
		const raft = followerOf();
		raft.message('02', raftMessage(1, heartbeat(0)));
		expect(() => raft.message('03', raftMessage(1, heartbeat(0)))).toThrow(InvariantError);
	});

	it('tells the leader of a lower term that its time is over', () => {
		const raft = followerOf();
		raft.message('02', raftMessage(5, heartbeat(0)));
		for (const body of [heartbeat(0), append([0, 0], 0, 1)]) {
			const { send, persist } = raft.message('03', raftMessage(4, body));
			expect(send.map(({ to, packet }) => [to, packet.case === 'raft' && packet.value.term])).toEqual([
				['03', 5]
			]);
			expect(persist).toEqual([]);
		}
		expect(raft.leader).toBe('02');
	});

	it('is told to campaign by its leader alone', () => {
		const raft = followerOf();
		raft.message('02', raftMessage(1, heartbeat(0)));
		const timeoutNow: MessageBody = { case: 'timeoutNow', value: { $typeName: 'tabwave.v1.TimeoutNow' } };
		raft.message('03', raftMessage(1, timeoutNow));
		expect(raft.role).toBe('follower');
		raft.message('02', raftMessage(1, timeoutNow));
		expect(raft.role).toBe('candidate');
	});

	it('does not heed itself', () => {
		const raft = followerOf();
		expect(raft.message('01', raftMessage(7, heartbeat(0))).send).toEqual([]);
		expect(raft.term).toBe(0);
	});
});

describe('what a step asks for', () => {
	it('has the vote in it before the answer', () => {
		const raft = followerOf();
		const { persist, send } = raft.message(
			'02',
			raftMessage(4, {
				case: 'changeRequest',
				value: {
					$typeName: 'tabwave.v1.ChangeRequest',
					preVote: false,
					reason: CampaignReason.TIMEOUT,
					lastLogTerm: 0,
					lastLogIndex: 0
				}
			})
		);
		expect(persist).toEqual([stateRecord({ term: 4, vote: '02', commit: 0 })]);
		expect(send).toHaveLength(1);
	});

	it('is nothing for the disk where only the commit index moves', () => {
		const cluster = ledCluster();
		cluster.carryOut('01', cluster.raft('01').propose(bytesOf('a')));
		cluster.deliver('02');
		cluster.deliver('01');
		const before = new Map(cluster.replicas.get('02')!.disk);
		cluster.settle();
		expect(cluster.replicas.get('02')!.applied).toEqual(['a']);
		expect(cluster.replicas.get('02')!.disk).toEqual(before);
	});
});

describe('a leader', () => {
	it('is active once an entry of its own term is decided, and not before', () => {
		const cluster = new Cluster();
		for (const id of THREE.voters) cluster.start(id, THREE);
		const raft = cluster.raft('01');
		cluster.carryOut('01', raft.campaign());
		for (let round = 0; round < 2; round++) {
			cluster.deliver('02');
			expect([raft.isLeader, raft.isActive]).toEqual([false, false]);
			cluster.deliver('01');
		}
		cluster.deliver('02');
		expect([raft.isLeader, raft.isActive]).toEqual([true, false]);
		cluster.deliver('01');
		expect(raft.isActive).toBe(true);
		expect(cluster.raft('02').isActive).toBe(false);
	});

	it('refuses an entry that no message can carry', () => {
		const cluster = ledCluster();
		expect(cluster.raft('01').propose(new Uint8Array(MAX_ENTRY_BYTES + 1)).refusal).toBe('EntryTooLarge');
		expect(cluster.raft('01').propose(new Uint8Array(MAX_ENTRY_BYTES)).refusal).toBeNull();
	});

	it('gathers no more than its bound while it has no majority, and at least one entry', () => {
		const raft = ledCluster({ limits: { maxUncommittedBytes: 10 } }).raft('01');
		const results = [20, 1].map((bytes) => raft.propose(new Uint8Array(bytes)).refusal);
		expect(results).toEqual([null, 'UncommittedFull']);
		const other = ledCluster({ limits: { maxUncommittedBytes: 10 } }).raft('01');
		expect([4, 6, 1].map((bytes) => other.propose(new Uint8Array(bytes)).refusal)).toEqual([
			null,
			null,
			'UncommittedFull'
		]);
	});

	it('takes nothing more where its driver takes no snapshots, and goes on when it does', () => {
		const cluster = ledCluster({ limits: { snapshotAfterEntries: 3, maxSnapshotsOverdue: 2 } });
		const raft = cluster.raft('01');
		const refusals: (string | null)[] = [];
		for (let i = 0; i < 6; i++) {
			const effects = raft.propose(bytesOf(String(i)));
			refusals.push(effects.refusal);
			cluster.carryOut('01', effects);
			cluster.settle();
		}
		expect(refusals).toEqual([null, null, null, null, null, 'LogFull']);
		expect(raft.isSnapshotDue).toBe(true);
		cluster.snapshot('01');
		expect(raft.isSnapshotDue).toBe(false);
		expect(raft.propose(bytesOf('6')).refusal).toBeNull();
	});

	it('wants a snapshot after so many bytes as well', () => {
		const cluster = ledCluster({ limits: { snapshotAfterBytes: 10 } });
		cluster.carryOut('01', cluster.raft('01').propose(bytesOf('0123456789')));
		expect(cluster.raft('01').isSnapshotDue).toBe(true);
		cluster.settle();
		expect(cluster.raft('02').isSnapshotDue).toBe(true);
	});

	it('takes no snapshot of what was not delivered', () => {
		const { raft } = ledCluster().replicas.get('01')!;
		expect(() => raft.snapshot(raft.deliveredIndex + 1, bytesOf(''))).toThrow(InvariantError);
	});
});

describe('a replica', () => {
	it('is started once, and before anything else', () => {
		const raft = new Raft({ ...SETTING, self: '01', records: [], bootstrap: THREE });
		expect(() => raft.tick()).toThrow(InvariantError);
		raft.start();
		expect(() => raft.start()).toThrow(InvariantError);
	});

	it('keeps to the cluster that is on its disk, whatever it is told later', () => {
		const cluster = ledCluster();
		const { disk } = cluster.replicas.get('02')!;
		const again = cluster.start('02', { voters: ['02'] }, disk).raft;
		expect(again.configuration.voters).toEqual(THREE.voters);
		expect(again.isLeader).toBe(false);
	});

	it('begins with no cluster that cannot be', () => {
		const init = { ...SETTING, self: '01', records: [] };
		expect(() => new Raft({ ...init, bootstrap: { voters: [] } })).toThrow(LedgerError);
		expect(() => new Raft({ ...init, bootstrap: THREE, heartbeatTicks: 3 })).toThrow(InvariantError);
	});

	it('waits at random, each its own time', () => {
		const timeouts = new Set<number>();
		for (let i = 0; i < 10; i++) {
			const raft = new Raft({
				...SETTING,
				self: '01',
				records: [],
				bootstrap: THREE,
				electionTicks: 10,
				random: () => i / 10
			});
			raft.start();
			let ticks = 0;
			while (raft.role === 'follower') {
				raft.tick();
				ticks += 1;
			}
			timeouts.add(ticks);
		}
		expect([...timeouts]).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
	});

	it('does not campaign past the last term', () => {
		const raft = followerOf([
			{ key: 'raft/state', value: stateRecord({ term: MAX_TERM, vote: null, commit: 0 }).value! }
		]);
		expect(raft.campaign().refusal).toBe('NotVoter');
		for (let i = 0; i < 20; i++) raft.tick();
		expect(raft.role).toBe('follower');
	});

	it('says when it campaigns, and what it waits for', () => {
		const cluster = ledCluster();
		expect(cluster.raft('02').state()).toMatchObject({ role: 'follower', leader: '01', campaignInTicks: 3 });
		cluster.raft('02').tick();
		expect(cluster.raft('02').state().campaignInTicks).toBe(2);
		expect(cluster.raft('01').state()).toMatchObject({ role: 'leader', campaignInTicks: null, commit: 1 });
	});
});

describe('a term that others have seen', () => {
	it('ends what a replica does in a lower one; a term that is known changes nothing', () => {
		const cluster = ledCluster();
		const leader = cluster.raft('01');
		const { term } = leader;
		cluster.carryOut('01', leader.termSeen(term));
		expect(leader.isLeader).toBe(true);
		cluster.carryOut('01', leader.termSeen(term + 7));
		expect([leader.role, leader.term, leader.leader]).toEqual(['follower', term + 7, null]);
	});

	it('is passed at once by who is alone, and durable before anything is done in it', () => {
		const alone = new Raft({ ...SETTING, self: '01', records: [], bootstrap: { voters: ['01'] } });
		alone.start();
		const { persist } = alone.termSeen(9);
		expect([alone.isActive, alone.term]).toEqual([true, 10]);
		expect(persist.map(({ key }) => key)).toContain('raft/state');
	});

	it('that is the last of all leads nowhere', () => {
		const alone = new Raft({ ...SETTING, self: '01', records: [], bootstrap: { voters: ['01'] } });
		alone.start();
		alone.termSeen(MAX_TERM);
		expect([alone.isLeader, alone.term]).toEqual([false, MAX_TERM]);
	});
});

describe('R21: an accusation', () => {
	it('has a follower ask, whose question a majority that heard the same grants', () => {
		const cluster = ledCluster();
		const { term } = cluster.raft('01');
		for (const id of ['02', '03']) cluster.raft(id).accuse(true);
		cluster.carryOut('02', cluster.raft('02').tick());
		cluster.carryOut('02', cluster.raft('02').tick());
		cluster.settle();
		expect(cluster.raft('02').isLeader).toBe(true);
		expect(cluster.raft('02').term).toBeGreaterThan(term);
	});
});
