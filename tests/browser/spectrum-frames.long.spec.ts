/** How smooth the map is with 500 access points: the time between frames while it is dragged, with and without the SINR layer. */
import type { Page } from '@playwright/test';
import { joinTab, openTab, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

const GENERATED = 500;
const FRAMES = 150;

test('the map of 500 access points is dragged, frame by frame', async ({ context }) => {
	test.setTimeout(300_000);
	const page = await openTab(context, '/spectrum');
	await page.setViewportSize({ width: 1280, height: 720 });
	await joinTab(page);
	await page.evaluate((count) => globalThis.tabwave.spectrum.generateAps({ seed: 1, count }), GENERATED);
	await waitForValue(
		() => page.evaluate(() => globalThis.tabwave.spectrum.metrics()),
		({ aps }) => aps === GENERATED,
		{ what: 'all access points on the chain', timeoutMs: 120_000 }
	);
	await expect(page.getByTestId('map')).toHaveAttribute('aria-label', new RegExp(String(GENERATED)));
	const idle = await framesWhile(page, 0);
	const plain = await framesWhile(page, 7);
	await page.getByTestId('layer-heat').check();
	await expect(page.getByTestId('map')).toHaveAttribute('data-heat', 'shown', { timeout: 120_000 });
	const heat = await framesWhile(page, 7);
	console.log('ms between frames, median / p95:', JSON.stringify({ idle, plain, heat }));
	// It followed the hand: thirty places to, and the same ones fro.
	expect(plain.places).toBeGreaterThan(25);
	expect(heat.places).toBeGreaterThan(25);
	expect(idle.places).toBe(1);
});

/** Drags by so many pixels a frame, to and fro. */
function framesWhile(page: Page, pixels: number): Promise<{ median: number; p95: number; places: number }> {
	return page.evaluate(
		async ([frames, step]) => {
			const map = document.querySelector('[data-testid="map"]')!;
			const box = map.getBoundingClientRect();
			let x = box.left + box.width / 2;
			const y = box.top + box.height / 2;
			const tell = (type: string): void =>
				void map.dispatchEvent(
					new PointerEvent(type, { pointerId: 1, clientX: x, clientY: y, bubbles: true, isPrimary: true })
				);
			// A made-up pointer cannot be captured.
			map.setPointerCapture = () => {};
			if (step! > 0) tell('pointerdown');
			const gaps: number[] = [];
			const places = new Set<string>();
			let last = await new Promise<number>(requestAnimationFrame);
			for (let frame = 0; frame < frames!; frame++) {
				if (step! > 0) {
					x += frame % 60 < 30 ? step! : -step!;
					tell('pointermove');
				}
				const now = await new Promise<number>(requestAnimationFrame);
				gaps.push(now - last);
				last = now;
				places.add((map as HTMLElement).dataset.centre ?? '');
			}
			if (step! > 0) tell('pointerup');
			gaps.sort((a, b) => a - b);
			const at = (share: number): number =>
				Math.round(10 * gaps[Math.floor(share * (gaps.length - 1))]!) / 10;
			return { median: at(0.5), p95: at(0.95), places: places.size };
		},
		[FRAMES, pixels]
	);
}
