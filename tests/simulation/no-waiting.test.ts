/**
 * Where nothing is lost nobody waits for what is sent again. Such a wait costs half a second, and no other test sees it, since the resending
 * ends it.
 */
import { expect, it } from 'vitest';
import { World } from './world.ts';

const FAULTS = { loss: 0, minDelayMs: 5, maxDelayMs: 15, duplication: 0, reordering: false };
const RUN_MS = 10_000;
/** Orders of one block, and of several. */
const TRANSFERS_PER_SECOND = [20, 60];

it.each(
	[1, 2].flatMap((seed) => TRANSFERS_PER_SECOND.map((transfersPerSecond) => ({ seed, transfersPerSecond })))
)(
	'a busy network never waits for what is sent again ($transfersPerSecond a second, seed $seed)',
	async (load) => {
		const world = new World({ ...load, partitions: [4, 4], faults: FAULTS, maxClockSkewMs: 0 });
		await world.start();
		await world.run(20_000, () => world.tabs.every(({ running }) => running!.node.partition));
		await world.run(2000);
		let [height, sinceMs, longestMs] = [0, world.time.nowMs, 0];
		await world.run(RUN_MS, () => {
			const now = world.tabs[0]!.running!.node.chain.head.height;
			if (now > height) [height, sinceMs] = [now, world.time.nowMs];
			longestMs = Math.max(longestMs, world.time.nowMs - sinceMs);
			return false;
		});
		expect(longestMs).toBeLessThan(world.timing.resendMs - world.timing.tickMs);
	}
);

it.each([1, 2, 3])('eight tabs are members within two heartbeats (seed %i)', async (seed) => {
	const world = new World({
		seed,
		partitions: [4, 4],
		faults: FAULTS,
		transfersPerSecond: 20,
		maxClockSkewMs: 0
	});
	await world.start();
	const fromMs = world.time.nowMs;
	await world.run(20_000, () => world.tabs.every(({ running }) => running!.node.partition));
	expect(world.time.nowMs - fromMs).toBeLessThan(2 * world.timing.heartbeatMs);
});
