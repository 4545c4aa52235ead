/** CPU time of programs and all that they started, from /proc: Linux only, NaN and nothing elsewhere. */
import { readFileSync, readdirSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the machine. */
const MS_PER_TICK = 10;

/** @returns CPU milliseconds used so far by these processes and their descendants; NaN where there is no /proc */
export function cpuMs(roots: number[]): number {
	const processes = tree(roots);
	return processes ? processes.reduce((sum, { ms }) => sum + ms, 0) : NaN;
}

/**
 * The same by `kind of process / thread`: what no profile of scripts shows, WebRTC, signatures and storage among it.
 * Threads that ended are left out.
 */
export function cpuMsByThread(roots: number[]): Map<string, number> {
	const sums = new Map<string, number>();
	for (const { pid } of tree(roots) ?? []) {
		const kind = kindOf(read(`/proc/${pid}/cmdline`) ?? '');
		for (const task of list(`/proc/${pid}/task`)) {
			const stat = parse(read(`/proc/${pid}/task/${task}/stat`));
			if (!stat) continue;
			// Threads of one pool are numbered.
			const name = task === String(pid) ? 'main' : stat.name.replace(/[\d/:]+$/, '');
			const key = `${kind} / ${name}`;
			sums.set(key, (sums.get(key) ?? 0) + stat.ms);
		}
	}
	return sums;
}

interface Stat {
	name: string;
	parent: number;
	ms: number;
}

/** @returns null where there is no /proc */
function tree(roots: number[]): (Stat & { pid: number })[] | null {
	const all = new Map<number, Stat>();
	for (const entry of list('/proc')) {
		const stat = /^\d+$/.test(entry) ? parse(read(`/proc/${entry}/stat`)) : null;
		if (stat) all.set(Number(entry), stat);
	}
	if (all.size === 0) return null;
	const isBelow = (pid: number): boolean => {
		for (let at: number | undefined = pid; at !== undefined && at > 0; at = all.get(at)?.parent)
			if (roots.includes(at)) return true;
		return false;
	};
	return [...all].filter(([pid]) => isBelow(pid)).map(([pid, stat]) => ({ pid, ...stat }));
}

/** Of `/proc/…/stat`, see proc(5): the name stands in brackets and may hold anything. */
function parse(text: string | null): Stat | null {
	if (text === null) return null;
	const end = text.lastIndexOf(')');
	const fields = text.slice(end + 2).split(' ');
	return {
		name: text.slice(text.indexOf('(') + 1, end),
		parent: Number(fields[1]),
		ms: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
	};
}

function kindOf(commandLine: string): string {
	const type = /--type=([\w-]+)/.exec(commandLine)?.[1];
	if (type === 'utility') return /--utility-sub-type=(?:\w+\.mojom\.)?(\w+)/.exec(commandLine)?.[1] ?? type;
	if (type) return type;
	return commandLine.includes('relay/main') ? 'relay' : 'browser';
}

/** What ends meanwhile is not there any more. */
function read(path: string): string | null {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return null;
	}
}

function list(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}
