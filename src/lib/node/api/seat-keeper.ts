/**
 * A member that was silent for longer than the grace is evicted (R22), as a laptop or a phone that slept. Back again it finds that out
 * from the ledger, and asks for a seat by itself: who slept did not mean to leave.
 */
import type { JoinOptions } from '../api.ts';
import type { Clock } from '../clock.ts';

export interface SeatKeeperInit {
	clock: Clock;
	/** Where this node is a member by the ledger that it has; null where it is none. */
	partition(): number | null;
	/** Evicted for evidence (R24): nobody has it back. */
	isBanned(): boolean;
	/** As a person does it. */
	join(options: JoinOptions): Promise<unknown>;
	log(level: 'info' | 'warning', message: string): void;
}

/** Between two tries: each of them waits for half a minute where nobody answers, and a refusal comes at once. */
const AGAIN_MS = 3000;
/** Refusals that may be different a moment later. */
const PASSING = ['NotConnected', 'Timeout'];

export class SeatKeeper {
	readonly #init: SeatKeeperInit;
	#partition: number | null;
	/** From the last join: an invitation is needed again. */
	#invitation: string | undefined;
	#isLeaving = false;
	#stopped = false;

	constructor(init: SeatKeeperInit) {
		this.#init = init;
		this.#partition = init.partition();
	}

	/** This node asks to join. */
	joining({ invitation }: JoinOptions): void {
		this.#invitation = invitation;
	}

	/** This node asks to leave. Late as that may become final, nobody is brought back against their will. */
	leaving(): void {
		this.#isLeaving = true;
	}

	/** The ledger has grown. */
	committed(): void {
		const [before, now] = [this.#partition, this.#init.partition()];
		this.#partition = now;
		if (before === null && now !== null) this.#isLeaving = false;
		if (before === null || now !== null || this.#isLeaving || this.#init.isBanned()) return;
		void this.#askAgain(before);
	}

	stop(): void {
		this.#stopped = true;
	}

	async #askAgain(before: number): Promise<void> {
		const { clock, partition, join, log } = this.#init;
		log('warning', `evicted from partition ${before} after silence; asking for a seat again`);
		/** 0: wherever there is one, once the old partition is full. */
		let wish = before;
		while (!this.#stopped && partition() === null) {
			try {
				await join({ partition: wish, invitation: this.#invitation });
				return;
			} catch (error) {
				const { name, message } = error as Error;
				if (name === 'PartitionFull' && wish !== 0) wish = 0;
				else if (!PASSING.includes(name)) {
					// Also where the person was quicker and presses Join.
					log('info', `no seat again: ${message}`);
					return;
				}
			}
			await new Promise<void>((resolve) => void clock.after(AGAIN_MS, resolve));
		}
	}
}
