/** Virtual time: a heap of things to do, in order of time and then of being asked for. */
import type { Clock } from '#lib/node/clock.ts';

/** Whether a program runs, and what waits for it while it is frozen, in order. */
export interface Life {
	stopped: boolean;
	frozen: boolean;
	waiting: (() => void)[];
}

export function newLife(): Life {
	return { stopped: false, frozen: false, waiting: [] };
}

/** Something happens to a program: now, or when it thaws, or never. */
export function live(life: Life, run: () => void): void {
	if (life.stopped) return;
	if (life.frozen) life.waiting.push(run);
	else run();
}

interface Task {
	atMs: number;
	order: number;
	run(): void;
	cancelled: boolean;
}

export class VirtualTime {
	#heap: Task[] = [];
	#order = 0;
	#outside = 0;
	nowMs: number;
	/** Tasks that were run: a measure of work that does not depend on the machine. */
	steps = 0;

	constructor(startMs: number) {
		this.nowMs = startMs;
	}

	after(delayMs: number, run: () => void): () => void {
		const task: Task = { atMs: this.nowMs + delayMs, order: this.#order++, run, cancelled: false };
		push(this.#heap, task);
		return () => {
			task.cancelled = true;
		};
	}

	/** A clock that a node owns: `skewMs` off, silent once its life is over, and late while it is frozen. */
	clock(skewMs: number, life: Life): Clock {
		const after = (delayMs: number, run: () => void): (() => void) =>
			this.after(delayMs, () => live(life, run));
		return {
			now: () => Math.floor(this.nowMs + skewMs),
			after,
			every: (intervalMs, run) => {
				let cancel = (): void => {};
				const again = (): void => {
					cancel = after(intervalMs, () => {
						again();
						run();
					});
				};
				again();
				return () => cancel();
			}
		};
	}

	/** Something that the machine does, and not this simulation: virtual time stands still until it is done. */
	async outside<T>(work: Promise<T>): Promise<T> {
		this.#outside += 1;
		try {
			return await work;
		} finally {
			this.#outside -= 1;
		}
	}

	/** Runs until `endMs` or until `done` says so; between tasks every promise that can settle has settled. */
	async run(endMs: number, done: () => boolean = () => false): Promise<void> {
		while (this.#heap.length > 0 && this.#heap[0]!.atMs <= endMs && !done()) {
			const task = pop(this.#heap);
			if (task.cancelled) continue;
			this.nowMs = task.atMs;
			this.steps += 1;
			task.run();
			await (this.steps % STEPS_PER_TURN === 0 ? breath() : settled());
			while (this.#outside > 0) await breath();
		}
		if (!done()) this.nowMs = Math.max(this.nowMs, endMs);
	}
}

/** After so many tasks the event loop has its turn: whoever runs the simulation wants to hear of it. */
const STEPS_PER_TURN = 1024;

/**
 * Nothing in a simulation waits for anything but promises. Node.js takes from its queue of ticks only when no promise is left that
 * can settle, which costs a tenth of a turn of the event loop.
 */
function settled(): Promise<void> {
	return new Promise((resolve) => process.nextTick(resolve));
}

function breath(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: Task, b: Task): boolean {
	return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Task[], task: Task): void {
	let at = heap.push(task) - 1;
	while (at > 0) {
		const parent = (at - 1) >> 1;
		if (!isBefore(task, heap[parent]!)) break;
		heap[at] = heap[parent]!;
		at = parent;
	}
	heap[at] = task;
}

function pop(heap: Task[]): Task {
	const first = heap[0]!;
	const last = heap.pop()!;
	if (heap.length === 0) return first;
	let at = 0;
	for (;;) {
		const left = 2 * at + 1;
		if (left >= heap.length) break;
		const right = left + 1;
		const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left;
		if (!isBefore(heap[child]!, last)) break;
		heap[at] = heap[child]!;
		at = child;
	}
	heap[at] = last;
	return first;
}
