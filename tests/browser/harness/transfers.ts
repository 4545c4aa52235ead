/** Transfers as load: so many and done, or one after the other until they are stopped. */
import type { NodeStatus } from '#lib/node/api.ts';
import { waitFor, waitForValue } from './tabs.ts';
import type { Tab } from './tabs.ts';

/** An account that nobody runs. */
const RECIPIENT = '22'.repeat(32);

/** Final transfers, `atOnce` outstanding. @returns when all are final */
export function transfers(page: Tab, count: number, atOnce = 1): Promise<void> {
	return page.evaluate(
		async ({ to, total, lanes }) => {
			let left = total;
			const lane = async (): Promise<void> => {
				while (left-- > 0) {
					const receipt = await globalThis.tabwave.account.transfer(to, 1);
					if (receipt.status !== 'ok') throw new Error(`a transfer is ${receipt.status}: ${receipt.message}`);
				}
			};
			await Promise.all(Array.from({ length: lanes }, lane));
		},
		{ to: RECIPIENT, total: count, lanes: atOnce }
	);
}

export interface Trading {
	/** Final transfers so far. */
	count(): Promise<number>;
	/** Waits until so many are final. */
	reaches(count: number): Promise<void>;
	/** Of those that are final, the longest time to finality. */
	longestMs(): Promise<number>;
	/** Waits for the transfer that is under way. Throws where one was not final with an ok receipt. */
	stop(): Promise<void>;
}

interface TradingState {
	count: number;
	longestMs: number;
	stopped: boolean;
	error: string | null;
	done: Promise<void>;
}

const FINAL_TIMEOUT_MS = 60_000;

/** Transfers of this tab, one after the other. */
export async function trade(page: Tab): Promise<Trading> {
	await page.evaluate((to) => {
		const state: TradingState = {
			count: 0,
			longestMs: 0,
			stopped: false,
			error: null,
			done: Promise.resolve()
		};
		(globalThis as unknown as { trading: TradingState }).trading = state;
		const run = async (): Promise<void> => {
			while (!state.stopped) {
				const startMs = performance.now();
				const receipt = await globalThis.tabwave.account.transfer(to, 1);
				if (receipt.status !== 'ok') throw new Error(`a transfer is ${receipt.status}: ${receipt.message}`);
				state.count += 1;
				state.longestMs = Math.max(state.longestMs, performance.now() - startMs);
			}
		};
		state.done = run().catch((error: unknown) => {
			state.error = String(error);
		});
	}, RECIPIENT);
	const read = async (): Promise<number> => {
		const { count, error } = await page.evaluate(() => {
			const { count, error } = (globalThis as unknown as { trading: TradingState }).trading;
			return { count, error };
		});
		if (error !== null) throw new Error(error);
		return count;
	};
	return {
		count: read,
		longestMs: () =>
			page.evaluate(() => (globalThis as unknown as { trading: TradingState }).trading.longestMs),
		reaches: async (wanted) => {
			await waitForValue(read, (count) => count >= wanted, {
				what: `${wanted} final transfers`,
				timeoutMs: FINAL_TIMEOUT_MS
			});
		},
		stop: async () => {
			await page.evaluate(() => {
				const { trading } = globalThis as unknown as { trading: TradingState };
				trading.stopped = true;
				return trading.done;
			});
			await read();
		}
	};
}

/**
 * Transfers of `trader` until `voter` gave more than `votes`: so many as it takes, since rounds go on without a member that has only
 * just come or come back. @returns the voter's status then
 */
export async function tradesUntilVote(trader: Tab, voter: Tab, votes = 0): Promise<NodeStatus> {
	const trading = await trade(trader);
	const then = await waitFor(voter, (now) => now.votes > votes && now.activity === 'voting', {
		what: `more than ${votes} votes of a tab, under load`
	});
	await trading.stop();
	return then;
}
