import { expect, it } from 'vitest';
import { transferArguments } from '#lib/ledger/transfer.ts';
import { QUIET, World } from './world.ts';

/** Longer than an own transaction waits before its owner sends it again, twice. */
const WRITE_MS = 10_000;

it('a member whose disk is slow forgets its own transaction with the block that holds it', async () => {
	const world = new World({
		seed: 7,
		partitions: [4],
		faults: { ...QUIET },
		transfersPerSecond: 0,
		maxClockSkewMs: 0
	});
	await world.start();
	await world.run(20_000, () => world.members().length === 4 && world.isSettled());
	const slow = world.members().find(({ running }) => !running!.node.pbft!.isLeader)!;
	const { node } = slow.running!;
	const { store } = slow;
	const write = store.write.bind(store);
	let slowed = 0;
	store.write = async (changes) => {
		if (changes.blocks?.length) {
			slowed += 1;
			await new Promise<void>((resolve) => world.time.after(WRITE_MS, resolve));
		}
		return write(changes);
	};
	const { height } = node.chain.head;
	await node.submit({
		contract: 'transfer',
		function: 'transfer',
		arguments: transferArguments(world.tabs[0]!.signer.publicKey, 1n)
	});
	await world.run(5000, () => node.chain.head.height > height);
	expect(node.pool.size).toBe(0);
	await world.run(2 * WRITE_MS);
	expect(slowed).toBe(1);
	expect(node.pool.size).toBe(0);
});
