/**
 * Decides when to dial whom, and whether directly or through the relay. It only schedules: the dials themselves are the
 * host's. Everything runs from `tick`, so that it works where timers are throttled, and tests need none.
 *
 * - The higher id dials; the lower one follows after a wait (glare).
 * - Direct first. Where direct links are known to form, nothing else is tried until two tries failed; where none ever
 *   formed, the relay takes over after a short wait while the direct try goes on. A relayed link is upgraded later.
 * - Wanted peers are dialled for ever, with a capped backoff: tabs reload.
 */
import {
	DIRECT_DIAL_TIMEOUT_MS,
	DIRECT_FAILURES_TO_DOUBT,
	DIRECT_PATIENCE_MS,
	DIRECT_PATIENCE_SUSPECTED_MS,
	DIRECT_TRIES,
	GLARE_WINDOW_MS,
	LOWER_ID_WAIT_MS,
	MAX_CONCURRENT_DIALS,
	MAX_CONCURRENT_UPGRADES,
	REDIAL_CAP_MS,
	REDIAL_FIRST_MS,
	RELAYED_DIAL_TIMEOUT_MS,
	UPGRADE_CAP_MS,
	UPGRADE_FIRST_MS,
	UPGRADE_KNOWN_FIRST_MS
} from './network-limits.ts';
import type { LinkPath, NodeId } from './network.ts';

export interface DialHost {
	readonly self: NodeId;
	/** Milliseconds of a clock that never goes back. */
	now(): number;
	/** A relay is connected: without one nobody can be reached. */
	ready(): boolean;
	/** Whether WebRTC is there and the browser has an address to offer. */
	directPossible(): boolean;
	link(peer: NodeId): { path: LinkPath; initiator: 'self' | 'peer' } | null;
	/** Makes sure that the peer is there at all, and can be signalled to through the relay. @throws where it is not */
	reach(peer: NodeId, timeoutMs: number): Promise<void>;
	/** Resolves when the link is there. @throws where it could not be made in time */
	connect(peer: NodeId, path: 'direct' | 'relayed', timeoutMs: number): Promise<void>;
	/** Called once per peer and spell of failures. */
	unreachable(peer: NodeId, error: unknown): void;
}

export class PeerDialler {
	#host: DialHost;
	#targets = new Map<NodeId, Target>();
	#ready = false;
	#dials = 0;
	#upgrades = 0;
	#directFormed = false;
	#directFailures = 0;
	#relayedEarly = 0;

	constructor(host: DialHost) {
		this.#host = host;
	}

	setPeers(peers: NodeId[]): void {
		const wanted = new Set(peers);
		for (const peer of this.#targets.keys()) if (!wanted.has(peer)) this.#targets.delete(peer);
		for (const peer of wanted) if (!this.#targets.has(peer)) this.#targets.set(peer, this.#newTarget(peer));
		this.tick();
	}

	wants(peer: NodeId): boolean {
		return this.#targets.has(peer);
	}

	/** The link to this peer ended. One that ended at once counts as a failed dial: the peer refuses us. */
	lost(peer: NodeId, ageMs: number): void {
		const target = this.#targets.get(peer);
		if (!target) return;
		target.downSinceMs = this.#host.now();
		target.failures = ageMs < GLARE_WINDOW_MS ? target.failures + 1 : 0;
		target.nextMs = target.downSinceMs + redialWaitMs(target.failures);
	}

	/** A direct link formed, whoever dialled: this network lets them through. */
	directFormed(): void {
		this.#directFailures = 0;
		if (this.#directFormed) return;
		this.#directFormed = true;
		// Links that the relay took over while this was not known.
		const soonMs = this.#host.now() + UPGRADE_KNOWN_FIRST_MS;
		for (const target of this.#targets.values()) {
			target.upgradeWaitMs = UPGRADE_KNOWN_FIRST_MS;
			target.upgradeMs = Math.min(target.upgradeMs, soonMs);
		}
	}

	tick(): void {
		const nowMs = this.#host.now();
		const wasReady = this.#ready;
		this.#ready = this.#host.ready();
		if (!this.#ready) return;
		// The relay is back: both sides of every lost link have waited, and would now dial each other at once.
		if (!wasReady) for (const target of this.#targets.values()) target.downSinceMs = nowMs;
		for (const target of this.#targets.values()) {
			if (target.busy) continue;
			const link = this.#host.link(target.peer);
			if (!link) {
				if (this.#dials < MAX_CONCURRENT_DIALS && nowMs >= target.nextMs && this.#isOurTurn(target, nowMs))
					void this.#dial(target);
			} else if (link.path === 'relayed' && link.initiator === 'self') {
				if (
					this.#upgrades < MAX_CONCURRENT_UPGRADES &&
					nowMs >= target.upgradeMs &&
					this.#host.directPossible()
				)
					void this.#upgrade(target);
			}
		}
	}

	#newTarget(peer: NodeId): Target {
		const nowMs = this.#host.now();
		return {
			peer,
			busy: false,
			failures: 0,
			nextMs: nowMs,
			downSinceMs: nowMs,
			upgradeMs: nowMs,
			upgradeWaitMs: this.#directFormed ? UPGRADE_KNOWN_FIRST_MS : UPGRADE_FIRST_MS
		};
	}

	#isOurTurn(target: Target, nowMs: number): boolean {
		return this.#host.self > target.peer || nowMs - target.downSinceMs >= LOWER_ID_WAIT_MS;
	}

	async #dial(target: Target): Promise<void> {
		target.busy = true;
		const release = this.#takeDial();
		try {
			// Before anything is said about WebRTC: a tab that is reloading fails every dial in an instant.
			await this.#host.reach(target.peer, RELAYED_DIAL_TIMEOUT_MS);
			const direct = this.#directIsWorthTrying() && (await this.#dialDirect(target, release));
			if (!direct && !this.#host.link(target.peer))
				await this.#connect(target, 'relayed', RELAYED_DIAL_TIMEOUT_MS);
		} catch (error) {
			if (target.failures++ === 0) this.#host.unreachable(target.peer, error);
		} finally {
			release();
			target.busy = false;
			const nowMs = this.#host.now();
			target.nextMs = nowMs + redialWaitMs(target.failures);
			target.upgradeMs = nowMs + jittered(target.upgradeWaitMs);
		}
	}

	#directIsWorthTrying(): boolean {
		if (!this.#host.directPossible()) return false;
		return this.#directFormed || this.#directFailures < DIRECT_FAILURES_TO_DOUBT;
	}

	/** @returns whether a direct link formed, even if the peer closed it at once. Meanwhile the relay may have taken over. */
	async #dialDirect(target: Target, release: () => void): Promise<boolean> {
		let finished = false;
		let formed = false;
		const relayedEarly = this.#directFormed
			? null
			: this.#relayAfterPatience(target, release, () => finished);
		for (let tries = 0; tries < DIRECT_TRIES && !formed && this.#targets.has(target.peer); tries++) {
			try {
				await this.#connect(target, 'direct', DIRECT_DIAL_TIMEOUT_MS);
				formed = true;
			} catch {
				// Counted; the relayed dial that follows reports its own failure.
				this.#directFailures++;
				formed = this.#host.link(target.peer)?.path === 'direct';
			}
		}
		finished = true;
		await relayedEarly;
		return formed;
	}

	async #relayAfterPatience(target: Target, release: () => void, isFinished: () => boolean): Promise<void> {
		const patienceMs = this.#relayedEarly < 2 ? DIRECT_PATIENCE_MS : DIRECT_PATIENCE_SUSPECTED_MS;
		const endMs = this.#host.now() + patienceMs;
		while (!isFinished() && this.#host.now() < endMs) await delay(Math.min(50, patienceMs));
		if (isFinished() || this.#host.link(target.peer) || !this.#targets.has(target.peer)) return;
		this.#relayedEarly++;
		try {
			await this.#connect(target, 'relayed', RELAYED_DIAL_TIMEOUT_MS);
			// The link is there; the direct try that still runs takes no place from the others.
			release();
		} catch {
			// The direct try goes on, and after it the relayed one is repeated and reported.
		}
	}

	async #upgrade(target: Target): Promise<void> {
		target.busy = true;
		this.#upgrades++;
		try {
			await this.#connect(target, 'direct', DIRECT_DIAL_TIMEOUT_MS);
			target.upgradeWaitMs = UPGRADE_KNOWN_FIRST_MS;
		} catch {
			// Expected where WebRTC is blocked: the link stays relayed and says so. The next try comes later each time.
			target.upgradeWaitMs = Math.min(2 * target.upgradeWaitMs, UPGRADE_CAP_MS);
		} finally {
			target.upgradeMs = this.#host.now() + jittered(target.upgradeWaitMs);
			target.busy = false;
			this.#upgrades--;
		}
	}

	async #connect(target: Target, path: 'direct' | 'relayed', timeoutMs: number): Promise<void> {
		await this.#host.connect(target.peer, path, timeoutMs);
		if (path === 'direct') this.directFormed();
	}

	/** @returns gives the place back, once */
	#takeDial(): () => void {
		this.#dials++;
		let held = true;
		return () => {
			if (!held) return;
			held = false;
			this.#dials--;
			queueMicrotask(() => this.tick());
		};
	}
}

interface Target {
	peer: NodeId;
	/** A dial or an upgrade runs. */
	busy: boolean;
	failures: number;
	nextMs: number;
	downSinceMs: number;
	upgradeMs: number;
	upgradeWaitMs: number;
}

function redialWaitMs(failures: number): number {
	return jittered(Math.min(REDIAL_FIRST_MS * 2 ** Math.min(failures, 10), REDIAL_CAP_MS));
}

/** ±25 %, so that tabs that lost the same relay do not all come back in the same instant. */
function jittered(ms: number): number {
	return ms * (0.75 + Math.random() / 2);
}

function delay(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
