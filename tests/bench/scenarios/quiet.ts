/** One transfer at a time: the time to finality of a block with next to nothing in it, and what such a block costs. */
import { withNetwork } from '../bench-network.ts';
import { emptyBlockS } from '../bound.ts';
import type { Calibration } from '../calibrate.ts';
import { cpuMs, cpuMsByThread } from '../cpu.ts';
import { transferSingly } from '../load.ts';
import { ascending, quantile, several, type Report } from '../report.ts';

const WARM_UP_TRANSFERS = 5;
const IDLE_MS = 3000;

export function quiet(
	report: Report,
	machine: Calibration,
	{ transfers, path }: { transfers: number; path: string }
): Promise<void> {
	const name = '4 tabs, one transfer at a time';
	return withNetwork({ tabs: 4, path }, async ({ pages, pids }) => {
		// A follower's transfer goes the whole way.
		const roles = await Promise.all(
			pages.map((page) => page.evaluate(async () => (await tabwave.node.status()).role))
		);
		const page = pages[Math.max(0, roles.indexOf('follower'))]!;
		await transferSingly(page, WARM_UP_TRANSFERS);
		const idleBefore = cpuMs(pids);
		await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
		const idleCores = (cpuMs(pids) - idleBefore) / IDLE_MS;
		const threadsBefore = cpuMsByThread(pids);
		const [before, startMs] = [cpuMs(pids), performance.now()];
		const latencies = ascending(await transferSingly(page, transfers));
		const elapsedMs = performance.now() - startMs;
		const blockCpuMs = (cpuMs(pids) - before - idleCores * elapsedMs) / transfers;
		const threads = [...cpuMsByThread(pids)]
			.map(([thread, ms]) => [thread, (ms - (threadsBefore.get(thread) ?? 0)) / transfers] as const)
			.filter(([, ms]) => ms > 0.5)
			.sort(([, a], [, b]) => b - a);
		const links = await page.evaluate(async () => (await tabwave.node.status()).links);
		const rtts = ascending(links.flatMap(({ rttMs }) => rttMs ?? []));
		const rttMs = quantile(rtts, 0.5);
		report.details[name] = {
			latencies,
			rtts,
			blockCpuMs,
			idleCores,
			links,
			msPerBlockByThread: Object.fromEntries(threads)
		};
		report.add(name, 'p50 to finality ÷ link RTT', quantile(latencies, 0.5) / rttMs, '', '≤ 25');
		report.add(
			name,
			'CPU of a block ÷ c_blk of its parts',
			blockCpuMs / 1000 / emptyBlockS(machine, pages.length)
		);
		report.add(
			name,
			'p50 / p95 to finality',
			several([quantile(latencies, 0.5), quantile(latencies, 0.95)]),
			'ms'
		);
		report.add(name, 'link RTT, worker to worker', rttMs, 'ms');
		report.add(name, 'CPU of a block of one transfer, all processes', blockCpuMs, 'ms');
		report.add(name, 'CPU of four idle tabs and the relay', idleCores, 'cores');
	});
}
