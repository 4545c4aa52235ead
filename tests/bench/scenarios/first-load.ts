/** What a browser that has never been here fetches, as it travels: compressed. */
import type { Page } from 'playwright-core';
import { withNetwork } from '../bench-network.ts';
import type { Report } from '../report.ts';

const PATHS = ['/', '/join'];
/** The node loads what it needs after the page: fetched until nothing more has come for so long. */
const SILENCE_MS = 2000;

export function firstLoad(report: Report): Promise<void> {
	return withNetwork({}, async ({ context, relay }) => {
		const browser = context.browser()!;
		for (const path of PATHS) {
			// A context of its own has an empty cache.
			const fresh = await browser.newContext();
			try {
				const page = await fresh.newPage();
				await page.goto(relay.url + path);
				await page.waitForFunction(() => 'tabwave' in globalThis);
				let files = new Map<string, number>();
				for (let before = -1; files.size !== before;) {
					before = files.size;
					await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
					files = await fetched(page);
				}
				const bytes = [...files.values()].reduce((sum, size) => sum + size, 0);
				report.details[`first load of ${path}`] = Object.fromEntries(files);
				report.add('first load', path, bytes / 1000, 'KB', '< 500');
			} finally {
				await fresh.close();
			}
		}
	});
}

/** Encoded sizes of everything that the page and its workers loaded, by address. */
async function fetched(page: Page): Promise<Map<string, number>> {
	const read = (): [string, number][] =>
		[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map(
			(entry) => [entry.name, (entry as PerformanceResourceTiming).encodedBodySize]
		);
	const lists = await Promise.all([
		page.evaluate(read),
		...page.workers().map((worker) => worker.evaluate(read))
	]);
	const files = new Map<string, number>();
	// A script may be in the page's list without a size, and in its worker's with one.
	for (const [address, size] of lists.flat()) files.set(address, Math.max(size, files.get(address) ?? 0));
	return files;
}
