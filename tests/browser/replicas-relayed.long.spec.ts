/** Without WebRTC the replicas carry what tabs say to each other: where one of them dies, another one does. */
import { expectCleanChains, quietHead } from './harness/ledger-checks.ts';
import { joinedNetwork } from './harness/partition.ts';
import { waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { transfers } from './harness/transfers.ts';

test.use({ webRtc: 'impossible', replicas: 3, ini: '[partitions]\ncount = 1\n' });

test('relayed links move over from each replica in turn that is killed and started again', async ({
	cluster,
	context
}) => {
	test.setTimeout(240_000);
	const pages = await joinedNetwork(context, 3);
	const linked = async (relays: number): Promise<void> => {
		for (const page of pages)
			await waitFor(
				page,
				(now) =>
					now.relays.filter(({ path }) => path === 'direct').length === relays &&
					now.links.length === 2 &&
					now.links.every(({ path }) => path === 'relayed') &&
					now.activity === 'voting',
				{ what: `${relays} replicas and relayed links to both other tabs` }
			);
	};
	await linked(3);
	// Whichever of them carries the circuits: its turn comes.
	for (const replica of cluster.replicas) {
		await replica.kill();
		await linked(2);
		await Promise.all(pages.map((page) => transfers(page, 2)));
		await replica.start();
		await linked(3);
	}
	const { height } = await quietHead(pages);
	await expectCleanChains(pages, height);
	expect(height).toBeGreaterThan(0);
});
