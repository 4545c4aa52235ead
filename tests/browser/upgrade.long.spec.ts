/**
 * The relay is started anew with a newer build of the site while its tabs run, and goes away while a tab is reloaded. By 127.0.0.1, a
 * secure context, the site's files are kept by a service worker; by plain http on the LAN there is none.
 */
import type { Page } from '@playwright/test';
import { buildAnew } from './harness/builds.ts';
import { lanOf, opened } from './harness/origins.ts';
import { joinAll } from './harness/partition.ts';
import { expectSound } from './harness/sound.ts';
import { apiReady, goWithin, openTab, status, waitFor, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { trade, tradesUntilVote } from './harness/transfers.ts';

// No eviction of those who come back within the test.
test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 60000\n', ownSite: true });

const ROUTES = ['/', '/spectrum', '/explorer', '/explorer/block/1', '/node'];

test('the site is upgraded under a running chain: tabs go on, say it, reload when asked, and open without their relay', async ({
	relay,
	context,
	request,
	pageErrors
}) => {
	test.setTimeout(180_000);
	const first = await opened(await context.newPage(), relay.url);
	const steady = await opened(await context.newPage(), relay.url);
	const plain = await opened(await context.newPage(), lanOf(relay));
	const pages = [first, steady, plain];
	await joinAll(pages);
	for (const page of pages) await markCode(page);
	await waitForValue(() => isShellKept(first), Boolean, {
		what: 'the site to be kept by the service worker'
	});

	const trading = await trade(steady);
	await relay.stop();
	const { before, version, gone } = buildAnew(relay.site);
	await relay.start();

	await test.step('every tab says it in words, and its chain goes on', async () => {
		for (const page of pages) {
			await expect(page.getByTestId('newer')).toContainText('newer version');
			await waitFor(page, ({ activity }) => activity === 'voting', { what: 'voting on the old code' });
		}
		await trading.reaches((await trading.count()) + 3);
		await plain.getByTestId('language-switch').click();
		await expect(plain.getByTestId('newer')).toContainText('新版本');
		await plain.screenshot({ path: 'test-results/screenshots/newer-zh.png' });
	});

	await test.step('what the old code had not loaded yet is still there', async () => {
		const answers = await Promise.all(gone.map((path) => request.get(relay.url + path)));
		expect(answers.filter((answer) => !answer.ok()).map((answer) => answer.url())).toEqual([]);
		for (const page of [first, plain]) await visitAll(page);
		await trading.stop();
	});

	await test.step('a tab that is reloaded is the same member with the newer code', async () => {
		for (const page of [first, plain]) {
			const old = await status(page);
			await page.getByTestId('newer-reload').click();
			await waitForValue(
				() => codeOf(page),
				(code) => code === `new ${version}`,
				{ what: 'the newer code' }
			);
			await apiReady(page);
			await comesBack(steady, page, old);
			await expect(page.getByTestId('newer')).toHaveCount(0);
		}
		// The third is as it was, though the service worker of its browser is of the newer build now.
		expect(await codeOf(steady)).toBe(`marked ${before}`);
		await expect(steady.getByTestId('newer')).toBeVisible();
		await visitAll(steady);
	});

	await test.step('nothing of the network is kept, and of old builds only the last', async () => {
		const kept = await keptPaths(first);
		expect(Object.keys(kept)).toEqual([`tabwave-shell-${before}`, `tabwave-shell-${version}`]);
		const others = Object.values(kept)
			.flat()
			.filter((path) => !/^\/(?:$|_app\/immutable\/|icon|manifest)/.test(path));
		expect(others).toEqual([]);
	});

	await test.step('reloaded without the relay, the page opens, shows the ledger that it holds, and waits', async () => {
		const old = await status(first);
		await relay.stop();
		await first.reload();
		await apiReady(first);
		expect(await codeOf(first)).toBe(`new ${version}`);
		await expect(first.getByRole('status').filter({ hasText: 'The relay cannot be reached' })).toBeVisible();
		const { nodeId, finalHeight } = await status(first);
		expect(nodeId).toBe(old.nodeId);
		expect(finalHeight).toBeGreaterThanOrEqual(old.finalHeight);
		expect(await first.evaluate(() => globalThis.tabwave.chain.verify())).toMatchObject({ firstBad: null });
		await relay.start();
		await comesBack(steady, first, old);
	});

	await expectSound(pages, 10);
	// What a browser says itself of a relay that is not there, or not wholly there yet.
	expect(pageErrors.filter((line) => !/ERR_CONNECTION|WebSocket handshake/.test(line))).toEqual([]);
});

test('a page that is older than its relay’s protocol says so, and runs again once it is reloaded', async ({
	context
}) => {
	const isNewer = { protocol: true };
	// No relay speaks it yet: what one would answer stands in for it.
	await context.route('**/api/v1/network', async (route) => {
		const answer = await route.fetch();
		const document = (await answer.json()) as { protocol: number };
		const json = isNewer.protocol ? { ...document, protocol: document.protocol + 1 } : document;
		await route.fulfill({ response: answer, json });
	});
	const page = await openTab(context);
	const alert = page.getByRole('alert').filter({ hasText: 'different versions of Tabwave' });
	await expect(alert).toBeVisible();
	await page.screenshot({ path: 'test-results/screenshots/protocol.png' });
	// Looked at before anything is made or asked for.
	expect(await page.evaluate(async () => (await indexedDB.databases()).length)).toBe(0);
	isNewer.protocol = false;
	await alert.getByRole('button').click();
	await expect(alert).toHaveCount(0);
	await apiReady(page);
	await waitFor(page, ({ activity }) => activity === 'ready');
});

/** So that a reload shows: what a page has on its window goes with it. */
function markCode(page: Page): Promise<void> {
	return page.evaluate(() => {
		(globalThis as { marked?: boolean }).marked = true;
	});
}

/** Of which build the page is, and whether it was marked. */
function codeOf(page: Page): Promise<string> {
	return page
		.evaluate(() => {
			const version = /version: "([^"]+)"/.exec(document.body.innerHTML)?.[1];
			return `${(globalThis as { marked?: boolean }).marked ? 'marked' : 'new'} ${version}`;
		})
		.catch(() => 'on its way'); // the page changes
}

function isShellKept(page: Page): Promise<boolean> {
	return page.evaluate(async () => {
		const registration = await navigator.serviceWorker.getRegistration();
		return registration?.active?.state === 'activated' && navigator.serviceWorker.controller !== null;
	});
}

function keptPaths(page: Page): Promise<Record<string, string[]>> {
	return page.evaluate(async () => {
		const kept: Record<string, string[]> = {};
		for (const name of await caches.keys())
			kept[name] = (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
		return kept;
	});
}

/** The same page all the time. */
async function visitAll(page: Page): Promise<void> {
	const code = await codeOf(page);
	for (const route of ROUTES) {
		await goWithin(page, route);
		await expect(page.locator('main h1, main h2').first()).toBeVisible();
		await expect(page.getByTestId('page-error')).toHaveCount(0);
	}
	expect(await codeOf(page)).toBe(code);
}

async function comesBack(
	trader: Page,
	page: Page,
	old: { nodeId: string; epoch: number; partition: number | null }
): Promise<void> {
	const after = await tradesUntilVote(trader, page);
	expect(after).toMatchObject({ nodeId: old.nodeId, epoch: old.epoch, partition: old.partition });
}
