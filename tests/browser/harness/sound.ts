/** What must hold after anything that can happen to tabs. */
import { expect } from '@playwright/test';
import { expectCleanChains, quietHead } from './ledger-checks.ts';
import type { Tab } from './tabs.ts';

/** All heads equal, every chain clean, and nobody holds evidence that a member gave a vote twice (R24). */
export async function expectSound(tabs: Tab[], atLeastBlocks: number): Promise<void> {
	await quietHead(tabs);
	await expectCleanChains(tabs, atLeastBlocks);
	for (const tab of tabs) expect(await tab.evaluate(() => globalThis.tabwave.chain.evidence())).toEqual([]);
}
