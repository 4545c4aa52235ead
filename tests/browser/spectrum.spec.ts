/** The market's page as people use it: map, waterfall, story, ranking, measures, tables, files, by mouse and by keyboard. */
import { readFileSync } from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { runStudy } from '#lib/node/study/study-run.ts';
import { generateAccessPoints } from '#lib/spectrum/scenario/generate.ts';
import { exportCsv } from '#lib/spectrum/importing/tabwave-csv.ts';
import { apiReady, goWithin, joinTab, openTab, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

const GENERATED = 60;
const TRADES = 3;

test('the page shows a market as map, waterfall, story, ranking, measures and tables, and takes files', async ({
	context,
	pageErrors
}) => {
	test.setTimeout(240_000);
	const page = await openTab(context, '/spectrum');
	await page.setViewportSize({ width: 1280, height: 720 });
	await joinTab(page);
	await page.getByTestId('generate-count').fill(String(GENERATED));
	await page.getByTestId('generate-button').click();
	await expect(page.getByTestId('import-report')).toHaveAttribute('data-accepted', String(GENERATED));
	await waitForValue(
		() => page.evaluate(() => globalThis.tabwave.spectrum.metrics()),
		({ trades, aps }) => trades >= TRADES && aps === GENERATED,
		{ what: 'a market with trades', timeoutMs: 60_000 }
	);

	await test.step('the map, by keyboard', async () => {
		const map = page.getByTestId('map');
		const scale = Number(await map.getAttribute('data-scale'));
		await map.focus();
		await page.keyboard.press('n');
		const first = await map.getAttribute('data-selected');
		expect(first).not.toBe('');
		await expect(page.getByTestId('ap-inspector')).toBeVisible();
		await page.keyboard.press('n');
		await expect(map).not.toHaveAttribute('data-selected', first!);
		await page.keyboard.press('p');
		await expect(map).toHaveAttribute('data-selected', first!);
		await page.keyboard.press('+');
		expect(Number(await map.getAttribute('data-scale'))).toBeLessThan(scale);
		await page.keyboard.press('ArrowLeft');
		await page.keyboard.press('0');
		expect(Number(await map.getAttribute('data-scale'))).toBeCloseTo(scale, 6);
		await page.keyboard.press('Escape');
		await expect(map).toHaveAttribute('data-selected', '');
	});

	await test.step('SINR as a layer, with its scale and its values', async () => {
		const map = page.getByTestId('map');
		const before = await inkOf(page);
		await page.getByTestId('layer-heat').check();
		await expect(map).toHaveAttribute('data-heat', 'shown', { timeout: 60_000 });
		await expect(page.getByTestId('heat-legend')).toBeVisible();
		expect(await inkOf(page)).not.toBe(before);
		await map.focus();
		await page.keyboard.press('ArrowRight');
		await expect(page.getByTestId('heat-reading')).toContainText(/dB|Nobody/);
		await page.getByTestId('layer-heat').uncheck();
		await expect(map).toHaveAttribute('data-heat', 'off');
	});

	await test.step('the waterfall chooses a trade, and its four transactions are told', async () => {
		const waterfall = page.getByTestId('waterfall');
		expect(Number(await waterfall.getAttribute('data-marks'))).toBeGreaterThanOrEqual(TRADES);
		await waterfall.focus();
		await page.keyboard.press('Home');
		await expect(page.getByTestId('waterfall-told')).toContainText(/Block .* channel/);
		// Channel by channel, nearer and back, and what is under a pointer.
		const told = page.getByTestId('waterfall-told');
		await page.keyboard.press('ArrowRight');
		await expect(told).toContainText(/GHz \d+/);
		const span = (await waterfall.getAttribute('data-span'))!;
		await page.keyboard.press('+');
		await expect(waterfall).not.toHaveAttribute('data-span', span);
		await page.keyboard.press('0');
		await expect(waterfall).toHaveAttribute('data-span', span);
		await pinch(waterfall);
		await expect(waterfall).not.toHaveAttribute('data-span', span);
		await page.getByTestId('waterfall-zoom-2').click();
		await expect(waterfall).toHaveAttribute('data-span', span);
		await waterfall.hover();
		await expect(page.getByTestId('waterfall-pointed')).toContainText(/GHz \d+/);
		await waterfall.focus();
		await page.keyboard.press('Home');
		const story = page.getByTestId('trade-story');
		const newest = await page.evaluate(() => globalThis.tabwave.spectrum.trades({ limit: 1 }));
		await page.keyboard.press('End');
		await expect(story).not.toHaveAttribute('data-trade', newest[0]!.id);
		const trade = await page.evaluate(
			async (id) => (await globalThis.tabwave.spectrum.trades()).find((one) => one.id === id)!,
			(await story.getAttribute('data-trade'))!
		);
		const steps = story.getByTestId('chain-step');
		await expect(steps).toHaveCount(4);
		const links = await steps
			.locator('a[href*="/explorer/transaction/"]:not([href*="#"])')
			.evaluateAll((all) => all.map((link) => new URL((link as HTMLAnchorElement).href).pathname));
		expect(links.slice(2)).toEqual([
			`/explorer/transaction/${trade.bidId}`,
			`/explorer/transaction/${trade.transactionId}`
		]);
		const functions = await page.evaluate(
			(ids) =>
				Promise.all(
					ids.map(async (id) => {
						const { function: fn, receipt } = await globalThis.tabwave.chain.transaction(id);
						return [fn, receipt?.events.map(({ kind }) => kind)] as const;
					})
				),
			links.map((link) => link.split('/').at(-1)!)
		);
		expect(functions.map(([fn]) => fn)).toEqual([
			'IssueAPChannelInfo',
			'IssueAPChannelInfo',
			'IssueBidingPriceInfo',
			'IssueChannelSwitchInfo'
		]);
		expect(functions[3]![1]).toEqual(['UpdateAPChannelInfo']);
		await expect(steps.nth(3)).toContainText(/1 of 1 members/);
	});

	await test.step('the ranking marks the seller that was chosen, and says why not the others', async () => {
		const ranking = page.getByTestId('ranking');
		const chosen = ranking.locator('[data-testid="candidate-row"][data-verdict="chosen"]');
		await expect(chosen).toHaveCount(1);
		const id = await page.getByTestId('trade-story').getAttribute('data-trade');
		const seller = await page.evaluate(async (tradeId) => {
			const { spectrum } = globalThis.tabwave;
			const trade = (await spectrum.trades()).find((one) => one.id === tradeId)!;
			return (await spectrum.aps()).find((ap) => ap.id === trade.sellerAp)!.name;
		}, id);
		await expect(chosen).toContainText(seller);
		const others = ranking.locator('[data-testid="candidate-row"]:not([data-verdict="chosen"])');
		expect(await others.count()).toBeGreaterThan(3);
		await page.getByRole('tab', { name: /Bids/ }).click();
		await page.getByTestId('bid-row').first().getByTestId('why-button').click();
		await expect(chosen).toHaveCount(1);
	});

	await test.step('measures over time, as charts and as a table', async () => {
		await expect(page.getByTestId('series').locator('canvas')).toHaveCount(6);
		// One reads in all of them at once, by keyboard and by pointer.
		const times = page.getByTestId('chart-time');
		await page.getByTestId('chart').first().focus();
		await page.keyboard.press('Home');
		await expect(times).toHaveCount(6);
		const oldest = await times.first().textContent();
		await page.keyboard.press('End');
		await expect(times.first()).not.toHaveText(oldest!);
		await page.keyboard.press('Escape');
		await expect(times).toHaveCount(0);
		await page.getByTestId('chart').nth(1).hover();
		await expect(times).toHaveCount(6);
		// What a key reads stays when the pointer goes, or the page scrolls away under it.
		await page.getByTestId('chart').first().focus();
		await page.keyboard.press('Home');
		await expect(times.first()).toHaveText(oldest!);
		await page.mouse.move(1, 1);
		await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
		expect(await times.allTextContents()).toEqual(Array.from({ length: 6 }, () => oldest));
		await page.keyboard.press('Escape');
		await expect(times).toHaveCount(0);
		await page.getByTestId('series-as-table').check();
		expect(await page.getByTestId('sample-row').count()).toBeGreaterThanOrEqual(TRADES);
		await page.getByTestId('series-as-table').uncheck();
	});

	await test.step('every table has rows, and can be searched', async () => {
		for (const [tab, row] of [
			[/^Trades/, 'trade-row'],
			[/^Access points/, 'ap-row'],
			[/^Holdings/, 'holding-row']
		] as const) {
			await page.getByRole('tab', { name: tab }).click();
			await expect(page.getByTestId(row).first()).toBeVisible();
			await page.getByTestId('table-filter').fill('no such thing');
			await expect(page.getByTestId(row)).toHaveCount(0);
			await page.getByTestId('table-filter').fill('');
		}
	});

	await test.step('a file that is dropped anywhere is imported; a wrong one is told in words', async () => {
		await drop(page, 'letter.txt', 'Dear Tabwave');
		await expect(page.getByTestId('import-error')).toContainText('no file of access points');
		await drop(page, 'broken.geojson', '{ "type": "FeatureCollection", ');
		await expect(page.getByTestId('import-error')).toContainText('JSON is broken at line');
		const more = generateAccessPoints({
			seed: 9,
			count: 5,
			idPrefix: 'dropped',
			center: { latitudeMicrodegrees: 39_960_000, longitudeMicrodegrees: 116_300_000 }
		});
		await drop(page, 'more.csv', `${exportCsv(more)}bad,row\r\n`);
		const report = page.getByTestId('import-report');
		await expect(report).toHaveAttribute('data-accepted', '5');
		await expect(report).toHaveAttribute('data-rejected', '1');
		await waitForValue(
			() => page.evaluate(async () => (await globalThis.tabwave.spectrum.aps()).length),
			(count) => count === GENERATED + 5,
			{ what: 'the dropped access points on the chain' }
		);
	});

	await test.step('what is exported comes back', async () => {
		for (const format of ['geojson', 'csv', 'scenario'] as const) {
			// The page reads the chain every second; the button exports what it shows.
			await expect(page.getByTestId('map')).toHaveAttribute('aria-label', new RegExp(String(GENERATED + 5)));
			const [download] = await Promise.all([
				page.waitForEvent('download'),
				page.getByTestId(`export-${format}`).click()
			]);
			const text = readFileSync(await download.path(), 'utf8');
			const found = await runStudy(
				'read',
				{ text, name: download.suggestedFilename(), seed: 1, conflictDistancePercent: 100 },
				{ nowMs: () => 0, pause: () => Promise.resolve() },
				() => {}
			);
			expect([format, found.accepted, found.rejected]).toEqual([format, GENERATED + 5, 0]);
		}
	});

	await test.step('a sweep in the page has the hash that Node.js finds', async () => {
		await page.getByTestId('sweep-size').selectOption('10');
		await page.getByTestId('sweep-markets').selectOption('5');
		await page.getByTestId('sweep-run').click();
		const result = page.getByTestId('sweep-result');
		await expect(result).toBeVisible({ timeout: 60_000 });
		const here = await runStudy(
			'sweep',
			{ size: 10, markets: 5, conflicts: true, withOptimum: false },
			{ nowMs: () => 0, pause: () => Promise.resolve() },
			() => {}
		);
		expect(await result.getAttribute('data-hash')).toBe(here.hash);
		await expect(result.locator('tbody tr').first()).toContainText(/greedy/);
		// The solver ran: there is something to divide by.
		await expect(result.locator('tbody tr').first().locator('td').first()).toHaveText(/^[01]\.\d{3}$/);
	});

	await test.step('when the manager acts is for a person to say, and what cannot be is explained', async () => {
		const sellAt = page.getByTestId('manager-sellAtPpm');
		await expect(sellAt).toHaveValue('20');
		await sellAt.fill('40');
		await expect(page.getByTestId('manager-sellAtPpm-wrong')).toContainText('40%');
		await expect(sellAt).toHaveAttribute('aria-invalid', 'true');
		await expect(page.getByTestId('manager-save')).toBeDisabled();
		await sellAt.fill('12,5');
		await page.getByTestId('manager-minimumGain').fill('75');
		await page.getByTestId('manager-save').click();
		await waitForValue(
			() => page.evaluate(() => globalThis.tabwave.spectrum.manager()),
			({ sellAtPpm, minimumGain }) => sellAtPpm === 125_000 && minimumGain === '75',
			{ what: 'the settings in the node' }
		);
		const refused = await page.evaluate(() =>
			globalThis.tabwave.spectrum.setManager({ buyAtPpm: 2 }).catch((error: Error) => error.name)
		);
		expect(refused).toBe('ManagerSettings');
	});

	await test.step('axe finds nothing on the full page, and nothing is wider than the page', async () => {
		for (const [i, size] of [
			{ width: 1280, height: 720 },
			{ width: 360, height: 740 }
		].entries()) {
			await page.setViewportSize(size);
			await page.getByTestId('layer-heat').setChecked(i === 0);
			const overflow = await page.evaluate(
				() => document.documentElement.scrollWidth - document.documentElement.clientWidth
			);
			expect(overflow, `at ${size.width}`).toBeLessThanOrEqual(0);
			const inside = await page
				.getByTestId('waterfall')
				.evaluate((picture) => picture.scrollWidth - picture.clientWidth);
			expect(inside, `the waterfall at ${size.width}`).toBeLessThanOrEqual(0);
			const { violations } = await new AxeBuilder({ page })
				.withTags(['wcag2a', 'wcag2aa', 'wcag21aa'])
				.analyze();
			expect(violations.map(({ id, nodes }) => `${size.width}: ${id} ${nodes[0]?.html}`)).toEqual([]);
			await page.getByTestId('language-switch').click();
			await page.getByTestId('theme-switch').click();
		}
	});

	await test.step('another page and back loses neither the node nor the measures', async () => {
		await goWithin(page, '/explorer');
		await goWithin(page, '/spectrum');
		await expect(page.getByTestId('trade-story')).toBeVisible();
		await expect(page.getByTestId('series').locator('canvas')).toHaveCount(6);
	});
	await test.step('a reload keeps the settings of the manager', async () => {
		await page.reload();
		await apiReady(page);
		expect(await page.evaluate(() => globalThis.tabwave.spectrum.manager())).toEqual({
			buyAtPpm: 800_000,
			sellAtPpm: 125_000,
			sellerCapPpm: 800_000,
			minimumGain: '75'
		});
	});
	expect(pageErrors).toEqual([]);
});

/** What the map's canvas shows, as one string. */
function inkOf(page: Page): Promise<string> {
	return page
		.getByTestId('map')
		.locator('canvas')
		.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
}

/** Two fingers part, one above the other, around the middle of a picture. */
async function pinch(picture: Locator): Promise<void> {
	await picture.scrollIntoViewIfNeeded();
	const { x, y, width, height } = (await picture.boundingBox())!;
	const session = await picture.page().context().newCDPSession(picture.page());
	const touch = async (type: 'touchStart' | 'touchMove' | 'touchEnd', apart: number): Promise<void> => {
		const touchPoints = [-1, 1].map((side, id) => ({
			id,
			x: x + width / 2,
			y: y + height / 2 + (side * apart) / 2
		}));
		await session.send('Input.dispatchTouchEvent', {
			type,
			touchPoints: type === 'touchEnd' ? [] : touchPoints
		});
	};
	await touch('touchStart', 40);
	for (let apart = 60; apart <= 160; apart += 20) await touch('touchMove', apart);
	await touch('touchEnd', 160);
	await session.detach();
}

/** As if from the desktop, on the middle of the page. */
function drop(page: Page, name: string, text: string): Promise<void> {
	return page.evaluate(
		([fileName, content]) => {
			const dataTransfer = new DataTransfer();
			dataTransfer.items.add(new File([content!], fileName!));
			for (const type of ['dragenter', 'dragover', 'drop'])
				document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
		},
		[name, text]
	);
}
