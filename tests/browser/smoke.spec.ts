/** The site as the relay serves it, in a real browser, before any tab joins. */
import { candidates } from './harness/candidates.ts';
import { expect, test } from './harness/test.ts';

test('the relay is healthy and the page loads under its own policy', async ({
	relay,
	page,
	request,
	pageErrors
}) => {
	const health = await request.get('/healthz');
	expect(health.status()).toBe(200);
	expect(await health.json()).toMatchObject({ status: 'ready', chainId: relay.chainId });

	const answer = await page.goto('/');
	expect(answer?.headers()['content-security-policy']).toContain("default-src 'none'");
	// The page is drawn by its scripts: what stands in the body did not come with the answer.
	await expect(page.locator('body')).toContainText('Tabwave');
	await page.waitForLoadState('networkidle');
	expect(pageErrors).toEqual([]);
});

test('what is hashed is kept, what is compressed is small, what is missing is missing', async ({
	page,
	request,
	relay
}) => {
	const assets: { url: string; cache: string | undefined; encoding: string | undefined }[] = [];
	page.on('response', (response) => {
		const { 'cache-control': cache, 'content-encoding': encoding } = response.headers();
		if (response.url().includes('/_app/immutable/')) assets.push({ url: response.url(), cache, encoding });
	});
	await page.goto('/');
	await page.waitForLoadState('networkidle');
	expect(assets.length).toBeGreaterThan(0);
	for (const asset of assets) expect(asset.cache, asset.url).toContain('immutable');
	expect(assets.some((asset) => asset.encoding === 'br' || asset.encoding === 'gzip')).toBe(true);

	expect((await request.get('/_app/immutable/none.js')).status()).toBe(404);
	const missing = await request.get('/api/v1/none');
	expect(missing.status()).toBe(404);
	expect(await missing.json()).toMatchObject({ error: { name: 'NotFound' } });
	expect((await request.get('/no/such/page')).status()).toBe(200);
	expect((await request.get(`/j/${relay.joinCode}`, { maxRedirects: 0 })).headers()['location']).toBe(
		'/join'
	);
});

test('a stopped relay goes within 2 s and comes back as the same network', async ({ relay, request }) => {
	const before = relay.chainId;
	const { code, tookMs } = await relay.stop();
	expect(code).toBe(0);
	expect(tookMs).toBeLessThan(2000);
	await relay.start();
	expect(relay.chainId).toBe(before);
	expect((await request.get('/healthz')).status()).toBe(200);
});

test('direct links are possible where the harness says so', async ({ page }) => {
	await page.goto('/');
	expect(await candidates(page)).toBeGreaterThan(0);
});
