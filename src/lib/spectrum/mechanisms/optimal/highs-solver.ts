/**
 * HiGHS (MIT; npm package `highs`, its build to WebAssembly) as the solver. It computes where it is called and gives nothing
 * back until it is done: call it in a worker (optimum-worker.ts), not in a page.
 */
import loadHighs, { type Highs, type InitOptions } from 'highs';
import type { AllocationProgram } from './allocation-model.ts';
import { SolverError, trivialAnswer, type Solve, type SolverAnswer } from './solver.ts';

/** @param init - where a browser finds highs.wasm; Node.js finds it by itself @throws SolverError */
export async function loadHighsSolver(init?: InitOptions): Promise<Solve> {
	let highs: Highs;
	try {
		highs = await loadHighs(init);
	} catch (error) {
		throw new SolverError('HiGHS could not be loaded', { cause: error });
	}
	return (program, timeLimitMs) => solve(highs, program, timeLimitMs);
}

function solve(highs: Highs, program: AllocationProgram, timeLimitMs: number): SolverAnswer {
	const columns = program.gains.length;
	if (columns === 0) return { label: 'optimal', values: [], upperBound: 0 };
	const { continuous, integer } = highs.constants.variableType;
	const starts = [0];
	for (const row of program.rows) starts.push(starts[starts.length - 1]! + row.columns.length);
	const model = highs.createModel({
		numCols: columns,
		numRows: program.rows.length,
		sense: highs.constants.objectiveSense.maximize,
		colCost: Float64Array.from(program.gains),
		colLower: new Float64Array(columns),
		colUpper: new Float64Array(columns).fill(1),
		rowLower: new Float64Array(program.rows.length).fill(-highs.infinity),
		rowUpper: Float64Array.from(program.rows, (row) => row.bound),
		integrality: program.gains.map((_, column) => (column < program.wholeColumns ? integer : continuous)),
		matrix: {
			format: 'csr',
			numRows: program.rows.length,
			numCols: columns,
			starts: Int32Array.from(starts),
			indices: Int32Array.from(program.rows.flatMap((row) => row.columns)),
			values: Float64Array.from(program.rows.flatMap((row) => row.coefficients))
		}
	});
	try {
		// The proof shall be whole: by default HiGHS is content with 0.01 %.
		model.options.set({ output_flag: false, time_limit: timeLimitMs / 1000, mip_rel_gap: 0, random_seed: 0 });
		const { modelStatus } = model.run();
		if (modelStatus === highs.constants.modelStatus.optimal)
			return {
				label: 'optimal',
				values: [...model.getSolution().colValue],
				upperBound: model.getObjectiveValue()
			};
		if (modelStatus !== highs.constants.modelStatus.timeLimit)
			throw new SolverError(`HiGHS ended with status ${modelStatus}`);
		return cutShort(model, program);
	} finally {
		model.dispose();
	}
}

function cutShort(model: ReturnType<Highs['createModel']>, program: AllocationProgram): SolverAnswer {
	const trivial = trivialAnswer(program);
	const bound = Number(model.info.get('mip_dual_bound'));
	const values = [...model.getSolution().colValue];
	return {
		label: 'bound',
		values: isFeasible(program, values) ? values : trivial.values,
		upperBound: Number.isFinite(bound) ? Math.min(bound, trivial.upperBound) : trivial.upperBound
	};
}

/** What HiGHS has in hand when time is up may be no solution yet. */
function isFeasible(program: AllocationProgram, values: readonly number[]): boolean {
	const TOLERANCE = 1e-6;
	return (
		values.length === program.gains.length &&
		values.every(
			(value, column) =>
				value >= -TOLERANCE &&
				value <= 1 + TOLERANCE &&
				(column >= program.wholeColumns || Math.abs(value - Math.round(value)) <= TOLERANCE)
		) &&
		program.rows.every(
			({ columns, coefficients, bound }) =>
				columns.reduce((sum, column, i) => sum + coefficients[i]! * values[column]!, 0) <= bound + TOLERANCE
		)
	);
}
