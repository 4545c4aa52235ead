/**
 * Where the time goes: a CPU profile of a page, a worker or the relay, as time by function. A sample is taken by the wall
 * clock, so on a busy machine shares say more than milliseconds.
 */
import type { Send } from '../browser/harness/devtools.ts';

export interface FunctionShare {
	/** Function, file and line as V8 names them. */
	where: string;
	selfMs: number;
	/** With all that it called. */
	totalMs: number;
	/** selfMs of all time that was not idle. */
	selfShare: number;
	totalShare: number;
}

export interface ProfileSummary {
	/** Of the time that was recorded. */
	busyShare: number;
	recordedMs: number;
	functions: FunctionShare[];
}

/** As Profiler.stop returns it. */
interface Profile {
	nodes: {
		id: number;
		callFrame: { functionName: string; url: string; lineNumber: number };
		children?: number[];
	}[];
	samples: number[];
	/** Microseconds. */
	timeDeltas: number[];
}

const SAMPLING_US = 500;

/** Profiles from now until the returned function is called. */
export async function startProfile(send: Send): Promise<() => Promise<ProfileSummary>> {
	await send('Profiler.enable');
	await send('Profiler.setSamplingInterval', { interval: SAMPLING_US });
	await send('Profiler.start');
	return async () => summarize(((await send('Profiler.stop')) as { profile: Profile }).profile);
}

function summarize({ nodes, samples, timeDeltas }: Profile): ProfileSummary {
	const byId = new Map(nodes.map((node) => [node.id, node]));
	const ownMs = new Map<number, number>();
	samples.forEach((id, i) => {
		// A delta is the time since the sample before: it belongs to that one.
		ownMs.set(id, (ownMs.get(id) ?? 0) + (timeDeltas[i + 1] ?? 0) / 1000);
	});
	const selfMs = new Map<string, number>();
	const totalMs = new Map<string, number>();
	/** @param above names on the way down: a function that calls itself counts once */
	const visit = (id: number, above: ReadonlySet<string>): number => {
		const node = byId.get(id)!;
		const name = nameOf(node.callFrame);
		const own = ownMs.get(id) ?? 0;
		const within = new Set(above).add(name);
		const total = (node.children ?? []).reduce((sum, child) => sum + visit(child, within), own);
		selfMs.set(name, (selfMs.get(name) ?? 0) + own);
		if (!above.has(name)) totalMs.set(name, (totalMs.get(name) ?? 0) + total);
		return total;
	};
	// The first is the root.
	const recordedMs = visit(nodes[0]!.id, new Set());
	const busyMs = recordedMs - (selfMs.get('(idle)') ?? 0);
	return {
		busyShare: busyMs / recordedMs,
		recordedMs,
		functions: [...selfMs]
			.filter(([where]) => where !== '(idle)' && where !== '(root)')
			.map(([where, ms]) => ({
				where,
				selfMs: ms,
				totalMs: totalMs.get(where)!,
				selfShare: ms / busyMs,
				totalShare: totalMs.get(where)! / busyMs
			}))
			.sort((a, b) => b.selfMs - a.selfMs)
	};
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
	const file = url.replace(/^.*\/(?=[^/]+\/[^/]+$)/, '');
	return `${functionName || '(anonymous)'}${file && ` ${file}:${lineNumber + 1}`}`;
}
