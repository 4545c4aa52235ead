/** When blocks become final in a tab: what a fault costs is the time from it to the next of them that came of what follows it. */
import type { Page } from 'playwright-core';
import { waitForValue } from '../browser/harness/tabs.ts';

declare global {
	/** When each block was final in this tab, by height, milliseconds since the epoch; without those that were looked at in vain. */
	var benchFinal: Map<number, number>;
}

/** Of a leader that is replaced, or of a Booter that is. */
export type Reign = 'view' | 'term';

export function watchBlocks(page: Page): Promise<void> {
	return page.evaluate(() => {
		const final = (globalThis.benchFinal = new Map<number, number>());
		tabwave.on('block', ({ height }) => void final.set(height, Date.now()));
	});
}

/**
 * Waits for a block of a later view or term than `reign`: what was certified, or ordered, before may still become final.
 * @returns when the first of them was final in this tab
 */
export async function finalAfter(page: Page, of: Reign, reign: number): Promise<number> {
	const finalMs = await waitForValue(
		() =>
			page.evaluate(
				async ({ of, reign }) => {
					for (const [height, ms] of globalThis.benchFinal) {
						const { view, ballot } = await tabwave.chain.block(height);
						// An entry of the membership has no view.
						if ((of === 'view' ? (view ?? 0) : ballot.term) > reign) return ms;
						globalThis.benchFinal.delete(height);
					}
					return null;
				},
				{ of, reign }
			),
		(ms) => ms !== null,
		{ what: `a final block of a later ${of} than ${reign}` }
	);
	return finalMs!;
}
