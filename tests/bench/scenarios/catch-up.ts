/** A new tab fetches, checks, executes and stores the chain that a load has made: how fast, beside the bare speed of signature checks. */
import type { Page } from 'playwright-core';
import { openTab, withNetwork } from '../bench-network.ts';
import { calibrateChecks } from '../calibrate.ts';
import { startLoad, stopLoad, transferSingly } from '../load.ts';
import { several, type Report } from '../report.ts';

const TIMEOUT_MS = 180_000;
const BLOCKS_PER_PAGE = 100;

export interface CatchUpInit {
	/** Transfers in the partition while the chain is made. */
	outstanding: number;
	/** For how long: full blocks. */
	loadMs: number;
	/** Transfers one at a time, after that: blocks of one. */
	single: number;
	path: string;
}

export function catchUp(report: Report, { outstanding, loadMs, single, path }: CatchUpInit): Promise<void> {
	return withNetwork({ tabs: 4, path }, async ({ context, relay, pages, pids }) => {
		await startLoad(pages, Math.round(outstanding / pages.length));
		await new Promise((resolve) => setTimeout(resolve, loadMs));
		await stopLoad(pages);
		const { height: full } = await pages[0]!.evaluate(() => tabwave.chain.head());
		await transferSingly(pages[0]!, single);
		const { height } = await pages[0]!.evaluate(() => tabwave.chain.head());
		const sizes = await sizesOf(pages[0]!, height);
		const checker = await context.newPage();
		await checker.goto(`${relay.url}/healthz`);

		const before = await calibrateChecks([checker], pids);
		const page = await openTab(context, relay);
		const seen = await page.evaluate(follow, [height, TIMEOUT_MS] as const);
		const after = await calibrateChecks([checker], pids);
		const perSecond = Math.max(before.checksPerSecond, after.checksPerSecond);

		const paceOf = (from: number, to: number) => {
			const start = seen.find((one) => one.height >= from)!;
			const end = seen.find((one) => one.height >= to)!;
			const seconds = (end.ms - start.ms) / 1000;
			const transactions = sizes.slice(start.height, end.height).reduce((sum, count) => sum + count, 0);
			return { blocks: (end.height - start.height) / seconds, transactions: transactions / seconds, seconds };
		};
		// Connecting is not catching up: the clock starts with the first blocks.
		const all = paceOf(1, height);
		const fullBlocks = paceOf(1, full);
		const small = paceOf(full, height);
		report.details['catch-up'] = { height, full, sizes, seen, before, after, all, fullBlocks, small };
		report.add('catch-up', 'transactions ÷ signature checks of one tab', all.transactions / perSecond);
		report.add(
			'catch-up',
			'the same, full blocks / blocks of one',
			several([fullBlocks.transactions / perSecond, small.transactions / perSecond], 2)
		);
		report.add('catch-up', 'transactions', all.transactions, 'a second');
		report.add(
			'catch-up',
			'blocks, of all / full / of one',
			several([all.blocks, fullBlocks.blocks, small.blocks]),
			'a second'
		);
		report.add('catch-up', 'signature checks of one tab', perSecond, 'a second');
		report.add(
			'catch-up',
			'chain',
			several([height, sizes.reduce((sum, count) => sum + count, 0)]),
			'blocks / transactions'
		);
	});
}

/** When a tab that is behind was seen at which height. */
async function follow([target, timeoutMs]: readonly [number, number]): Promise<
	{ height: number; ms: number }[]
> {
	const seen: { height: number; ms: number }[] = [];
	const deadlineMs = performance.now() + timeoutMs;
	for (;;) {
		const { height } = await tabwave.chain.head();
		if (height > 0 && height !== seen.at(-1)?.height) seen.push({ height, ms: performance.now() });
		if (height >= target) return seen;
		if (performance.now() > deadlineMs) throw new Error(`at ${height} of ${target} in time`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

/** Transactions of each block, from height 1. */
function sizesOf(page: Page, height: number): Promise<number[]> {
	return page.evaluate(
		async ([top, limit]) => {
			const sizes: number[] = [];
			for (let beforeHeight = top + 1; beforeHeight > 1;) {
				const blocks = await tabwave.chain.blocks({ beforeHeight, limit });
				for (const block of blocks) sizes[block.height - 1] = block.transactions.length;
				beforeHeight = blocks.at(-1)!.height;
			}
			return sizes;
		},
		[height, BLOCKS_PER_PAGE] as const
	);
}
