/**
 * The links of a tab, or of a headless node: one long-lived libp2p stream to each wanted peer, over WebRTC where it forms
 * and through the relay where it does not, and one to each relay.
 *
 *     const links = new Libp2pLinks({ seed, relays: [relayAddress(location.href)] });
 *     serveLinks(port, links);                        // for a node in a worker, or:
 *     const network = new FramedNetwork(links);       // for a node in this thread
 *
 * Every tick is the caller's: serveLinks and FramedNetwork do it.
 */
import './webrtc-dial-race.ts';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { getLogger } from '@logtape/logtape';
import { multiaddr } from '@multiformats/multiaddr';
import { goodbyeFrame } from './control-packets.ts';
import { hasIceCandidates } from './ice-probe.ts';
import { startLibp2p } from './libp2p-host.ts';
import type { Reservations } from './libp2p-host.ts';
import { NetworkError } from './link-carrier.ts';
import type { CarrierEvents, LinkCarrier, OutgoingFrame } from './link-carrier.ts';
import { LinkTable } from './link-table.ts';
import { onNetworkChange } from './network-changes.ts';
import {
	IDLE_CONNECTION_MS,
	LINK_PROTOCOL,
	MAX_UNEXPECTED_PEERS,
	MAX_WANTED_PEERS,
	RELAYED_DIAL_TIMEOUT_MS,
	RELAY_DIAL_TIMEOUT_MS
} from './network-limits.ts';
import type { NodeId } from './network.ts';
import { PeerDialler } from './peer-dialler.ts';
import { nodeIdOf, nodeIdOfSeed, peerIdOf } from './peer-identity.ts';
import type { LinkSettings } from './port-messages.ts';
import { parseRelayAddress } from './relay-address.ts';
import { RelayKeeper } from './relay-keeper.ts';

export class Libp2pLinks implements LinkCarrier {
	readonly self: NodeId;
	#settings: LinkSettings;
	#rtc: RTCConfiguration | null;
	#node: Libp2p | null = null;
	#reservations: Reservations | null = null;
	#table: LinkTable | null = null;
	#dialler: PeerDialler | null = null;
	#relays: RelayKeeper | null = null;
	/** Circuits being dialled, so that a direct and a relayed dial to one peer share one. */
	#circuits = new Map<NodeId, Promise<Connection>>();
	#directPossible = false;
	#probedMs = -Infinity;
	/** The network changed, and it is not known yet which links that left; null otherwise. */
	#changedMs: number | null = null;
	#stopListening: () => void = () => {};
	#sweptMs = -Infinity;

	/** @throws NetworkError for a seed that is not 32 bytes. WebRTC is used where there is one, unless `settings.direct` is false. */
	constructor(settings: LinkSettings) {
		this.self = nodeIdOfSeed(settings.seed);
		this.#settings = settings;
		const direct = settings.direct ?? true;
		const supported = typeof RTCPeerConnection !== 'undefined';
		this.#rtc = direct && supported ? { iceServers: settings.iceServers ?? [] } : null;
	}

	async start(events: CarrierEvents): Promise<void> {
		if (this.#node) throw new NetworkError('NetworkAlreadyStarted', 'links start once');
		const targets = this.#settings.relays.map((address) => ({ ...parseRelayAddress(address), address }));
		const { node, reservations } = await startLibp2p(this.#settings.seed, this.#rtc);
		this.#node = node;
		this.#reservations = reservations;
		this.#relays = new RelayKeeper(this.#relayHost(node), targets, nodeIdOf);
		this.#dialler = new PeerDialler(this.#dialHost());
		this.#table = new LinkTable({
			self: this.self,
			events,
			maxUnexpectedPeers: this.#settings.maxUnexpectedPeers ?? MAX_UNEXPECTED_PEERS,
			expects: (peer) => this.#dialler!.wants(peer) || this.#relays!.isRelay(peer),
			hasOtherPaths: (peer) => this.#dialler!.wants(peer),
			ended: (peer, ageMs, isBroken) => {
				this.#relays!.lost(peer, ageMs);
				this.#dialler!.lost(peer, ageMs, isBroken);
			}
		});
		await node.handle(LINK_PROTOCOL, (stream, connection) => this.#accept(stream, connection), {
			runOnLimitedConnection: true,
			maxInboundStreams: STREAMS_PER_CONNECTION,
			maxOutboundStreams: STREAMS_PER_CONNECTION
		});
		this.#stopListening = onNetworkChange(() => this.networkChanged());
		this.tick();
	}

	/** Another network, or the same one again: who is not linked is dialled at once, and WebRTC gets another chance. */
	networkChanged(): void {
		this.#changedMs ??= performance.now();
		this.#probedMs = -Infinity;
		this.#relays?.networkChanged();
		this.#dialler?.networkChanged();
		this.tick();
	}

	setPeers(peers: NodeId[]): void {
		const wanted = peers.filter((peer) => peer !== this.self && !this.#relays?.isRelay(peer));
		if (wanted.length > MAX_WANTED_PEERS)
			log.warning('{count} peers are wanted, the first {max} are linked', {
				count: wanted.length,
				max: MAX_WANTED_PEERS
			});
		this.#dialler?.setPeers(wanted.slice(0, MAX_WANTED_PEERS));
		this.#table?.closeUnwanted();
	}

	send(frames: OutgoingFrame[]): void {
		this.#table?.send(frames);
	}

	acknowledged(peer: NodeId, session: number, bytes: number): void {
		this.#table?.acknowledged(peer, session, bytes);
	}

	/** A relay that says nothing may only be busy, with this tab's whole class: its link is left to the silence that ends it. */
	doubt(peer: NodeId, session: number): void {
		if (this.#table?.get(peer)?.session === session) this.#dialler?.doubt(peer);
	}

	close(peer: NodeId, session: number, reason: string, holdOffMs: number): void {
		this.#table?.close(peer, session, reason, holdOffMs);
	}

	tick(): void {
		const nowMs = performance.now();
		this.#relays?.tick();
		this.#dialler?.tick();
		this.#table?.tick();
		if (nowMs - this.#sweptMs >= SWEEP_MS) {
			this.#sweptMs = nowMs;
			this.#closeIdleConnections();
		}
		if (this.#changedMs !== null && nowMs - this.#changedMs >= CHANGE_PATIENCE_MS)
			this.#endDeadRelays(this.#changedMs);
		if (this.#rtc && !this.#directPossible && nowMs - this.#probedMs >= PROBE_AGAIN_MS) {
			this.#probedMs = nowMs;
			void this.#probe(this.#rtc);
		}
	}

	async stop(): Promise<void> {
		this.#stopListening();
		// In this turn: a page that goes has no other.
		this.#table?.endAll(goodbyeFrame(), 'this node stops');
		const node = this.#node;
		this.#node = this.#table = this.#dialler = this.#relays = null;
		if (!node) return;
		// The goodbyes need a moment; what is open after it is cut, or libp2p would wait for each peer's answer.
		await elapsed(GOODBYE_MS);
		for (const connection of node.getConnections()) connection.abort(new Error('this node stops'));
		await Promise.race([node.stop(), elapsed(STOP_TIMEOUT_MS)]);
	}

	/** A WebSocket of the network before may be dead without a word, and would be missed after SILENCE_MS. Relays speak twice a second. */
	#endDeadRelays(changedMs: number): void {
		this.#changedMs = null;
		for (const connection of this.#table?.connections() ?? []) {
			const peer = nodeIdOf(connection.remotePeer);
			if (this.#relays!.isRelay(peer) && this.#table!.get(peer)!.heardMs < changedMs)
				connection.abort(new Error('nothing was heard since the network changed'));
		}
	}

	#accept(stream: Stream, connection: Connection): void {
		if (!this.#table?.adopt(stream, connection, 'peer')) return;
		if (this.#table.get(nodeIdOf(connection.remotePeer))?.path === 'direct' && !isToRelay(connection))
			this.#dialler?.directFormed();
	}

	#relayHost(node: Libp2p): ConstructorParameters<typeof RelayKeeper>[0] {
		return {
			now: () => performance.now(),
			connect: (address) =>
				node.dial(multiaddr(address), { signal: AbortSignal.timeout(RELAY_DIAL_TIMEOUT_MS) }),
			openLink: (connection) => this.#openLink(connection, AbortSignal.timeout(RELAY_DIAL_TIMEOUT_MS)),
			hasReservation: (relay) => this.#reservations!.hasReservation(relay),
			reserve: async (relay) => {
				await this.#reservations!.addRelay(relay, 'configured');
			},
			unreachable: (address, error) =>
				log.warning('relay {address} is not reached, trying again: {error}', {
					address,
					error: describe(error)
				})
		};
	}

	#dialHost(): ConstructorParameters<typeof PeerDialler>[0] {
		return {
			self: this.self,
			now: () => performance.now(),
			ready: () => (this.#relays?.connected().length ?? 0) > 0,
			directPossible: () => this.#directPossible,
			link: (peer) => this.#table?.get(peer) ?? null,
			reach: async (peer, timeoutMs) => {
				await this.#circuit(peer, AbortSignal.timeout(timeoutMs));
			},
			connect: (peer, path, timeoutMs) => this.#connect(peer, path, AbortSignal.timeout(timeoutMs)),
			unreachable: (peer, error) =>
				log.info('peer {peer} is not reached, trying again: {error}', { peer, error: describe(error) })
		};
	}

	async #connect(peer: NodeId, path: 'direct' | 'relayed', signal: AbortSignal): Promise<void> {
		const circuit = await this.#circuit(peer, signal);
		if (path === 'relayed') {
			try {
				await this.#openLink(circuit, signal);
			} catch (error) {
				// A circuit that the other side does not know any more (it reloaded) must not be tried again.
				circuit.abort(error instanceof Error ? error : new Error(String(error)));
				throw error;
			}
			return;
		}
		if (!this.#node) throw unreachable(peer, 'this node stops');
		// Signalled over the circuit that is there, which is the relay that both have.
		const [relay] = circuit.remoteAddr.toString().split('/p2p-circuit', 1);
		const address = `${relay}/p2p-circuit/webrtc/p2p/${peerIdOf(peer).toString()}`;
		// force: libp2p would give the circuit back, which has no limits and so counts as good enough.
		const connection = await this.#node.dial(multiaddr(address), { signal, force: true });
		// Then it is closed when the peer has taken the new link, and not under the old one's last bytes.
		const isCarrying = this.#table?.get(peer)?.connection === circuit;
		try {
			await this.#openLink(connection, signal);
		} catch (error) {
			connection.abort(error instanceof Error ? error : new Error(String(error)));
			throw error;
		}
		// Signalling is over, or the stream would not be there.
		if (!isCarrying && circuit.status === 'open')
			void circuit.close().catch((error: Error) => circuit.abort(error));
	}

	async #openLink(connection: Connection, signal: AbortSignal): Promise<void> {
		const stream = await connection.newStream(LINK_PROTOCOL, { signal, runOnLimitedConnection: true });
		const peer = nodeIdOf(connection.remotePeer);
		if (!this.#table?.adopt(stream, connection, 'self') && !this.#table?.get(peer))
			throw unreachable(peer, 'its link was refused');
	}

	#circuit(peer: NodeId, signal: AbortSignal): Promise<Connection> {
		const open = this.#node
			?.getConnections(peerIdOf(peer))
			.find((connection) => connection.status === 'open' && isCircuit(connection));
		if (open) return Promise.resolve(open);
		let dial = this.#circuits.get(peer);
		if (!dial) {
			dial = this.#dialCircuit(peer, signal).finally(() => this.#circuits.delete(peer));
			this.#circuits.set(peer, dial);
		}
		return dial;
	}

	/**
	 * Over each relay in turn: the peer has a reservation at one of them at least, or is not there. A relay that says nothing
	 * (its machine sleeps) leaves the next ones their share of the time.
	 */
	async #dialCircuit(peer: NodeId, signal: AbortSignal): Promise<Connection> {
		let failure: unknown = unreachable(peer, 'no relay is connected');
		const relays = this.#relays?.connected() ?? [];
		const shareMs = Math.ceil(RELAYED_DIAL_TIMEOUT_MS / Math.max(1, relays.length));
		for (const { connection } of relays) {
			if (!this.#node || signal.aborted) break;
			try {
				const address = `${circuitAddress(connection)}/p2p/${peerIdOf(peer).toString()}`;
				const share = AbortSignal.any([signal, AbortSignal.timeout(shareMs)]);
				return await this.#node.dial(multiaddr(address), { signal: share, force: true });
			} catch (error) {
				failure = error;
			}
		}
		throw failure;
	}

	async #probe(rtc: RTCConfiguration): Promise<void> {
		try {
			this.#directPossible = await hasIceCandidates(rtc);
			if (!this.#directPossible)
				log.info('this browser offers no address for WebRTC: links go through the relay');
		} catch (error) {
			log.warning('WebRTC does not start: {error}', { error: describe(error) });
		}
	}

	/** Connections without a link are leftovers of failed dials, or strangers. */
	#closeIdleConnections(): void {
		const used = new Set(this.#table?.connections());
		const relayed = new Set(this.#relays?.connected().map(({ connection }) => connection));
		for (const connection of this.#node?.getConnections() ?? []) {
			if (used.has(connection) || relayed.has(connection)) continue;
			if (Date.now() - connection.timeline.open > IDLE_CONNECTION_MS)
				connection.abort(new Error('no link on this connection'));
		}
	}
}

const log = getLogger(['tabwave', 'network']);

/** Links replace each other while two peers dial each other; more than a few on one connection are an attack. */
const STREAMS_PER_CONNECTION = 8;

const SWEEP_MS = 2_000;
const PROBE_AGAIN_MS = 30_000;
/** Two heartbeats of a relay. */
const CHANGE_PATIENCE_MS = 1_000;
const GOODBYE_MS = 100;
const STOP_TIMEOUT_MS = 1_500;

function isCircuit(connection: Connection): boolean {
	return !connection.direct;
}

function isToRelay(connection: Connection): boolean {
	return connection.remoteAddr.getComponents().some(({ name }) => name === 'ws' || name === 'wss');
}

/** `…/ws/p2p/<relay>/p2p-circuit`, whatever the address that the relay was dialled by. */
function circuitAddress(relay: Connection): string {
	const address = relay.remoteAddr.toString();
	const identity = `/p2p/${relay.remotePeer.toString()}`;
	return `${address.endsWith(identity) ? address : address + identity}/p2p-circuit`;
}

function unreachable(peer: NodeId, reason: string): NetworkError {
	return new NetworkError('PeerUnreachable', `peer ${peer.slice(0, 16)} is not reached: ${reason}`);
}

/** A failed WebSocket rejects with a DOM Event, which has no message. */
function describe(error: unknown): string {
	return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function elapsed(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
