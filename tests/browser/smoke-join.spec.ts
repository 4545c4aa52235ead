/** The shortest way through everything: tabs join by the client API, and outlive a restart of the relay. */
import { call, joinTab, openTabs, waitFor } from './harness/tabs.ts';
import { expect, test } from './harness/test.ts';

test.use({ ini: '[partitions]\ncount = 1\n' });

test('three tabs join over direct links, and find the relay again', async ({
	relay,
	context,
	pageErrors
}) => {
	const tabs = await openTabs(context, 3);
	for (const tab of tabs) await joinTab(tab, { partition: 1 });
	for (const tab of tabs) {
		const all = await waitFor(
			tab,
			({ members, activity, links }) =>
				members.length === 3 &&
				activity === 'voting' &&
				links.filter(({ path }) => path === 'direct').length === 2,
			{ what: 'three voting members with direct links' }
		);
		expect(all.quorum).toBe(2);
	}
	expect(pageErrors).toEqual([]);
	const before = await call(tabs[0]!, (api) => api.chain.head());
	await relay.restart();
	for (const tab of tabs)
		await waitFor(tab, (status) => status.relay.path === 'direct', { what: 'the relay again' });
	const after = await call(tabs[0]!, (api, height) => api.chain.block(height), before.height);
	expect(after.hash).toBe(before.hash);
});
