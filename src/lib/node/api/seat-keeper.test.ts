import { describe, expect, it } from 'vitest';
import { TestNetwork, type TestTab } from '../../../../relay/booter/testing/test-network.ts';

/** Beyond the grace after which the silent are evicted. */
const SLEEP_MS = 40_000;

/** Three members, of whom the last hears nobody until the others have evicted it. */
async function sleeper(network: TestNetwork): Promise<{ others: TestTab[]; asleep: TestTab }> {
	const others = [await network.member(), await network.member(), await network.member()];
	const asleep = await network.member();
	links(network, asleep, 'cut');
	await network.run(SLEEP_MS);
	for (const { node } of others) expect(node.partition?.members).toHaveLength(3);
	expect(asleep.node.partition?.members).toHaveLength(4);
	return { others, asleep };
}

function links(network: TestNetwork, tab: TestTab, change: 'cut' | 'heal'): void {
	for (const other of [network.booterId, ...network.tabs.map(({ id }) => id)])
		if (other !== tab.id) network.hub[change](tab.id, other);
}

describe('who was evicted for its silence', () => {
	it('asks for its seat again once it hears of it, and votes', async () => {
		const network = await TestNetwork.start();
		const { others, asleep } = await sleeper(network);
		const before = await asleep.api.node.status();
		links(network, asleep, 'heal');
		await network.until(() => others[0]!.node.partition?.members.length === 4);
		await network.until(() => asleep.node.partition?.members.length === 4);
		const votes = asleep.node.votes;
		expect((await network.settle(asleep.api.account.transfer(others[0]!.id, 1))).status).toBe('ok');
		expect(asleep.node.votes).toBeGreaterThan(votes);
		const after = await asleep.api.node.status();
		expect(after).toMatchObject({ nodeId: before.nodeId, nickname: before.nickname, partition: 1 });
		expect(after.epoch).toBeGreaterThan(before.epoch);
	});

	it('takes a seat elsewhere where its own is taken', async () => {
		const network = await TestNetwork.start([4, 4]);
		const others = [await network.member(1), await network.member(1), await network.member(1)];
		const [asleep, elsewhere] = [await network.member(1), await network.member(2)];
		links(network, asleep, 'cut');
		await network.run(SLEEP_MS);
		await network.member(1);
		links(network, asleep, 'heal');
		await network.until(() => asleep.node.partition?.id === 2);
		await network.until(() => elsewhere.node.partition?.members.length === 2);
		expect(others[0]!.node.partition?.members).toHaveLength(4);
	});

	it('has it even where the relay is away when it comes back', async () => {
		const network = await TestNetwork.start();
		const { asleep } = await sleeper(network);
		links(network, asleep, 'heal');
		await network.until(() => asleep.node.partition === undefined);
		await network.stopBooter();
		await network.run(50_000);
		await network.startBooter();
		await network.until(() => asleep.node.partition !== undefined);
	});

	it('is left alone once it has stopped', async () => {
		const network = await TestNetwork.start();
		const { others, asleep } = await sleeper(network);
		links(network, asleep, 'heal');
		await network.until(() => asleep.node.partition === undefined);
		await asleep.stop();
		await network.run(SLEEP_MS);
		expect(others[0]!.node.partition?.members).toHaveLength(3);
	});
});

it('who left is not brought back, and who joined again and slept is', async () => {
	const network = await TestNetwork.start();
	const others = [await network.member(), await network.member(), await network.member()];
	const tab = await network.member();
	await network.settle(tab.api.node.leave());
	await network.run(SLEEP_MS);
	expect(tab.node.partition).toBeUndefined();
	await network.settle(tab.api.node.join());
	links(network, tab, 'cut');
	await network.run(SLEEP_MS);
	expect(others[0]!.node.partition?.members).toHaveLength(3);
	links(network, tab, 'heal');
	await network.until(() => tab.node.partition !== undefined);
});
