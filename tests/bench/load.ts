/** Load on a network of tabs: a closed loop, in which each tab keeps a number of signed transfers outstanding. */
import type { Page } from 'playwright-core';
import { waitForValue } from '../browser/harness/tabs.ts';
import { ascending, quantile } from './report.ts';

declare global {
	var benchLoad: { done: number; failures: Record<string, number>; latenciesMs: number[]; isOn: boolean };
}

export interface LoadResult {
	/** Transfers that became final while it was measured. */
	transactions: number;
	seconds: number;
	finalTps: number;
	/** From the call to its receipt. */
	p50Ms: number;
	p95Ms: number;
	p99Ms: number;
	/** Errors of the client API by name. */
	failures: Record<string, number>;
	/** Heights of the ledger. */
	blocksPerSecond: number;
}

/** @param outstanding transfers of each tab */
export async function startLoad(pages: Page[], outstanding: number): Promise<void> {
	await Promise.all(
		pages.map((page) =>
			page.evaluate((count) => {
				const load = (globalThis.benchLoad = { done: 0, failures: {}, latenciesMs: [], isOn: true });
				const { failures, latenciesMs } = load as typeof globalThis.benchLoad;
				const one = async (): Promise<void> => {
					while (load.isOn) {
						const startMs = performance.now();
						try {
							await tabwave.account.transfer('22'.repeat(32), 1);
							load.done += 1;
							latenciesMs.push(performance.now() - startMs);
						} catch (error) {
							const { name } = error as Error;
							failures[name] = (failures[name] ?? 0) + 1;
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
	const height = (): Promise<number> => pages[0]!.evaluate(async () => (await tabwave.chain.head()).height);
	await Promise.all(
		pages.map((page) =>
			page.evaluate(() => {
				const load = globalThis.benchLoad;
				load.done = load.latenciesMs.length = 0;
				for (const name of Object.keys(load.failures)) delete load.failures[name];
			})
		)
	);
	const [heightBefore, startMs] = [await height(), performance.now()];
	await new Promise((resolve) => setTimeout(resolve, durationMs));
	const loads = await Promise.all(
		// A copy, while it goes on.
		pages.map((page) => page.evaluate(() => structuredClone(globalThis.benchLoad)))
	);
	const seconds = (performance.now() - startMs) / 1000;
	const latencies = ascending(loads.flatMap(({ latenciesMs }) => latenciesMs));
	const transactions = loads.reduce((sum, { done }) => sum + done, 0);
	const failures: Record<string, number> = {};
	for (const load of loads)
		for (const [name, count] of Object.entries(load.failures)) failures[name] = (failures[name] ?? 0) + count;
	return {
		transactions,
		seconds,
		finalTps: transactions / seconds,
		p50Ms: quantile(latencies, 0.5),
		p95Ms: quantile(latencies, 0.95),
		p99Ms: quantile(latencies, 0.99),
		failures,
		blocksPerSecond: ((await height()) - heightBefore) / seconds
	};
}

export async function stopLoad(pages: Page[]): Promise<void> {
	await Promise.all(
		pages.map((page) =>
			page.evaluate(() => {
				// A page that was opened again has none.
				const load = globalThis.benchLoad as typeof globalThis.benchLoad | undefined;
				if (load) load.isOn = false;
			})
		)
	);
	// What is outstanding becomes final first: the next scenario starts from a quiet network.
	await waitForValue(
		() => pages[0]!.evaluate(async () => (await tabwave.pool.status()).pending),
		(pending) => pending === 0,
		{ what: 'an empty pool', timeoutMs: DRAIN_TIMEOUT_MS }
	);
}

/** Transfers one after the other. @returns milliseconds from call to receipt, of each */
export function transferSingly(page: Page, count: number): Promise<number[]> {
	return page.evaluate(async (times) => {
		const latencies: number[] = [];
		for (let i = 0; i < times; i++) {
			const startMs = performance.now();
			await tabwave.account.transfer('22'.repeat(32), 1);
			latencies.push(performance.now() - startMs);
		}
		return latencies;
	}, count);
}

const DRAIN_TIMEOUT_MS = 60_000;
