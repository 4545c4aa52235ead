/** Two of seven members run a client that lies: the ledger stays right, and the liars are found out and evicted (R24). */
import type { Page } from '@playwright/test';
import { Kind } from '#lib/consensus/statement.ts';
import { expectCleanChains, money, quietHead } from './harness/ledger-checks.ts';
import { buildLiars } from './harness/liars.ts';
import { joinTab, openTab, status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { trade } from './harness/transfers.ts';

test.use({ ini: '[partitions]\ncount = 1\n', serviceWorkers: 'block' });

test('two of seven lie, about rounds and about results: trades go on, and both are evicted with evidence', async ({
	context
}) => {
	test.setTimeout(180_000);
	const liars = await buildLiars();
	try {
		const pages = [];
		for (let i = 0; i < 7; i++) pages.push(await openTab(context, '/node'));
		// The first by id leads, and has no vote on an order to send: the last two are given the liars' client, and keep their ids.
		const ids = new Map<Page, string>();
		for (const page of pages) ids.set(page, (await status(page)).nodeId);
		const byId = pages.toSorted((a, b) => (ids.get(a)! < ids.get(b)! ? -1 : 1));
		const [honest, lying] = [byId.slice(0, 5), byId.slice(5)];
		const lyingIds = lying.map((page) => ids.get(page)!);
		await liars.corrupt(lying[0]!, [Kind.PREPARE, Kind.COMMIT]);
		await liars.corrupt(lying[1]!, [Kind.SIGN, Kind.DONE]);
		for (const page of [...honest, ...lying]) await joinTab(page);
		expect(await Promise.all(lying.map(async (page) => (await status(page)).nodeId))).toEqual(lyingIds);

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
