/** Load on a network of tabs: each keeps a number of transfers outstanding. */
import type { Page } from 'playwright-core';
import type { TabwaveApi } from '#lib/node/api.ts';

declare global {
	var tabwave: TabwaveApi;
	var benchLoad: { done: number; failed: number; latenciesMs: number[]; isOn: boolean };
}

export interface LoadResult {
	finalTps: number;
	p50Ms: number;
	p95Ms: number;
	p99Ms: number;
	failed: number;
	blocksPerSecond: number;
	transactions: number;
}

export async function startLoad(pages: Page[], outstanding: number): Promise<void> {
	await Promise.all(
		pages.map((page) =>
			page.evaluate((count) => {
				const load = (globalThis.benchLoad = { done: 0, failed: 0, latenciesMs: [] as number[], isOn: true });
				const one = async (): Promise<void> => {
					while (load.isOn) {
						const startMs = performance.now();
						try {
							await tabwave.account.transfer('22'.repeat(32), 1);
							load.done += 1;
							load.latenciesMs.push(performance.now() - startMs);
						} catch {
							load.failed += 1;
							await new Promise((resolve) => setTimeout(resolve, 50));
						}
					}
				};
				for (let i = 0; i < count; i++) void one();
			}, outstanding)
		)
	);
}

export async function measureLoad(pages: Page[], durationMs: number): Promise<LoadResult> {
	const reset = pages.map((page) =>
		page.evaluate(() => {
			globalThis.benchLoad.done = globalThis.benchLoad.failed = 0;
			globalThis.benchLoad.latenciesMs = [];
		})
	);
	await Promise.all(reset);
	const head = (): Promise<{ height: number }> => pages[0]!.evaluate(() => tabwave.chain.head());
	const [before, startMs] = [await head(), performance.now()];
	await new Promise((resolve) => setTimeout(resolve, durationMs));
	const results = await Promise.all(pages.map((page) => page.evaluate(() => globalThis.benchLoad)));
	const seconds = (performance.now() - startMs) / 1000;
	const after = await head();
	const latencies = results.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
	const transactions = results.reduce((sum, { done }) => sum + done, 0);
	return {
		finalTps: transactions / seconds,
		p50Ms: quantile(latencies, 0.5),
		p95Ms: quantile(latencies, 0.95),
		p99Ms: quantile(latencies, 0.99),
		failed: results.reduce((sum, { failed }) => sum + failed, 0),
		blocksPerSecond: (after.height - before.height) / seconds,
		transactions
	};
}

export async function stopLoad(pages: Page[]): Promise<void> {
	await Promise.all(pages.map((page) => page.evaluate(() => void (globalThis.benchLoad.isOn = false))));
}

export function quantile(sorted: number[], share: number): number {
	return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
