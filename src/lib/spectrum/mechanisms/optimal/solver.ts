/** What a solver of integer programs is to a mechanism, whoever it is and wherever it runs. */
import type { AllocationProgram } from './allocation-model.ts';

export interface SolverAnswer {
	/** `bound`: time was up before the best was proven. */
	label: 'optimal' | 'bound';
	/** One number a column; the best found, or nothing at all where nothing was. */
	values: number[];
	/** No solution is worth more. */
	upperBound: number;
}

/** Answers at once, within the time or little more. */
export type Solve = (program: AllocationProgram, timeLimitMs: number) => SolverAnswer;

/** A solver that fell over, or that could not be loaded. */
export class SolverError extends Error {
	override readonly name = 'Solver';
}

/** The answer of somebody who had no time at all: no trade, and no column that costs something taken. */
export function trivialAnswer(program: AllocationProgram): SolverAnswer {
	return {
		label: 'bound',
		values: program.gains.map(() => 0),
		upperBound: program.gains.reduce((sum, gain) => sum + Math.max(0, gain), 0)
	};
}
