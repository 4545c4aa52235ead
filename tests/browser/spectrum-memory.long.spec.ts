/**
 * What a page that shows the market keeps: made-up bids and trades are fed to it by the hundred, past every bound, and its heap is
 * measured after a collection. It stops growing where the bounds say.
 */
import type { CDPSession, Page } from '@playwright/test';
import type { BidInfo, TradeInfo } from '#lib/node/api.ts';
import { joinTab, openTab, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

/** A page asks for 500 of each (MAX_TRADES, MAX_BIDS), and keeps 600 samples of its measures. */
const BOUND = 500;
const STEPS = [0, 60, 120, 250, 500, 1000, 2000, 4000];
/** Of noise between two collections. */
const SLACK_BYTES = 1_500_000;

declare global {
	var fed: number;
}

test('the heap of a page that shows the market stops growing at its bounds', async ({ context }) => {
	test.setTimeout(300_000);
	const page = await openTab(context, '/spectrum');
	await page.setViewportSize({ width: 1280, height: 720 });
	await joinTab(page);
	await page.evaluate(() => globalThis.tabwave.spectrum.generateAps({ seed: 1, count: 60 }));
	await waitForValue(
		() => page.evaluate(() => globalThis.tabwave.spectrum.metrics()),
		({ trades, aps }) => trades >= 1 && aps === 60,
		{ what: 'a market with a trade', timeoutMs: 60_000 }
	);
	await feed(page);
	const devtools = await context.newCDPSession(page);
	const heaps: { fed: number; megabytes: number }[] = [];
	for (const fed of STEPS) {
		await page.evaluate((count) => (globalThis.fed = count), fed);
		const shown = Math.min(BOUND, fed);
		await expect(page.getByRole('tab', { name: /^Bids/ })).toHaveText(new RegExp(`\\D${shown}$`));
		await expect(page.getByRole('tab', { name: /^Trades/ })).toHaveText(new RegExp(`\\D${shown}$`));
		heaps.push({ fed, megabytes: (await heapOf(devtools)) / 1e6 });
	}
	console.log('heap of the page in MB:', JSON.stringify(heaps));
	const at = (count: number): number => heaps.find(({ fed }) => fed === count)!.megabytes;
	expect(at(4000) - at(1000)).toBeLessThan(SLACK_BYTES / 1e6);
});

/** After what a collection leaves, twice: the first one runs what waits to be finalised. */
async function heapOf(devtools: CDPSession): Promise<number> {
	await devtools.send('HeapProfiler.collectGarbage');
	await devtools.send('HeapProfiler.collectGarbage');
	const { usedSize } = await devtools.send('Runtime.getHeapUsage');
	return usedSize;
}

/** From now on the client API tells the page of as many bids and trades as `fed` says, each with words of its own. */
async function feed(page: Page): Promise<void> {
	await page.evaluate(async () => {
		const { spectrum } = globalThis.tabwave;
		const [bid] = (await spectrum.bids()) as [BidInfo];
		const [trade] = (await spectrum.trades()) as [TradeInfo];
		const name = (kind: string, i: number): string => kind + String(i).padStart(63, '0');
		globalThis.fed = 0;
		const newest = <T>(limit: number | undefined, make: (i: number) => T): T[] => {
			const count = Math.min(limit ?? Infinity, globalThis.fed);
			return Array.from({ length: count }, (_, i) => make(globalThis.fed - i));
		};
		spectrum.bids = (options) =>
			Promise.resolve(
				newest(options?.limit, (i) => ({ ...bid, id: name('b', i), transactionId: name('b', i), height: i }))
			);
		spectrum.trades = (options) =>
			Promise.resolve(
				newest(options?.limit, (i) => ({
					...structuredClone(trade),
					id: name('a', i),
					transactionId: name('a', i),
					bidId: name('b', i)
				}))
			);
	});
}
