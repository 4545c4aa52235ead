/**
 * Tabs that came by `http://<address>`, which browsers do not count as secure: no WebCrypto, no locks, no word on storage. They
 * are nodes like any other, beside tabs that have all of it, and the page says what they do more slowly. The way out is in tls.long.spec.ts.
 */
import { expectCleanChains, quietHead } from './harness/ledger-checks.ts';
import { lanOf, opened, powers } from './harness/origins.ts';
import { joinAll } from './harness/partition.ts';
import { apiReady, status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { tradesUntilVote } from './harness/transfers.ts';

const RECIPIENT = '44'.repeat(32);

test.use({ ini: '[partitions]\ncount = 1\n' });

test('tabs on plain http and tabs in a secure context are one partition, and each does all of it', async ({
	relay,
	context,
	pageErrors
}) => {
	const plain = [
		await opened(await context.newPage(), lanOf(relay)),
		await opened(await context.newPage(), lanOf(relay))
	];
	const secure = [
		await opened(await context.newPage(), relay.url),
		await opened(await context.newPage(), relay.url)
	];
	const pages = [...plain, ...secure];
	for (const page of plain)
		expect(await powers(page)).toEqual({ isSecure: false, subtle: false, locks: false });
	for (const page of secure)
		expect(await powers(page)).toEqual({ isSecure: true, subtle: true, locks: true });
	const check = plain[0]!.getByTestId('check-secure');
	await expect(check).toHaveAttribute('data-state', 'warning');
	await expect(check).toContainText('signatures');
	await expect(check).toContainText('--tls');
	await expect(secure[0]!.getByTestId('check-secure')).toHaveAttribute('data-state', 'ok');
	await joinAll(pages);
	for (const page of plain) expect(await status(page)).toMatchObject({ crypto: 'portable' });
	for (const page of secure) expect(await status(page)).toMatchObject({ crypto: 'webcrypto' });

	// Each sends, each votes, and whoever leads, all signatures of both kinds are in its certificates.
	const votes = await Promise.all(pages.map(async (page) => (await status(page)).votes));
	for (const page of pages)
		expect(
			await page.evaluate(async (to) => (await globalThis.tabwave.account.transfer(to, 3)).status, RECIPIENT)
		).toBe('ok');
	for (const [i, page] of pages.entries()) await tradesUntilVote(pages[0]!, page, votes[i]!);

	// It is somebody who stays: the same member after a reload, from its own disk.
	const tab = plain[0]!;
	const { nodeId, finalHeight } = await status(tab);
	await tab.reload();
	await apiReady(tab);
	const again = await waitFor(tab, ({ activity }) => activity === 'voting');
	expect(again.nodeId).toBe(nodeId);
	expect(again.finalHeight).toBeGreaterThanOrEqual(finalHeight);
	expect(again.storage.kind).toBe('indexeddb');

	const { height } = await quietHead(pages);
	await expectCleanChains(pages, height);
	for (const page of pages)
		expect(await page.evaluate((to) => globalThis.tabwave.account.balance(to), RECIPIENT)).toBe('12');
	expect(pageErrors).toEqual([]);
});
