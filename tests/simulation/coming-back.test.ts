/** Who was away comes back to a chain that goes on without a pause (R23): it votes again once it has fetched what it missed. */
import { expect, it } from 'vitest';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { World, type Tab } from './world.ts';

/** A block passes in some 60 ms: faster than this member fetches one that it lacks. */
const FAULTS = { loss: 0, minDelayMs: 5, maxDelayMs: 15, duplication: 0, reordering: false };
const AWAY_MS = 3000;

async function busy(seed: number): Promise<World> {
	const world = new World({
		seed,
		partitions: [4],
		faults: FAULTS,
		transfersPerSecond: 100,
		maxClockSkewMs: 0
	});
	await world.start();
	await world.run(20_000, () => world.tabs.every(({ running }) => running!.node.chain.head.height > 10));
	return world;
}

it.each([1, 2, 3, 4])('it votes on orders again within a second (seed %i)', async (seed) => {
	const world = await busy(seed);
	const leader = world.leaders()[0]!;
	const [away, other] = world.members().filter((tab) => tab !== leader) as [Tab, Tab];
	away.running!.life.frozen = true;
	await world.run(AWAY_MS);
	world.thaw(away.running!);
	const fromMs = world.time.nowMs;
	const { height } = other.running!.node.chain.head;
	const isBack = (): boolean => {
		const { voter, chain } = away.running!.node;
		return (
			chain.head.height > height && (voter.state()?.phase === 'signed' || voter.state()?.phase === 'locked')
		);
	};
	await world.run(20_000, isBack);
	expect(world.time.nowMs - fromMs).toBeLessThanOrEqual(2 * DEFAULT_TIMING.heartbeatMs);
	await world.heal();
});
