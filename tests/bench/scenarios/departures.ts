/** A tab closes, or crashes: how long until every other member of its partition shows it as gone. */
import { joinAll } from '../../browser/harness/partition.ts';
import type { PlainTab } from '../../browser/harness/plain-chromium.ts';
import { joinTab, status, waitFor, waitForValue } from '../../browser/harness/tabs.ts';
import { withPlainTabs } from '../bench-network.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

const OTHERS = 4;
/** Who closed makes room for the next one soon; who crashed comes back, and keeps its seat. */
const CLOSED_GRACE_MS = 2500;
const CRASHED_GRACE_MS = 600_000;

interface Watch {
	/** When the link to the tab that goes was shown as down, milliseconds since the epoch. */
	downMs: number | null;
	/** When the member was shown as away. */
	awayMs: number | null;
}

declare global {
	var benchWatch: Watch;
}

export async function departures(report: Report, times: number): Promise<void> {
	await closed(report, times);
	await crashed(report, times);
}

function closed(report: Report, times: number): Promise<void> {
	const name = `${OTHERS + 1} tabs, one closes ${times} times`;
	const ini = `[timeouts]\nawayMs = 2000\nevictionGraceMs = ${CLOSED_GRACE_MS}\n`;
	return withPlainTabs({ tabs: OTHERS, ini }, async ({ chromium, relay, tabs }) => {
		await joinAll(tabs);
		const noticed: number[] = [];
		while (noticed.length < times) {
			const tab = await chromium.open(`${relay.url}/node`);
			// Tabs of one profile take the first key that no other tab holds: whose was evicted comes back by itself.
			await joinTab(tab).catch((error: Error) => {
				if (!error.message.includes('AlreadyMember')) throw error;
			});
			const { nodeId } = await status(tab);
			await together(tabs, nodeId);
			// A tab that closes before its own ledger has its entry is a newcomer the next time.
			const { epoch } = await status(tabs[0]!);
			await waitFor(tab, (now) => now.epoch === epoch && now.activity === 'voting');
			await watch(tabs, nodeId);
			await tab.evaluate(() =>
				// Before the page's own, which says goodbye.
				addEventListener('pagehide', () => localStorage.setItem('bench-gone', String(Date.now())), {
					capture: true
				})
			);
			await tab.close();
			const { downMs } = await lastOf(tabs, ({ downMs }) => downMs !== null);
			const goneMs = await tabs[0]!.evaluate(() => Number(localStorage.getItem('bench-gone')));
			noticed.push(downMs! - goneMs);
			for (const other of tabs) await waitFor(other, ({ members }) => members.length === OTHERS);
		}
		add(report, name, 'until the last of the others shows its link as down, p50 / p95', noticed, '< 150');
	});
}

function crashed(report: Report, times: number): Promise<void> {
	const name = `${OTHERS + 1} tabs, one crashes ${times} times`;
	const ini = `[timeouts]\nevictionGraceMs = ${CRASHED_GRACE_MS}\n`;
	return withPlainTabs({ tabs: OTHERS + 1, ini }, async ({ tabs }) => {
		await joinAll(tabs);
		const [tab, ...others] = tabs as [PlainTab, ...PlainTab[]];
		const { nodeId } = await status(tab);
		const [down, away]: [number[], number[]] = [[], []];
		while (down.length < times) {
			await together(others, nodeId);
			await watch(others, nodeId);
			const crashMs = Date.now();
			await tab.crash();
			const last = await lastOf(others, ({ downMs, awayMs }) => downMs !== null && awayMs !== null);
			down.push(last.downMs! - crashMs);
			away.push(last.awayMs! - crashMs);
			await tab.reload();
			await waitFor(tab, ({ activity }) => activity === 'voting');
		}
		add(report, name, 'until the last of the others shows its link as down, p50 / p95', down, '< 3000');
		add(report, name, 'until the last of the others shows it as away, p50 / p95', away, '< 3000');
	});
}

/** Waits until each of them has the member with its link up. */
async function together(others: PlainTab[], nodeId: string): Promise<void> {
	for (const other of others)
		await waitFor(
			other,
			({ members, links }) =>
				members.some(({ id, alive }) => id === nodeId && alive) &&
				links.some(({ peer, path }) => peer === nodeId && path !== 'down'),
			{ what: 'a member with its link' }
		);
}

/** From now on each of them looks every few milliseconds, as often as a person could see it. */
async function watch(others: PlainTab[], nodeId: string): Promise<void> {
	for (const other of others)
		await other.evaluate((id) => {
			const seen: Watch = { downMs: null, awayMs: null };
			globalThis.benchWatch = seen;
			const look = async (): Promise<void> => {
				while (globalThis.benchWatch === seen && (seen.downMs === null || seen.awayMs === null)) {
					const { links, members } = await tabwave.node.status();
					if (!links.some(({ peer, path }) => peer === id && path !== 'down')) seen.downMs ??= Date.now();
					if (!members.some((member) => member.id === id && member.alive)) seen.awayMs ??= Date.now();
					await new Promise((resolve) => setTimeout(resolve, 5));
				}
			};
			void look();
		}, nodeId);
}

/** What the last of them saw, once all have. */
async function lastOf(others: PlainTab[], hasSeen: (watch: Watch) => boolean): Promise<Watch> {
	const seen = await waitForValue(
		() => Promise.all(others.map((other) => other.evaluate(() => globalThis.benchWatch))),
		(all) => all.every(hasSeen),
		{ what: 'all others to notice' }
	);
	const last = (of: (watch: Watch) => number | null): number => Math.max(...seen.map((one) => of(one) ?? 0));
	return { downMs: last(({ downMs }) => downMs), awayMs: last(({ awayMs }) => awayMs) };
}

function add(report: Report, name: string, what: string, values: number[], mark: string): void {
	report.details[`${name}: ${what}`] = values;
	const sorted = ascending(values);
	report.add(name, what, several([quantile(sorted, 0.5), quantile(sorted, 0.95)]), 'ms', mark);
}
