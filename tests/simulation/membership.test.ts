/** Membership under faults (R22, R24): the real drivers over virtual time, each scenario scripted and the same in every run. */
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { Kind } from '#lib/consensus/statement.ts';
import { leaderOf } from '#lib/consensus/topology.ts';
import { taggedHash } from '#lib/crypto/hash.ts';
import { decodeProposal, joinHashes, proposalId, splitHashes } from '#lib/ledger/block.ts';
import { signedTransaction } from '#lib/ledger/transaction.ts';
import { ProposalSchema, RecoveryMode } from '#lib/wire/gen/tabwave/v1/ledger_pb.js';
import { lie, resign, say, speakAs } from './liar.ts';
import { QUIET, World, type Tab, type WorldOptions } from './world.ts';

/** A body that nobody reads as a transaction. */
const NO_TRANSACTION = Uint8Array.of(0xff);
const NO_TRANSACTION_ID = taggedHash('transaction', NO_TRANSACTION);
/** Longer than what evicts a silent member, so that the two are told apart. */
const SILENCE_MS = 25_000;
const STEP_TIMEOUT = { timeout: 60_000 };

async function founded(partitions: number[], options: Partial<WorldOptions> = {}): Promise<World> {
	const world = new World({
		seed: 24,
		partitions,
		faults: { ...QUIET },
		transfersPerSecond: 10,
		maxClockSkewMs: 0,
		genesis: { recoverySilenceMs: BigInt(SILENCE_MS) },
		...options
	});
	await world.start();
	await until(world, 20_000, 'everyone is a member', () =>
		world.tabs.every(({ joined, running }) => joined && running!.node.partition)
	);
	return world;
}

/** Runs until a state is reached; a state that is not reached is the failure, and says where everyone stands. */
async function until(world: World, withinMs: number, what: string, done: () => boolean): Promise<void> {
	await world.run(withinMs, done);
	if (!done()) throw new Error(`${what}: not within ${withinMs} ms\n${world.log.slice(-40).join('\n')}`);
}

const chainOf = (world: World) => world.booter!.node.chain;
const membersOf = (world: World, partition = 1): string[] =>
	chainOf(world).topology.partition(partition)!.members;
const heightOf = (world: World): number => chainOf(world).head.height;

/** Trades go on: so many more heights. */
async function grows(world: World, heights = 10, withinMs = 30_000): Promise<void> {
	const from = heightOf(world);
	await until(world, withinMs, `${heights} more heights`, () => heightOf(world) >= from + heights);
}

const leaderTab = (world: World, partition = 1): Tab => {
	const any = world.members().find(({ running }) => running!.node.partition!.id === partition)!;
	const { view } = any.running!.node.pbft!;
	return world.tabs.find(({ id }) => id === leaderOf(membersOf(world, partition), view))!;
};
const followers = (world: World, partition = 1): Tab[] =>
	world.tabs.filter(
		(tab) => tab !== leaderTab(world, partition) && membersOf(world, partition).includes(tab.id)
	);

async function evicted(world: World, ...liars: Tab[]): Promise<void> {
	await until(world, 30_000, `${liars.map(({ name }) => name).join(' and ')} evicted`, () =>
		liars.every(({ id }) => !chainOf(world).topology.partitionOf(id))
	);
}

describe('a liar is found out and evicted (R24)', () => {
	it.each<[string, Kind]>([
		['Prepares', Kind.PREPARE],
		['Commits', Kind.COMMIT],
		['Signs', Kind.SIGN],
		['Dones', Kind.DONE]
	])('a follower with two %s, said to the same member', STEP_TIMEOUT, async (_what, kind) => {
		const world = await founded([4]);
		const [liar] = followers(world) as [Tab];
		lie(world, liar, { kinds: [kind], isFooled: () => true, andTruth: true });
		await evicted(world, liar);
		expect(membersOf(world)).toHaveLength(3);
		expect(world.checkers.counts.evidence).toBeGreaterThan(0);
		await grows(world);
	});

	it('a follower that tells one member something else than the others', STEP_TIMEOUT, async () => {
		const world = await founded([4]);
		const [liar, fooled] = followers(world) as [Tab, Tab];
		lie(world, liar, { kinds: [Kind.PREPARE], isFooled: ({ to }) => to === fooled.id });
		await evicted(world, liar);
		await grows(world);
	});

	it('a leader that proposes two blocks in one round', STEP_TIMEOUT, async () => {
		const world = await founded([4]);
		const leader = leaderTab(world);
		const fooled = followers(world)[0]!;
		lie(world, leader, { kinds: [Kind.PRE_PREPARE], isFooled: ({ to }) => to === fooled.id });
		await evicted(world, leader);
		expect(membersOf(world)).toHaveLength(3);
		await grows(world);
	});

	it.each<[string, (ids: Uint8Array[]) => Uint8Array[]]>([
		['that names a transaction twice', ([first]) => [first!, first!]],
		['that names what is no transaction, and hands that around', (ids) => [...ids, NO_TRANSACTION_ID]]
	])('a leader with a proposal %s, the same to all', STEP_TIMEOUT, async (_what, spoil) => {
		const world = await founded([4]);
		const leader = leaderTab(world);
		world.liars.add(leader.id);
		speakAs(world, leader, ({ to, bytes, body }) => {
			if (body.case !== 'signed' || body.value.kind !== Kind.PRE_PREPARE) return [bytes];
			const proposal = decodeProposal(body.value.payload);
			const transactionIds = joinHashes(spoil(splitHashes(proposal.transactionIds)));
			const payload = toBinary(ProposalSchema, create(ProposalSchema, { ...proposal, transactionIds }));
			resign(world, leader, to, body.value, { payload, digest: proposalId(payload) });
			const transactions = [signedTransaction(NO_TRANSACTION, new Uint8Array(64))];
			const batch = { $typeName: 'tabwave.v1.TransactionBatch' as const, transactions };
			world.time.after(50, () => say(world, leader, to, { case: 'transactions', value: batch }));
			return [];
		});
		await evicted(world, leader);
		expect(membersOf(world)).toHaveLength(3);
		await grows(world);
	});

	it('two of seven, one of them the leader', STEP_TIMEOUT, async () => {
		const world = await founded([7]);
		const leader = leaderTab(world);
		const [liar, fooled] = followers(world) as [Tab, Tab];
		lie(world, leader, { kinds: [Kind.PRE_PREPARE], isFooled: ({ to }) => to === fooled.id });
		lie(world, liar, { kinds: [Kind.PREPARE, Kind.COMMIT], isFooled: ({ to }) => to === fooled.id });
		await evicted(world, leader, liar);
		expect(membersOf(world)).toHaveLength(5);
		await grows(world);
	});

	it('cannot join again, and the network goes on', STEP_TIMEOUT, async () => {
		const world = await founded([4, 2]);
		const [liar] = followers(world) as [Tab];
		const stop = lie(world, liar, { kinds: [Kind.PREPARE], isFooled: () => true, andTruth: true });
		await evicted(world, liar);
		stop();
		liar.running!.node.requestJoin(2, 'again');
		await grows(world, 20);
		expect(chainOf(world).topology.partitionOf(liar.id)).toBeUndefined();
		expect(world.log.some((line) => line.includes('was evicted for evidence against it'))).toBe(true);
	});
});

describe('members come and go while rounds run', () => {
	it('many at once, in both partitions', STEP_TIMEOUT, async () => {
		const world = await founded([4, 4]);
		for (let i = 0; i < 6; i++) await world.addTab(1 + (i % 2));
		for (const tab of [followers(world, 1)[0]!, leaderTab(world, 2)]) world.leaveUntilGone(tab);
		await until(world, 20_000, 'six have come and two have gone', () =>
			[1, 2].every((id) => membersOf(world, id).length === 6)
		);
		await grows(world);
		await world.heal();
	});

	it('the leader leaves in the middle of its rounds, and then the next one', STEP_TIMEOUT, async () => {
		const world = await founded([5], { transfersPerSecond: 40 });
		for (const size of [4, 3]) {
			const leader = leaderTab(world);
			await until(world, 5000, 'rounds are open', () => leader.running!.node.pbft!.rounds().length > 0);
			world.leaveUntilGone(leader);
			await until(world, 20_000, 'it has left', () => membersOf(world).length === size);
		}
		await grows(world);
		// Nothing that was open with it is lost: heal() asks after every transaction of who is still here.
		await world.heal();
	});

	it('one comes, one goes and one is silent: all of it becomes final', STEP_TIMEOUT, async () => {
		const world = await founded([5]);
		const [silent, leaving] = followers(world) as [Tab, Tab];
		await world.crashTab(silent, false);
		await world.run(19_000);
		const newcomer = await world.addTab(1);
		world.leaveUntilGone(leaving);
		await until(world, 30_000, 'four are left', () => {
			const ids = membersOf(world);
			return ids.includes(newcomer.id) && !ids.includes(leaving.id) && !ids.includes(silent.id);
		});
		await grows(world);
	});

	it('the Booter dies with an entry under way, and finishes it', STEP_TIMEOUT, async () => {
		const world = await founded([4, 4]);
		const newcomer = await world.addTab(1);
		await until(world, 5000, 'an entry is open', () => world.booter!.node.core.state().height !== null);
		await world.stopBooter();
		await world.startBooter();
		await until(
			world,
			30_000,
			'the newcomer is a member',
			() => newcomer.running!.node.partition !== undefined
		);
		await grows(world);
		await world.heal();
	});
});

describe('a partition past its maximum (R22)', () => {
	const seats = (...sizes: number[]) => ({
		recoverySilenceMs: BigInt(SILENCE_MS),
		partitions: sizes.map((maxMembers, i) => ({
			$typeName: 'tabwave.v1.PartitionGenesis' as const,
			id: i + 1,
			maxMembers
		}))
	});

	it(
		'splits in two by id; both certify blocks, and nothing is final without both',
		STEP_TIMEOUT,
		async () => {
			const world = await founded([4], { genesis: { ...seats(4), maxPartitions: 2 } });
			await grows(world);
			await world.addTab(1);
			await until(world, 20_000, 'there are two', () => chainOf(world).topology.active().length === 2);
			const [lower, upper] = [membersOf(world, 1), membersOf(world, 2)];
			expect([lower.length, upper.length]).toEqual([3, 2]);
			expect([...lower, ...upper]).toEqual([...lower, ...upper].sort());
			await grows(world, 20);
			for (const id of [1, 2]) expect(chainOf(world).topology.lastRoundId(id)).toBeGreaterThan(0);
			await world.heal();
		}
	);

	it('splits again and again as a class comes, up to what genesis allows', STEP_TIMEOUT, async () => {
		const world = await founded([2], { genesis: { ...seats(2), maxPartitions: 3 } });
		for (let i = 0; i < 4; i++) await world.addTab(1 + (i % 2));
		await until(world, 40_000, 'six sit in three', () => {
			const active = chainOf(world).topology.active();
			return active.length === 3 && active.reduce((sum, { members }) => sum + members.length, 0) >= 5;
		});
		await grows(world);
	});
});

describe('a partition that has lost its quorum (R22)', () => {
	const gone = async (world: World, ...tabs: Tab[]): Promise<void> => {
		for (const tab of tabs) await world.crashTab(tab, false);
	};
	const members = (world: World, partition: number): Tab[] =>
		membersOf(world, partition).map((id) => world.tabs.find((tab) => tab.id === id)!);

	it(
		'is recovered with those that remain, by the other partition and the operator',
		STEP_TIMEOUT,
		async () => {
			const world = await founded([4, 4]);
			const dead = members(world, 2).slice(0, 2);
			const staying = members(world, 2).slice(2);
			await gone(world, ...dead);
			await until(
				world,
				SILENCE_MS + 20_000,
				'partition 2 is recovered',
				() => membersOf(world, 2).length === 2
			);
			expect(membersOf(world, 2)).toEqual(staying.map(({ id }) => id));
			await grows(world);
			// A third member of the recovered partition: it takes part like any other.
			await world.addTab(2);
			await until(world, 20_000, 'a newcomer is a member', () => membersOf(world, 2).length === 3);
			await grows(world);
		}
	);

	it('of which nobody is left is emptied, and can be joined again', STEP_TIMEOUT, async () => {
		const world = await founded([4, 2]);
		await gone(world, ...members(world, 2));
		await until(world, SILENCE_MS + 20_000, 'partition 2 is empty', () => membersOf(world, 2).length === 0);
		await grows(world);
		await world.addTab(2);
		await until(world, 20_000, 'a newcomer is a member', () => membersOf(world, 2).length === 1);
		await grows(world);
	});

	it('where it was the only one goes on by the operator alone', STEP_TIMEOUT, async () => {
		const world = await founded([4]);
		const staying = members(world, 1).slice(2);
		await gone(world, ...members(world, 1).slice(0, 2));
		await until(world, SILENCE_MS + 20_000, 'it is recovered', () => membersOf(world, 1).length === 2);
		expect(membersOf(world, 1)).toEqual(staying.map(({ id }) => id));
		await grows(world);
	});

	it('where everyone is gone begins anew with who comes', STEP_TIMEOUT, async () => {
		const world = await founded([3, 2]);
		const height = heightOf(world);
		await gone(world, ...world.tabs);
		await world.run(5000);
		const newcomer = await world.addTab(1);
		await until(
			world,
			2 * SILENCE_MS,
			'the newcomer is a member',
			() => newcomer.running!.node.partition !== undefined
		);
		expect(heightOf(world)).toBeGreaterThan(height);
		await grows(world);
	});

	it('is recovered for who asks any replica, where the operator has to ask', STEP_TIMEOUT, async () => {
		const genesis = { recoverySilenceMs: BigInt(SILENCE_MS), recoveryMode: RecoveryMode.MANUAL };
		const world = await founded([4, 4], { booters: 3, genesis });
		await gone(world, ...members(world, 2).slice(0, 2));
		await world.run(SILENCE_MS + 5000);
		expect(membersOf(world, 2)).toHaveLength(4);
		const asked = world.replicas.running.find(({ node }) => !node.replica.isActive)!;
		asked.node.wishRecovery({ partition: 2, retire: false });
		await until(world, 10_000, 'partition 2 is recovered', () => membersOf(world, 2).length === 2);
		await grows(world);
	});

	it('is not recovered while a quorum is heard, nor before the silence is over', STEP_TIMEOUT, async () => {
		const world = await founded([4, 4]);
		const [one, two] = members(world, 2) as [Tab, Tab];
		await gone(world, one, two);
		await world.run(SILENCE_MS - 5000);
		expect(membersOf(world, 2)).toHaveLength(4);
		await world.startTab(one);
		await grows(world);
		await until(world, SILENCE_MS, 'the other is evicted', () => membersOf(world, 2).length === 3);
		// Three of four can evict the fourth by themselves.
		expect(membersOf(world, 2)).toEqual(expect.arrayContaining([one.id]));
		expect(membersOf(world, 2)).not.toEqual(expect.arrayContaining([two.id]));
	});

	it('one of three, whose others have their quorum: an entry like any other', STEP_TIMEOUT, async () => {
		const world = await founded([4, 2, 2]);
		const lost = members(world, 3);
		await gone(world, ...lost);
		await grows(world);
		await until(world, SILENCE_MS + 20_000, 'partition 3 is empty', () => membersOf(world, 3).length === 0);
		await grows(world);
	});

	it('whose lost members come back later: they follow, and may join again', STEP_TIMEOUT, async () => {
		const world = await founded([4, 4]);
		const dead = members(world, 2).slice(0, 2);
		await gone(world, ...dead);
		await until(
			world,
			SILENCE_MS + 20_000,
			'partition 2 is recovered',
			() => membersOf(world, 2).length === 2
		);
		await grows(world);
		for (const tab of dead) await world.startTab(tab);
		await until(world, 20_000, 'they have caught up', () =>
			dead.every(({ running }) => running!.node.chain.head.height >= heightOf(world) - 3)
		);
		expect(dead.map(({ running }) => running!.node.halted)).toEqual([null, null]);
		for (const tab of dead) tab.running!.node.requestJoin(2, tab.name);
		await until(world, 20_000, 'they are members', () => membersOf(world, 2).length === 4);
		await grows(world);
	});
});
