/** A tab of four loses its network for a while, in the middle of trades of the others, and has it back. */
import { expect } from '@playwright/test';
import type { WebRtc } from './chromium.ts';
import { joinAll, leaderAndFollowers } from './partition.ts';
import { openPlainTabs, startPlainChromium } from './plain-chromium.ts';
import type { PlainTab } from './plain-chromium.ts';
import { expectSound } from './sound.ts';
import { status, waitFor } from './tabs.ts';
import { trade } from './transfers.ts';

/** Longer than a silent link is kept (12 s): all of them are made anew. */
const AWAY_MS = 15_000;

/** Its partition is the only one, with a grace beyond the outage. */
export async function outage(relayUrl: string, webRtc: WebRtc): Promise<void> {
	const chromium = await startPlainChromium(webRtc);
	try {
		const tabs = await openPlainTabs(chromium, 4, `${relayUrl}/node`, { canBeCut: true });
		await joinAll(tabs);
		const { leader, followers } = await leaderAndFollowers(tabs);
		const [cut, ...rest] = followers as [PlainTab, ...PlainTab[]];
		const others = [leader, ...rest];
		const before = await status(cut);
		const trading = await Promise.all(others.map((tab) => trade(tab)));
		await Promise.all(trading.map((one) => one.reaches(2)));

		await cut.setOffline(true);
		const cutMs = performance.now();
		const alone = await waitFor(
			cut,
			({ activity, links }) => activity === 'offline' && links.every(({ path }) => path === 'down'),
			{ what: 'a tab that says that it is offline, with all links down' }
		);
		const done = await Promise.all(trading.map((one) => one.count()));
		await Promise.all(trading.map((one, i) => one.reaches(done[i]! + 3)));
		await new Promise((resolve) => setTimeout(resolve, AWAY_MS - (performance.now() - cutMs)));

		await cut.setOffline(false);
		const onlineMs = performance.now();
		const back = await waitFor(cut, ({ votes, activity }) => votes > alone.votes && activity === 'voting', {
			what: 'a vote of the tab that was offline'
		});
		console.log(
			`${webRtc}: a vote ${Math.round(performance.now() - onlineMs)} ms after the network was back`
		);
		expect(back.nodeId).toBe(before.nodeId);
		expect(back.epoch).toBe(before.epoch);
		for (const one of trading) await one.stop();
		await expectSound(tabs, 8);
	} finally {
		await chromium.dispose();
	}
}
