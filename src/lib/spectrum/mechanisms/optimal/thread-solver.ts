/** Starts the solver in a thread of Node.js: for headless nodes, benchmarks and sweeps. */
import { Worker } from 'node:worker_threads';
import type { SolveReply, SolverWorker } from './optimum-service.ts';

export function startThread(): SolverWorker {
	const worker = new Worker(new URL('./optimum-thread.ts', import.meta.url));
	// A program that is done does not wait for a solver that nobody asks.
	worker.unref();
	return {
		post: (request) => worker.postMessage(request),
		listen(onReply) {
			worker.on('message', (reply: SolveReply) => onReply(reply));
			worker.on('error', (error: Error) =>
				onReply({ error: `the solver's thread failed: ${error.message}` })
			);
		},
		terminate: () => void worker.terminate()
	};
}
