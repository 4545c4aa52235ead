/**
 * A solver in a worker of its own, with a limit that holds: what does not answer in time is ended, and its answer is a bound.
 * One program at a time; a worker is started with the first, and again after one that was ended.
 *
 *     const service = new OptimumService(startThread);              // Node.js: optimum-thread.ts; in a page: optimum-worker.ts
 *     const outcome = await service.clear(market, 5_000);           // outcome.label: 'optimal' | 'bound'
 *     service.stop();
 */
import type { Market } from '../mechanism.ts';
import { allocationModel, type AllocationProgram } from './allocation-model.ts';
import { OPTIMAL_TIME_LIMIT_MS, optimalOutcome, type OptimalOutcome } from './optimal.ts';
import { SolverError, trivialAnswer, type Solve, type SolverAnswer } from './solver.ts';

export interface SolveRequest {
	program: AllocationProgram;
	timeLimitMs: number;
}

export type SolveReply = { answer: SolverAnswer } | { error: string };

/** A worker, whatever kind it is. */
export interface SolverWorker {
	post(request: SolveRequest): void;
	/** One listener: a reply, or the worker's own end. */
	listen(onReply: (reply: SolveReply) => void): void;
	terminate(): void;
}

/** Loading the solver, and what it takes longer than it was told to. */
export const SOLVER_GRACE_MS = 10_000;
/** Programs that wait for their turn. A sweep that asks for more at once waits for none of them. */
export const MAX_WAITING_PROGRAMS = 16;

export class OptimumService {
	readonly #start: () => SolverWorker;
	readonly #graceMs: number;
	readonly #waiting: Job[] = [];
	#worker: SolverWorker | undefined;
	#running: Job | undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(start: () => SolverWorker, graceMs = SOLVER_GRACE_MS) {
		this.#start = start;
		this.#graceMs = graceMs;
	}

	/** @throws SolverError where the solver fell over, too much waits, or it was stopped */
	async clear(market: Market, timeLimitMs = OPTIMAL_TIME_LIMIT_MS): Promise<OptimalOutcome> {
		const model = allocationModel(market);
		return optimalOutcome(market, model, await this.solve(model.program, timeLimitMs));
	}

	/** @throws SolverError as {@link clear} */
	solve(program: AllocationProgram, timeLimitMs: number): Promise<SolverAnswer> {
		return new Promise((resolve, reject) => {
			if (this.#waiting.length >= MAX_WAITING_PROGRAMS)
				throw new SolverError(`${MAX_WAITING_PROGRAMS} programs wait for the solver already`);
			this.#waiting.push({ request: { program, timeLimitMs }, resolve, reject });
			this.#next();
		});
	}

	/** Ends the worker; what was asked for is refused. */
	stop(): void {
		const jobs = [...(this.#running ? [this.#running] : []), ...this.#waiting.splice(0)];
		this.#end();
		for (const { reject } of jobs) reject(new SolverError('the solver was stopped'));
	}

	#next(): void {
		if (this.#running) return;
		const job = this.#waiting.shift();
		if (!job) return;
		this.#running = job;
		const { request } = job;
		try {
			this.#worker ??= this.#startWorker();
			this.#timer = setTimeout(() => this.#onSilence(), request.timeLimitMs + this.#graceMs);
			this.#worker.post(request);
		} catch (cause) {
			this.#end();
			job.reject(new SolverError('the solver cannot be started here', { cause }));
			this.#next();
		}
	}

	#startWorker(): SolverWorker {
		const worker = this.#start();
		// What an ended worker still had to say is nobody's answer.
		worker.listen((reply) => {
			if (worker === this.#worker) this.#onReply(reply);
		});
		return worker;
	}

	#onReply(reply: SolveReply): void {
		const job = this.#running;
		this.#running = undefined;
		clearTimeout(this.#timer);
		// A solver that fell over, asked or not, may have left its memory in any state.
		if ('error' in reply) this.#end();
		if (!job) return;
		if ('answer' in reply) job.resolve(reply.answer);
		else job.reject(new SolverError(reply.error));
		this.#next();
	}

	#onSilence(): void {
		const job = this.#running!;
		this.#end();
		job.resolve(trivialAnswer(job.request.program));
		this.#next();
	}

	#end(): void {
		clearTimeout(this.#timer);
		this.#running = undefined;
		this.#worker?.terminate();
		this.#worker = undefined;
	}
}

interface Job {
	request: SolveRequest;
	resolve: (answer: SolverAnswer) => void;
	reject: (error: SolverError) => void;
}

/** The worker's side: each request has one reply. */
export function answerRequests(load: () => Promise<Solve>): (request: SolveRequest) => Promise<SolveReply> {
	let solver: Promise<Solve> | undefined;
	return async ({ program, timeLimitMs }) => {
		try {
			solver ??= load();
			return { answer: (await solver)(program, timeLimitMs) };
		} catch (error) {
			return { error: error instanceof Error ? error.message : String(error) };
		}
	};
}
