/** Steady trades while 0, 1 … f members of a partition are gone and not evicted: the others carry on at q. */
import { faultyBound } from '#lib/consensus/quorum.ts';
import { withNetwork } from '../bench-network.ts';
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
	return withNetwork({ tabs: size, path, ini }, async ({ pages }) => {
		const alive = [...pages];
		const rates: number[] = [];
		for (let dead = 0; dead <= faultyBound(size); dead++) {
			if (dead > 0) await alive.pop()!.close();
			// The same load, whoever makes it.
			await startLoad(alive, Math.round(outstanding / alive.length));
			await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
			const { finalTps } = await measureLoad(alive, measureMs);
			await stopLoad(alive);
			rates.push(finalTps);
		}
		report.details[name] = { rates };
		report.add(name, 'TPS with f dead ÷ fault-free', rates.at(-1)! / rates[0]!, '', '≥ 0.7');
		report.add(name, `final TPS with 0 … ${rates.length - 1} dead`, several(rates), 'a second');
	});
}
