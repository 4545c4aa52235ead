/** Three replicas of the Booter, each a relay of its own: the active one dies. The rest is in replicas.long.spec.ts. */
import { expectCleanChains, head, quietHead } from './harness/ledger-checks.ts';
import { allReplicasLinked, joinedNetwork } from './harness/partition.ts';
import { call, waitFor, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { trade, transfers } from './harness/transfers.ts';

test.use({ replicas: 3, ini: '[partitions]\ncount = 1\n' });

const TABS = 4;

test('the active Booter is killed under load: another one goes on with the same ledger, and the old one follows it', async ({
	cluster,
	context
}) => {
	test.setTimeout(180_000);
	const pages = await joinedNetwork(context, TABS);
	const active = await allReplicasLinked(pages);
	const trading = await Promise.all(pages.map((page) => trade(page)));
	await Promise.all(trading.map((one) => one.reaches(3)));
	const before = await head(pages[0]!);

	const killedMs = performance.now();
	await cluster.byId(active).kill();
	const counts = await Promise.all(trading.map((one) => one.count()));
	await Promise.all(trading.map((one, i) => one.reaches(counts[i]! + 3)));
	console.log(
		`three more final transfers of each tab ${Math.round(performance.now() - killedMs)} ms after the kill`
	);
	await Promise.all(trading.map((one) => one.stop()));
	for (const page of pages) {
		const { booter } = await waitFor(
			page,
			(now) => now.booter.active !== null && now.booter.active !== active
		);
		expect(cluster.replicas.map(({ id }) => id)).toContain(booter.active);
		expect((await call(page, (api, height) => api.chain.block(height), before.height)).hash).toBe(
			before.hash
		);
	}

	await cluster.byId(active).start();
	await allReplicasLinked(pages);
	await transfers(pages[0]!, 3);
	const { height } = await quietHead(pages);
	await expectCleanChains(pages, height);
	// It was away for the end of the ledger, and has it.
	await waitForValue(
		async () =>
			(await (await fetch(`${cluster.byId(active).url}/healthz`)).json()) as { finalHeight?: number },
		({ finalHeight }) => finalHeight === height,
		{ what: 'the whole ledger at the replica that was away' }
	);
});
