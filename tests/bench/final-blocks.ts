/** When blocks become final in a tab: what a fault costs is the time from it to the next of them. */
import type { Page } from 'playwright-core';

declare global {
	/** When each block was final in this tab, by height, milliseconds since the epoch. */
	var benchFinal: Map<number, number>;
}

export function watchBlocks(page: Page): Promise<void> {
	return page.evaluate(() => {
		const final = (globalThis.benchFinal = new Map<number, number>());
		tabwave.on('block', ({ height }) => void final.set(height, Date.now()));
	});
}
