/**
 * A laptop is shut while the others trade on, and opened again: neither the page nor its worker has run. The others make the chain of
 * ten minutes, a block a second, as fast as this machine does; the sleep itself lasts at least until links and grace are over.
 */
import { head } from './harness/ledger-checks.ts';
import { joinAll, leaderAndFollowers } from './harness/partition.ts';
import { openPlainTabs, startPlainChromium } from './harness/plain-chromium.ts';
import type { PlainTab } from './harness/plain-chromium.ts';
import { expectSound } from './harness/sound.ts';
import { status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { trade, tradesUntilVote } from './harness/transfers.ts';

const BLOCKS = 600;
/** Beyond the silence that ends a link (12 s), and the grace (20 s). */
const LEAST_SLEEP_MS = 45_000;
/** The chain of the sleep is fetched and checked on a busy machine. */
const BACK_MS = 60_000;

/** @returns how many blocks became final meanwhile */
async function sleepThrough(asleep: PlainTab, others: PlainTab[]): Promise<number> {
	const before = (await head(others[0]!)).height;
	const startMs = performance.now();
	await asleep.freeze();
	const trading = await Promise.all(others.map((tab) => trade(tab)));
	for (let blocks = 0; blocks < BLOCKS || performance.now() - startMs < LEAST_SLEEP_MS;) {
		await trading[0]!.reaches((await trading[0]!.count()) + 1);
		blocks = (await head(others[0]!)).height - before;
	}
	for (const one of trading) await one.stop();
	const blocks = (await head(others[0]!)).height - before;
	console.log(`slept ${Math.round(performance.now() - startMs)} ms and ${blocks} blocks`);
	return blocks;
}

test.describe('where its seat is kept', () => {
	test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 3600000\n' });

	test('a tab that slept ten minutes of chain catches up and votes', async ({ relay }) => {
		test.setTimeout(600_000);
		const chromium = await startPlainChromium();
		try {
			const tabs = await openPlainTabs(chromium, 4, `${relay.url}/node`);
			await joinAll(tabs);
			// The leader, for whom more is to be done when it is back.
			const { leader, followers } = await leaderAndFollowers(tabs);
			const before = await status(leader);
			const blocks = await sleepThrough(leader, followers);

			const thawedMs = performance.now();
			await leader.thaw();
			const { height } = await head(followers[0]!);
			const back = await waitFor(
				leader,
				({ finalHeight, activity }) => finalHeight >= height && activity === 'voting',
				{ what: 'the tab that slept with the whole chain', timeoutMs: BACK_MS }
			);
			console.log(`caught up ${Math.round(performance.now() - thawedMs)} ms after it woke`);
			expect(back.nodeId).toBe(before.nodeId);
			expect(back.epoch).toBe(before.epoch);
			await tradesUntilVote(followers[0]!, leader, back.votes);
			await expectSound(tabs, blocks);
		} finally {
			await chromium.dispose();
		}
	});
});

test.describe('where the silent lose their seats', () => {
	test.use({ ini: '[partitions]\ncount = 1\n' });

	test('a tab that slept ten minutes of chain catches up, takes a seat again by itself, and votes', async ({
		relay
	}) => {
		test.setTimeout(600_000);
		const chromium = await startPlainChromium();
		try {
			const tabs = await openPlainTabs(chromium, 5, `${relay.url}/node`);
			await joinAll(tabs);
			const [asleep, ...others] = tabs as [PlainTab, ...PlainTab[]];
			const before = await status(asleep);
			const blocks = await sleepThrough(asleep, others);
			await waitFor(others[0]!, ({ members }) => members.length === others.length, { what: 'the eviction' });

			const thawedMs = performance.now();
			await asleep.thaw();
			const back = await waitFor(
				asleep,
				({ epoch, activity }) => epoch > before.epoch && activity === 'voting',
				{ what: 'a seat of the tab that slept', timeoutMs: BACK_MS }
			);
			console.log(`a member again ${Math.round(performance.now() - thawedMs)} ms after it woke`);
			expect(back.nodeId).toBe(before.nodeId);
			expect(back.members).toHaveLength(tabs.length);
			await tradesUntilVote(others[0]!, asleep, back.votes);
			await expectSound(tabs, blocks);
		} finally {
			await chromium.dispose();
		}
	});
});
