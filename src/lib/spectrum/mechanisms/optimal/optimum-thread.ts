/** The solver as a thread of Node.js; thread-solver.ts starts it. */
import { parentPort } from 'node:worker_threads';
import { loadHighsSolver } from './highs-solver.ts';
import { answerRequests, type SolveRequest } from './optimum-service.ts';

const answer = answerRequests(() => loadHighsSolver());

parentPort!.on('message', (request: SolveRequest) => {
	void answer(request).then((reply) => parentPort!.postMessage(reply));
});
