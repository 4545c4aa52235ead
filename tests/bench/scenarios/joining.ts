/** From opening the address to the first vote, in a partition of four that trades a little, and in one that is as busy as it can be. */
import type { Page } from 'playwright-core';
import { withNetwork } from '../bench-network.ts';
import { startLoad, stopLoad } from '../load.ts';
import { ascending, quantile, several, type Report } from '../report.ts';
import { startSteadyLoad, stopSteadyLoad } from '../steady-load.ts';

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
/** From one transfer to the next, of all. */
const PACE_MS = 500;
/** Transfers of a tab that wait for the ledger: with two on their way there is always something to do. */
const OUTSTANDING = 2;

interface Load {
	name: string;
	mark?: string;
	start(pages: Page[]): Promise<void>;
	stop(pages: Page[]): Promise<unknown>;
}

const LOADS: Load[] = [
	{
		name: 'opening the address',
		mark: '< 3000',
		start: (pages) => startSteadyLoad(pages, PACE_MS),
		stop: stopSteadyLoad
	},
	{
		name: 'opening the address, others busy',
		start: (pages) => startLoad(pages, OUTSTANDING),
		stop: stopLoad
	}
];

export async function joining(report: Report, joins: number): Promise<void> {
	for (const load of LOADS) await joinUnder(load, report, joins);
}

function joinUnder({ name, mark, start, stop }: Load, report: Report, joins: number): Promise<void> {
	return withNetwork({ tabs: 4 }, async ({ context, pages, relay }) => {
		const trading = pages.slice(0, 1);
		await start(trading);
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
		await stop(trading);
		report.details[name] = times;
		const add = (what: string, of: (time: FirstVote) => number, bound?: string): void => {
			const sorted = ascending(times.map(of));
			report.add(name, what, several([quantile(sorted, 0.5), quantile(sorted, 0.95)]), 'ms', bound);
		};
		add('to the first vote, p50 / p95', ({ votedMs }) => votedMs, mark);
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
