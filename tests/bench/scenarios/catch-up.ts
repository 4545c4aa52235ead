/** A new tab fetches, checks and executes the chain that a load has made. */
import { openTab, type BenchNetwork } from '../bench-network.ts';
import type { Report } from '../report.ts';

const TIMEOUT_MS = 120_000;

export async function catchUp(report: Report, { context, relay, pages }: BenchNetwork): Promise<void> {
	const { height } = await pages[0]!.evaluate(() => tabwave.chain.head());
	const page = await openTab(context, relay);
	const synced = await page.evaluate(
		async ([target, timeoutMs]) => {
			// Connecting is not catching up: the clock starts with the first block.
			let startMs = 0;
			let startHeight = 0;
			const deadlineMs = performance.now() + timeoutMs;
			for (;;) {
				const head = await tabwave.chain.head();
				if (startMs === 0 && head.height > 0) [startMs, startHeight] = [performance.now(), head.height];
				if (head.height >= target) break;
				if (performance.now() > deadlineMs) throw new Error(`at ${head.height} of ${target} in time`);
				await new Promise((resolve) => setTimeout(resolve, 5));
			}
			return { blocks: target - startHeight, seconds: (performance.now() - startMs) / 1000 };
		},
		[height, TIMEOUT_MS] as const
	);
	report.details['catch-up'] = { ...synced, height };
	report.add('catch-up', 'by a new tab', synced.blocks / synced.seconds, 'blocks a second');
	report.add('catch-up', 'chain', height, 'blocks');
	await page.close();
}
