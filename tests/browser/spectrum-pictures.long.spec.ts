/**
 * Pictures of the market's page with the hotspots of midtown, for people to look at: phone, laptop and projector, both languages,
 * light and dark, with trades made and the SINR layer drawn. They are written into test-results/screenshots/spectrum/. The time to
 * the layer's first and last pass is printed beside them.
 *
 *     npx vite build && TABWAVE_LONG=1 npx playwright test tests/browser/spectrum-pictures.long.spec.ts
 */
import type { Page } from '@playwright/test';
import { generateAccessPoints } from '#lib/spectrum/scenario/generate.ts';
import { exportCsv } from '#lib/spectrum/importing/tabwave-csv.ts';
import { sharedData } from '#lib/spectrum/testing/shared-data.ts';
import { joinTab, openTab, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

const HOTSPOTS = sharedData('nyc-wifi-midtown.geojson');
const FOLDER = 'test-results/screenshots/spectrum';
const TRADES = 40;
const SIZES = [
	{ name: 'phone', width: 360, height: 740 },
	{ name: 'tablet', width: 768, height: 1024 },
	{ name: 'laptop', width: 1280, height: 720 },
	{ name: 'projector', width: 1920, height: 1080 }
];

test('pictures of the page with the midtown data', async ({ context, pageErrors }) => {
	test.setTimeout(420_000);
	const page = await openTab(context, '/spectrum');
	await page.setViewportSize({ width: 1280, height: 720 });
	await joinTab(page);
	// Without the data beside the project, a city that the seed makes.
	const file = HOTSPOTS ?? exportCsv(generateAccessPoints({ seed: 1, count: 220 }));
	await page.evaluate(
		(text) => globalThis.tabwave.spectrum.importAps(text, { seed: 1 }).then(() => undefined),
		file
	);
	await waitForValue(
		() => page.evaluate(() => globalThis.tabwave.spectrum.metrics()),
		({ aps, trades }) => aps >= 200 && trades >= TRADES,
		{ what: `${TRADES} trades`, timeoutMs: 120_000 }
	);
	await expect(page.getByTestId('map')).toHaveAttribute('aria-label', /2\d\d/);
	const passes = [];
	for (let i = 0; i < 3; i++) passes.push(await heatTimes(page));
	console.log(
		'ms from the tick to the first and to the last pass of the SINR layer:',
		JSON.stringify(passes)
	);
	await page.getByTestId('layer-heat').check();
	for (const language of ['en', 'zh']) {
		for (const theme of ['light', 'dark']) {
			for (const { name, ...size } of SIZES) {
				await page.setViewportSize(size);
				await pictureOf(page, `${name}-${language}-${theme}-first`);
				// All of it on a screen of its length: what sticks to an edge then stands where it belongs.
				const height = await page.evaluate(() => document.documentElement.scrollHeight);
				await page.setViewportSize({ ...size, height });
				await pictureOf(page, `${name}-${language}-${theme}`);
			}
			await page.setViewportSize({ width: 1280, height: 720 });
			await page.getByTestId('theme-switch').click();
		}
		await page.setViewportSize({ width: 1280, height: 720 });
		await page.getByTestId('language-switch').click();
		await expect(page.locator('html')).toHaveAttribute('lang', language === 'en' ? /^zh/ : /^en/);
	}
	expect(pageErrors).toEqual([]);
});

async function pictureOf(page: Page, name: string): Promise<void> {
	await page.evaluate(() => scrollTo(0, 0));
	await expect(page.getByTestId('map')).toHaveAttribute('data-heat', 'shown', { timeout: 60_000 });
	await expect(page.getByTestId('heat-progress')).toHaveCount(0);
	await page.screenshot({ path: `${FOLDER}/${name}.png`, animations: 'disabled' });
}

/** As a person waits for it: from the tick to what is on the screen. */
async function heatTimes(page: Page): Promise<{ firstMs: number; lastMs: number }> {
	const times = await page.evaluate(async () => {
		const map = document.querySelector<HTMLElement>('[data-testid="map"]')!;
		const box = document.querySelector<HTMLInputElement>('[data-testid="layer-heat"]')!;
		const canvas = map.querySelector('canvas')!;
		// Points all over the map: circles and lines change few of them, the layer changes nearly all.
		const points = (): Uint8ClampedArray[] =>
			Array.from({ length: 100 }, (_, i) => {
				const x = Math.floor((((i % 10) + 0.5) * canvas.width) / 10);
				const y = Math.floor(((Math.floor(i / 10) + 0.5) * canvas.height) / 10);
				return canvas.getContext('2d')!.getImageData(x, y, 1, 1).data;
			});
		const plain = points();
		const isDrawn = (): boolean =>
			points().filter((point, i) => point.some((value, j) => Math.abs(value - plain[i]![j]!) > 12)).length >
			50;
		const startMs = performance.now();
		box.click();
		let firstMs: number | null = null;
		for (;;) {
			await new Promise(requestAnimationFrame);
			const nowMs = performance.now() - startMs;
			if (firstMs === null && isDrawn()) firstMs = nowMs;
			if (map.dataset.heat === 'shown')
				return { firstMs: Math.round(firstMs ?? nowMs), lastMs: Math.round(nowMs) };
			if (nowMs > 60_000) throw new Error('the SINR layer was not drawn within a minute');
		}
	});
	await page.getByTestId('layer-heat').uncheck();
	await expect(page.getByTestId('map')).toHaveAttribute('data-heat', 'off');
	return times;
}
