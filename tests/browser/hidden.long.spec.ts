/**
 * Tabs in the background for long: after five minutes browsers let the timers of a page that nobody looks at run once a minute,
 * unless it has an open data channel. So some have none: all that they send goes through the relay.
 */
import { longestTimer, watchTimers } from './harness/page-timers.ts';
import { joinAll } from './harness/partition.ts';
import { openPlainTabs, startPlainChromium } from './harness/plain-chromium.ts';
import { expectSound } from './harness/sound.ts';
import { tradeSteadily } from './harness/steady.ts';
import { status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

// The graces of every network: a tab that fell silent would be evicted.
test.use({ ini: '[partitions]\ncount = 2\n' });

const HIDDEN_MS = 360_000;
const AFTER_RESTART_MS = 15_000;
/** Several tabs on a busy machine; a node that slept with its page would be silent for a minute at least. */
const SILENCE_MS = 10_000;
/** A link that waits for the page's timers would come back after a minute. */
const BACK_MS = 20_000;

test('every tab is hidden for six minutes, with direct links and with relayed ones, and each keeps voting; the relay is killed, and they come back', async ({
	relay
}) => {
	test.setTimeout(600_000);
	const direct = await startPlainChromium();
	const relayed = await startPlainChromium('impossible');
	try {
		const directTabs = await openPlainTabs(direct, 4, `${relay.url}/node`);
		await joinAll(directTabs, 1);
		const relayedTabs = await openPlainTabs(relayed, 4, `${relay.url}/node`);
		await joinAll(relayedTabs, 2);
		const tabs = [...directTabs, ...relayedTabs];
		const before = await Promise.all(tabs.map(status));
		for (const tab of tabs) {
			await tab.hide();
			await watchTimers(tab);
		}

		const hidden = await tradeSteadily(tabs, HIDDEN_MS);
		const timersMs = await Promise.all(tabs.map(longestTimer));
		console.log(`hidden: ${hidden.transfers} transfers`);
		console.log(`longest without a vote ${hidden.silencesMs.join(', ')} ms`);
		console.log(`longest between two timers of 100 ms ${timersMs.join(', ')} ms`);
		for (const ms of hidden.silencesMs) expect(ms).toBeLessThan(SILENCE_MS);
		// Or this browser does not hold timers back, and nothing was shown.
		for (const ms of timersMs.slice(directTabs.length)) expect(ms).toBeGreaterThan(30_000);

		await relay.kill();
		await relay.start();
		const listensMs = performance.now();
		for (const tab of tabs)
			await waitFor(tab, ({ activity }) => activity === 'voting', {
				what: 'a hidden tab that votes again after the relay was killed',
				timeoutMs: BACK_MS
			});
		console.log(`relay killed: back after ${Math.round(performance.now() - listensMs)} ms`);
		const after = await tradeSteadily(tabs, AFTER_RESTART_MS);
		for (const ms of after.silencesMs) expect(ms).toBeLessThan(SILENCE_MS);

		for (const [i, tab] of tabs.entries()) {
			const { epoch, members, links } = await status(tab);
			expect(epoch).toBe(before[i]!.epoch);
			expect(members).toHaveLength(4);
			expect(new Set(links.map(({ path }) => path))).toEqual(
				new Set([i < directTabs.length ? 'direct' : 'relayed'])
			);
		}
		await expectSound(tabs, hidden.transfers + after.transfers);
	} finally {
		await direct.dispose();
		await relayed.dispose();
	}
});
