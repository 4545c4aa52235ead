/**
 * `optimal`: what an all-knowing auctioneer would do, found by a solver of integer programs. The yardstick of the others: it asks
 * nobody for the truth and rewards nobody for it. Where time was up before the best was proven, the result says `bound`: it is
 * what was found by then, with a bound that no allocation can pass.
 */
import { awardHighest } from '../award.ts';
import type { Market, Mechanism, Offer, Outcome } from '../mechanism.ts';
import { TradingFloor } from '../trading-floor.ts';
import { allocationModel, tradesOf, welfareOf, type AllocationModel } from './allocation-model.ts';
import type { Solve, SolverAnswer } from './solver.ts';

export const OPTIMAL = 'optimal';
/** Twenty buyers and sellers take some hundredths of a second, sixty some seconds at most. */
export const OPTIMAL_TIME_LIMIT_MS = 10_000;

export interface OptimalOutcome extends Outcome {
	label: SolverAnswer['label'];
	/** Of the trades. */
	welfare: bigint;
	/** No allocation is worth more; equal to `welfare` where the label is `optimal`. */
	upperBound: bigint;
}

/** @param solve - ready to compute, here and now */
export function optimalMechanism(solve: Solve, timeLimitMs = OPTIMAL_TIME_LIMIT_MS): Mechanism {
	const clear = (market: Market): OptimalOutcome => {
		const model = allocationModel(market);
		return optimalOutcome(market, model, solve(model.program, timeLimitMs));
	};
	return {
		name: OPTIMAL,
		offers: (market) => inFeasibleOrder(market, clear(market).trades),
		award: awardHighest,
		clear
	};
}

/** What an answer means for the market that was asked about. */
export function optimalOutcome(market: Market, model: AllocationModel, answer: SolverAnswer): OptimalOutcome {
	const trades = tradesOf(model, answer.values);
	const receipts = new Map<string, bigint>();
	for (const { seller, price } of trades) receipts.set(seller, (receipts.get(seller) ?? 0n) + price);
	const welfare = welfareOf(market, trades);
	const proven = answer.label === 'optimal';
	return {
		trades,
		receipts,
		label: answer.label,
		welfare,
		upperBound: proven ? welfare : BigInt(Math.ceil(answer.upperBound))
	};
}

/**
 * One after another, each free of conflict when its turn comes: who waits for another's channel to come free is behind it. Two
 * that wait for each other are left out; they could only change hands at the same moment.
 */
export function inFeasibleOrder(market: Market, trades: readonly Offer[]): Offer[] {
	const sites = new Map(market.buyers.map((buyer) => [buyer.site.id, buyer.site]));
	const floor = new TradingFloor(market);
	const ordered: Offer[] = [];
	let waiting = [...trades];
	for (;;) {
		const still: Offer[] = [];
		for (const trade of waiting) {
			const buyer = sites.get(trade.buyer)!;
			const seller = floor.seller(trade.seller)!;
			if (floor.isFeasible(buyer, seller, trade.channel)) {
				floor.give(seller, buyer, trade.channel);
				ordered.push(trade);
			} else still.push(trade);
		}
		if (still.length === waiting.length) return ordered;
		waiting = still;
	}
}
