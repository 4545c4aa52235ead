/**
 * A browser's storage taken away, closed or full under a running member. Each of them has a browser of its own here, as people have:
 * a context of Playwright's, which is a private window.
 */
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { joinAll } from './harness/partition.ts';
import { expectSound } from './harness/sound.ts';
import { apiReady, joinTab, openTab, status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { trade, tradesUntilVote, transfers } from './harness/transfers.ts';

test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 6000\n' });

/** Blocks of some ten seconds: a node gives room back while it has some (`roomLeft`), and looks every few seconds. */
const ROOM_BYTES = 300_000;

interface Window {
	context: BrowserContext;
	page: Page;
}

async function openWindow(browser: Browser): Promise<Window> {
	const context = await browser.newContext();
	return { context, page: await openTab(context) };
}

/** Another page of the same browser and site, on which no node runs. */
async function besides({ context }: Window): Promise<Page> {
	const page = await context.newPage();
	await page.goto('/healthz');
	return page;
}

async function reloaded(page: Page): Promise<void> {
	await page.reload();
	await apiReady(page);
}

/** The ledger of the only node of this browser. */
function ledgerName(page: Page): Promise<string> {
	return page.evaluate(async () => {
		const names = (await indexedDB.databases()).map(({ name }) => name!);
		return names.find((name) => /^tabwave-[0-9a-f]{16}-[0-9a-f]{16}$/.test(name))!;
	});
}

test('storage is cleared, deleted and closed under members: each stops and says so, none votes without its votes', async ({
	browser
}) => {
	test.setTimeout(240_000);
	const windows: Window[] = [];
	for (let i = 0; i < 4; i++) windows.push(await openWindow(browser));
	const [steady, cleared, deleted, closed] = windows as [Window, Window, Window, Window];
	try {
		await joinAll(windows.map(({ page }) => page));
		await transfers(steady.page, 3);

		await test.step('a private window is a full node, and says what goes with it', async () => {
			expect((await status(steady.page)).storage.kind).toBe('indexeddb');
			await expect(steady.page.getByTestId('check-storage')).toContainText(
				'a private window forgets all of it'
			);
		});

		await test.step('all of the site’s data are cleared: forgotten, and somebody new after a reload', async () => {
			const { page, context } = cleared;
			const before = await status(page);
			const session = await context.newCDPSession(page);
			await session.send('Storage.clearDataForOrigin', {
				origin: new URL(page.url()).origin,
				storageTypes: 'all'
			});
			await expect(page.getByTestId('halted').or(page.getByTestId('forgotten'))).toBeVisible();
			await expect(page.getByTestId('forgotten')).toContainText("this node's key");
			await page.screenshot({ path: 'test-results/screenshots/forgotten.png' });
			await transfers(steady.page, 3);
			await reloaded(page);
			const after = await waitFor(page, ({ activity }) => activity === 'ready');
			expect(after.nodeId).not.toBe(before.nodeId);
			expect((await joinTab(page)).nodeId).toBe(after.nodeId);
			await tradesUntilVote(steady.page, page);
			await waitFor(page, ({ members }) => members.every(({ id }) => id !== before.nodeId), {
				what: 'the seat given up'
			});
		});

		await test.step('the ledger alone is deleted by another page: stopped, and its key never runs again', async () => {
			const { page } = deleted;
			const before = await status(page);
			const other = await besides(deleted);
			await other.evaluate(
				(name) =>
					new Promise((resolve, reject) => {
						const request = indexedDB.deleteDatabase(name);
						request.onsuccess = resolve;
						request.onerror = () => reject(request.error!);
					}),
				await ledgerName(other)
			);
			await expect(page.getByTestId('halted')).toContainText('it might give a vote twice');
			const { votes } = await status(page);
			await transfers(steady.page, 3);
			expect((await status(page)).votes).toBe(votes);
			await reloaded(page);
			await expect(page.getByTestId('replaced')).toContainText(before.nickname);
			const after = await waitFor(page, ({ activity }) => activity === 'ready');
			expect(after.nodeId).not.toBe(before.nodeId);
			await joinTab(page);
			await tradesUntilVote(steady.page, page);
		});

		await test.step('the ledger is closed under the node and is whole: stopped, and the same member after a reload', async () => {
			const { page } = closed;
			const other = await besides(closed);
			const before = await status(page);
			await other.evaluate(
				(name) =>
					new Promise((resolve) => {
						// As a newer page does it, and then gives it up.
						const request = indexedDB.open(name, 1000);
						request.onupgradeneeded = () => request.transaction!.abort();
						request.onerror = resolve;
					}),
				await ledgerName(other)
			);
			await expect(page.getByTestId('halted')).toContainText('Reload the page');
			await reloaded(page);
			await tradesUntilVote(steady.page, page);
			const after = await status(page);
			expect(after.nodeId).toBe(before.nodeId);
			expect(after.finalHeight).toBeGreaterThanOrEqual(before.finalHeight);
		});

		await expectSound(
			windows.map(({ page }) => page),
			10
		);
	} finally {
		for (const { context } of windows) await context.close();
	}
});

test.describe('a small room', () => {
	test.use({
		ini: '[partitions]\ncount = 1\n[blocks]\nexpiryWindow = 10\nmaxBlocksPerNext = 2\n[timeouts]\nevictionGraceMs = 60000\n'
	});

	test('a member’s quota is reached: old blocks become headers, in words, and it goes on voting', async ({
		browser
	}) => {
		test.setTimeout(180_000);
		const windows = [await openWindow(browser), await openWindow(browser), await openWindow(browser)];
		const pages = windows.map(({ page }) => page);
		const [steady, , full] = pages as [Page, Page, Page];
		try {
			await joinAll(pages);
			// Blocks with something in them, and then those of the window after which they may be given up.
			await transfers(steady, 300, 20);
			await transfers(steady, 15);
			const { origin } = new URL(full.url());
			const session = await windows[2]!.context.newCDPSession(full);
			const { usage } = await session.send('Storage.getUsageAndQuota', { origin });
			await session.send('Storage.overrideQuotaForOrigin', {
				origin,
				quotaSize: Math.round(usage) + ROOM_BYTES
			});
			const before = await status(full);
			const trading = await trade(steady);
			const now = await waitFor(
				full,
				({ storage, finalHeight }) => storage.headersOnlyTo > 0 && finalHeight > before.finalHeight + 25,
				{ what: 'old blocks as headers, and the chain going on', timeoutMs: 60_000 }
			);
			await trading.stop();
			expect(now.halted).toBeNull();
			expect(now.votes).toBeGreaterThan(before.votes + 25);
			await expect(full.getByTestId('headers-only')).toContainText('only headers and their proofs');
			await full.screenshot({ path: 'test-results/screenshots/headers-only.png', fullPage: true });
			await expectSound(pages, before.finalHeight);
		} finally {
			for (const { context } of windows) await context.close();
		}
	});
});
