/** Every page as people meet it: sizes, languages, themes, accessibility, and what the first visit costs. */
import { readdirSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { ROOT } from '../../scripts/lib/project.js';
import { apiReady, goWithin, joinTab, openTab, status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

const ROUTES = [
	'/',
	'/join',
	'/node',
	'/spectrum',
	'/explorer',
	'/explorer/block/1',
	'/explorer/block/999999'
];
const SIZES = [
	{ name: 'phone', width: 360, height: 740 },
	{ name: 'laptop', width: 1366, height: 768 },
	{ name: 'projector', width: 1920, height: 1080 }
];
/** experience.md and issue: the first load of the site, compressed. */
const MAX_FIRST_LOAD_BYTES = 500_000;

/** Workers that start when the market is looked at, and not before, and the solver that one of them loads. */
const NOT_FIRST = /(?:^|\/)(?:study-worker|optimum-worker|highs)-/;

test('every page fits every size, and axe finds nothing, in both languages and themes', async ({
	context
}) => {
	test.setTimeout(180_000);
	const page = await openTab(context, '/join');
	await joinTab(page);
	const { nodeId } = await status(page);
	for (const [i, size] of SIZES.entries()) {
		await page.setViewportSize(size);
		for (const route of ROUTES) {
			await goWithin(page, route);
			await expect(page.locator('main h1, main h2, main [data-testid="not-found"]').first()).toBeVisible();
			const overflow = await page.evaluate(
				() => document.documentElement.scrollWidth - document.documentElement.clientWidth
			);
			expect(overflow, `${route} at ${size.name}`).toBeLessThanOrEqual(0);
			await page.screenshot({
				path: `test-results/screenshots/${route.replaceAll('/', '_')}-${size.name}.png`
			});
			if (size.name === 'projector') continue;
			const { violations } = await new AxeBuilder({ page })
				.withTags(['wcag2a', 'wcag2aa', 'wcag21aa'])
				.analyze();
			expect(violations.map(({ id, nodes }) => `${route} at ${size.name}: ${id} ${nodes[0]?.html}`)).toEqual(
				[]
			);
		}
		// The next size in the other language and theme.
		await page.getByTestId('language-switch').click();
		await page.getByTestId('theme-switch').click();
		await expect(page.locator('html')).toHaveAttribute('lang', i % 2 === 0 ? /^zh/ : /^en/);
	}
	expect((await status(page)).nodeId).toBe(nodeId);
	expect((await status(page)).partition).not.toBeNull();
});

test('the first load is below 500 KB, libp2p and the worker included', async ({ context }) => {
	const page = await context.newPage();
	const urls = new Set<string>();
	page.on('request', (request) => urls.add(request.url()));
	const isWorkers = (url: string): boolean => new URL(url).pathname.includes('/workers/');
	await page.goto('/join');
	await apiReady(page);
	await waitFor(page, ({ relay }) => relay.path === 'direct');
	// Everything has been asked for by now. When the browser tells of an answer's end is its own affair, so they are
	// counted by asking again.
	const own = [...urls].filter((url) => !isWorkers(url));
	const pageBytes = (await Promise.all(own.map(sentBytes))).reduce((sum, size) => sum + size, 0);
	// A worker's own requests are no page's: everything that the node's could load, as the relay sends it.
	const workerBytes = compressedBytes(join(ROOT, 'build', '_app', 'immutable', 'workers'));
	console.log(`first load of /join: ${pageBytes} bytes in the page, ${workerBytes} in the worker`);
	expect(pageBytes).toBeGreaterThan(200_000);
	expect(workerBytes).toBeGreaterThan(100_000);
	expect(pageBytes + workerBytes).toBeLessThan(MAX_FIRST_LOAD_BYTES);
});

/** Of the answer's body, as the relay sends it to a browser. */
function sentBytes(url: string): Promise<number> {
	return new Promise((resolve, reject) => {
		get(url, { headers: { 'accept-encoding': 'gzip, deflate, br' } }, (response) => {
			let bytes = 0;
			response.on('data', (chunk: Buffer) => (bytes += chunk.length));
			response.on('end', () =>
				response.statusCode === 200
					? resolve(bytes)
					: reject(new Error(`${url} answers ${response.statusCode}`))
			);
		}).on('error', reject);
	});
}

function compressedBytes(folder: string): number {
	return readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.filter((name) => name.endsWith('.br') && !NOT_FIRST.test(name))
		.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
