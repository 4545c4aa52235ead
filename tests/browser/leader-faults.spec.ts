/** The leader's tab closes, freezes, or loses its relay: the others go on under another leader, and who comes back follows. */
import { expectCleanChains, head, quietHead } from './harness/ledger-checks.ts';
import { joinAll, joinedNetwork, leaderAndFollowers } from './harness/partition.ts';
import { openPlainTabs, startPlainChromium } from './harness/plain-chromium.ts';
import { expectSound } from './harness/sound.ts';
import { trade } from './harness/transfers.ts';
import { status, waitFor, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

// No eviction within the test: what is shown is that a view change alone suffices.
test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 60000\n' });

test('the leader’s tab closes: the next certificate is another leader’s, and trades go on', async ({
	context
}) => {
	const pages = await joinedNetwork(context, 4);
	const { leader, followers } = await leaderAndFollowers(pages);
	const trading = await Promise.all(followers.map((page) => trade(page)));
	await Promise.all(trading.map((one) => one.reaches(3)));
	const before = await status(leader);
	await leader.close();
	const closedMs = performance.now();
	const { height } = await head(followers[0]!);
	await waitForValue(
		() => head(followers[0]!),
		(now) => now.height > height + 1,
		{ what: 'a final block after the leader was gone' }
	);
	console.log(`closed leader to final block: ${Math.round(performance.now() - closedMs)} ms`);
	const done = await Promise.all(trading.map((one) => one.count()));
	await Promise.all(trading.map((one, i) => one.reaches(done[i]! + 5)));
	for (const one of trading) await one.stop();
	const after = await Promise.all(followers.map((page) => waitFor(page, ({ view }) => view > before.view)));
	expect(new Set(after.map(({ view }) => view)).size).toBe(1);
	// The same four members: nobody was voted out to get here.
	for (const now of after) {
		expect(now.epoch).toBe(before.epoch);
		expect(now.members).toHaveLength(4);
	}
	expect(after.filter(({ role }) => role === 'leader')).toHaveLength(1);
	await quietHead(followers);
	await expectCleanChains(followers, 8);
});

test('the leader’s page freezes: another leads, and when it thaws it steps down and votes', async ({
	relay
}) => {
	const chromium = await startPlainChromium();
	try {
		const tabs = await openPlainTabs(chromium, 4, `${relay.url}/node`);
		await joinAll(tabs);
		const { leader, followers } = await leaderAndFollowers(tabs);
		const before = await status(leader);
		const trading = await Promise.all(followers.map((tab) => trade(tab)));
		await Promise.all(trading.map((one) => one.reaches(2)));
		await leader.freeze();
		const done = await Promise.all(trading.map((one) => one.count()));
		await Promise.all(trading.map((one, i) => one.reaches(done[i]! + 5)));
		for (const tab of followers) await waitFor(tab, ({ view }) => view > before.view);

		await leader.thaw();
		const back = await waitFor(leader, ({ view, role }) => view > before.view && role === 'follower', {
			what: 'the leader that was frozen as a follower of the new view'
		});
		expect(back.epoch).toBe(before.epoch);
		await waitFor(leader, ({ votes, activity }) => votes > back.votes && activity === 'voting', {
			what: 'a vote of the leader that was frozen'
		});
		for (const one of trading) await one.stop();
		await quietHead(tabs);
		await expectCleanChains(tabs, 8);
	} finally {
		await chromium.dispose();
	}
});

test('the relay is killed (SIGKILL) in the middle of trades: tabs come back, no trade is lost, the same members go on', async ({
	context,
	relay
}) => {
	const pages = await joinedNetwork(context, 4);
	const before = await status(pages[0]!);
	const trading = await Promise.all(pages.map((page) => trade(page)));
	await Promise.all(trading.map((one) => one.reaches(2)));
	await relay.kill();
	await relay.start();
	const done = await Promise.all(trading.map((one) => one.count()));
	await Promise.all(trading.map((one, i) => one.reaches(done[i]! + 5)));
	for (const one of trading) await one.stop();
	for (const page of pages) {
		const now = await waitFor(page, ({ activity }) => activity === 'voting');
		expect(now.epoch).toBe(before.epoch);
		expect(now.members).toHaveLength(4);
	}
	await expectSound(pages, 8);
});
