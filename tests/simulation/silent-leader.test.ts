/** A leader that freezes: nobody is told, and the others have to find out. How long that takes is measured in virtual time (R7, R8). */
import { expect, it } from 'vitest';
import { decodeFinalBlock, decodeHeader } from '#lib/ledger/block.ts';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { tap } from './wiretap.ts';
import { QUIET, World, type Tab } from './world.ts';

const { heartbeatMs } = DEFAULT_TIMING;
/** The aim: two missed heartbeats and a quarter, and what the change itself takes. */
const CHANGE_MS = 3 * heartbeatMs;
/** Who is behind notices within a look of block sync that whom it asked is dead, and must fetch some blocks. */
const BEHIND_CHANGE_MS = CHANGE_MS + heartbeatMs;

async function running(seed: number): Promise<World> {
	const world = new World({
		seed,
		partitions: [4],
		faults: { ...QUIET },
		transfersPerSecond: 20,
		maxClockSkewMs: 0
	});
	await world.start();
	await world.run(20_000, () => world.tabs.every(({ running }) => running!.node.chain.head.height > 10));
	return world;
}

/** Until `tab` holds a final block of a later view. @returns virtual milliseconds */
async function untilReplaced(world: World, tab: Tab, view: number): Promise<number> {
	const fromMs = world.time.nowMs;
	const isLater = async (height: number): Promise<boolean> => {
		const bytes = await tab.store.block(height);
		return bytes !== undefined && decodeHeader(decodeFinalBlock(bytes).header).view > view;
	};
	while (!(await isLater(tab.running!.node.chain.head.height))) {
		await world.run(10);
		expect(world.time.nowMs - fromMs).toBeLessThan(10 * CHANGE_MS);
	}
	return world.time.nowMs - fromMs;
}

it('is replaced within three heartbeat intervals, again and again', async () => {
	const world = await running(1);
	for (let i = 0; i < 5; i++) {
		const leader = world.leaders()[0]!;
		const others = world.members().filter((tab) => tab !== leader);
		const { view } = leader.running!.node.pbft!;
		leader.running!.life.frozen = true;
		expect(await untilReplaced(world, others[0]!, view)).toBeLessThanOrEqual(CHANGE_MS);
		world.thaw(leader.running!);
		await world.run(2000);
	}
	await world.heal();
});

it('is not waited for by a member that was fetching blocks from it', async () => {
	const world = await running(2);
	const leader = world.leaders()[0]!;
	const { view } = leader.running!.node.pbft!;
	const [behind, other] = world.members().filter((tab) => tab !== leader) as [Tab, Tab];
	// What is final reaches the one by block sync alone.
	let frozenAtMs: number | null = null;
	const end = tap(world.hub, ({ from, to, bytes, body }) => {
		if (from === behind.id && to === leader.id && body.case === 'syncRequest') {
			leader.running!.life.frozen = true;
			frozenAtMs ??= world.time.nowMs;
		}
		const isOrder = body.case === 'next' || body.case === 'orderCommit' || body.case === 'finality';
		return frozenAtMs === null && to === behind.id && isOrder ? [] : [bytes];
	});
	await world.run(60_000, () => frozenAtMs !== null);
	expect(frozenAtMs).not.toBeNull();
	expect(await untilReplaced(world, other, view)).toBeLessThanOrEqual(BEHIND_CHANGE_MS);
	end();
	world.thaw(leader.running!);
	await world.heal();
});
