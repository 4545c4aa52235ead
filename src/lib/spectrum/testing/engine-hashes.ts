/** Everything of the market that must be the same in every engine, in a few hashes. Runs in a page and in Node.js. */
import type { OptimumService } from '../mechanisms/optimal/optimum-service.ts';
import { mechanismNamed, mechanismNames } from '../mechanisms/registry.ts';
import { hashOfRandomLinks } from '../radio/link-hash.ts';
import { LAYOUTS } from '../scenario/layouts.ts';
import { marketInstance } from '../scenario/market-instance.ts';
import { PROCESS_KINDS } from '../scenario/occupancy-process.ts';
import { runScenario } from '../scenario/run-scenario.ts';
import { allocationHash, runSweep } from '../scenario/sweep.ts';

export interface Hashes {
	/** Of 10,000 random links. */
	links: string;
	/** Of a scenario of each layout and process, with each mechanism. */
	scenarios: string[];
	/** Of a sweep over all mechanisms. */
	sweep: string;
}

export async function hashesOfEngine(): Promise<Hashes> {
	const scenarios: string[] = [];
	for (const layout of LAYOUTS)
		for (const [i, process] of PROCESS_KINDS.entries())
			scenarios.push(
				runScenario({
					name: layout,
					seed: 7,
					source: { layout, count: 40 },
					conflictDistancePercent: 100,
					process,
					steps: 10,
					mechanism: mechanismNames()[i % mechanismNames().length]!
				}).hash
			);
	const { hash } = await runSweep({
		cases: [1, 2, 3].map((seed) => ({
			group: 'engine',
			market: marketInstance({ seed, size: 12, conflicts: true })
		})),
		contenders: mechanismNames().map((name) => ({ mechanism: mechanismNamed(name), rounds: 2 }))
	});
	return { links: hashOfRandomLinks(), scenarios, sweep: hash };
}

/** Allocation hash of the optimum of one market. */
export async function optimumOfEngine(service: OptimumService): Promise<string> {
	const { label, trades } = await service.clear(
		marketInstance({ seed: 3, size: 10, conflicts: true }),
		60_000
	);
	service.stop();
	return `${label} ${allocationHash(trades)}`;
}
