/** Three replicas of the Booter, each a relay of its own: tabs have a link to all of them, and one that dies costs that link alone. */
import type { Page } from '@playwright/test';
import { expectCleanChains, quietHead } from './harness/ledger-checks.ts';
import { allReplicasLinked, joinedNetwork } from './harness/partition.ts';
import { joinTab, openTab, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { transfers } from './harness/transfers.ts';

test.use({ replicas: 3, ini: '[partitions]\ncount = 1\n' });

const TABS = 4;

/** From now on: who went down, as this tab noticed it. @returns those so far */
async function lostLinks(page: Page): Promise<() => Promise<string[]>> {
	await page.evaluate(() => {
		const lost: string[] = [];
		(globalThis as unknown as { lost: string[] }).lost = lost;
		globalThis.tabwave.on('link', ({ peer, path }) => {
			if (path === 'down') lost.push(peer);
		});
	});
	return () => page.evaluate(() => (globalThis as unknown as { lost: string[] }).lost);
}

test('a replica that is killed costs each tab one link and no trade, and its return brings the link back', async ({
	cluster,
	context,
	pageErrors
}) => {
	test.setTimeout(180_000);
	const pages = await joinedNetwork(context, TABS);
	const active = await allReplicasLinked(pages);
	expect(pageErrors).toEqual([]);
	const [origin] = cluster.replicas;
	const victim = cluster.replicas.find(({ id }) => id !== origin!.id && id !== active)!;
	const lost = await Promise.all(pages.map(lostLinks));
	await transfers(pages[0]!, 3);

	await victim.kill();
	for (const page of pages)
		await waitFor(page, ({ relays }) => relays.find(({ id }) => id === victim.id)?.path === 'down', {
			what: 'the loss of the replica'
		});
	await Promise.all(pages.map((page) => transfers(page, 5)));
	for (const page of pages) {
		const { relay, relays, activity, booter } = await waitFor(page, ({ activity }) => activity === 'voting');
		expect(activity).toBe('voting');
		expect(relay.path).toBe('direct');
		expect(relays.filter(({ path }) => path === 'down').map(({ name }) => name)).toEqual([victim.replica]);
		expect(booter.active).toBe(active);
	}
	// Links among the tabs are their own, and the other replicas' were never touched.
	for (const gone of lost) expect(await gone()).toEqual([victim.id]);

	await victim.start();
	await allReplicasLinked(pages);
	await transfers(pages[1]!, 3);
	const { height } = await quietHead(pages);
	await expectCleanChains(pages, height);
	for (const gone of lost) expect(await gone()).toEqual([victim.id]);
	// Nothing but the browser's own complaint about an address where nobody listens.
	for (const error of pageErrors) expect(error).toContain(`127.0.0.1:${victim.port}`);
});

test('a tab comes in while a replica is away, by any of the others', async ({ cluster, context }) => {
	test.setTimeout(120_000);
	const pages = await joinedNetwork(context, 2);
	const active = await allReplicasLinked(pages);
	const [origin] = cluster.replicas;
	await cluster.replicas.find(({ id }) => id !== origin!.id && id !== active)!.kill();
	const late = await openTab(context);
	await joinTab(late);
	const { relays } = await waitFor(
		late,
		({ members, activity }) => members.length === 3 && activity === 'voting'
	);
	expect(relays.filter(({ path }) => path === 'direct')).toHaveLength(2);
	await transfers(late, 2);
	await quietHead([...pages, late]);
});
