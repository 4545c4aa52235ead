/** Where WebRTC cannot form, everything goes through the relay, and becomes final all the same. */
import { joinByPage } from './harness/join-page.ts';
import { expectCleanChains, quietHead } from './harness/ledger-checks.ts';
import { waitFor, waitForValue } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

const PARTITIONS = 2;
const MEMBERS = 3;
const TABS = PARTITIONS * MEMBERS;
const TRADES = 5;

test.use({ webRtc: 'impossible', ini: `[partitions]\ncount = ${PARTITIONS}\nmaxMembers = ${MEMBERS}\n` });

test('two partitions of three tabs agree through the relay', async ({ context, pageErrors }) => {
	const pages = await Promise.all(Array.from({ length: TABS }, () => context.newPage()));
	const joined = await Promise.all(pages.map((page, i) => joinByPage(page, `tab ${i + 1}`)));
	console.log('joined, in ms from opening and from the button:', JSON.stringify(joined));
	for (const page of pages)
		await waitFor(
			page,
			({ members, links }) =>
				members.length === MEMBERS &&
				links.length >= MEMBERS - 1 &&
				links.every(({ path }) => path === 'relayed'),
			{ what: 'three members and relayed links only' }
		);

	const startMs = performance.now();
	const receipts = await Promise.all(
		pages.map((page) => page.evaluate(async () => globalThis.tabwave.account.transfer('11'.repeat(32), 5)))
	);
	console.log(`${TABS} transfers final after ${Math.round(performance.now() - startMs)} ms`);
	for (const receipt of receipts) expect(receipt.status).toBe('ok');

	await Promise.all(
		pages.map((page, index) =>
			page.evaluate((seed) => globalThis.tabwave.spectrum.generateAps({ seed, count: 40 }), index + 1)
		)
	);
	await waitForValue(
		() => pages[0]!.evaluate(async () => (await globalThis.tabwave.spectrum.trades()).length),
		(trades) => trades >= TRADES,
		// 240 access points through one relay, in tabs that share a processor.
		{ what: `${TRADES} final trades`, timeoutMs: 60_000 }
	);

	const { height } = await quietHead(pages);
	await expectCleanChains(pages, height);
	expect(await pages[0]!.evaluate(() => globalThis.tabwave.account.balance('11'.repeat(32)))).toBe(
		String(TABS * 5)
	);
	for (const page of pages)
		await waitFor(page, ({ links }) => links.length > 0 && links.every(({ path }) => path === 'relayed'));
	expect(pageErrors).toEqual([]);
});
