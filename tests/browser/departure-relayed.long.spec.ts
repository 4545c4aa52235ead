/** A closed tab is missed at once where WebRTC cannot form, too. */
import { closingNoticedMs } from './harness/departure.ts';
import { joinAll } from './harness/partition.ts';
import { startPlainChromium } from './harness/plain-chromium.ts';
import type { PlainChromium, PlainTab } from './harness/plain-chromium.ts';
import { status, waitFor } from './harness/tabs.ts';
import { transfers } from './harness/transfers.ts';
import { expect, test } from './harness/test.ts';

test.use({ ini: '[partitions]\ncount = 1\n[timeouts]\nevictionGraceMs = 60000\n' });

let chromium: PlainChromium;

test.afterEach(() => chromium.dispose());

test('a closed tab is noticed at once over a relayed link, and the others go on', async ({ relay }) => {
	test.setTimeout(120_000);
	chromium = await startPlainChromium('impossible');
	const tabs: PlainTab[] = [];
	for (let i = 0; i < 4; i++) tabs.push(await chromium.open(`${relay.url}/node`));
	await joinAll(tabs);
	const [watcher, closing, ...others] = tabs as [PlainTab, PlainTab, PlainTab, PlainTab];
	const { nodeId } = await status(closing);
	await waitFor(watcher, ({ links }) => links.length === 3 && links.every(({ path }) => path === 'relayed'), {
		what: 'relayed links'
	});
	const noticedMs = await closingNoticedMs(closing, watcher);
	console.log(`closed tab noticed over a relayed link after ${noticedMs} ms`);
	// As in lifecycle.spec.ts: a goodbye, or the end of the connection at the relay, and not the silence, which shows after 2.25 s.
	expect(noticedMs).toBeLessThan(1000);
	for (const tab of [watcher, ...others]) {
		await waitFor(tab, ({ links }) => links.some(({ peer, path }) => peer === nodeId && path === 'down'));
		await transfers(tab, 1);
	}
});
