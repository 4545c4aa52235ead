/** From opening the address to the first vote, in a partition of four that trades a little. */
import { withNetwork } from '../bench-network.ts';
import { startLoad, stopLoad } from '../load.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

declare global {
	var benchFirstVote: Promise<{ joinedMs: number; votedMs: number }>;
}

const TIMEOUT_MS = 60_000;

export function joining(report: Report, joins: number): Promise<void> {
	const name = 'opening the address';
	return withNetwork({ tabs: 4 }, async ({ context, pages, relay }) => {
		await startLoad(pages.slice(0, 1), 2);
		const times: { joinedMs: number; votedMs: number }[] = [];
		for (let i = 0; i < joins; i++) {
			const page = await context.newPage();
			page.setDefaultTimeout(TIMEOUT_MS);
			await page.addInitScript(joinAtOnce);
			await page.goto(`${relay.url}/join`, { waitUntil: 'commit' });
			times.push(await page.evaluate(() => globalThis.benchFirstVote));
			await page.evaluate(() => tabwave.node.leave());
			await page.close();
		}
		await stopLoad(pages.slice(0, 1));
		report.details[name] = times;
		const voted = ascending(times.map(({ votedMs }) => votedMs));
		const joined = ascending(times.map(({ joinedMs }) => joinedMs));
		const spread = (sorted: number[]): string => several([quantile(sorted, 0.5), quantile(sorted, 0.95)]);
		report.add(name, 'to the first vote, p50 / p95', spread(voted), 'ms', '< 3000');
		report.add(name, 'to membership, p50 / p95', spread(joined), 'ms');
	});
}

/** Init script: joins as soon as the client API is there. The page's clock starts with the navigation. */
function joinAtOnce(): void {
	const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
		while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
	};
	globalThis.benchFirstVote = (async () => {
		await until(() => 'tabwave' in globalThis);
		await tabwave.node.join();
		const joinedMs = performance.now();
		await until(async () => (await tabwave.node.status()).votes > 0);
		return { joinedMs, votedMs: performance.now() };
	})();
}
