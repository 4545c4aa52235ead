/** What a browser does to the timers of a page that nobody looks at: without it a test of hidden tabs shows nothing. */
import type { Tab } from './tabs.ts';

interface PageTimers {
	lastMs: number;
	longestMs: number;
}

const INTERVAL_MS = 100;

/** From now on the page watches a timer of its own that asks for 100 ms. */
export async function watchTimers(tab: Tab): Promise<void> {
	await tab.evaluate((intervalMs) => {
		const timers: PageTimers = { lastMs: performance.now(), longestMs: 0 };
		(globalThis as unknown as { pageTimers: PageTimers }).pageTimers = timers;
		setInterval(() => {
			const nowMs = performance.now();
			timers.longestMs = Math.max(timers.longestMs, nowMs - timers.lastMs);
			timers.lastMs = nowMs;
		}, intervalMs);
	}, INTERVAL_MS);
}

/** @returns the longest that the timer was kept waiting since watchTimers(), in milliseconds */
export function longestTimer(tab: Tab): Promise<number> {
	return tab.evaluate(() => {
		const { lastMs, longestMs } = (globalThis as unknown as { pageTimers: PageTimers }).pageTimers;
		return Math.round(Math.max(longestMs, performance.now() - lastMs));
	});
}
