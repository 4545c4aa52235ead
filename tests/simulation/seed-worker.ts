/** Runs seeds in a thread of its own, one after another, as it is told them. */
import { parentPort } from 'node:worker_threads';
import { runSeed, type ScenarioKind } from './seeds.ts';

export interface Task {
	seed: number;
	kind: ScenarioKind;
	hasOpenMarket: boolean;
}

parentPort!.on('message', ({ seed, kind, hasOpenMarket }: Task) => {
	void runSeed(seed, kind, undefined, hasOpenMarket).then((outcome) => {
		const { failure } = outcome;
		// A copied error loses its name.
		const told = failure && { name: failure.name, message: failure.message, stack: failure.stack };
		parentPort!.postMessage({ ...outcome, failure: told, log: failure ? outcome.log : [] });
	});
});
