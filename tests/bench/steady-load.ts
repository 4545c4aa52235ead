/** Transfers at a pace that the tabs are not busy with: what is looked for comes with time, not with load. */
import type { Page } from 'playwright-core';

declare global {
	var steadyLoad: { final: number; failures: Record<string, number>; isOn: boolean; ended: Promise<void> };
}

/** @param paceMs from one transfer of a tab to its next */
export async function startSteadyLoad(pages: Page[], paceMs: number): Promise<void> {
	for (const page of pages)
		await page.evaluate((pace) => {
			const load = { final: 0, failures: {} as Record<string, number>, isOn: true, ended: Promise.resolve() };
			globalThis.steadyLoad = load;
			const run = async (): Promise<void> => {
				while (load.isOn) {
					const nextMs = performance.now() + pace;
					try {
						const { status } = await tabwave.account.transfer('22'.repeat(32), 1);
						if (status === 'ok') load.final += 1;
						else load.failures[status] = (load.failures[status] ?? 0) + 1;
					} catch (error) {
						const { name } = error as Error;
						load.failures[name] = (load.failures[name] ?? 0) + 1;
					}
					await new Promise((resolve) => setTimeout(resolve, Math.max(0, nextMs - performance.now())));
				}
			};
			load.ended = run();
		}, paceMs);
}

/** Waits for the transfers that are under way. @returns those that were not final with an ok receipt, by error or status */
export async function stopSteadyLoad(pages: Page[]): Promise<Record<string, number>> {
	const failures: Record<string, number> = {};
	for (const page of pages) {
		const failed = await page.evaluate(async () => {
			globalThis.steadyLoad.isOn = false;
			await globalThis.steadyLoad.ended;
			return globalThis.steadyLoad.failures;
		});
		for (const [name, count] of Object.entries(failed)) failures[name] = (failures[name] ?? 0) + count;
	}
	return failures;
}
