/** Replicas of the Booter that crash, fall apart, stall and come back: the ledger goes on, from where it was (R19–R21, R14). */
import { describe, expect, it } from 'vitest';
import { decodeFinalBlock, decodeHeader, contentDigest } from '#lib/ledger/block.ts';
import { Kind } from '#lib/consensus/statement.ts';
import { toHex } from '#lib/crypto/hex.ts';
import type { TabwaveNode } from '#lib/node/node.ts';
import { STUCK_AFTER_MS, stuckOf } from '#lib/node/api/stuck.ts';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { UpperTierCheckers } from './booter-checkers.ts';
import { between, pick, seededRandom } from './random.ts';
import type { Replica } from './replicas.ts';
import { tap, type Tap } from './wiretap.ts';
import { QUIET, World, type WorldOptions } from './world.ts';

/** R21's aim: the first new final block within two election timeouts, the longest that an election may take. */
const FAILOVER_MS = 2 * 2 * DEFAULT_TIMING.booterElectionMs;

async function running(
	options: Partial<WorldOptions> = {}
): Promise<{ world: World; upper: UpperTierCheckers }> {
	const world = new World({
		seed: 7,
		partitions: [2, 1],
		faults: { ...QUIET },
		transfersPerSecond: 20,
		maxClockSkewMs: 0,
		booters: 3,
		...options
	});
	const upper = new UpperTierCheckers();
	upper.watch(world);
	await world.start();
	await world.run(20_000, () => world.tabs.every(({ joined }) => joined) && heightOf(world) > 10);
	return { world, upper };
}

/** Of the tab that is furthest. */
function heightOf(world: World): number {
	return Math.max(...world.live().map(({ running }) => running!.node.chain.head.height));
}

/** Lets time pass until a tab holds a block above `height`. @returns milliseconds */
async function untilAbove(world: World, height: number, mostMs: number): Promise<number> {
	const fromMs = world.time.nowMs;
	await world.run(mostMs, () => heightOf(world) > height);
	expect(heightOf(world)).toBeGreaterThan(height);
	return world.time.nowMs - fromMs;
}

const whyStuck = (node: TabwaveNode) =>
	stuckOf(node, { isBooterLinked: true, stillMs: STUCK_AFTER_MS, timing: DEFAULT_TIMING });

const others = (world: World, one: Replica): Replica[] =>
	world.replicas.all.filter(({ id }) => id !== one.id);

/** What a Booter says of one kind is lost. */
const mute =
	(booter: string, ...what: string[]): Tap =>
	({ from, bytes, body }) =>
		from === booter && what.includes(body.case!) ? [] : [bytes];

describe.each([1, 3, 5])('a Booter of %i replicas', (booters) => {
	it('has one that is active; the others follow, and hold the same', async () => {
		const { world, upper } = await running({ booters });
		const active = world.booter!;
		expect(world.replicas.running.filter(({ node }) => node.replica.isActive)).toEqual([active]);
		for (const { node } of world.replicas.running) expect(node.replica.active).toBe(active.id);
		for (const { running } of world.live())
			expect(running!.node.booters.current).toEqual({
				booter: active.id,
				term: active.node.replica.term,
				isHearsay: false
			});
		await world.heal();
		await upper.end(world);
		expect(world.replicas.checkers.counts).toMatchObject(
			booters === 1 ? { leaders: 0, recorded: 0 } : { leaders: 1 }
		);
		expect(world.replicas.checkers.counts.committed).toBeGreaterThan(15);
	});
});

describe('the active one of three is killed', () => {
	it(
		'and another orders blocks within two election timeouts, whatever seed',
		{ timeout: 60_000 },
		async () => {
			for (let seed = 1; seed <= 8; seed++) {
				const { world, upper } = await running({ seed });
				const active = world.booter!;
				await world.replicas.crash(active, true);
				expect(await untilAbove(world, heightOf(world) + 1, 60_000)).toBeLessThan(FAILOVER_MS);
				expect(world.booter!.id).not.toBe(active.id);
				await world.startBooter(active);
				await world.heal();
				await upper.end(world);
			}
		}
	);

	it('in the middle of a round that is locked: the same height becomes final with the same content', async () => {
		const { world, upper } = await running();
		const active = world.booter!;
		let locked: { height: number; digest: string; term: number } | null = null;
		// Members have said Done, and the Booter has heard of none of it.
		const end = tap(world.hub, ({ to, bytes, body }) => {
			if (to !== active.id || body.case !== 'partitionVote' || body.value.kind !== Kind.DONE) return [bytes];
			const { height, contentDigest: digest, term } = body.value;
			locked ??= { height, digest: toHex(digest), term };
			return [];
		});
		await world.run(5000, () => locked !== null);
		await world.run(200);
		await world.replicas.crash(active, false);
		end();
		const { height, digest, term } = locked!;
		expect(heightOf(world)).toBe(height - 1);
		const proposed = new Map<number, string>();
		tap(world.hub, ({ from, bytes, body }) => {
			const { signed } = body.case === 'next' ? body.value : {};
			if (world.replicas.ids.includes(from) && signed?.slot === height)
				proposed.set(signed.view, toHex(contentDigest(signed.payload)));
			return [bytes];
		});
		await untilAbove(world, height, FAILOVER_MS);
		const next = world.booter!;
		expect(next.node.replica.term).toBeGreaterThan(term);
		expect([...proposed]).toEqual([[next.node.replica.term, digest]]);
		const block = decodeFinalBlock((await world.tabs[0]!.store.block(height))!);
		// Who first proposed it stays in its header; who brought it through is in its proof.
		expect(decodeHeader(block.header).term).toBe(term);
		expect(block.finality!.term).toBe(next.node.replica.term);
		await world.startBooter(active);
		await world.heal();
		await upper.end(world);
	});

	it('before its entry reaches the others: nothing of it was said, and nothing stands in the way', async () => {
		const { world, upper } = await running();
		const active = world.booter!;
		world.options.transfersPerSecond = 0;
		await world.run(1500);
		for (const { id } of others(world, active)) world.hub.cut(active.id, id);
		world.options.transfersPerSecond = 20;
		await world.run(500);
		const { height } = active.node.chain.head;
		const open = active.node.core.state();
		expect(open).toMatchObject({ height: height + 1, phase: 'recording' });
		await world.replicas.crash(active, false);
		for (const { id } of others(world, active)) world.hub.mend(active.id, id);
		await untilAbove(world, height, FAILOVER_MS);
		await world.startBooter(active);
		await world.heal();
		await upper.end(world);
	});

	it('five times, each time another, with one always down', { timeout: 60_000 }, async () => {
		const { world, upper } = await running();
		let down: Replica | null = null;
		for (let i = 0; i < 5; i++) {
			const active = world.booter!;
			if (down) await world.startBooter(down);
			await world.run(1000);
			await world.replicas.crash(active, i % 2 === 0);
			await untilAbove(world, heightOf(world), FAILOVER_MS);
			down = active;
		}
		await world.startBooter(down!);
		await world.heal();
		await upper.end(world);
	});
});

describe('the active one stops cleanly', () => {
	it('and hands over before it does: no election timeout passes', async () => {
		const { world, upper } = await running();
		const active = world.booter!;
		let isOver = false;
		void active.node.handOver().then(() => (isOver = true));
		const fromMs = world.time.nowMs;
		await world.run(1000, () => isOver);
		expect(world.time.nowMs - fromMs).toBeLessThan(200);
		await world.stopBooter(active);
		const { height } = active.node.chain.head;
		expect(await untilAbove(world, height + 1, 1000)).toBeLessThan(500);
		await world.startBooter(active);
		await world.heal();
		await upper.end(world);
	});

	it('alone: it does not wait for who is not there', async () => {
		const { world } = await running();
		const active = world.booter!;
		for (const other of others(world, active)) await world.replicas.crash(other, false);
		let isOver = false;
		void active.node.handOver().then(() => (isOver = true));
		await world.run(600, () => isOver);
		expect(isOver).toBe(true);
	});
});

describe('replicas that do not hear each other', () => {
	it('an active one that is cut off from the others says nothing more, and makes nothing final', async () => {
		const { world, upper } = await running();
		const active = world.booter!;
		// What it has said before may still be voted on; all of that passes.
		world.options.transfersPerSecond = 0;
		await world.run(1500);
		for (const { id } of others(world, active)) world.hub.unlink(active.id, id);
		const { height } = active.node.chain.head;
		let said = 0;
		const end = tap(world.hub, ({ from, bytes, body }) => {
			if (from === active.id && ['next', 'orderCommit', 'finality'].includes(body.case!)) said += 1;
			return [bytes];
		});
		world.options.transfersPerSecond = 20;
		await untilAbove(world, height + 3, 2 * FAILOVER_MS);
		expect(said).toBe(0);
		// CheckQuorum: it finds out by itself that it leads nobody.
		await world.run(2 * DEFAULT_TIMING.booterElectionMs);
		expect(active.node.replica.isActive).toBe(false);
		end();
		for (const { id } of others(world, active)) world.hub.relink(active.id, id);
		await world.heal();
		await upper.end(world);
	});

	it.each([
		['hears nobody', true],
		['is not heard', false]
	])('an active one that %s is replaced, and follows when it is mended', async (_what, isDeaf) => {
		const { world, upper } = await running();
		const active = world.booter!;
		for (const { id } of others(world, active))
			if (isDeaf) world.hub.cut(id, active.id);
			else world.hub.cut(active.id, id);
		await world.run(2 * FAILOVER_MS, () => world.booter!.id !== active.id);
		expect(world.booter!.id).not.toBe(active.id);
		await untilAbove(world, heightOf(world) + 2, FAILOVER_MS);
		for (const { id } of others(world, active))
			if (isDeaf) world.hub.mend(id, active.id);
			else world.hub.mend(active.id, id);
		await world.heal();
		await upper.end(world);
	});

	it('all at once: nobody is active, tabs say so, and it goes on when two meet', async () => {
		const { world, upper } = await running();
		const [one, two, three] = world.replicas.all as [Replica, Replica, Replica];
		const pairs = [
			[one, two],
			[two, three],
			[one, three]
		] as const;
		for (const [a, b] of pairs) world.hub.unlink(a.id, b.id);
		await world.run(3000);
		const height = heightOf(world);
		await world.run(4000);
		expect(heightOf(world)).toBe(height);
		for (const { running } of world.live()) {
			expect(running!.node.booters.current).toBeNull();
			expect(whyStuck(running!.node)).toEqual({
				reason: 'BooterElection',
				missing: [],
				nextTimeoutMs: DEFAULT_TIMING.resendMs
			});
		}
		world.hub.relink(one.id, two.id);
		await untilAbove(world, height, 2 * FAILOVER_MS);
		for (const [a, b] of pairs.slice(1)) world.hub.relink(a.id, b.id);
		await world.heal();
		await upper.end(world);
	});
});

describe('a tab that does not reach the active one', () => {
	it('says so; what its partition certifies comes to the ledger by the others', async () => {
		const { world, upper } = await running({ partitions: [3] });
		const active = world.booter!;
		const cut = world.members().find(({ running }) => !running!.node.pbft!.isLeader)!;
		world.hub.unlink(cut.id, active.id);
		await world.run(DEFAULT_TIMING.heartbeatMs * 2);
		expect(whyStuck(cut.running!.node)).toEqual({
			reason: 'WaitingForBooter',
			missing: [active.id],
			nextTimeoutMs: DEFAULT_TIMING.resendMs
		});
		await untilAbove(world, heightOf(world) + 3, 2000);
		world.hub.relink(cut.id, active.id);
		await world.heal();
		expect(whyStuck(cut.running!.node)).toBeNull();
		await upper.end(world);
	});
});

describe('R21: an active one that lives and does not do its work', () => {
	it('is replaced when it stalls', { timeout: 60_000 }, async () => {
		const { world, upper } = await running();
		const active = world.booter!;
		const end = tap(world.hub, mute(active.id, 'next', 'orderCommit', 'finality', 'signed'));
		await world.run(3 * DEFAULT_TIMING.booterPatienceMs, () => world.booter!.id !== active.id);
		expect(world.booter!.id).not.toBe(active.id);
		await untilAbove(world, heightOf(world) + 2, FAILOVER_MS);
		end();
		await world.heal();
		await upper.end(world);
	});

	it('is replaced when it passes a partition by', { timeout: 60_000 }, async () => {
		const { world, upper } = await running({ transfersPerSecond: 40 });
		const active = world.booter!;
		const end = tap(world.hub, ({ to, bytes, body }) =>
			to === active.id && body.case === 'certifiedBlock' && body.value.certificate?.partition === 2
				? []
				: [bytes]
		);
		const roundOf = (): number => world.booter!.node.chain.topology.lastRoundId(2);
		await world.run(4 * DEFAULT_TIMING.booterPatienceMs, () => world.booter!.id !== active.id);
		expect(world.booter!.id).not.toBe(active.id);
		const round = roundOf();
		await world.run(FAILOVER_MS, () => roundOf() > round);
		expect(roundOf()).toBeGreaterThan(round);
		end();
		await world.heal();
		await upper.end(world);
	});
});

describe('all replicas', () => {
	it.each([false, true])(
		'crash at once, and what was final stays; the disks lose what was not flushed: %s',
		async (loseRelaxed) => {
			const { world, upper } = await running();
			for (let i = 0; i < 3; i++) {
				await world.run(700);
				const all = world.replicas.all;
				for (const replica of all) await world.replicas.crash(replica, loseRelaxed);
				await world.run(300);
				for (const replica of all) await world.startBooter(replica);
				await untilAbove(world, heightOf(world), FAILOVER_MS);
			}
			await world.heal();
			await upper.end(world);
		}
	);

	const SEEDS = 20;
	const SEEDS_PER_TEST = 5;
	for (let first = 1; first <= SEEDS; first += SEEDS_PER_TEST)
		it(
			`seeds ${first}…${first + SEEDS_PER_TEST - 1}: come and go at random, and everything heals`,
			{ timeout: 120_000 },
			async () => {
				for (let seed = first; seed < first + SEEDS_PER_TEST; seed++)
					await expect(comingAndGoing(seed), `seed ${seed}`).resolves.toBeGreaterThan(0);
			}
		);
});

/** Replicas crash, some in the middle of a turn, and links between them break. @returns entries of their log */
async function comingAndGoing(seed: number): Promise<number> {
	const random = seededRandom(seed);
	const world = new World({
		seed,
		partitions: pick(random, [[1], [2, 1], [1, 1, 1, 1]]),
		faults: {
			loss: pick(random, [0, 0.02, 0.1]),
			duplication: pick(random, [0, 0.05]),
			minDelayMs: 0.5,
			maxDelayMs: pick(random, [2, 10, 50, 200]),
			reordering: random() < 0.5
		},
		transfersPerSecond: 10,
		maxClockSkewMs: 0,
		booters: pick(random, [3, 3, 5])
	});
	const upper = new UpperTierCheckers();
	upper.watch(world);
	await world.start();
	const unlinked: [string, string][] = [];
	for (let step = 0; step < 12; step++) {
		await world.run(between(random, 100, 1500));
		world.replicas.check();
		const replica = random() < 0.5 ? world.booter! : pick(random, world.replicas.all);
		if (replica.life.stopped) await world.startBooter(replica);
		else if (random() < 0.6) await world.replicas.crash(replica, random() < 0.5);
		else {
			const other = pick(random, others(world, replica));
			world.hub.unlink(replica.id, other.id);
			unlinked.push([replica.id, other.id]);
		}
	}
	for (const [one, other] of unlinked) world.hub.relink(one, other);
	for (const replica of world.replicas.all) if (replica.life.stopped) await world.startBooter(replica);
	await world.heal();
	await upper.end(world);
	return world.replicas.checkers.counts.committed;
}
