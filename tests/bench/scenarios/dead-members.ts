/** Steady trades while 0, 1 … f members of a partition are gone and not evicted: the others carry on at q. */
import { faultyBound } from '#lib/consensus/quorum.ts';
import { DEFAULT_TIMING } from '#lib/node/timing.ts';
import { withNetwork } from '../bench-network.ts';
import { cpuMs } from '../cpu.ts';
import { measureLoad, startLoad, stopLoad } from '../load.ts';
import { several, type Report } from '../report.ts';

export interface DeadMembersInit {
	/** Members of the partition, one run each. */
	sizes: number[];
	path: string;
	/** Transfers outstanding in all. */
	outstanding: number;
	measureMs: number;
}

const WARM_UP_MS = 5000;

export async function deadMembers(report: Report, init: DeadMembersInit): Promise<void> {
	for (const size of init.sizes) await oneSize(report, size, init);
}

function oneSize(
	report: Report,
	size: number,
	{ path, outstanding, measureMs }: DeadMembersInit
): Promise<void> {
	const name = `${size} tabs, 1 partition, some dead`;
	const ini = '[timeouts]\nevictionGraceMs = 600000\n';
	return withNetwork({ tabs: size, path, ini }, async ({ pages, pids }) => {
		const alive = [...pages];
		const steps: { dead: number; finalTps: number; p50Ms: number; cores: number; cpuMsOfOne: number }[] = [];
		for (let dead = 0; dead <= faultyBound(size); dead++) {
			if (dead > 0) await alive.pop()!.close();
			// The same load, whoever makes it.
			await startLoad(alive, Math.round(outstanding / alive.length));
			await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
			const cpuBeforeMs = cpuMs(pids);
			const { finalTps, p50Ms, seconds, transactions } = await measureLoad(alive, measureMs);
			const usedMs = cpuMs(pids) - cpuBeforeMs;
			steps.push({
				dead,
				finalTps,
				p50Ms,
				cores: usedMs / 1000 / seconds,
				cpuMsOfOne: usedMs / transactions
			});
			await stopLoad(alive);
		}
		report.details[name] = { steps };
		const [first, last] = [steps[0]!, steps.at(-1)!];
		report.add(name, 'TPS with f dead ÷ fault-free', last.finalTps / first.finalTps, '', '≥ 0.7');
		// On a machine with other work a rate says how much of it was left; this does not.
		report.add(
			name,
			'TPS of a core with f dead ÷ the same, fault-free',
			first.cpuMsOfOne / last.cpuMsOfOne,
			'',
			'≥ 0.7'
		);
		const each = (value: (step: (typeof steps)[number]) => number, digits = 0): string =>
			several(steps.map(value), digits);
		const dead = `with 0 … ${last.dead} dead`;
		report.add(
			name,
			`final TPS ${dead}`,
			each(({ finalTps }) => finalTps),
			'a second'
		);
		report.add(
			name,
			`p50 to final ${dead}`,
			each(({ p50Ms }) => p50Ms),
			'ms'
		);
		report.add(
			name,
			`cores in use ${dead}`,
			each(({ cores }) => cores, 2),
			'cores'
		);
		report.add(
			name,
			`CPU of a final transaction ${dead}`,
			each(({ cpuMsOfOne }) => cpuMsOfOne, 2),
			'ms'
		);
		const { viewTimeoutMs, commitToAllMs, resendMs } = DEFAULT_TIMING;
		report.add(
			name,
			'timeouts: view / commit to all / resend',
			several([viewTimeoutMs, commitToAllMs, resendMs]),
			'ms'
		);
	});
}
