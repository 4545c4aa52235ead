/**
 * Playwright's test with a relay of its own for each test:
 *
 *     test.use({ webRtc: 'impossible', ini: '[partitions]\ncount = 1\n' });
 *     test('four tabs agree', async ({ relay, context }) => { const tabs = await openTabs(context, 4); … });
 *
 * `page` and `context` are Playwright's; paths lead to the relay. What the pages and the relay said is attached to a
 * test that fails.
 */
import { test as base } from '@playwright/test';
import { launchOptions } from './chromium.ts';
import type { WebRtc } from './chromium.ts';
import { startRelayCluster } from './relay-cluster.ts';
import type { RelayCluster } from './relay-cluster.ts';
import { startRelayProcess } from './relay-process.ts';
import type { RelayProcess } from './relay-process.ts';

export { expect } from '@playwright/test';

interface TestFixtures {
	/** Text of network.ini; the default is no key at all. */
	ini: string;
	/** How many replicas the Booter has; 1, the default, is a relay without a cluster. */
	replicas: number;
	/** The relay serves a copy of the build, `relay.site`, which the test may change. */
	ownSite: boolean;
	/** Needs `replicas`. */
	cluster: RelayCluster;
	/** In a cluster its first replica, from which the pages come. */
	relay: RelayProcess;
	/** Errors that pages of `context` reported: uncaught, or on the console, policy violations among them. */
	pageErrors: string[];
}

interface WorkerFixtures {
	webRtc: WebRtc;
}

/** A page that fails in a loop must not fill the memory of the test. */
const MAX_PAGE_LINES = 2000;

export const test = base.extend<TestFixtures, WorkerFixtures>({
	webRtc: ['possible', { scope: 'worker', option: true }],
	launchOptions: [async ({ webRtc }, use) => use(launchOptions(webRtc)), { scope: 'worker' }],
	ini: ['', { option: true }],
	replicas: [1, { option: true }],
	ownSite: [false, { option: true }],
	cluster: async ({ ini, replicas, ownSite }, use, info) => {
		const cluster =
			replicas > 1 ? await startRelayCluster({ ini, replicas }) : await clusterOfOne(ini, ownSite);
		await use(cluster);
		if (info.status !== info.expectedStatus)
			await info.attach('relay', { body: cluster.output(), contentType: 'text/plain' });
		await cluster.dispose();
	},
	relay: async ({ cluster }, use) => use(cluster.replicas[0]!),
	baseURL: async ({ relay }, use) => use(relay.url),
	pageErrors: [
		async ({ context }, use, info) => {
			const errors: string[] = [];
			const lines: string[] = [];
			const keep = (list: string[], line: string): void =>
				void (list.length < MAX_PAGE_LINES && list.push(line));
			context.on('weberror', (error) =>
				keep(errors, `${error.page()?.url() ?? ''} ${error.error().stack ?? ''}`)
			);
			context.on('console', (message) => {
				keep(lines, `${message.page()?.url() ?? ''} ${message.type()}: ${message.text()}`);
				if (message.type() === 'error') keep(errors, `${message.page()?.url() ?? ''} ${message.text()}`);
			});
			await use(errors);
			if (info.status !== info.expectedStatus)
				await info.attach('console', {
					body: [...errors, '', ...lines].join('\n'),
					contentType: 'text/plain'
				});
		},
		{ auto: true }
	]
});

async function clusterOfOne(ini: string, ownSite: boolean): Promise<RelayCluster> {
	const relay = Object.assign(await startRelayProcess({ ini, ownSite }), { replica: '' });
	return {
		replicas: [relay],
		byId: () => relay,
		output: () => relay.output(),
		dispose: () => relay.dispose()
	};
}
