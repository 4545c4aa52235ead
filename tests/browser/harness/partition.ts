/** A partition of tabs that vote, and who leads it. */
import type { BrowserContext, Page } from '@playwright/test';
import { joinTab, openTabs, status, waitFor } from './tabs.ts';
import type { Tab } from './tabs.ts';

/** Opens `count` tabs that join one after the other, into the only partition there is; resolves when all of them vote. */
export async function joinedNetwork(context: BrowserContext, count: number): Promise<Page[]> {
	const pages = await openTabs(context, count);
	await joinAll(pages);
	return pages;
}

/** The tabs become the members of the only partition there is; resolves when all of them vote. */
export async function joinAll(pages: Tab[]): Promise<void> {
	for (const page of pages) await joinTab(page);
	for (const page of pages)
		await waitFor(page, ({ members, activity }) => members.length === pages.length && activity === 'voting', {
			what: `${pages.length} members that vote`
		});
}

export async function leaderAndFollowers<T extends Tab>(pages: T[]): Promise<{ leader: T; followers: T[] }> {
	const roles = await Promise.all(pages.map(async (page) => (await status(page)).role));
	return {
		leader: pages[roles.indexOf('leader')]!,
		followers: pages.filter((_, i) => roles[i] === 'follower')
	};
}
