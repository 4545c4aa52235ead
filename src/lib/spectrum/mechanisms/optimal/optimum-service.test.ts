import { afterEach, describe, expect, it } from 'vitest';
import { marketInstance } from '../../scenario/market-instance.ts';
import { loadHighsSolver } from './highs-solver.ts';
import { optimalMechanism } from './optimal.ts';
import {
	MAX_WAITING_PROGRAMS,
	OptimumService,
	answerRequests,
	type SolveReply,
	type SolverWorker
} from './optimum-service.ts';
import { SolverError } from './solver.ts';
import { startThread } from './thread-solver.ts';

const market = marketInstance({ seed: 3, size: 8, conflicts: true });
const program = {
	gains: [2, 3],
	wholeColumns: 2,
	rows: [{ columns: [0, 1], coefficients: [1, 1], bound: 1 }]
};

let service: OptimumService | undefined;
afterEach(() => service?.stop());

/** A worker whose replies the test gives. */
class HandWorker implements SolverWorker {
	asked = 0;
	ended = false;
	reply: (reply: SolveReply) => void = () => {};
	post(): void {
		this.asked++;
	}
	listen(onReply: (reply: SolveReply) => void): void {
		this.reply = onReply;
	}
	terminate(): void {
		this.ended = true;
	}
}

function withHandWorkers(graceMs?: number): { service: OptimumService; workers: HandWorker[] } {
	const workers: HandWorker[] = [];
	service = new OptimumService(() => {
		workers.push(new HandWorker());
		return workers[workers.length - 1]!;
	}, graceMs);
	return { service, workers };
}

describe('in a thread', () => {
	it('finds what the solver finds in place, one market after another', async () => {
		service = new OptimumService(startThread);
		const inPlace = optimalMechanism(await loadHighsSolver());
		const [first, second] = await Promise.all([
			service.clear(market),
			service.clear({ ...market, minimumGain: 100_000n })
		]);
		expect(first).toEqual(inPlace.clear(market));
		expect(second).toEqual(inPlace.clear({ ...market, minimumGain: 100_000n }));
	});
});

describe('service', () => {
	it('ends a worker that does not answer, calls the answer a bound, and goes on with another', async () => {
		const { service, workers } = withHandWorkers(0);
		expect(await service.solve(program, 0)).toEqual({ label: 'bound', values: [0, 0], upperBound: 5 });
		expect(workers[0]!.ended).toBe(true);
		const again = service.solve(program, 60_000);
		workers[1]!.reply({ answer: { label: 'optimal', values: [0, 1], upperBound: 3 } });
		expect((await again).label).toBe('optimal');
	});

	it('asks one at a time, and refuses what is too much', async () => {
		const { service, workers } = withHandWorkers();
		const first = service.solve(program, 1000);
		const waiting = Array.from({ length: MAX_WAITING_PROGRAMS }, () => service.solve(program, 1000));
		expect(workers[0]!.asked).toBe(1);
		await expect(service.solve(program, 1000)).rejects.toThrow(SolverError);
		workers[0]!.reply({ answer: { label: 'optimal', values: [], upperBound: 0 } });
		await first;
		expect(workers[0]!.asked).toBe(2);
		service.stop();
		for (const job of waiting) await expect(job).rejects.toThrow('stopped');
		expect(workers[0]!.ended).toBe(true);
	});

	it('passes on that a solver fell over, and starts another', async () => {
		const { service, workers } = withHandWorkers();
		const failed = service.solve(program, 1000);
		workers[0]!.reply({ error: 'out of memory' });
		await expect(failed).rejects.toThrow('out of memory');
		void service.solve(program, 1000).catch(() => {});
		expect(workers).toHaveLength(2);
	});

	it('refuses where no worker can be started, and tries with the next program', async () => {
		let starts = 0;
		service = new OptimumService(() => {
			starts++;
			throw new TypeError('Worker is not defined');
		});
		for (let i = 0; i < 2; i++)
			await expect(service.solve(program, 1000)).rejects.toMatchObject({
				name: 'Solver',
				message: expect.stringContaining('cannot be started')
			});
		expect(starts).toBe(2);
	});

	it('answers with what its worker throws', async () => {
		const answer = answerRequests(() => Promise.reject(new SolverError('no wasm here')));
		expect(await answer({ program, timeLimitMs: 1 })).toEqual({ error: 'no wasm here' });
	});
});
