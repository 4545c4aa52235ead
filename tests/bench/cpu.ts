/** CPU time of a process and all its children, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** @returns CPU seconds used so far by these processes and their descendants; NaN where there is no /proc */
export function cpuSeconds(roots: number[]): number {
	try {
		const parents = new Map<number, number>();
		const used = new Map<number, number>();
		for (const entry of readdirSync('/proc')) {
			if (!/^\d+$/.test(entry)) continue;
			try {
				const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
				// The name stands in brackets and may hold anything.
				const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
				parents.set(Number(entry), Number(fields[1]));
				used.set(Number(entry), (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND);
			} catch {
				continue; // The process ended meanwhile.
			}
		}
		const isBelow = (pid: number): boolean => {
			for (let at: number | undefined = pid; at !== undefined && at > 0; at = parents.get(at))
				if (roots.includes(at)) return true;
			return false;
		};
		return [...used].filter(([pid]) => isBelow(pid)).reduce((sum, [, seconds]) => sum + seconds, 0);
	} catch {
		return NaN;
	}
}
