/** A light load over minutes, and whether every tab votes on it all the time. */
import { status } from './tabs.ts';
import type { Tab } from './tabs.ts';
import { transfers } from './transfers.ts';

export interface Steady {
	/** Final ones, of all tabs together. */
	transfers: number;
	/** For each tab: the longest that it gave no vote, in milliseconds. */
	silencesMs: number[];
}

/** Between two transfers: the time is what is tested, and not the load. */
const PACE_MS = 500;

/** Transfers of the tabs in turn, one at a time, for so long. */
export async function tradeSteadily(tabs: Tab[], durationMs: number): Promise<Steady> {
	const startMs = performance.now();
	const voted = await Promise.all(
		tabs.map(async (tab) => ({ votes: (await status(tab)).votes, atMs: startMs, longestMs: 0 }))
	);
	let final = 0;
	while (performance.now() - startMs < durationMs) {
		await transfers(tabs[final % tabs.length]!, 1);
		final++;
		for (const [i, tab] of tabs.entries()) {
			const { votes } = await status(tab);
			const one = voted[i]!;
			const nowMs = performance.now();
			one.longestMs = Math.max(one.longestMs, nowMs - one.atMs);
			if (votes > one.votes) Object.assign(one, { votes, atMs: nowMs });
		}
		await new Promise((resolve) => setTimeout(resolve, PACE_MS));
	}
	return { transfers: final, silencesMs: voted.map(({ longestMs }) => Math.round(longestMs)) };
}
