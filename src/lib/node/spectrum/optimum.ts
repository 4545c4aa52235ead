/**
 * The solver of a node: for the mechanism `optimal`, and as the yardstick of the others. Nothing of it is loaded before somebody asks; what
 * it cannot do in time has a name and a line in the log, and the market goes on by `greedy`.
 */
import { OptimalPlanner } from '../../spectrum/mechanisms/optimal/optimal-planner.ts';
import type { OptimalOutcome } from '../../spectrum/mechanisms/optimal/optimal.ts';
import { OptimumService, type SolverWorker } from '../../spectrum/mechanisms/optimal/optimum-service.ts';
import { SolverError } from '../../spectrum/mechanisms/optimal/solver.ts';
import type { Market } from '../../spectrum/mechanisms/mechanism.ts';
import { relaxedBound } from '../../spectrum/view/yardstick.ts';
import type { OptimumInfo } from '../api.ts';
import type { Clock } from '../clock.ts';

/** Buyers times channels on offer. Four hundred access points make about as many; above, only writing it down blocks the node. */
export const MAX_OPTIMUM_PAIRS = 20_000;
/** After this long a solver that fell over, or could not be loaded, is tried again. */
export const SOLVER_PAUSE_MS = 30_000;
/** From the end of one measurement to the next: with its time limit, a sixth of one core. */
export const MEASURE_INTERVAL_MS = 5_000;
export const MEASURE_TIME_LIMIT_MS = 1_000;
/** The same complaint is made once in so long. */
export const COMPLAINT_INTERVAL_MS = 60_000;
/** A trade counts as gained for so long. */
export const GAIN_WINDOW_MS = 60_000;

/** What the yardstick is laid on. */
export interface MeasuredMarket {
	height: number;
	/** Called only where a measurement is due. */
	market(): Market;
	/** Welfare of the trades that became final at this time and later. */
	gainedSince(timeMs: number): bigint;
}

export interface OptimumInit {
	/** undefined: this node has no solver. */
	startSolver: (() => SolverWorker) | undefined;
	clock: Clock;
	log(level: 'info' | 'warning', message: string): void;
}

export class Optimum {
	readonly #init: OptimumInit;
	#service: OptimumService | undefined;
	/** A solver that just fell over is left alone until then. */
	#pause: { untilMs: number; error: unknown } | undefined;
	#isStopped = false;
	#isWorking = false;
	#isFailing = false;
	#measuredMs = Number.NEGATIVE_INFINITY;
	#measured: { height: number; label: OptimumInfo['label']; left: bigint } | null = null;

	constructor(init: OptimumInit) {
		this.#init = init;
	}

	get isThere(): boolean {
		return this.#init.startSolver !== undefined;
	}

	/** Of the yardstick alone. */
	get state(): 'none' | 'idle' | 'working' | 'failed' {
		if (!this.isThere) return 'none';
		if (this.#isWorking) return 'working';
		return this.#isFailing ? 'failed' : 'idle';
	}

	/** The mechanism `optimal` for a manager. */
	planner(): OptimalPlanner {
		let complaint = { text: '', timeMs: Number.NEGATIVE_INFINITY };
		return new OptimalPlanner({
			clear: (market, timeLimitMs) => this.#clear(market, timeLimitMs),
			onError: ({ name, message }) => {
				// It is asked again with every market.
				const timeMs = this.#init.clock.now();
				if (this.#isStopped) return;
				if (message === complaint.text && timeMs < complaint.timeMs + COMPLAINT_INTERVAL_MS) return;
				complaint = { text: message, timeMs };
				this.#init.log('warning', `${name}: ${message}; the market goes on by greedy`);
			}
		});
	}

	/** What is known now. Measures anew behind it, where that is due. */
	measure(now: MeasuredMarket): OptimumInfo | null {
		this.#measureWhereDue(now);
		return this.last(now);
	}

	/** What is known now, and nothing is begun. */
	last({ gainedSince }: Pick<MeasuredMarket, 'gainedSince'>): OptimumInfo | null {
		if (!this.#measured) return null;
		const { height, label, left } = this.#measured;
		const since = gainedSince(this.#init.clock.now() - GAIN_WINDOW_MS);
		const gained = since > 0n ? since : 0n;
		return {
			height,
			label,
			left: left.toString(),
			gained: gained.toString(),
			welfareRatio: left === 0n ? 1 : Number(gained) / Number(gained + left)
		};
	}

	stop(): void {
		this.#isStopped = true;
		this.#service?.stop();
	}

	#measureWhereDue({ height, market }: MeasuredMarket): void {
		const nowMs = this.#init.clock.now();
		if (!this.isThere || this.#isWorking || nowMs < this.#measuredMs + MEASURE_INTERVAL_MS) return;
		if (this.#measured?.height === height) return;
		this.#isWorking = true;
		this.#left(market()).then(
			(found) => {
				this.#isFailing = false;
				this.#done({ height, ...found });
			},
			(error: Error) => {
				if (!this.#isFailing && !this.#isStopped)
					this.#init.log('warning', `${error.name}: the optimum is not known: ${error.message}`);
				this.#isFailing = true;
				this.#done(null);
			}
		);
	}

	#done(measured: { height: number; label: OptimumInfo['label']; left: bigint } | null): void {
		this.#isWorking = false;
		this.#measuredMs = this.#init.clock.now();
		this.#measured = measured;
	}

	async #left(market: Market): Promise<{ label: OptimumInfo['label']; left: bigint }> {
		const bound = relaxedBound(market);
		if (bound === 0n) return { label: 'optimal', left: 0n };
		if (pairsOf(market) > MAX_OPTIMUM_PAIRS) return { label: 'bound', left: bound };
		const { label, upperBound } = await this.#clear(market, MEASURE_TIME_LIMIT_MS);
		return { label, left: upperBound < bound ? upperBound : bound };
	}

	/** @throws SolverError */
	async #clear(market: Market, timeLimitMs: number): Promise<OptimalOutcome> {
		const { startSolver, clock } = this.#init;
		if (!startSolver) throw new SolverError('this node has no solver');
		const pairs = pairsOf(market);
		if (pairs > MAX_OPTIMUM_PAIRS)
			throw new SolverError(
				`buyers and channels make ${pairs} pairs, and more than ${MAX_OPTIMUM_PAIRS} are not solved`
			);
		if (this.#pause && clock.now() < this.#pause.untilMs) throw this.#pause.error;
		this.#service ??= new OptimumService(startSolver);
		try {
			return await this.#service.clear(market, timeLimitMs);
		} catch (error) {
			this.#pause = { untilMs: clock.now() + SOLVER_PAUSE_MS, error };
			throw error;
		}
	}
}

function pairsOf({ buyers, sellers }: Market): number {
	return buyers.length * sellers.reduce((sum, { idleChannels }) => sum + idleChannels.length, 0);
}
