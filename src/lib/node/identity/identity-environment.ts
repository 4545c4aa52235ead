/** What an identity needs of the page around it, so that a test can stand in for a whole browser of tabs. */
import { IdbIdentityStore } from './identity-store.ts';
import type { IdentityStore } from './identity-store.ts';

export interface IdentityEnvironment {
	store: IdentityStore;
	/** This tab's own; null where the page may not use it. */
	session: Pick<Storage, 'getItem' | 'setItem'> | null;
	/** Null on plain http, which is no secure context. */
	locks: LocksLike | null;
	/** Between the tabs of this origin; does not hear itself. Null where the browser has none. */
	channel: ChannelLike | null;
	timers: Timers;
	randomBytes(length: number): Uint8Array;
	/** Of what failed and is tried again or lived without. */
	report(error: unknown): void;
}

/** The part of `navigator.locks` that is used. */
export interface LocksLike {
	request(
		name: string,
		options: { ifAvailable?: boolean; signal?: AbortSignal },
		callback: (lock: unknown) => Promise<void> | void
	): Promise<unknown>;
}

/** The part of a BroadcastChannel that is used. */
export interface ChannelLike {
	postMessage(message: unknown): void;
	addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
	removeEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
}

export interface Timers {
	/** Milliseconds since the epoch. */
	now(): number;
	setTimeout(callback: () => void, delayMs: number): unknown;
	clearTimeout(timer: unknown): void;
}

const CHANNEL_NAME = 'tabwave-identity';

/** Of the page that calls it; once a page. */
export function browserIdentityEnvironment(report: (error: unknown) => void): IdentityEnvironment {
	return {
		store: new IdbIdentityStore(),
		session: sessionStorageOf(report),
		locks: 'locks' in navigator ? (navigator.locks as unknown as LocksLike) : null,
		channel: typeof BroadcastChannel === 'function' ? new BroadcastChannel(CHANNEL_NAME) : null,
		timers: {
			now: () => Date.now(),
			setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
			clearTimeout: (timer) => clearTimeout(timer as number)
		},
		// There on plain http too, where randomUUID is not.
		randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
		report
	};
}

function sessionStorageOf(report: (error: unknown) => void): Storage | null {
	try {
		return sessionStorage;
	} catch (error) {
		report(error); // blocked by the person's settings
		return null;
	}
}
