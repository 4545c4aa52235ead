/** A transaction that only one member has (R8): its leader is handed it in time, and is not replaced for what it could not know. */
import { expect, it } from 'vitest';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { signedTransaction } from '#lib/ledger/transaction.ts';
import { payment, say } from './liar.ts';
import { QUIET, World, type Tab } from './world.ts';

it('is final before the members ask for another leader, again and again', async () => {
	const world = new World({
		seed: 1,
		partitions: [4],
		faults: { ...QUIET },
		transfersPerSecond: 0,
		maxClockSkewMs: 0
	});
	await world.start();
	await world.run(20_000, () => world.isSettled());
	const leader = world.leaders()[0]!;
	const [giver, ...keepers] = world.members().filter((tab) => tab !== leader) as [Tab, Tab, Tab];
	for (let i = 0; i < 6; i++) {
		const keeper = keepers[i % keepers.length]!;
		const { body, message } = payment(world, world.random, giver.signer.publicKey, leader);
		const transaction = signedTransaction(body, await giver.signer.sign(message));
		const { chain } = leader.running!.node;
		const { height } = chain.head;
		say(world, giver, keeper.id, {
			case: 'transactions',
			value: { $typeName: 'tabwave.v1.TransactionBatch', transactions: [transaction] }
		});
		await world.run(DEFAULT_TIMING.viewTimeoutMs, () => chain.head.height > height);
		expect(chain.head.height).toBe(height + 1);
	}
	await world.heal();
	for (const tab of world.members()) expect(tab.running!.node.pbft!.view).toBe(0);
});
