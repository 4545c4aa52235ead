/** A browser of many tabs to test identities in: one clock, one set of locks, one channel. Imported by tests only. */
import type { ChannelLike, IdentityEnvironment, LocksLike, Timers } from './identity-environment.ts';
import { MemoryIdentityStore } from './identity-store.ts';
import type { IdentityStore } from './identity-store.ts';

export class FakeBrowser {
	readonly store: IdentityStore;
	readonly isSecure: boolean;
	readonly reports: unknown[] = [];
	readonly clock = new FakeClock();
	readonly #locks = new Map<string, LockQueue>();
	readonly #tabs = new Set<FakeTab>();
	#random = 0;

	constructor({
		store = new MemoryIdentityStore(),
		isSecure = true
	}: { store?: IdentityStore; isSecure?: boolean } = {}) {
		this.store = store;
		this.isSecure = isSecure;
	}

	/** A new tab, or with `session` one that was reloaded or duplicated. */
	open(session = new Map<string, string>()): FakeTab {
		const tab = new FakeTab(this, new Map(session));
		this.#tabs.add(tab);
		return tab;
	}

	closed(tab: FakeTab): void {
		this.#tabs.delete(tab);
		for (const queue of this.#locks.values()) queue.drop(tab);
	}

	broadcast(from: FakeTab, message: unknown): void {
		const copy: unknown = structuredClone(message);
		for (const tab of this.#tabs) if (tab !== from) tab.deliver(copy);
	}

	queueOf(lock: string): LockQueue {
		let queue = this.#locks.get(lock);
		if (!queue) this.#locks.set(lock, (queue = new LockQueue()));
		return queue;
	}

	/** Different bytes at every call, the same in every run. */
	randomBytes(length: number): Uint8Array {
		this.#random++;
		return Uint8Array.from({ length }, (_, i) => (this.#random * 2_654_435_761 + i * 97) >>> ((i % 3) * 8));
	}

	/** Lets everything that needs no time come to rest. */
	async settle(): Promise<void> {
		for (let i = 0; i < SETTLE_TURNS; i++) await new Promise<void>((resolve) => setImmediate(resolve));
	}

	/** Lets time pass, and everything happen in its order. */
	async pass(ms: number): Promise<void> {
		const end = this.clock.nowMs + ms;
		await this.settle();
		while (this.clock.runNext(end)) await this.settle();
		this.clock.nowMs = end;
	}

	/** The result of `work`, letting time pass until it is there. */
	async wait<T>(work: Promise<T>): Promise<T> {
		let isDone = false;
		const done = (): void => void (isDone = true);
		work.then(done, done);
		await this.settle();
		while (!isDone && this.clock.runNext(Infinity)) await this.settle();
		return work;
	}
}

/** Turns of the event loop after which the IndexedDB in memory is at rest too. */
const SETTLE_TURNS = 12;

export class FakeTab {
	readonly session: Map<string, string>;
	readonly environment: IdentityEnvironment;
	readonly #browser: FakeBrowser;
	readonly #listeners = new Set<(event: { data: unknown }) => void>();
	#isOpen = true;
	/** What waits for a frozen tab to wake. */
	#frozen: (() => void)[] | null = null;

	constructor(browser: FakeBrowser, session: Map<string, string>) {
		this.#browser = browser;
		this.session = session;
		const channel: ChannelLike = {
			postMessage: (message) => this.#ifOpen(() => browser.broadcast(this, message)),
			addEventListener: (_, listener) => this.#listeners.add(listener),
			removeEventListener: (_, listener) => this.#listeners.delete(listener)
		};
		const locks: LocksLike = {
			request: (name, options, callback) => browser.queueOf(name).request(this, options, callback)
		};
		const timers: Timers = {
			now: () => browser.clock.nowMs,
			setTimeout: (callback, ms) => browser.clock.setTimeout(() => this.#awake(callback), ms),
			clearTimeout: (timer) => browser.clock.clearTimeout(timer)
		};
		this.environment = {
			store: browser.store,
			session: {
				getItem: (key) => session.get(key) ?? null,
				setItem: (key, value) => void session.set(key, value)
			},
			locks: browser.isSecure ? locks : null,
			channel,
			timers,
			randomBytes: (length) => browser.randomBytes(length),
			report: (error) => browser.reports.push(error)
		};
	}

	deliver(data: unknown): void {
		queueMicrotask(() =>
			this.#awake(() => {
				for (const listener of [...this.#listeners]) listener({ data });
			})
		);
	}

	/** The page ends: its locks are free, its timers and listeners gone. */
	close(): void {
		this.#isOpen = false;
		this.#browser.closed(this);
	}

	reload(): FakeTab {
		this.close();
		return this.#browser.open(this.session);
	}

	duplicate(): FakeTab {
		return this.#browser.open(this.session);
	}

	freeze(): void {
		this.#frozen = [];
	}

	thaw(): void {
		const waiting = this.#frozen ?? [];
		this.#frozen = null;
		for (const callback of waiting) callback();
	}

	#awake(callback: () => void): void {
		if (!this.#isOpen) return;
		if (this.#frozen) this.#frozen.push(callback);
		else callback();
	}

	#ifOpen(work: () => void): void {
		if (this.#isOpen) work();
	}
}

/** One Web Lock: https://w3c.github.io/web-locks/ */
class LockQueue {
	#holder: { tab: FakeTab; end: () => void } | null = null;
	#waiting: { tab: FakeTab; grant: () => void }[] = [];

	request(
		tab: FakeTab,
		{ ifAvailable = false, signal }: { ifAvailable?: boolean; signal?: AbortSignal },
		callback: (lock: unknown) => Promise<void> | void
	): Promise<unknown> {
		if (ifAvailable && signal) return Promise.reject(new DOMException('both', 'NotSupportedError'));
		return new Promise((resolve, reject) => {
			const grant = (): void => {
				const end = (): void => {
					if (this.#holder !== holder) return;
					this.#holder = null;
					this.#waiting.shift()?.grant();
				};
				const holder = (this.#holder = { tab, end });
				Promise.resolve(callback({})).then((value) => (end(), resolve(value)), reject);
			};
			if (!this.#holder) return grant();
			if (ifAvailable) return void Promise.resolve(callback(null)).then(resolve, reject);
			const waiter = { tab, grant };
			this.#waiting.push(waiter);
			signal?.addEventListener('abort', () => {
				if (!this.#waiting.includes(waiter)) return;
				this.#waiting = this.#waiting.filter((other) => other !== waiter);
				reject(new DOMException('aborted', 'AbortError'));
			});
		});
	}

	drop(tab: FakeTab): void {
		this.#waiting = this.#waiting.filter((waiter) => waiter.tab !== tab);
		if (this.#holder?.tab === tab) this.#holder.end();
	}
}

interface Timer {
	atMs: number;
	callback: () => void;
}

class FakeClock {
	nowMs = 1_700_000_000_000;
	#timers: Timer[] = [];

	setTimeout(callback: () => void, ms: number): unknown {
		const timer = { atMs: this.nowMs + ms, callback };
		this.#timers.push(timer);
		return timer;
	}

	clearTimeout(timer: unknown): void {
		this.#timers = this.#timers.filter((other) => other !== timer);
	}

	/** Goes to the next timer that is due by `endMs` and runs it. @returns whether there was one */
	runNext(endMs: number): boolean {
		const next = this.#timers.reduce<Timer | null>(
			(first, timer) => (first && first.atMs <= timer.atMs ? first : timer),
			null
		);
		if (!next || next.atMs > endMs) return false;
		this.clearTimeout(next);
		this.nowMs = Math.max(this.nowMs, next.atMs);
		next.callback();
		return true;
	}
}
