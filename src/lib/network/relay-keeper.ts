/**
 * Keeps one connection, one link and one reservation at each relay, for ever: a cluster has several, and each is kept for
 * itself. libp2p gives up after the first failed redial, and after a restart of the relay no tab would come back by itself.
 * Runs from `tick`.
 */
import type { Connection, PeerId } from '@libp2p/interface';
import {
	GLARE_WINDOW_MS,
	RELAY_REDIAL_CAP_MS,
	RELAY_REDIAL_FIRST_MS,
	RELAY_REDIAL_MS,
	RELAY_RESTART_MS
} from './network-limits.ts';
import type { NodeId } from './network.ts';

export interface RelayHost {
	now(): number;
	/** Opens a connection, or gives the one that is open. @throws where the relay is not reached */
	connect(address: string): Promise<Connection>;
	/** Opens this node's link on it. @throws where the relay does not speak the protocol */
	openLink(connection: Connection): Promise<void>;
	hasReservation(relay: PeerId): boolean;
	/** @throws where the relay refuses */
	reserve(relay: PeerId): Promise<void>;
	/** Called once per spell of failures. */
	unreachable(address: string, error: unknown): void;
}

export interface RelayTarget {
	address: string;
	/** Known from the address, or once connected. */
	relay: NodeId | null;
}

export class RelayKeeper {
	#host: RelayHost;
	#relays: Relay[];
	#nodeIdOf: (peer: PeerId) => NodeId;
	/**
	 * Reservations are made one after the other. libp2p empties its queue of them as soon as one is made, and what waited in it
	 * never settles.
	 */
	#reserving: Promise<void> = Promise.resolve();

	constructor(host: RelayHost, targets: RelayTarget[], nodeIdOf: (peer: PeerId) => NodeId) {
		this.#host = host;
		this.#nodeIdOf = nodeIdOf;
		this.#relays = targets.map((target) => ({
			...target,
			connection: null,
			busy: false,
			failures: 0,
			refusals: 0,
			awaySinceMs: -Infinity,
			nextMs: 0
		}));
	}

	/** Relays in use now, those with a reservation first. */
	connected(): { address: string; connection: Connection }[] {
		const usable = this.#relays.flatMap(({ address, connection }) =>
			connection?.status === 'open' ? [{ address, connection }] : []
		);
		return usable.sort((a, b) => this.#rank(b.connection) - this.#rank(a.connection));
	}

	isRelay(node: NodeId): boolean {
		return this.#relays.some(({ relay }) => relay === node);
	}

	/**
	 * The link to this relay ended: its connection goes with it. Once the relay may have died just then; one that lets go at once again
	 * refuses this node, and is not asked so soon.
	 */
	lost(node: NodeId, ageMs: number): void {
		for (const relay of this.#relays) {
			if (relay.relay !== node) continue;
			relay.connection = null;
			relay.refusals = ageMs < GLARE_WINDOW_MS ? relay.refusals + 1 : 0;
			if (relay.refusals <= 1) this.#hurry(relay);
			else relay.nextMs = this.#host.now() + RELAY_REDIAL_CAP_MS * (0.75 + Math.random() / 2);
		}
	}

	/** What is not connected is not reached because of the network before, perhaps. */
	networkChanged(): void {
		for (const relay of this.#relays) if (relay.connection?.status !== 'open') this.#hurry(relay);
	}

	tick(): void {
		const nowMs = this.#host.now();
		for (const relay of this.#relays) {
			if (relay.busy || nowMs < relay.nextMs) continue;
			if (relay.connection?.status === 'open' && this.#host.hasReservation(relay.connection.remotePeer))
				continue;
			void this.#establish(relay);
		}
	}

	/** Spread a little: everybody lost it in the same instant. */
	#hurry(relay: Relay): void {
		relay.failures = 0;
		relay.awaySinceMs = this.#host.now();
		relay.nextMs = relay.awaySinceMs + Math.random() * RELAY_REDIAL_FIRST_MS;
	}

	async #establish(relay: Relay): Promise<void> {
		relay.busy = true;
		try {
			if (relay.connection?.status !== 'open') {
				const connection = await this.#host.connect(relay.address);
				relay.relay = this.#nodeIdOf(connection.remotePeer);
				await this.#host.openLink(connection);
				relay.connection = connection;
			}
			const { remotePeer } = relay.connection;
			await this.#reserve(remotePeer);
			relay.failures = 0;
		} catch (error) {
			if (relay.failures++ === 0) this.#host.unreachable(relay.address, error);
		} finally {
			relay.busy = false;
			const nextMs = this.#host.now() + this.#waitMs(relay) * (0.75 + Math.random() / 2);
			// It may have been lost meanwhile.
			relay.nextMs = Math.max(relay.nextMs, nextMs);
		}
	}

	#reserve(relay: PeerId): Promise<void> {
		const made = this.#reserving.then(async () => {
			if (!this.#host.hasReservation(relay)) await this.#host.reserve(relay);
		});
		this.#reserving = made.catch(() => undefined);
		return made;
	}

	/** Without a relay a tab is alone, and nothing is more urgent; beside another one there is time. */
	#waitMs({ failures, awaySinceMs }: Relay): number {
		if (this.connected().length === 0)
			return this.#host.now() - awaySinceMs < RELAY_RESTART_MS ? RELAY_REDIAL_FIRST_MS : RELAY_REDIAL_MS;
		return Math.min(RELAY_REDIAL_MS * 2 ** Math.min(Math.max(failures - 1, 0), 10), RELAY_REDIAL_CAP_MS);
	}

	#rank(connection: Connection): number {
		return this.#host.hasReservation(connection.remotePeer) ? 1 : 0;
	}
}

interface Relay extends RelayTarget {
	connection: Connection | null;
	busy: boolean;
	/** Since it was last there whole. */
	failures: number;
	/** Links in a row that ended at once. */
	refusals: number;
	/** Since when it is looked for. */
	awaySinceMs: number;
	nextMs: number;
}
