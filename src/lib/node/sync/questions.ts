/** Questions to peers, each with one answer: who does not answer in time has answered nothing. */
import type { Clock } from '../clock.ts';

/** Answers that are waited for; who asks more at once has forgotten to wait. */
const MAX_OPEN = 16;

export class Questions<Answer extends { requestId: number }> {
	readonly #clock: Clock;
	readonly #open = new Map<number, { peer: string; settle(answer: Answer | null): void }>();
	#nextId: number;

	/** @param firstId where others ask in the same kind of packet, ids of theirs are below */
	constructor(clock: Clock, firstId = 1) {
		this.#clock = clock;
		this.#nextId = firstId;
	}

	/** @returns null where no answer came in time */
	ask(peer: string, timeoutMs: number, send: (requestId: number) => void): Promise<Answer | null> {
		if (this.#open.size >= MAX_OPEN) return Promise.resolve(null);
		const id = this.#nextId++;
		return new Promise((resolve) => {
			const settle = (answer: Answer | null): void => {
				if (!this.#open.delete(id)) return;
				cancel();
				resolve(answer);
			};
			const cancel = this.#clock.after(timeoutMs, () => settle(null));
			this.#open.set(id, { peer, settle });
			send(id);
		});
	}

	/** @returns whether it was asked for, here and of this peer */
	answer(from: string, answer: Answer): boolean {
		const open = this.#open.get(answer.requestId);
		if (open?.peer !== from) return false;
		open.settle(answer);
		return true;
	}
}
