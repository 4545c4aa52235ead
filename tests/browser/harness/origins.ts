/** Tabs that come by one address of a relay or another, and what the browser lets a page from there do. */
import type { Page } from '@playwright/test';
import type { RelayProcess } from './relay-process.ts';
import { apiReady } from './tabs.ts';

/** By an address that is not this machine's name for itself; the machine, or its namespace, has a network. */
export function lanOf({ lanUrl }: RelayProcess): string {
	if (lanUrl === null) throw new Error('This machine has no network: a plain http address cannot be tested.');
	return lanUrl;
}

export async function opened(page: Page, origin: string): Promise<Page> {
	await page.goto(`${origin}/node`);
	await apiReady(page);
	return page;
}

export function powers(page: Page): Promise<{ isSecure: boolean; subtle: boolean; locks: boolean }> {
	return page.evaluate(() => ({
		isSecure: isSecureContext,
		subtle: 'subtle' in crypto && crypto.subtle !== undefined,
		locks: 'locks' in navigator
	}));
}
