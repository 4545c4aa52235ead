/** The main job: eight people open a page, their tabs become two partitions, and their managers trade to finality. */
import { midtownHotspots } from './harness/data.ts';
import { joinByPage } from './harness/join-page.ts';
import { expectCleanChains, head, heldTwice, money, quietHead } from './harness/ledger-checks.ts';
import { waitFor, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

const PARTITIONS = 2;
const MEMBERS = 4;
const TABS = PARTITIONS * MEMBERS;
const TRADES = 20;
const INITIAL_BALANCE = 1_000_000;
/** Per tab, where the hotspots are not on this machine. */
const GENERATED = 60;

test.use({
	ini: `[network]\ninitialBalance = ${INITIAL_BALANCE}\n[partitions]\ncount = ${PARTITIONS}\nmaxMembers = ${MEMBERS}\n`
});

test('two partitions of four tabs join through the page and trade', async ({ context, pageErrors }) => {
	test.setTimeout(150_000);
	const pages = await Promise.all(Array.from({ length: TABS }, () => context.newPage()));

	const joined = await Promise.all(pages.map((page, i) => joinByPage(page, `tab ${i + 1}`)));
	console.log('joined, in ms from opening and from the button:', JSON.stringify(joined));
	for (const partition of new Set(joined.map(({ partition }) => partition)))
		expect(joined.filter((one) => one.partition === partition)).toHaveLength(MEMBERS);

	for (const page of pages)
		await waitFor(
			page,
			({ members, links }) =>
				members.length === MEMBERS &&
				links.length >= MEMBERS - 1 &&
				links.every(({ path }) => path === 'direct'),
			{ what: 'four members and direct links only' }
		);
	const roles = await Promise.all(
		pages.map((page) => page.getByTestId('role-card').getAttribute('data-role'))
	);
	expect(roles.filter((role) => role === 'leader')).toHaveLength(PARTITIONS);
	expect(roles.filter((role) => role === 'follower')).toHaveLength(TABS - PARTITIONS);

	const hotspots = midtownHotspots();
	if (hotspots === null) console.log('The midtown hotspots are not on this machine: generated ones instead.');
	const importMs = performance.now();
	await Promise.all(
		pages.map((page, index) =>
			page.evaluate(
				async ({ text, index, of, count }) => {
					const { spectrum } = globalThis.tabwave;
					return text === null
						? spectrum.generateAps({ seed: index + 1, count })
						: spectrum.importAps(text, { seed: 1, share: { index, of } });
				},
				{ text: hotspots, index, of: TABS, count: GENERATED }
			)
		)
	);
	await waitForValue(
		() => pages[0]!.evaluate(() => globalThis.tabwave.spectrum.metrics()),
		({ trades }) => trades >= TRADES,
		{ what: `${TRADES} final trades`, timeoutMs: 60_000 }
	);
	console.log(`from the import to ${TRADES} final trades: ${Math.round(performance.now() - importMs)} ms`);

	const settled = await quietHead(pages, { timeoutMs: 45_000 });
	console.log(
		`quiet at height ${settled.height}, ${Math.round(performance.now() - importMs)} ms after the import`
	);
	await expectCleanChains(pages, settled.height);
	for (const page of pages) {
		const view = await page.evaluate(async () => ({
			metrics: await globalThis.tabwave.spectrum.metrics(),
			aps: await globalThis.tabwave.spectrum.aps()
		}));
		expect(view.metrics.trades).toBeGreaterThanOrEqual(TRADES);
		expect(view.metrics.conflictingPairs).toBe(0);
		expect(view.aps.length).toBe(view.metrics.aps);
		expect(heldTwice(view.aps)).toEqual([]);
	}
	// Balances and bids are asked for one after the other: a block between them would mix two states.
	const sum = await waitForValue(
		async () => {
			const before = await head(pages[0]!);
			const counted = await money(pages[0]!);
			return { ...counted, still: (await head(pages[0]!)).hash === before.hash };
		},
		({ still }) => still,
		{ what: 'money counted at one height' }
	);
	expect(sum.members).toBe(TABS);
	expect(BigInt(sum.balances) + BigInt(sum.escrows)).toBe(BigInt(TABS * INITIAL_BALANCE));

	const paths = await Promise.all(
		pages.map((page) =>
			page.evaluate(async () => (await globalThis.tabwave.node.status()).links.map(({ path }) => path))
		)
	);
	expect(new Set(paths.flat())).toEqual(new Set(['direct']));
	// The page says the same in its table.
	await pages[0]!.locator('a[href="/node"]').first().click();
	const rows = pages[0]!.getByTestId('link-row');
	await expect(rows.first()).toBeVisible();
	for (const row of await rows.all()) await expect(row).toHaveAttribute('data-path', 'direct');
	expect(pageErrors).toEqual([]);
});
