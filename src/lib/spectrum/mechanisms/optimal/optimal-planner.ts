/**
 * `optimal` for a manager, which cannot wait: it asks a solver elsewhere what would be best for the market as it is now, and offers
 * what of the last answer still holds, until the next one is there. A plan in which time was up is recorded on the chain as
 * `optimal-bound`. Where there is no plan to be had, or none as good as `greedy` finds at once, it offers what `greedy` does, and the
 * chain says `greedy`.
 */
import { hash32 } from '../../random.ts';
import { awardHighest } from '../award.ts';
import { greedyMechanism } from '../greedy.ts';
import type { AwardableOffer, Market, Mechanism, Offer, Outcome } from '../mechanism.ts';
import { welfareOf } from './allocation-model.ts';
import { inFeasibleOrder, OPTIMAL, type OptimalOutcome } from './optimal.ts';
import { SolverError } from './solver.ts';

export const OPTIMAL_BOUND = 'optimal-bound';
/** A manager's market moves on with every block: a better plan than that comes too late. */
export const PLAN_TIME_LIMIT_MS = 2_000;

export interface OptimalPlannerInit {
	/** For example OptimumService.clear. */
	clear: (market: Market, timeLimitMs: number) => Promise<OptimalOutcome>;
	/** Why this market goes by `greedy`; the next one is tried again. */
	onError?: (error: SolverError) => void;
}

export class OptimalPlanner implements Mechanism {
	readonly #init: OptimalPlannerInit;
	#plan: OptimalOutcome | undefined;
	/** The last question had no answer that is worth following. */
	#failed = false;
	/** Of the market that was asked about last. */
	#askedAbout = -1;
	#asking = false;

	constructor(init: OptimalPlannerInit) {
		this.#init = init;
	}

	/** Of the plan that is offered now. */
	get name(): string {
		if (this.#failed) return greedyMechanism.name;
		return this.#plan?.label === 'bound' ? OPTIMAL_BOUND : OPTIMAL;
	}

	offers(market: Market): Offer[] {
		this.#askAbout(market);
		if (this.#failed) return greedyMechanism.offers(market);
		return this.#plan ? inFeasibleOrder(market, stillWanted(market, this.#plan.trades)) : [];
	}

	award(market: Market, offers: readonly AwardableOffer[]): AwardableOffer[] {
		return awardHighest(market, offers);
	}

	/** @throws SolverError always: a study asks the solver itself */
	clear(): Outcome {
		throw new SolverError('a planner has no answer at once');
	}

	#askAbout(market: Market): void {
		const fingerprint = fingerprintOf(market);
		if (this.#asking || fingerprint === this.#askedAbout || market.buyers.length === 0) return;
		this.#asking = true;
		this.#askedAbout = fingerprint;
		this.#init.clear(market, PLAN_TIME_LIMIT_MS).then(
			(plan) => {
				this.#asking = false;
				this.#failed = isWorseThanGreedy(market, plan);
				if (this.#failed)
					this.#init.onError?.(
						new SolverError(`no plan as good as that of ${greedyMechanism.name} was found in time`)
					);
				else this.#plan = plan;
			},
			(error: unknown) => {
				this.#asking = false;
				this.#askedAbout = -1;
				this.#failed = true;
				this.#init.onError?.(
					error instanceof SolverError ? error : new SolverError('the plan failed', { cause: error })
				);
			}
		);
	}
}

/** A plan that was cut short may be no plan at all. */
function isWorseThanGreedy(market: Market, plan: OptimalOutcome): boolean {
	return plan.label === 'bound' && plan.welfare < welfareOf(market, greedyMechanism.clear(market).trades);
}

/** Whose traders are still there, and gain by it as the market is now. */
function stillWanted(market: Market, trades: readonly Offer[]): Offer[] {
	const buyers = new Map(market.buyers.map(({ site, value }) => [site.id, value]));
	const sellers = new Map(market.sellers.map(({ site, asks }) => [site.id, asks]));
	const sold = new Map<string, number>();
	return trades.filter(({ buyer, seller, price }) => {
		const value = buyers.get(buyer);
		const nth = sold.get(seller) ?? 0;
		const ask = sellers.get(seller)?.[nth];
		if (value === undefined || ask === undefined || price > value || price < ask) return false;
		if (value < ask + market.minimumGain) return false;
		sold.set(seller, nth + 1);
		return true;
	});
}

/** Only whether to ask again: what is stale in an answer is left out of the offers. */
function fingerprintOf({ buyers, sellers, reserved, avoided }: Market): number {
	const parts = [
		...buyers.map(({ site, value }) => `${site.id}=${value}`),
		...sellers.map(({ site, idleChannels, asks }) => `${site.id}:${idleChannels.join()}=${asks.join()}`),
		...(reserved ?? []),
		...(avoided ?? [])
	];
	return hash32(parts.join('\n'));
}
