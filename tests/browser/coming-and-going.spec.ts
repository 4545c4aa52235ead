/** Tabs come late, close, reload, and the relay goes away and comes back: the chain goes on and forgets nobody by mistake. */
import { head, quietHead, expectCleanChains } from './harness/ledger-checks.ts';
import { joinedNetwork, leaderAndFollowers } from './harness/partition.ts';
import { joinTab, openTab, status, waitFor, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { tradesUntilVote, transfers } from './harness/transfers.ts';

test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 4000\nawayMs = 1500\n' });

test('a tab that joins late catches up, shows its progress, and votes', async ({ context }) => {
	test.setTimeout(120_000);
	const pages = await joinedNetwork(context, 3);
	await transfers(pages[0]!, 90);
	const before = await head(pages[0]!);
	expect(before.height).toBeGreaterThan(50);

	const late = await context.newPage();
	await late.addInitScript(() => {
		const seen = ((globalThis as { sawProgress?: boolean }).sawProgress = false);
		void seen;
		new MutationObserver(() => {
			if (document.querySelector('[data-testid="sync-progress"]'))
				(globalThis as { sawProgress?: boolean }).sawProgress = true;
		}).observe(document, { childList: true, subtree: true });
	});
	await late.goto('/node');
	await late.waitForFunction(() => 'tabwave' in globalThis);
	await joinTab(late);
	expect((await head(late)).height).toBeGreaterThanOrEqual(before.height);
	expect(await late.evaluate(() => (globalThis as { sawProgress?: boolean }).sawProgress)).toBe(true);

	await tradesUntilVote(pages[0]!, late, (await status(late)).votes);
	await quietHead([...pages, late]);
	await expectCleanChains([...pages, late], before.height);
});

test('a follower’s tab closes: the others go on, and after the grace it is evicted in a new epoch', async ({
	context
}) => {
	test.setTimeout(120_000);
	const pages = await joinedNetwork(context, 4);
	const { leader, followers } = await leaderAndFollowers(pages);
	const gone = followers[0]!;
	const { nodeId, epoch } = await status(gone);
	await gone.close();
	await transfers(leader, 3);
	const rest = pages.filter((page) => page !== gone);
	for (const page of rest) {
		const now = await waitFor(page, ({ members }) => members.every(({ id }) => id !== nodeId), {
			what: 'the eviction'
		});
		expect(now.members).toHaveLength(3);
		expect(now.epoch).toBe(epoch + 1);
	}
	for (const page of rest) await waitFor(page, ({ activity }) => activity === 'voting');
	await transfers(leader, 3);
	await quietHead(rest);
	await expectCleanChains(rest, 1);
});

test('a reloaded tab is the same member, reads its chain from its own store, and fetches only what it missed', async ({
	context
}) => {
	test.setTimeout(120_000);
	const pages = await joinedNetwork(context, 4);
	const { leader, followers } = await leaderAndFollowers(pages);
	await transfers(leader, 30);
	const tab = followers[0]!;
	const before = await waitFor(tab, ({ finalHeight }) => finalHeight > 25);
	await tab.reload();
	await tab.waitForFunction(() => 'tabwave' in globalThis);
	// The first thing that it says of itself is from its own disk.
	const first = await status(tab);
	expect(first.nodeId).toBe(before.nodeId);
	expect(first.finalHeight).toBeGreaterThanOrEqual(before.finalHeight);
	await waitFor(tab, ({ activity, partition }) => activity === 'voting' && partition === before.partition);
	const after = await tradesUntilVote(leader, tab);
	expect(after.epoch).toBe(before.epoch);
	await quietHead(pages);
	await expectCleanChains(pages, before.finalHeight);
});

test('the relay is stopped and started: the chain goes on from where it was', async ({ context, relay }) => {
	test.setTimeout(120_000);
	const pages = await joinedNetwork(context, 3);
	await transfers(pages[0]!, 5);
	const { chainId } = relay;
	const before = await quietHead(pages);
	await relay.stop();
	for (const page of pages)
		await waitFor(page, ({ activity }) => activity === 'offline', { what: 'offline, in words' });
	await relay.start();
	expect(relay.chainId).toBe(chainId);
	for (const page of pages)
		await waitFor(page, ({ activity }) => activity === 'voting', { what: 'voting again' });
	await transfers(pages[1]!, 5);
	const after = await quietHead(pages);
	expect(after.height).toBeGreaterThan(before.height);
	// Whoever comes now gets the whole chain from the relay's own store.
	const late = await openTab(context);
	await joinTab(late);
	await waitForValue(
		() => head(late),
		({ height }) => height > after.height
	);
	await expectCleanChains([...pages, late], after.height);
});
