/**
 * Packets of a running network, damaged in every way a wire or a liar can: the nodes name what is wrong, do bounded work, and go
 * on agreeing.
 */
import { expect, it } from 'vitest';
import { between, pick, seededRandom, type Random } from './random.ts';
import { QUIET, World } from './world.ts';

const CASES = 6000;
const CASES_PER_STEP = 100;

it(`${CASES} damaged, replayed and foreign packets change nothing`, { timeout: 120_000 }, async () => {
	const world = new World({
		seed: 11,
		partitions: [4, 2],
		faults: { ...QUIET },
		transfersPerSecond: 20,
		maxClockSkewMs: 0
	});
	await world.start();
	const captured: { from: string; packets: Uint8Array[] }[] = [];
	const send = world.hub.send.bind(world.hub);
	world.hub.send = (from, to, packets) => {
		if (captured.length < 4000) captured.push({ from, packets });
		send(from, to, packets);
	};
	await world.run(6000);
	expect(captured.length).toBeGreaterThan(500);

	const foreign = await packetsOfAnotherChain();
	const random = seededRandom(12);
	const checksBefore = checks(world);
	for (let done = 0; done < CASES; done += CASES_PER_STEP) {
		for (let i = 0; i < CASES_PER_STEP; i++) {
			const { from, packets } = random() < 0.1 ? pick(random, foreign) : pick(random, captured);
			const packet = damage(random, pick(random, packets), pick(random, pick(random, captured).packets));
			const target = pick(random, [
				...world.live().map(({ running }) => running!.network),
				world.booter!.network
			]);
			// As if it came from a peer that this node listens to.
			target.events!.packets(pick(random, [from, target.self, ...world.tabs.map(({ id }) => id)]), [packet]);
		}
		await world.run(100);
	}
	await world.heal();

	const refused = new Map<string, number>();
	for (const { running } of world.live())
		for (const [reason, count] of running!.node.refused)
			refused.set(reason, (refused.get(reason) ?? 0) + count);
	console.log(
		`${CASES} cases; refused by name: ${[...refused].map(([reason, count]) => `${reason} ${count}`).join(', ')}`
	);
	expect(refused.size).toBeGreaterThan(4);
	for (const { running } of world.live()) expect(running!.node.halted).toBeNull();
	// Traffic of its own goes on meanwhile; what is damaged costs at most a few checks a case.
	expect(checks(world) - checksBefore).toBeLessThan(CASES * 20);
});

function damage(random: Random, packet: Uint8Array, other: Uint8Array): Uint8Array {
	const copy = packet.slice();
	const at = Math.floor(between(random, 0, copy.length));
	switch (pick(random, ['flip', 'flip', 'many', 'cut', 'extend', 'splice', 'replay', 'random'] as const)) {
		case 'flip':
			copy[at]! ^= 1 << Math.floor(random() * 8);
			return copy;
		case 'many':
			for (let i = 0; i < 8; i++) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
			return copy;
		case 'cut':
			return copy.subarray(0, at);
		case 'extend':
			return Uint8Array.from([...copy, ...Array.from({ length: 40 }, () => Math.floor(random() * 256))]);
		case 'splice':
			return Uint8Array.from([...copy.subarray(0, at), ...other.subarray(Math.min(at, other.length))]);
		case 'replay':
			return copy;
		case 'random':
			return Uint8Array.from({ length: at }, () => Math.floor(random() * 256));
	}
}

async function packetsOfAnotherChain(): Promise<{ from: string; packets: Uint8Array[] }[]> {
	const world = new World({
		seed: 99,
		partitions: [3],
		faults: { ...QUIET },
		transfersPerSecond: 20,
		maxClockSkewMs: 0
	});
	await world.start();
	const captured: { from: string; packets: Uint8Array[] }[] = [];
	const send = world.hub.send.bind(world.hub);
	world.hub.send = (from, to, packets) => {
		if (captured.length < 500) captured.push({ from, packets });
		send(from, to, packets);
	};
	await world.run(4000);
	return captured;
}

function checks(world: World): number {
	return world.live().reduce((sum, { running }) => sum + running!.node.verifier.checks, 0);
}
