/**
 * R7: members on a machine that is too busy stand still for longer than two heartbeats, again and again. None of them is dead, and a
 * partition that took them for it would change its leader each few seconds.
 */
import { expect, it } from 'vitest';
import { between } from './random.ts';
import { QUIET, World, type Tab } from './world.ts';

const MIN_STALL_MS = 1200;
const MAX_STALL_MS = 1800;
const MAX_PAUSE_MS = 6000;
/** Until the members know each other. */
const LEARNING_MS = 15_000;
const RUN_MS = 30_000;

/** `tab` stands still at times, until the world ends. */
function stall(world: World, tab: Tab): void {
	world.time.after(between(world.random, 0, MAX_PAUSE_MS), () => {
		const running = tab.running!;
		running.life.frozen = true;
		world.time.after(between(world.random, MIN_STALL_MS, MAX_STALL_MS), () => {
			world.thaw(running);
			stall(world, tab);
		});
	});
}

function view(world: World): number {
	return Math.max(...world.tabs.map(({ running }) => running!.node.pbft!.view));
}

it.each([1, 2])('members that stall are waited for (seed %i)', async (seed) => {
	const world = new World({
		seed,
		partitions: [4],
		// What such a machine needs to hand a frame on.
		faults: { ...QUIET, minDelayMs: 150, maxDelayMs: 400 },
		transfersPerSecond: 5,
		maxClockSkewMs: 0
	});
	await world.start();
	await world.run(20_000, () => world.tabs.every(({ running }) => running!.node.chain.head.height > 10));
	for (const tab of world.tabs) stall(world, tab);
	await world.run(LEARNING_MS);
	const before = view(world);
	await world.run(RUN_MS);
	expect(view(world) - before).toBeLessThan(3);
});
