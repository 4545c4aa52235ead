/** Two of seven members run a client that lies: the ledger stays right, and the liars are found out and evicted (R24). */
import { Kind } from '#lib/consensus/statement.ts';
import { expectCleanChains, money, quietHead } from './harness/ledger-checks.ts';
import { buildLiars } from './harness/liars.ts';
import { joinTab, openTab, status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { trade } from './harness/transfers.ts';

test.use({ ini: '[partitions]\ncount = 1\n' });

test('two of seven lie, about rounds and about results: trades go on, and both are evicted with evidence', async ({
	context
}) => {
	test.setTimeout(180_000);
	const liars = await buildLiars();
	try {
		const lying = [await context.newPage(), await context.newPage()];
		await liars.corrupt(lying[0]!, [Kind.PREPARE, Kind.COMMIT]);
		await liars.corrupt(lying[1]!, [Kind.SIGN, Kind.DONE]);
		const honest = [];
		for (let i = 0; i < 5; i++) honest.push(await openTab(context));
		for (const page of lying) await page.goto('/node');
		const pages = [...honest, ...lying];
		for (const page of pages) await joinTab(page);
		const lyingIds = await Promise.all(lying.map(async (page) => (await status(page)).nodeId));

		const trading = await Promise.all(honest.map((page) => trade(page)));
		await Promise.all(trading.map((one) => one.reaches(3)));
		for (const page of honest)
			await waitFor(page, ({ members }) => members.every(({ id }) => !lyingIds.includes(id)), {
				what: 'the eviction of both liars',
				timeoutMs: 60_000
			});
		// The ledger shows why, in words, to whoever looks.
		const shown = await honest[0]!.evaluate(async () => {
			const blocks = await globalThis.tabwave.chain.blocks({ limit: 100 });
			return blocks.flatMap(({ height, membership }) =>
				(membership?.evidence ?? []).map(({ member }) => ({ height, member }))
			);
		});
		expect(shown.map(({ member }) => member).sort()).toEqual([...lyingIds].sort());
		const reader = await openTab(context, `/explorer/block/${shown[0]!.height}`);
		await expect(reader.getByTestId('evidence').first()).toBeVisible();
		await reader.close();
		const done = await Promise.all(trading.map((one) => one.count()));
		await Promise.all(trading.map((one, i) => one.reaches(done[i]! + 3)));
		for (const one of trading) await one.stop();
		await quietHead(honest);
		await expectCleanChains(honest, 15);
		const balances = await Promise.all(honest.map((page) => money(page)));
		expect(new Set(balances.map((one) => JSON.stringify(one))).size).toBe(1);
	} finally {
		liars.dispose();
	}
});
