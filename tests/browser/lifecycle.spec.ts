/** What happens to tabs in a person's browser: they close, crash, are duplicated, and are left and come back to. */
import { closingNoticedMs } from './harness/departure.ts';
import { joinAll, leaderAndFollowers } from './harness/partition.ts';
import { openPlainTabs, startPlainChromium } from './harness/plain-chromium.ts';
import type { PlainChromium, PlainTab } from './harness/plain-chromium.ts';
import { expectSound } from './harness/sound.ts';
import { status, waitFor, waitForValue } from './harness/tabs.ts';
import { trade, tradesUntilVote, transfers } from './harness/transfers.ts';
import { expect, test } from './harness/test.ts';

// No eviction of those who come back within the test.
test.use({
	ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 60000\n'
});

let chromium: PlainChromium;

test.afterEach(() => chromium.dispose());

async function network(url: string, count: number): Promise<PlainTab[]> {
	const tabs = await openPlainTabs(chromium, count, `${url}/node`);
	await joinAll(tabs);
	return tabs;
}

test('a tab closes and another crashes: the others notice and go on; reopened it is the same member and votes', async ({
	relay
}) => {
	test.setTimeout(120_000);
	chromium = await startPlainChromium();
	const tabs = await network(relay.url, 5);
	const { leader, followers } = await leaderAndFollowers(tabs);
	const [crashed, closed, ...others] = followers as [PlainTab, PlainTab, PlainTab, PlainTab];
	const before = await status(crashed);

	const closedMs = await closingNoticedMs(closed, leader);
	console.log(`closed tab noticed after ${closedMs} ms`);
	// The mark is 150 ms on a machine of one's own; a test of five busy tabs only shows that it was the goodbye.
	expect(closedMs).toBeLessThan(1000);

	const running = [leader, ...others];
	const trading = await Promise.all(running.map((tab) => trade(tab)));
	await Promise.all(trading.map((one) => one.reaches(2)));
	await crashed.crash();
	const crashedMs = performance.now();
	await waitFor(leader, ({ members }) => members.some(({ id, alive }) => id === before.nodeId && !alive));
	const noticedMs = performance.now() - crashedMs;
	await waitFor(leader, ({ links }) =>
		links.some(({ peer, path }) => peer === before.nodeId && path === 'down')
	);
	const linkMs = performance.now() - crashedMs;
	console.log(`crash noticed after ${Math.round(noticedMs)} ms, its link after ${Math.round(linkMs)} ms`);
	expect(noticedMs).toBeLessThan(3000);

	const reloadMs = performance.now();
	await crashed.reload();
	const back = await waitFor(crashed, ({ votes, activity }) => votes > 0 && activity === 'voting', {
		what: 'a vote of the tab that crashed'
	});
	console.log(
		`from the reload of the crashed tab to its vote: ${Math.round(performance.now() - reloadMs)} ms`
	);
	expect(back.nodeId).toBe(before.nodeId);
	expect(back.epoch).toBe(before.epoch);
	for (const one of trading) await one.stop();
	await expectSound([...running, crashed], back.finalHeight);
});

test('a tab is duplicated, and left and come back to: each time one node runs with one key, and votes', async ({
	relay
}) => {
	test.setTimeout(180_000);
	chromium = await startPlainChromium();
	const tabs = await network(relay.url, 4);
	const { leader, followers } = await leaderAndFollowers(tabs);
	const [one, two, three] = followers as [PlainTab, PlainTab, PlainTab];
	await transfers(leader, 3);

	await test.step('a duplicate asks, and becomes a second node', async () => {
		const copy = await one.duplicate();
		await copy.click('[data-testid="duplicate-second"]');
		const second = await waitFor(copy, ({ activity }) => activity === 'ready');
		const first = await status(one);
		expect(second.nodeId).not.toBe(first.nodeId);
		expect(first.activity).toBe('voting');
		await copy.close();
	});

	let moved = one;
	await test.step('a duplicate asks, and the node moves there', async () => {
		const before = await status(one);
		moved = await one.duplicate();
		await moved.click('[data-testid="duplicate-move"]');
		await waitForValue(
			() => one.evaluate(() => document.body.innerText),
			(text) => text.includes('This node moved to another tab'),
			{ what: 'the first tab to say that its node moved' }
		);
		const after = await tradesUntilVote(leader, moved);
		expect(after.nodeId).toBe(before.nodeId);
		expect(after.epoch).toBe(before.epoch);
		await one.close();
	});

	await test.step('left and come back to', async () => {
		const before = await status(two);
		const isKept = await two.leaveAndComeBack();
		const after = await tradesUntilVote(leader, two, isKept ? before.votes : 0);
		expect(after.nodeId).toBe(before.nodeId);
		expect(after.epoch).toBe(before.epoch);
	});

	await expectSound([leader, moved, two, three], 5);
});
