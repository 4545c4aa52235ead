/** The relay is killed and started again: how long until every tab has all its links, the one to the relay among them. */
import { GLARE_WINDOW_MS } from '#lib/network/network-limits.ts';
import { waitFor, waitForValue } from '../../browser/harness/tabs.ts';
import { withNetwork } from '../bench-network.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

const TABS = 8;
const PARTITIONS = 2;
const PEERS = TABS / PARTITIONS - 1;

declare global {
	/** When all links of this tab were back after one was down, milliseconds since the epoch. */
	var benchBackMs: number | null;
}

export function relayRestart(report: Report, times: number): Promise<void> {
	const name = `${TABS} tabs, the relay killed ${times} times`;
	return withNetwork({ tabs: TABS, partitions: PARTITIONS }, async ({ pages, relay }) => {
		const fromListening: number[] = [];
		const fromKill: number[] = [];
		while (fromKill.length < times) {
			for (const page of pages)
				await waitFor(
					page,
					({ relay: link, links }) =>
						link.path === 'direct' && links.filter(({ path }) => path !== 'down').length === PEERS,
					{ what: 'all links' }
				);
			// A relay that lets go as soon as a link is up, again and again, refuses it, and is not asked so soon.
			await new Promise((resolve) => setTimeout(resolve, 2 * GLARE_WINDOW_MS));
			for (const page of pages)
				await page.evaluate((peers) => {
					globalThis.benchBackMs = null;
					const look = async (): Promise<void> => {
						for (let wasDown = false; globalThis.benchBackMs === null;) {
							const { relay: link, links } = await tabwave.node.status();
							const up = links.filter(({ path }) => path !== 'down').length;
							if (link.path === 'down') wasDown = true;
							else if (wasDown && up === peers) globalThis.benchBackMs = Date.now();
							await new Promise((resolve) => setTimeout(resolve, 10));
						}
					};
					void look();
				}, PEERS);
			const killedMs = Date.now();
			await relay.kill();
			for (const page of pages) await waitFor(page, (now) => now.relay.path === 'down');
			await relay.start();
			const listensMs = Date.now();
			const back = await waitForValue(
				() => Promise.all(pages.map((page) => page.evaluate(() => globalThis.benchBackMs))),
				(all) => all.every((ms) => ms !== null),
				{ what: 'all links of all tabs' }
			);
			const lastMs = Math.max(...back.map((ms) => ms!));
			fromListening.push(lastMs - listensMs);
			fromKill.push(lastMs - killedMs);
		}
		report.details[name] = { fromListening, fromKill };
		const spread = (values: number[]): string => {
			const sorted = ascending(values);
			return several([quantile(sorted, 0.5), quantile(sorted, 0.95)]);
		};
		report.add(name, 'from listening again to all links, p50 / p95', spread(fromListening), 'ms', '< 3000');
		report.add(name, 'from the kill to all links, p50 / p95', spread(fromKill), 'ms');
	});
}
