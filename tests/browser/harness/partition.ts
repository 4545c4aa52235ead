/** A partition of tabs that vote, who leads it, and what it is linked to. */
import { expect } from '@playwright/test';
import type { BrowserContext, Page } from '@playwright/test';
import { joinTab, openTabs, status, waitFor } from './tabs.ts';
import type { Tab } from './tabs.ts';

/** Opens `count` tabs that join one after the other, into the only partition there is; resolves when all of them vote. */
export async function joinedNetwork(context: BrowserContext, count: number): Promise<Page[]> {
	const pages = await openTabs(context, count);
	await joinAll(pages);
	return pages;
}

/** The tabs become the members of the only partition there is, or of the one that is named; resolves when all of them vote. */
export async function joinAll(pages: Tab[], partition?: number): Promise<void> {
	for (const page of pages) await joinTab(page, partition === undefined ? {} : { partition });
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

/** With three replicas of the Booter: waits until each tab has a link to every one, and direct ones to the other tabs. @returns the active replica's id */
export async function allReplicasLinked(pages: Page[]): Promise<string> {
	const actives = new Set<string>();
	for (const page of pages) {
		const { booter } = await waitFor(
			page,
			({ relays, links, booter }) =>
				relays.length === 3 &&
				relays.every(({ path }) => path === 'direct') &&
				links.filter(({ path }) => path === 'direct').length === pages.length - 1 &&
				booter.active !== null,
			{ what: 'a link to every replica and to every tab' }
		);
		actives.add(booter.active!);
	}
	expect(actives.size).toBe(1);
	return [...actives][0]!;
}
