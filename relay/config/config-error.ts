/** What is wrong in network.ini, so that a person can mend it without reading the code. */

export interface ConfigProblem {
	/** Counted from 1; 0 where the problem is of the file as a whole. */
	line: number;
	/** What is there, shortened. */
	found: string;
	/** What may be there. */
	allowed: string;
	message: string;
}

/** network.ini is refused. It lists every problem, so that one start shows them all. */
export class ConfigError extends Error {
	override readonly name = 'ConfigError';
	readonly problems: readonly ConfigProblem[];

	constructor(problems: readonly ConfigProblem[]) {
		super(problems.map(describeProblem).join('\n'));
		this.problems = problems;
	}
}

function describeProblem(problem: ConfigProblem): string {
	const where = problem.line === 0 ? '' : `line ${problem.line}: `;
	return `${where}${problem.message} Found: ${problem.found}. Allowed: ${problem.allowed}.`;
}
