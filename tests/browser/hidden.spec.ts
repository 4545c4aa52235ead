/** A tab in the background votes on: browsers hold the timers of a page that nobody looks at to one a second. */
import { longestTimer, watchTimers } from './harness/page-timers.ts';
import { joinAll, leaderAndFollowers } from './harness/partition.ts';
import { openPlainTabs, startPlainChromium } from './harness/plain-chromium.ts';
import { expectSound } from './harness/sound.ts';
import { tradeSteadily } from './harness/steady.ts';
import { status } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

// The graces of every network: a tab that fell silent would be evicted.
test.use({ ini: '[partitions]\ncount = 1\n' });

const HIDDEN_MS = 60_000;
/** Several tabs on a busy machine; a node that slept with its page would be silent for the whole minute. */
const SILENCE_MS = 10_000;

test('every tab is hidden for a minute, the leader among them, and each keeps voting', async ({ relay }) => {
	test.setTimeout(180_000);
	const chromium = await startPlainChromium();
	try {
		const tabs = await openPlainTabs(chromium, 4, `${relay.url}/node`);
		await joinAll(tabs);
		const { leader } = await leaderAndFollowers(tabs);
		const before = await status(leader);
		for (const tab of tabs) {
			await tab.hide();
			await watchTimers(tab);
		}
		const { transfers, silencesMs } = await tradeSteadily(tabs, HIDDEN_MS);
		const timersMs = await Promise.all(tabs.map(longestTimer));
		console.log(`hidden: ${transfers} transfers, longest without a vote ${silencesMs.join(', ')} ms,`);
		console.log(`longest between two timers of 100 ms ${timersMs.join(', ')} ms`);
		// Or this browser does nothing to hidden pages, and nothing was shown.
		for (const ms of timersMs) expect(ms).toBeGreaterThan(900);
		for (const ms of silencesMs) expect(ms).toBeLessThan(SILENCE_MS);
		for (const tab of tabs) {
			const { activity, epoch, members } = await status(tab);
			expect(activity).toBe('voting');
			expect(epoch).toBe(before.epoch);
			expect(members).toHaveLength(tabs.length);
		}
		await expectSound(tabs, transfers);
	} finally {
		await chromium.dispose();
	}
});
