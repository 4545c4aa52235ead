/**
 * Decides when to dial whom, and whether directly or through the relay. It only schedules: the dials themselves are the
 * host's. Everything runs from `tick`, so that it works where timers are throttled, and tests need none.
 *
 * - The higher id dials; the lower one follows after a wait (glare).
 * - Direct first. Where direct links are known to form, nothing else is tried until two tries failed; where none ever
 *   formed, the relay takes over after a short wait while the direct try goes on. A relayed link is upgraded later.
 * - Back to the relay: in place of a link that broke, or beside a direct one that says nothing, a relayed one at once, which is
 *   upgraded again later.
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
	TICK_MS,
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
	readonly #waits = new Set<Wait>();

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

	/**
	 * The link to this peer ended. One that ended at once counts as a failed dial: the peer refuses us.
	 * @param isBroken - neither side wanted it to end: a direct way may not be there any more
	 */
	lost(peer: NodeId, ageMs: number, isBroken: boolean): void {
		const target = this.#targets.get(peer);
		if (!target) return;
		target.isBroken = isBroken;
		target.downSinceMs = this.#host.now();
		target.failures = ageMs < GLARE_WINDOW_MS ? target.failures + 1 : 0;
		target.nextMs = target.downSinceMs + (isBroken ? 0 : redialWaitMs(target.failures));
	}

	/** The direct link to this peer says nothing: the relay is tried beside it, and takes its place where it answers. Called while it lasts. */
	doubt(peer: NodeId): void {
		const target = this.#targets.get(peer);
		if (!target || this.#host.link(peer)?.path !== 'direct') return;
		const nowMs = this.#host.now();
		if (nowMs - target.doubtedMs > DOUBT_LASTS_MS) target.doubtedSinceMs = nowMs;
		target.doubtedMs = nowMs;
	}

	/** The network is another one, or is there again: nobody waits for the end of a backoff. */
	networkChanged(): void {
		const nowMs = this.#host.now();
		for (const target of this.#targets.values()) {
			target.failures = 0;
			target.nextMs = nowMs;
			target.upgradeWaitMs = UPGRADE_KNOWN_FIRST_MS;
			target.upgradeMs = nowMs + (this.#host.self > target.peer ? 0 : LOWER_ID_WAIT_MS);
			// Whoever opened it: the other side need not know that it is worth a try.
			target.isHurried = true;
		}
		this.#directFailures = 0;
		this.tick();
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
		for (const wait of this.#waits) if (nowMs >= wait.untilMs) wait.end(true);
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
			} else if (link.path === 'relayed' && (link.initiator === 'self' || target.isHurried)) {
				if (
					this.#upgrades < MAX_CONCURRENT_UPGRADES &&
					nowMs >= target.upgradeMs &&
					this.#host.directPossible()
				)
					void this.#upgrade(target);
			} else if (link.path === 'direct' && this.#isDoubted(target, nowMs)) {
				if (this.#dials < MAX_CONCURRENT_DIALS && nowMs >= target.nextMs) void this.#dialBeside(target);
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
			isBroken: false,
			isHurried: false,
			doubtedMs: -Infinity,
			doubtedSinceMs: -Infinity,
			upgradeMs: nowMs,
			upgradeWaitMs: this.#directFormed ? UPGRADE_KNOWN_FIRST_MS : UPGRADE_FIRST_MS
		};
	}

	#isOurTurn(target: Target, nowMs: number): boolean {
		return this.#host.self > target.peer || nowMs - target.downSinceMs >= LOWER_ID_WAIT_MS;
	}

	/** Both sides doubt at once where both hear nothing: then the higher id dials. */
	#isDoubted({ peer, doubtedMs, doubtedSinceMs }: Target, nowMs: number): boolean {
		if (nowMs - doubtedMs > DOUBT_LASTS_MS) return false;
		return this.#host.self > peer || nowMs - doubtedSinceMs >= LOWER_ID_WAIT_MS;
	}

	async #dialBeside(target: Target): Promise<void> {
		target.busy = true;
		const release = this.#takeDial();
		try {
			// A tab that crashed, or whose page is only busy, does not answer here either.
			await this.#host.reach(target.peer, RELAYED_DIAL_TIMEOUT_MS);
			if (this.#isDoubted(target, this.#host.now()))
				await this.#connect(target, 'relayed', RELAYED_DIAL_TIMEOUT_MS);
		} catch {
			// The silence that ends the link reports it.
		} finally {
			release();
			target.busy = false;
			const nowMs = this.#host.now();
			target.nextMs = nowMs + redialWaitMs(1);
			target.upgradeWaitMs = UPGRADE_KNOWN_FIRST_MS;
			target.upgradeMs = nowMs + jittered(UPGRADE_KNOWN_FIRST_MS);
		}
	}

	async #dial(target: Target): Promise<void> {
		target.busy = true;
		const release = this.#takeDial();
		try {
			// Before anything is said about WebRTC: a tab that is reloading fails every dial in an instant.
			await this.#host.reach(target.peer, RELAYED_DIAL_TIMEOUT_MS);
			// The relay is a sure way back to what the link was in the middle of.
			const direct =
				!target.isBroken && this.#directIsWorthTrying() && (await this.#dialDirect(target, release));
			if (!direct && !this.#host.link(target.peer))
				await this.#connect(target, 'relayed', RELAYED_DIAL_TIMEOUT_MS);
		} catch (error) {
			if (target.failures++ === 0) this.#host.unreachable(target.peer, error);
		} finally {
			release();
			target.busy = false;
			if (target.isBroken) target.upgradeWaitMs = UPGRADE_KNOWN_FIRST_MS;
			target.isBroken = false;
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
		let formed = false;
		const patience = this.#directFormed ? null : this.#wait(this.#directPatienceMs());
		const relayedEarly = patience && this.#relayAfter(patience, target, release);
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
		patience?.end(false);
		await relayedEarly;
		return formed;
	}

	#directPatienceMs(): number {
		return this.#relayedEarly < 2 ? DIRECT_PATIENCE_MS : DIRECT_PATIENCE_SUSPECTED_MS;
	}

	async #relayAfter(patience: Wait, target: Target, release: () => void): Promise<void> {
		if (!(await patience.over) || this.#host.link(target.peer) || !this.#targets.has(target.peer)) return;
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
		target.isHurried = false;
		this.#upgrades++;
		try {
			await this.#connect(target, 'direct', DIRECT_DIAL_TIMEOUT_MS);
			target.upgradeWaitMs = UPGRADE_KNOWN_FIRST_MS;
		} catch {
			// Expected where WebRTC is blocked: the link stays relayed and says so. The next try comes later each time.
			target.upgradeWaitMs = Math.min(2 * target.upgradeWaitMs, UPGRADE_CAP_MS);
		} finally {
			// What failed may have been tried on another network.
			if (target.isHurried) target.upgradeWaitMs = UPGRADE_KNOWN_FIRST_MS;
			else target.upgradeMs = this.#host.now() + jittered(target.upgradeWaitMs);
			target.busy = false;
			this.#upgrades--;
		}
	}

	async #connect(target: Target, path: 'direct' | 'relayed', timeoutMs: number): Promise<void> {
		await this.#host.connect(target.peer, path, timeoutMs);
		if (path === 'direct') this.directFormed();
	}

	/** Ends at a tick: the timers of a page that nobody looks at come once a minute. */
	#wait(ms: number): Wait {
		const { promise, resolve } = Promise.withResolvers<boolean>();
		const wait: Wait = {
			untilMs: this.#host.now() + ms,
			over: promise,
			end: (isOver) => {
				this.#waits.delete(wait);
				resolve(isOver);
			}
		};
		this.#waits.add(wait);
		return wait;
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
	/** Its last link ended against the will of both. */
	isBroken: boolean;
	/** The network changed since its last upgrade was tried. */
	isHurried: boolean;
	/** When its link was last doubted, and since when without a pause. */
	doubtedMs: number;
	doubtedSinceMs: number;
	upgradeMs: number;
	upgradeWaitMs: number;
}

interface Wait {
	untilMs: number;
	/** Whether the time has passed, or it was ended before. */
	over: Promise<boolean>;
	end(isOver: boolean): void;
}

/** Doubts come with every tick. */
const DOUBT_LASTS_MS = 4 * TICK_MS;

function redialWaitMs(failures: number): number {
	return jittered(Math.min(REDIAL_FIRST_MS * 2 ** Math.min(failures, 10), REDIAL_CAP_MS));
}

/** ±25 %, so that tabs that lost the same relay do not all come back in the same instant. */
function jittered(ms: number): number {
	return ms * (0.75 + Math.random() / 2);
}
