/** The worker behind study.ts: fields of SINR, capacities, files in and out, and sweeps, in slices that can be given up. */
import { runStudy, type Slices } from './study-run.ts';
import type { FromStudy, StudyKind, ToStudy } from './study-messages.ts';

const cancelled = new Set<number>();

self.addEventListener('message', ({ data }: MessageEvent<ToStudy>) => {
	if ('cancel' in data) cancelled.add(data.cancel);
	else void answer(data.id, data.kind, data.request);
});

async function answer(id: number, kind: StudyKind, request: unknown): Promise<void> {
	const slices: Slices = {
		nowMs: () => performance.now(),
		pause: async () => {
			await nextTask();
			if (cancelled.has(id)) throw new DOMException('given up', 'AbortError');
		}
	};
	try {
		const value = await runStudy(kind, request as never, slices, (part, transfer) =>
			post({ id, part }, transfer)
		);
		post({ id, answer: value });
	} catch (error) {
		if (cancelled.has(id)) return;
		const { name, message } = error instanceof Error ? error : new Error(String(error));
		const { reason = null, line = null } = error as { reason?: string | null; line?: number | null };
		post({ id, error: { name, message, reason, line } });
	} finally {
		cancelled.delete(id);
	}
}

function post(message: FromStudy, transfer: Transferable[] = []): void {
	self.postMessage(message, { transfer });
}

/** Messages that arrived meanwhile, cancellations among them, are read first. */
const tasks = new MessageChannel();
let resume: (() => void)[] = [];
tasks.port1.onmessage = () => {
	const waiting = resume;
	resume = [];
	for (const go of waiting) go();
};

function nextTask(): Promise<void> {
	return new Promise((resolve) => {
		resume.push(resolve);
		tasks.port2.postMessage(null);
	});
}
