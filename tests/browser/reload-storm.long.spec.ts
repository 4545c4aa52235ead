/** Reloads under load: each tab in turn, and then all of them, one right after the other. */
import { joinAll } from './harness/partition.ts';
import { expectSound } from './harness/sound.ts';
import { apiReady, openTabs, status, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';
import { trade } from './harness/transfers.ts';
import type { Trading } from './harness/transfers.ts';

const PARTITIONS = 2;
const MEMBERS = 4;
const TABS = PARTITIONS * MEMBERS;

// A reload is no change of members, on a machine that takes its time as well.
test.use({ ini: `[partitions]\ncount = ${PARTITIONS}\n[timeouts]\nevictionGraceMs = 120000\n` });

test('each of eight tabs reloads in turn under load, then all at once: the same members vote again, none of them twice', async ({
	context
}) => {
	test.setTimeout(480_000);
	const pages = await openTabs(context, TABS);
	for (let partition = 1; partition <= PARTITIONS; partition++)
		await joinAll(pages.slice((partition - 1) * MEMBERS, partition * MEMBERS), partition);
	const before = await Promise.all(pages.map(status));
	const trading: Trading[] = await Promise.all(pages.map((page) => trade(page)));
	await Promise.all(trading.map((one) => one.reaches(2)));

	await test.step('each in turn', async () => {
		for (const [i, page] of pages.entries()) {
			await page.reload();
			await apiReady(page);
			await waitFor(page, ({ votes, activity }) => votes > 0 && activity === 'voting', {
				what: `a vote of tab ${i + 1} after its reload`
			});
			trading[i] = await trade(page);
			await trading[i].reaches(1);
		}
	});

	await test.step('all of them, one right after the other', async () => {
		await Promise.all(pages.map((page) => page.reload()));
		for (const page of pages) {
			await apiReady(page);
			await waitFor(page, ({ activity }) => activity === 'voting', { what: 'members that are all back' });
		}
		await Promise.all(
			pages.map(async (page, i) => {
				trading[i] = await trade(page);
				await trading[i].reaches(3);
			})
		);
	});

	for (const one of trading) await one.stop();
	for (const [i, page] of pages.entries()) {
		const { nodeId, epoch, members } = await status(page);
		expect(nodeId).toBe(before[i]!.nodeId);
		expect(epoch).toBe(before[i]!.epoch);
		expect(members).toHaveLength(MEMBERS);
	}
	await expectSound(pages, 5 * TABS);
});
