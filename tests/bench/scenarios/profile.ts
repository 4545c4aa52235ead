/** Where the time goes under load: CPU profiles of a leader's and a follower's tab and of the relay, and CPU by thread. */
import type { BrowserContext, Page } from 'playwright-core';
import type { RelayProcess } from '../../browser/harness/relay-process.ts';
import { waitForValue } from '../../browser/harness/tabs.ts';
import { openTab, withNetwork } from '../bench-network.ts';
import { startProfile, type ProfileSummary } from '../cpu-profile.ts';
import { cpuMsByThread } from '../cpu.ts';
import { openInspector, openTabSession } from '../../browser/harness/devtools.ts';
import { measureLoad, startLoad, stopLoad } from '../load.ts';
import { several, type Report } from '../report.ts';

const WARM_UP_MS = 5000;
const CATCH_UP_TIMEOUT_MS = 120_000;
const SHOWN_BY_SELF = 25;
const SHOWN_BY_TOTAL = 45;
/** A function that does nearly all by itself says nothing new among those with callees. */
const OWN_SHARE = 0.98;

export interface ProfileInit {
	/** Transfers in the partition. */
	outstanding: number;
	measureMs: number;
	path: string;
}

export function profile(report: Report, { outstanding, measureMs, path }: ProfileInit): Promise<void> {
	return withNetwork({ tabs: 4, path, inspectRelay: true }, async ({ context, pages, relay, pids }) => {
		await startLoad(pages, Math.max(1, Math.round(outstanding / pages.length)));
		await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
		const roles = await Promise.all(
			pages.map((page) => page.evaluate(async () => (await tabwave.node.status()).role))
		);
		const stops: [string, () => Promise<ProfileSummary>][] = [];
		const ends: (() => void | Promise<void>)[] = [];
		for (const role of ['leader', 'follower'] as const) {
			const page = pages[roles.indexOf(role)];
			if (!page) continue;
			const session = await openTabSession(context, page);
			ends.push(() => session.detach());
			for (const worker of session.workers) stops.push([`${role}'s worker`, await startProfile(worker)]);
			stops.push([`${role}'s page`, await startProfile(session.page)]);
		}
		const inspector = await openInspector(/ws:\/\/\S+/.exec(relay.output())![0]);
		ends.push(() => inspector.close());
		stops.push(['relay', await startProfile(inspector.send)]);

		const before = cpuMsByThread(pids);
		const load = await measureLoad(pages, measureMs);
		const threads = [...cpuMsByThread(pids)]
			.map(([thread, ms]) => [thread, ((ms - (before.get(thread) ?? 0)) * 1000) / load.transactions] as const)
			.sort(([, a], [, b]) => b - a);
		const summaries = await Promise.all(stops.map(async ([name, stop]) => [name, await stop()] as const));
		for (const end of ends) await end();
		await stopLoad(pages);
		summaries.push(["a newcomer's worker", await profileCatchUp(context, relay, pages[0]!)]);

		report.details.profile = { load, threads, summaries };
		report.add('profile', 'final TPS while profiled', load.finalTps, 'a second');
		report.add('profile', 'p50 / p95 to final', several([load.p50Ms, load.p95Ms]), 'ms');
		const total = threads.reduce((sum, [, us]) => sum + us, 0);
		say('\nCPU by thread, µs per final transaction, all processes of a kind together');
		for (const [thread, us] of threads.filter((entry) => entry[1] > total / 200))
			say(`${us.toFixed(1).padStart(8)} ${percent(us / total)}  ${thread}`);
		for (const [name, summary] of summaries) show(name, summary);
	});
}

/** Of a tab that fetches the chain which the load has made. */
async function profileCatchUp(
	context: BrowserContext,
	relay: RelayProcess,
	member: Page
): Promise<ProfileSummary> {
	const { height } = await member.evaluate(() => tabwave.chain.head());
	const page = await openTab(context, relay);
	const session = await openTabSession(context, page);
	while (session.workers.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
	const stop = await startProfile(session.workers[0]!);
	await waitForValue(
		() => page.evaluate(async () => (await tabwave.chain.head()).height),
		(reached) => reached >= height,
		{ what: `height ${height}`, timeoutMs: CATCH_UP_TIMEOUT_MS }
	);
	const summary = await stop();
	await session.detach();
	return summary;
}

function show(name: string, { busyShare, recordedMs, functions }: ProfileSummary): void {
	say(`\n${name}: busy ${percent(busyShare)} of ${(recordedMs / 1000).toFixed(1)} s; shares of that`);
	for (const { selfShare, where } of functions.slice(0, SHOWN_BY_SELF))
		say(`  ${percent(selfShare)}  ${where}`);
	say('  with what they call:');
	const byTotal = functions
		.filter(({ selfMs, totalMs }) => selfMs < OWN_SHARE * totalMs)
		.sort((a, b) => b.totalMs - a.totalMs);
	for (const { totalShare, where } of byTotal.slice(0, SHOWN_BY_TOTAL))
		say(`  ${percent(totalShare)}  ${where}`);
}

function percent(share: number): string {
	return `${(100 * share).toFixed(1).padStart(5)} %`;
}

function say(text: string): void {
	process.stdout.write(`${text}\n`);
}
