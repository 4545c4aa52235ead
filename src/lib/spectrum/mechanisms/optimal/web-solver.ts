/** Starts the solver in a page or in its worker. */
import type { SolveReply, SolverWorker } from './optimum-service.ts';

export function startWebWorker(): SolverWorker {
	const worker = new Worker(new URL('./optimum-worker.ts', import.meta.url), { type: 'module' });
	return {
		post: (request) => worker.postMessage(request),
		listen(onReply) {
			worker.addEventListener('message', ({ data }: MessageEvent<SolveReply>) => onReply(data));
			worker.addEventListener('error', ({ message }) =>
				onReply({ error: `the solver's worker failed: ${message}` })
			);
		},
		terminate: () => worker.terminate()
	};
}
