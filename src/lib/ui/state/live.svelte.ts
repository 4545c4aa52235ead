/**
 * A value that a page reads from the node again and again while it is shown: at a pace, and soon after something it
 * depends on has moved. Calls never overlap, a hidden page does not ask, and the last value stays when a call fails.
 */
import { untrack } from 'svelte';
import { session } from './node.svelte.ts';
import type { TabwaveApi } from '#lib/node/api.ts';

export interface Live<T> {
	readonly value: T | null;
	readonly error: Error | null;
	refresh(): void;
}

export interface LiveOptions {
	/** Asks again this long after the last answer, in milliseconds. */
	everyMs: number;
	/** Read runes here; when one moves, the value is read again, at most once per `afterMs`. */
	when?: () => unknown;
	afterMs?: number;
}

/** Call it while a component is being set up; it ends with the component. */
export function live<T>(read: (api: TabwaveApi) => Promise<T>, options: LiveOptions): Live<T> {
	let value = $state.raw<T | null>(null);
	let error = $state.raw<Error | null>(null);
	let running = false;
	let again = false;
	let stopped = false;
	let timer: ReturnType<typeof setTimeout> | null = null;
	let lastMs = 0;

	function schedule(delayMs: number): void {
		if (timer !== null) clearTimeout(timer);
		if (!stopped) timer = setTimeout(run, delayMs);
	}

	async function run(): Promise<void> {
		const api = session.node?.api;
		if (stopped || api === undefined || document.hidden) {
			schedule(options.everyMs);
			return;
		}
		if (running) {
			again = true;
			return;
		}
		running = true;
		lastMs = performance.now();
		try {
			const next = await read(api);
			if (!stopped) {
				value = next;
				error = null;
			}
		} catch (reason) {
			if (!stopped) error = reason instanceof Error ? reason : new Error(String(reason));
		} finally {
			running = false;
			schedule(again ? (options.afterMs ?? 1000) : options.everyMs);
			again = false;
		}
	}

	$effect(() => {
		// Begins when the node does.
		if (session.node !== null) untrack(() => void run());
	});

	$effect(() => {
		options.when?.();
		const sinceMs = performance.now() - lastMs;
		untrack(() => {
			if (lastMs > 0 && !running) schedule(Math.max(0, (options.afterMs ?? 1000) - sinceMs));
			else if (running) again = true;
		});
	});

	$effect(() => () => {
		stopped = true;
		if (timer !== null) clearTimeout(timer);
	});

	return {
		get value() {
			return value;
		},
		get error() {
			return error;
		},
		refresh: () => void run()
	};
}
