/** From opening the address to the first vote, in a partition of four that trades a little. */
import { withNetwork } from '../bench-network.ts';
import { startLoad, stopLoad } from '../load.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

/** Since the navigation began, milliseconds. */
interface FirstVote {
	/** The page has drawn something. */
	paintedMs: number;
	/** The client API is there, and the node's worker answers. */
	apiMs: number;
	relayMs: number;
	joinedMs: number;
	votedMs: number;
}

declare global {
	var benchFirstVote: Promise<FirstVote>;
}

const TIMEOUT_MS = 60_000;

export function joining(report: Report, joins: number): Promise<void> {
	const name = 'opening the address';
	return withNetwork({ tabs: 4 }, async ({ context, pages, relay }) => {
		await startLoad(pages.slice(0, 1), 2);
		const times: FirstVote[] = [];
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
		const add = (what: string, of: (time: FirstVote) => number, mark?: string): void => {
			const sorted = ascending(times.map(of));
			report.add(name, what, several([quantile(sorted, 0.5), quantile(sorted, 0.95)]), 'ms', mark);
		};
		add('to the first vote, p50 / p95', ({ votedMs }) => votedMs, '< 3000');
		add('of it, to something on the screen', ({ paintedMs }) => paintedMs);
		add('of it, to a node that answers the page', ({ apiMs }) => apiMs);
		add('of it, to a link to the relay', ({ relayMs }) => relayMs);
		add('of it, to membership', ({ joinedMs }) => joinedMs);
	});
}

/** Init script: joins as soon as the client API is there. The page's clock starts with the navigation. */
function joinAtOnce(): void {
	const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
		while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
	};
	globalThis.benchFirstVote = (async () => {
		await until(() => 'tabwave' in globalThis);
		await tabwave.node.status();
		const apiMs = performance.now();
		// As who joins by the page: it offers the button once the relay is reached.
		await until(async () => (await tabwave.node.status()).relay.path === 'direct');
		const relayMs = performance.now();
		await tabwave.node.join();
		const joinedMs = performance.now();
		await until(async () => (await tabwave.node.status()).votes > 0);
		const votedMs = performance.now();
		const paintedMs = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN;
		return { paintedMs, apiMs, relayMs, joinedMs, votedMs };
	})();
}
