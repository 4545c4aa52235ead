/** An identity that this page runs: keeps it fresh, remembers where it voted, and gives it up when it must. */
import { StoreError } from '../../storage/ledger-store.ts';
import type { IdentityChannel } from './identity-channel.ts';
import type { IdentityEnvironment } from './identity-environment.ts';
import type { IdentityHold } from './identity-guard.ts';
import type { IdentityRecord } from './identity-store.ts';

/** How often a running identity says so. Its last word tells a page that is opened later whether it is an orphan. */
export const HEARTBEAT_MS = 5_000;

/**
 * Why this page may run the identity no longer: the person moved it to another tab; another tab took it while this one
 * was frozen; its record was deleted.
 */
export type RevokedReason = 'moved' | 'taken' | 'forgotten';

/** How this page came by it. */
export type IdentityOrigin = 'reload' | 'adopted' | 'created' | 'moved';

export interface RunningIdentityInit {
	record: IdentityRecord;
	/** False where nothing is stored: a reload makes another identity. */
	persistent: boolean;
	origin: IdentityOrigin;
	/** The identity that this tab had, and that lost its vote records. */
	replaced: { nodeId: string; nickname: string } | null;
	hold: IdentityHold | null;
	channel: IdentityChannel | null;
	environment: IdentityEnvironment;
}

export class RunningIdentity {
	readonly kind = 'running';
	readonly name: string;
	/** Hex of the public key. */
	readonly nodeId: string;
	/** 32 bytes, RFC 8032's private key. */
	readonly seed: Uint8Array;
	readonly persistent: boolean;
	readonly origin: IdentityOrigin;
	readonly replaced: RunningIdentityInit['replaced'];
	#record: IdentityRecord;
	readonly #hold: IdentityHold | null;
	readonly #channel: IdentityChannel | null;
	readonly #environment: IdentityEnvironment;
	readonly #listeners: ((reason: RevokedReason) => void | Promise<void>)[] = [];
	#revoked: RevokedReason | null = null;
	#released = false;
	#moving = false;
	#timer: unknown = null;
	#stopHearing: () => void = () => {};

	constructor({ record, persistent, origin, replaced, hold, channel, environment }: RunningIdentityInit) {
		this.name = record.name;
		this.nodeId = record.nodeId;
		this.seed = record.seed;
		this.persistent = persistent;
		this.origin = origin;
		this.replaced = replaced;
		this.#record = record;
		this.#hold = hold;
		this.#channel = channel;
		this.#environment = environment;
		hold?.onTaken(() => this.#revoke('taken'));
		if (channel)
			this.#stopHearing = channel.hear(record.name, ({ kind, token }) => {
				if (kind === 'move') void this.#move(token);
			});
		if (persistent) this.#scheduleHeartbeat();
	}

	get nickname(): string {
		return this.#record.nickname;
	}

	/**
	 * Called once, when this page must stop its node. For `moved` the other tab waits until the listeners are done, so they
	 * resolve when the node has stopped and its stores are closed, and reject where it cannot stop.
	 */
	onRevoked(listener: (reason: RevokedReason) => void | Promise<void>): void {
		this.#listeners.push(listener);
		if (this.#revoked) this.#report(listener(this.#revoked));
	}

	/** Whether this key may have signed a vote on the chain, so that it runs there with its vote records or not at all (R25). */
	hasVotedOn(chainId: string): boolean {
		return this.#record.votedOn.includes(chainId);
	}

	/**
	 * Remembers that this key votes on the chain. Await it before the first vote is sent (R25).
	 * @throws StoreError where it cannot be remembered: do not vote then
	 */
	async markVoted(chainId: string): Promise<void> {
		if (!this.persistent || this.#record.votedOn.includes(chainId)) return;
		await this.#update((record) => ({ ...record, votedOn: including(record.votedOn, chainId) }));
	}

	/**
	 * This key's vote records on the chain are gone: it never runs there again. Stop the node and claim anew.
	 * @throws StoreError
	 */
	async retire(chainId: string): Promise<void> {
		if (!this.persistent) return;
		await this.#update((record) => ({ ...record, retiredFrom: including(record.retiredFrom, chainId) }));
	}

	/** @throws StoreError */
	async rename(nickname: string): Promise<void> {
		if (this.persistent) await this.#update((record) => ({ ...record, nickname }));
		else this.#record = { ...this.#record, nickname };
	}

	/** Lets go of it: another tab may run it from now on. Stop the node first. */
	release(): void {
		if (this.#released) return;
		this.#released = true;
		if (this.#timer !== null) this.#environment.timers.clearTimeout(this.#timer);
		this.#stopHearing();
		this.#hold?.release();
	}

	async #update(change: (record: IdentityRecord) => IdentityRecord): Promise<void> {
		const changed = await this.#environment.store.update(this.name, this.#ifOurs(change), 'strict');
		if (!changed)
			throw new StoreError('lost', 'this identity is no longer stored for this tab; reload the page');
		this.#record = changed;
	}

	#ifOurs(change: (record: IdentityRecord) => IdentityRecord) {
		return (record: IdentityRecord) => (record.owner === this.#record.owner ? change(record) : null);
	}

	#scheduleHeartbeat(): void {
		this.#timer = this.#environment.timers.setTimeout(() => void this.#beat(), HEARTBEAT_MS);
	}

	async #beat(): Promise<void> {
		const { store, timers, report } = this.#environment;
		try {
			const touch = this.#ifOurs((record) => ({ ...record, lastUsedMs: timers.now() }));
			const isOurs = (await store.update(this.name, touch, 'relaxed')) !== null;
			if (!isOurs) this.#revoke((await store.get(this.name)) ? 'taken' : 'forgotten');
		} catch (error) {
			report(error); // the next beat tries again
		}
		if (!this.#released) this.#scheduleHeartbeat();
	}

	/** Another tab wants it: let go once the node has stopped. */
	async #move(asker: string): Promise<void> {
		if (this.#moving || this.#released) return;
		this.#moving = true;
		try {
			await Promise.all(this.#listeners.map(async (listener) => listener('moved')));
		} catch (error) {
			// What cannot be stopped must not run twice.
			this.#moving = false;
			this.#environment.report(error);
			this.#channel?.say('refused', this.name, asker);
			return;
		}
		this.#revoked ??= 'moved';
		this.release();
	}

	#revoke(reason: RevokedReason): void {
		if (this.#released || this.#revoked) return;
		this.#revoked = reason;
		this.release();
		for (const listener of this.#listeners) this.#report(listener(reason));
	}

	#report(stopping: void | Promise<void>): void {
		Promise.resolve(stopping).catch((error: unknown) => this.#environment.report(error));
	}
}

function including(values: string[], value: string): string[] {
	return values.includes(value) ? values : [...values, value];
}
