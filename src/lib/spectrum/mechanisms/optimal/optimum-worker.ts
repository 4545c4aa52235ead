/** The solver as a web worker: `new Worker(new URL('./optimum-worker.ts', import.meta.url), { type: 'module' })`. */
import wasmUrl from 'highs/runtime?url';
import { loadHighsSolver } from './highs-solver.ts';
import { answerRequests, type SolveRequest } from './optimum-service.ts';

const answer = answerRequests(() => loadHighsSolver({ locateFile: () => wasmUrl }));

addEventListener('message', ({ data }: MessageEvent<SolveRequest>) => {
	void answer(data).then((reply) => postMessage(reply));
});
