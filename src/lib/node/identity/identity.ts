/**
 * Who this tab is (R25). An identity survives a reload, is picked up again by the next tab when its own was closed, and is
 * never run by two tabs at once. A key whose vote records are gone does not run on that chain again.
 *
 *     const claim = await claimIdentity({ environment: browserIdentityEnvironment(report), suite, chainId, locale });
 *     if (claim.kind === 'duplicate') … ask the person, then claim.second() or claim.moveHere()
 *     claim.onRevoked(async () => node.stop());
 *     await claim.markVoted(chainId); // before the first vote
 */
import { toHex } from '../../crypto/hex.ts';
import type { Suite } from '../../crypto/suite.ts';
import { ledgerDatabaseExists, ledgerDatabaseName } from '../../storage/ledger-database.ts';
import { StoreError } from '../../storage/ledger-store.ts';
import { IdentityChannel } from './identity-channel.ts';
import type { IdentityEnvironment } from './identity-environment.ts';
import { ChannelGuard, LockGuard } from './identity-guard.ts';
import type { IdentityGuard, IdentityHold } from './identity-guard.ts';
import { suggestNickname } from './identity-nickname.ts';
import { RunningIdentity } from './identity-running.ts';
import type { IdentityOrigin } from './identity-running.ts';
import type { IdentityRecord } from './identity-store.ts';

export { browserIdentityEnvironment } from './identity-environment.ts';
export { suggestNickname } from './identity-nickname.ts';
export { RunningIdentity } from './identity-running.ts';
export type { RevokedReason } from './identity-running.ts';

/** A reloaded page may start before the old one has let go of its lock. */
export const RELEASE_WAIT_MS = 1_500;
/** An identity that no tab runs, and that none has run for so long, is nobody's: a page that reloads is back sooner. */
export const ORPHAN_MS = 15_000;
/** How long another tab may take to stop its node when the person moves it. */
export const MOVE_WAIT_MS = 10_000;

export interface ClaimOptions {
	environment: IdentityEnvironment;
	suite: Pick<Suite, 'generateSeed' | 'signer'>;
	/** Hex of the genesis hash of the chain that this tab is about to run on. */
	chainId: string;
	/** BCP 47, for the suggested nickname of a new identity. */
	locale: string;
	/** Whether this browser still has the node's ledger on the chain. By default, whether its database is there. */
	hasVotes?(nodeId: string, chainId: string): Promise<boolean>;
}

/** Another tab of this browser runs this tab's identity, since one was made by duplicating the other. */
export interface DuplicateIdentity {
	readonly kind: 'duplicate';
	readonly nodeId: string;
	readonly nickname: string;
	/** A second node: this tab becomes somebody new. */
	second(): Promise<RunningIdentity>;
	/** The other tab stops, and this one goes on as the same node. @throws IdentityBusyError where it does not stop */
	moveHere(): Promise<RunningIdentity>;
}

export type IdentityClaim = RunningIdentity | DuplicateIdentity;

/** The other tab did not stop. */
export class IdentityBusyError extends Error {
	override readonly name = 'IdentityBusyError';
}

/** Decides who this tab is. @throws StoreError where the browser's storage fails in the middle, or a newer Tabwave wrote it */
export async function claimIdentity(options: ClaimOptions): Promise<IdentityClaim> {
	const { environment } = options;
	const claimant = new Claimant(options);
	try {
		await environment.store.open();
	} catch (error) {
		if (isNewer(error)) throw error;
		environment.report(error);
		return claimant.ephemeral();
	}
	return claimant.claim();
}

/** This tab's name of its identity. */
const SESSION_KEY = 'tabwave-identity';

class Claimant {
	readonly #options: ClaimOptions;
	readonly #environment: IdentityEnvironment;
	/** Of this page: the owner that it writes into the records. */
	readonly #token: string;
	readonly #channel: IdentityChannel | null;
	readonly #guard: IdentityGuard | null;

	constructor(options: ClaimOptions) {
		this.#options = options;
		this.#environment = options.environment;
		const { locks, channel, timers } = options.environment;
		this.#token = this.#randomHex(16);
		this.#channel = channel && new IdentityChannel(channel, this.#token);
		this.#guard = locks
			? new LockGuard(locks, timers)
			: this.#channel && new ChannelGuard(this.#channel, timers);
	}

	async claim(): Promise<IdentityClaim> {
		// What cannot be guarded must not be kept.
		if (!this.#guard) return this.ephemeral();
		const name = this.#sessionName();
		const record = name === null ? undefined : await this.#environment.store.get(name);
		if (!record) return (await this.#adopt(this.#guard)) ?? this.#create(this.#guard);
		const hold = await this.#guard.acquire(record.name, RELEASE_WAIT_MS);
		return hold ? this.#resume(record, hold, 'reload') : this.#duplicate(this.#guard, record);
	}

	/** Kept nowhere: a key without its vote records must not come back. */
	async ephemeral(): Promise<RunningIdentity> {
		const record = await this.#newRecord();
		return this.#run(record, null, 'created', { persistent: false });
	}

	#duplicate(guard: IdentityGuard, record: IdentityRecord): DuplicateIdentity {
		return {
			kind: 'duplicate',
			nodeId: record.nodeId,
			nickname: record.nickname,
			second: () => this.#create(guard),
			moveHere: () => this.#moveHere(guard, record)
		};
	}

	async #moveHere(guard: IdentityGuard, record: IdentityRecord): Promise<RunningIdentity> {
		let stopHearing = (): void => {};
		const refused = new Promise<null>((resolve) => {
			stopHearing =
				this.#channel?.hear(record.name, ({ kind }) => {
					if (kind === 'refused') resolve(null);
				}) ?? stopHearing;
		});
		this.#channel?.say('move', record.name);
		const acquiring = guard.acquire(record.name, MOVE_WAIT_MS);
		const hold = await Promise.race([acquiring, refused]);
		stopHearing();
		if (hold) return this.#resume(record, hold, 'moved');
		// After a refusal the lock may still come, when the other tab is closed: nobody waits for it any more.
		void acquiring.then((late) => late?.release());
		throw new IdentityBusyError(
			'the other tab did not stop: close it and try again, or start a second node here'
		);
	}

	/** Runs an identity that this page holds, unless its vote records are gone. */
	async #resume(
		record: IdentityRecord,
		hold: IdentityHold,
		origin: IdentityOrigin
	): Promise<RunningIdentity> {
		try {
			const { nodeId, nickname } = record;
			if (await this.#mayRun(record)) {
				const taken = await this.#take(record.name, () => true);
				if (taken) return this.#run(taken, hold, origin);
			}
			hold.release();
			return await this.#create(this.#guard!, { nodeId, nickname });
		} catch (error) {
			hold.release();
			throw error;
		}
	}

	/** An identity whose tab is gone, the one last used first. */
	async #adopt(guard: IdentityGuard): Promise<RunningIdentity | null> {
		const { store, timers } = this.#environment;
		const orphans = (await store.all())
			// The distance, since a clock that was set back must not keep an identity from being used.
			.filter((record) => Math.abs(timers.now() - record.lastUsedMs) >= ORPHAN_MS)
			.filter((record) => !record.retiredFrom.includes(this.#options.chainId))
			.sort((a, b) => b.lastUsedMs - a.lastUsedMs);
		for (const orphan of orphans) {
			const hold = await guard.acquire(orphan.name, 0);
			if (!hold) continue;
			try {
				// Another tab may have run it and gone again since it was read.
				const unchanged = (now: IdentityRecord) =>
					now.owner === orphan.owner && now.lastUsedMs === orphan.lastUsedMs;
				const taken = (await this.#mayRun(orphan)) && (await this.#take(orphan.name, unchanged));
				if (taken) return this.#run(taken, hold, 'adopted');
			} catch (error) {
				hold.release();
				throw error;
			}
			hold.release();
		}
		return null;
	}

	async #create(
		guard: IdentityGuard,
		replaced: RunningIdentity['replaced'] = null
	): Promise<RunningIdentity> {
		const record = await this.#newRecord(await this.#environment.store.all());
		const hold = await guard.acquireNew(record.name);
		try {
			await this.#environment.store.add(record);
		} catch (error) {
			this.#environment.report(error);
			return this.#run(record, hold, 'created', { persistent: false, replaced });
		}
		return this.#run(record, hold, 'created', { replaced });
	}

	#run(
		record: IdentityRecord,
		hold: IdentityHold | null,
		origin: IdentityOrigin,
		{
			persistent = true,
			replaced = null
		}: { persistent?: boolean; replaced?: RunningIdentity['replaced'] } = {}
	): RunningIdentity {
		if (persistent) this.#rememberName(record.name);
		return new RunningIdentity({
			record,
			persistent,
			origin,
			replaced,
			hold,
			channel: this.#channel,
			environment: this.#environment
		});
	}

	/** R25: a key without its vote records means a new identity. */
	async #mayRun(record: IdentityRecord): Promise<boolean> {
		const { chainId, hasVotes = hasLedgerDatabase } = this.#options;
		if (record.retiredFrom.includes(chainId)) return false;
		if (!record.votedOn.includes(chainId)) return true;
		try {
			if (await hasVotes(record.nodeId, chainId)) return true;
		} catch (error) {
			// They are there, for a page of the newer code: after a reload this identity runs as before.
			if (isNewer(error)) throw error;
			// Not known to be gone, so it is not retired; not known to be there, so it does not run now.
			this.#environment.report(error);
			return false;
		}
		const retire = (now: IdentityRecord) => ({ ...now, retiredFrom: [...now.retiredFrom, chainId] });
		await this.#environment.store.update(record.name, retire, 'strict');
		return false;
	}

	#take(name: string, may: (record: IdentityRecord) => boolean): Promise<IdentityRecord | null> {
		const lastUsedMs = this.#environment.timers.now();
		const take = (record: IdentityRecord) =>
			may(record) ? { ...record, owner: this.#token, lastUsedMs } : null;
		return this.#environment.store.update(name, take, 'strict');
	}

	async #newRecord(others: IdentityRecord[] = []): Promise<IdentityRecord> {
		const { suite, locale } = this.#options;
		const seed = suite.generateSeed();
		const { publicKey } = await suite.signer(seed);
		const nowMs = this.#environment.timers.now();
		return {
			name: this.#randomHex(8),
			nodeId: toHex(publicKey),
			seed,
			nickname: this.#newNickname(locale, others),
			createdMs: nowMs,
			lastUsedMs: nowMs,
			votedOn: [],
			retiredFrom: [],
			owner: this.#token
		};
	}

	/** One that no identity of this browser has, if a few tries find it. */
	#newNickname(locale: string, others: IdentityRecord[]): string {
		const random = (): number => parseInt(this.#randomHex(4), 16) / 2 ** 32;
		let nickname = suggestNickname(locale, random);
		for (let i = 0; i < NICKNAME_TRIES && others.some((other) => other.nickname === nickname); i++)
			nickname = suggestNickname(locale, random);
		return nickname;
	}

	#sessionName(): string | null {
		try {
			return this.#environment.session?.getItem(SESSION_KEY) ?? null;
		} catch (error) {
			this.#environment.report(error);
			return null;
		}
	}

	#rememberName(name: string): void {
		try {
			this.#environment.session?.setItem(SESSION_KEY, name);
		} catch (error) {
			this.#environment.report(error); // a reload then adopts an orphan or makes a new identity
		}
	}

	#randomHex(bytes: number): string {
		return toHex(this.#environment.randomBytes(bytes));
	}
}

/** Of 256 nicknames: a class of tabs in one browser finds a free one. */
const NICKNAME_TRIES = 16;

function isNewer(error: unknown): boolean {
	return error instanceof StoreError && error.reason === 'newer';
}

function hasLedgerDatabase(nodeId: string, chainId: string): Promise<boolean> {
	return ledgerDatabaseExists(ledgerDatabaseName(chainId, nodeId));
}
