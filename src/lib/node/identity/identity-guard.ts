/** R25: one tab at most runs an identity. A Web Lock sees to it; on plain http the tabs ask each other. */
import type { IdentityChannel } from './identity-channel.ts';
import type { LocksLike, Timers } from './identity-environment.ts';

/** This page runs the identity until it lets go, or the page ends. */
export interface IdentityHold {
	release(): void;
	/** Called where another tab took the identity all the same. */
	onTaken(listener: () => void): void;
}

export interface IdentityGuard {
	/** @returns null where another tab holds `name` and does not let go within `waitMs`; 0 does not wait */
	acquire(name: string, waitMs: number): Promise<IdentityHold | null>;
	/** Of a name that this page has just made up, which nobody can hold. */
	acquireNew(name: string): Promise<IdentityHold>;
}

export class LockGuard implements IdentityGuard {
	readonly #locks: LocksLike;
	readonly #timers: Timers;

	constructor(locks: LocksLike, timers: Timers) {
		this.#locks = locks;
		this.#timers = timers;
	}

	acquire(name: string, waitMs: number): Promise<IdentityHold | null> {
		return new Promise((resolve, reject) => {
			const controller = new AbortController();
			const timer = waitMs > 0 ? this.#timers.setTimeout(() => controller.abort(), waitMs) : null;
			const options = waitMs > 0 ? { signal: controller.signal } : { ifAvailable: true };
			let hold: Hold | null = null;
			const held = (lock: unknown): Promise<void> | void => {
				if (timer !== null) this.#timers.clearTimeout(timer);
				if (!lock) return resolve(null);
				return new Promise((release) => resolve((hold = new Hold(release))));
			};
			this.#locks.request(`tabwave-identity-${name}`, options, held).catch((error: unknown) => {
				if (hold)
					hold.taken(); // the lock was stolen
				else if (controller.signal.aborted) resolve(null);
				else reject(error);
			});
		});
	}

	async acquireNew(name: string): Promise<IdentityHold> {
		const hold = await this.acquire(name, 0);
		if (!hold) throw new Error(`a new identity's lock ${name} is held, so the random numbers repeat`);
		return hold;
	}
}

/**
 * How long a claimant waits for the tab that runs the identity to say so. Messages reach hidden tabs at once; this is for
 * a page whose main thread is busy.
 */
export const ASK_MS = 700;
/** Between two questions while waiting for a tab to let go. */
export const ASK_AGAIN_MS = 200;

/**
 * Asks and waits for an answer. Weaker than a lock: a tab that is frozen cannot answer. It learns from `claimed`, when it
 * wakes, that the identity is no longer its own; a page with an open data channel is not frozen.
 */
export class ChannelGuard implements IdentityGuard {
	readonly #channel: IdentityChannel;
	readonly #timers: Timers;

	constructor(channel: IdentityChannel, timers: Timers) {
		this.#channel = channel;
		this.#timers = timers;
	}

	async acquire(name: string, waitMs: number): Promise<IdentityHold | null> {
		const deadlineMs = this.#timers.now() + waitMs;
		for (;;) {
			if (await this.#isFree(name)) return this.#hold(name);
			if (this.#timers.now() >= deadlineMs) return null;
			await new Promise<void>((resolve) => this.#timers.setTimeout(resolve, ASK_AGAIN_MS));
		}
	}

	async acquireNew(name: string): Promise<IdentityHold> {
		return this.#hold(name);
	}

	#isFree(name: string): Promise<boolean> {
		return new Promise((resolve) => {
			const finish = (isFree: boolean): void => {
				stop();
				this.#timers.clearTimeout(timer);
				resolve(isFree);
			};
			const timer = this.#timers.setTimeout(() => finish(true), ASK_MS);
			const stop = this.#channel.hear(name, ({ kind, token }) => {
				// Of two that ask at once, the lower token goes first.
				if (kind === 'ask' && this.#channel.token < token) this.#channel.say('held', name, token);
				else if (kind === 'held' || kind === 'claimed') finish(false);
			});
			this.#channel.say('ask', name);
		});
	}

	#hold(name: string): IdentityHold {
		const hold = new Hold(() => stop());
		const stop = this.#channel.hear(name, ({ kind, token }) => {
			if (kind === 'ask') this.#channel.say('held', name, token);
			if (kind === 'claimed') hold.taken();
		});
		this.#channel.say('claimed', name);
		return hold;
	}
}

class Hold implements IdentityHold {
	readonly #release: () => void;
	readonly #listeners: (() => void)[] = [];
	#ended: 'released' | 'taken' | null = null;

	constructor(release: () => void) {
		this.#release = release;
	}

	release(): void {
		if (this.#ended) return;
		this.#ended = 'released';
		this.#release();
	}

	onTaken(listener: () => void): void {
		this.#listeners.push(listener);
		if (this.#ended === 'taken') listener();
	}

	taken(): void {
		if (this.#ended) return;
		this.#ended = 'taken';
		this.#release();
		for (const listener of this.#listeners) listener();
	}
}
