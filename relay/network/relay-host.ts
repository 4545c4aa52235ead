/**
 * The relay's libp2p: WebSocket on the site's server, circuit relay for the tabs among themselves, and the Booter's links,
 * one to every tab that is connected and one to every other replica, which it dials.
 *
 *     const server = http.createServer(site);
 *     const network = new RelayNetwork({ server, seed });
 *     await network.start(events);                     // before or after server.listen
 *     await network.stop();                            // within 2 s; the server itself is the caller's
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { circuitRelayServer } from '@libp2p/circuit-relay-v2';
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { yamux } from '@libp2p/yamux';
import { getLogger } from '@logtape/logtape';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { goodbyeFrame } from '#lib/network/control-packets.ts';
import { FramedNetwork } from '#lib/network/framed-network.ts';
import { NetworkError } from '#lib/network/link-carrier.ts';
import type { CarrierEvents, LinkCarrier, OutgoingFrame } from '#lib/network/link-carrier.ts';
import { LinkTable } from '#lib/network/link-table.ts';
import { LINK_PROTOCOL } from '#lib/network/network-limits.ts';
import type { NodeId } from '#lib/network/network.ts';
import { PeerDialler } from '#lib/network/peer-dialler.ts';
import type { DialHost } from '#lib/network/peer-dialler.ts';
import { nodeIdOf, nodeIdOfSeed, peerIdOf, privateKeyOf } from '#lib/network/peer-identity.ts';
import { parseRelayAddress } from '#lib/network/relay-address.ts';
import { SocketBounds, Upgrades, serverWebSocketTransport } from './websocket-listener.ts';

export interface RelaySettings {
	/** The site's server, if its upgrades to `/` are to be taken; without it they come through `handleUpgrade`. */
	server?: Server;
	/** 32 bytes: the Booter's Ed25519 seed. */
	seed: Uint8Array;
	/** Tabs at a time. */
	maxTabs?: number;
	/** New connections a second from one address: a class comes from one. */
	maxConnectionsPerSecondPerHost?: number;
	/** What one tab may send to the relay, relayed or not. Replicas have no such bound. */
	maxBytesPerSecondPerTab?: number;
	/** The other replicas of the Booter: linked for as long as this network runs, whatever it takes. */
	replicas?: readonly ReplicaTarget[];
	/** Asked before a replica is dialled. @throws where what answers there must not be linked */
	checkReplica?(replica: NodeId, signal: AbortSignal): Promise<void>;
}

export interface ReplicaTarget {
	id: NodeId;
	/** For people. */
	name: string;
	/** Multiaddr with the replica's identity, see relay-address.ts: nobody else at that address is linked. */
	address: string;
}

/**
 * The Booter's network. Its peers are the tabs that are connected, which it does not dial, and the other replicas; so
 * `setPeers` changes nothing. `links()` shows a replica that is not reached as down.
 */
export class RelayNetwork extends FramedNetwork {
	readonly #links: RelayLinks;
	readonly #replicas: NodeId[];

	constructor(settings: RelaySettings) {
		const links = new RelayLinks(settings);
		super(links);
		this.#links = links;
		this.#replicas = (settings.replicas ?? []).map(({ id }) => id);
		super.setPeers(this.#replicas);
	}

	override setPeers(_peers: NodeId[]): void {}

	/** libp2p's name of this relay, as in `/p2p/…`. */
	get peerId(): string {
		return peerIdOf(this.self).toString();
	}

	/** Takes a WebSocket over, for servers that look at upgrades themselves. Before `start` and after `stop` it is closed. */
	handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		this.#links.handleUpgrade(request, socket, head);
	}

	/** For the status page. */
	relayStatus(): RelayStatus {
		return this.#links.status();
	}
}

export interface RelayStatus {
	connections: number;
	reservations: number;
	/** Circuits that the relay carries now. */
	circuits: number;
}

/** The relay's side as a carrier; most callers want {@link RelayNetwork}. */
export class RelayLinks implements LinkCarrier {
	readonly self: NodeId;
	#settings: Settings;
	#upgrades = new Upgrades();
	#node: Libp2p<RelayServices> | null = null;
	#table: LinkTable | null = null;
	#dialler: PeerDialler | null = null;
	#replicas: Map<NodeId, ReplicaTarget>;
	#bounds = new SocketBounds();
	#sweptMs = -Infinity;

	/** @throws NetworkError for a seed that is not 32 bytes, or the address of a replica that names another */
	constructor(settings: RelaySettings) {
		this.self = nodeIdOfSeed(settings.seed);
		this.#settings = { ...DEFAULTS, ...definedOnly(settings) };
		this.#replicas = new Map(this.#settings.replicas.map((replica) => [replica.id, replica]));
		for (const { id, address } of this.#replicas.values())
			if (parseRelayAddress(address).relay !== id)
				throw new NetworkError('BadRelayAddress', `"${address}" is not the address of ${id}`);
	}

	async start(events: CarrierEvents): Promise<void> {
		if (this.#node) throw new NetworkError('NetworkAlreadyStarted', 'a relay starts once');
		const node = await createRelayNode(this.#settings, this.#upgrades, this.#bounds);
		this.#node = node;
		this.#dialler = new PeerDialler(this.#dialHost(node));
		this.#table = new LinkTable({
			self: this.self,
			events: this.#logged(events),
			// Every tab is unexpected; how many there may be is the connections' bound.
			maxUnexpectedPeers: this.#settings.maxTabs,
			expects: (peer) => this.#replicas.has(peer),
			ended: (peer, ageMs) => this.#dialler?.lost(peer, ageMs)
		});
		node.addEventListener('connection:open', ({ detail }) => {
			if (this.#replicaOf(detail)) this.#bounds.lift(detail.remoteAddr);
		});
		node.addEventListener('peer:disconnect', ({ detail }) => {
			this.#freeReservation(detail);
			// Every new identity would stay in its memory for ever.
			node.peerStore
				.delete(detail)
				.catch((error: unknown) =>
					log.warning('a peer could not be forgotten: {error}', { error: String(error) })
				);
		});
		await node.handle(
			LINK_PROTOCOL,
			(stream, connection) => {
				this.#table?.adopt(stream, connection, 'peer');
			},
			{ maxInboundStreams: STREAMS_PER_CONNECTION }
		);
		await node.start();
		this.#settings.server?.on('upgrade', this.#onUpgrade);
		this.#dialler.setPeers([...this.#replicas.keys()]);
	}

	handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		this.#upgrades.handle(request, socket, head);
	}

	/** The replicas are settled, and tabs come by themselves. */
	setPeers(_peers: NodeId[]): void {}

	send(frames: OutgoingFrame[]): void {
		this.#table?.send(frames);
	}

	close(peer: NodeId, session: number, reason: string, holdOffMs: number): void {
		this.#table?.close(peer, session, reason, holdOffMs);
	}

	/** Dials replicas, and closes what connected and never opened its link: a tab does so at once. */
	tick(): void {
		const nowMs = performance.now();
		this.#dialler?.tick();
		if (nowMs - this.#sweptMs < SWEEP_MS) return;
		this.#sweptMs = nowMs;
		const linked = new Set(this.#table?.connections());
		for (const connection of this.#node?.getConnections() ?? [])
			if (!linked.has(connection) && Date.now() - connection.timeline.open > LINK_DEADLINE_MS)
				connection.abort(new Error('no link on this connection'));
	}

	status(): RelayStatus {
		const connections = this.#node?.getConnections() ?? [];
		const hops = connections.flatMap(({ streams }) =>
			streams.filter(({ protocol }) => protocol === HOP_PROTOCOL)
		);
		return {
			connections: connections.length,
			reservations: this.#node?.services.relay.reservations.size ?? 0,
			circuits: hops.length
		};
	}

	async stop(): Promise<void> {
		this.#settings.server?.off('upgrade', this.#onUpgrade);
		this.#table?.endAll(goodbyeFrame(), 'the relay stops');
		const node = this.#node;
		this.#node = this.#table = this.#dialler = null;
		if (!node) return;
		// The goodbyes need a moment; what is open after it is cut, or libp2p would wait for each tab's answer.
		await elapsed(GOODBYE_MS);
		for (const connection of node.getConnections()) connection.abort(new Error('the relay stops'));
		await Promise.race([node.stop(), elapsed(STOP_TIMEOUT_MS)]);
	}

	/** Only the root path is ours: others may have WebSockets beside it. */
	#onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
		if (new URL(request.url ?? '/', 'http://relay').pathname === '/')
			this.handleUpgrade(request, socket, head);
	};

	/** Every replica is dialled directly: the one that is asked to carry others is this one. */
	#dialHost(node: Libp2p): DialHost {
		return {
			self: this.self,
			now: () => performance.now(),
			ready: () => true,
			directPossible: () => false,
			link: (peer) => this.#table?.get(peer) ?? null,
			reach: async (peer, timeoutMs) => {
				await this.#settings.checkReplica?.(peer, AbortSignal.timeout(timeoutMs));
			},
			connect: async (peer, _path, timeoutMs) => {
				const signal = AbortSignal.timeout(timeoutMs);
				// force: a connection without a link is what a failed dial has left.
				const connection = await node.dial(multiaddr(this.#replicas.get(peer)!.address), {
					signal,
					force: true
				});
				try {
					const stream = await connection.newStream(LINK_PROTOCOL, { signal });
					if (this.#table?.adopt(stream, connection, 'self')) return;
					throw new NetworkError('PeerUnreachable', 'its link was refused');
				} catch (error) {
					connection.abort(error instanceof Error ? error : new Error(String(error)));
					// In a glare the other side's link has won.
					if (!this.#table?.get(peer)) throw error;
				}
			},
			unreachable: (peer, error) =>
				log.info('replica {replica} is not reached, trying again: {error}', {
					replica: this.#nameOf(peer),
					error: error instanceof Error ? `${error.name}: ${error.message}` : String(error)
				})
		};
	}

	/** A Booter's operator wants to know when a replica comes and goes; who else is linked is ordinary. */
	#logged(events: CarrierEvents): CarrierEvents {
		return {
			...events,
			opened: (peer, session, path) => {
				if (this.#replicas.has(peer))
					log.info('replica {replica} is linked', { replica: this.#nameOf(peer) });
				events.opened(peer, session, path);
			},
			closed: (peer, session, reason) => {
				if (this.#replicas.has(peer))
					log.warning('replica {replica} is lost: {reason}', { replica: this.#nameOf(peer), reason });
				events.closed(peer, session, reason);
			}
		};
	}

	#nameOf(peer: NodeId): string {
		return this.#replicas.get(peer)!.name;
	}

	#replicaOf({ remotePeer }: Connection): ReplicaTarget | undefined {
		// A peer with a key of another kind can connect, and is no node.
		return remotePeer.type === 'Ed25519' ? this.#replicas.get(nodeIdOf(remotePeer)) : undefined;
	}

	/** libp2p keeps it until it expires, and a relay of 256 would be full after 256 reloads. */
	#freeReservation(peer: PeerId): void {
		const reservations = this.#node?.services.relay.reservations;
		const reservation = reservations?.get(peer);
		if (!reservation) return;
		// Or its timer would take away the reservation that the same peer makes when it returns.
		reservation.signal.clear();
		reservations?.delete(peer);
	}
}

type Optional = 'server' | 'checkReplica';
type Settings = Required<Omit<RelaySettings, Optional>> & Pick<RelaySettings, Optional>;

const log = getLogger(['tabwave', 'network']);

interface RelayServices extends Record<string, unknown> {
	relay: CircuitRelayService;
}

function createRelayNode(
	settings: Settings,
	upgrades: Upgrades,
	bounds: SocketBounds
): Promise<Libp2p<RelayServices>> {
	return privateKeyOf(settings.seed).then((privateKey) =>
		createLibp2p<RelayServices>({
			privateKey,
			// Only says that WebSockets are listened to; host and port are the server's.
			addresses: { listen: ['/ip4/0.0.0.0/tcp/0/ws'] },
			transports: [
				serverWebSocketTransport({
					upgrades,
					bounds,
					maxBytesPerSecond: settings.maxBytesPerSecondPerTab
				})
			],
			connectionEncrypters: [noise()],
			streamMuxers: [yamux()],
			services: {
				identify: identify({ runOnConnectionOpen: false }),
				relay: circuitRelayServer({
					maxInboundHopStreams: CIRCUITS_PER_TAB,
					maxOutboundStopStreams: CIRCUITS_PER_TAB,
					reservations: {
						maxReservations: settings.maxTabs,
						reservationTtl: RESERVATION_TTL_MS,
						// Two minutes and 128 KiB, for circuits that only introduce; ours carry the traffic. The rate is bounded
						// per connection instead.
						applyDefaultLimit: false
					}
				})
			},
			connectionManager: {
				// A reload overlaps with what it replaces.
				maxConnections: 2 * (settings.maxTabs + settings.replicas.length),
				inboundConnectionThreshold: settings.maxConnectionsPerSecondPerHost,
				maxIncomingPendingConnections: settings.maxTabs,
				reconnectRetries: 0
			},
			// The links' own pings find the dead ones.
			connectionMonitor: { enabled: false },
			start: false
		})
	);
}

const DEFAULTS = {
	/** A class of 60, four times over. */
	maxTabs: 256,
	/** 60 tabs that come back after a restart, with reloads on top. */
	maxConnectionsPerSecondPerHost: 200,
	/** A leader's 125 KB proposals to 15 relayed members, ten a second, are 19 MB/s. */
	maxBytesPerSecondPerTab: 32 * 1024 * 1024,
	replicas: []
};

/**
 * A reservation lives as long as its connection. The time is long because libp2p compares it with the tab's own clock,
 * which may be hours off, and because retimeable-signal 1.0 keeps every timer after the second reset: with a short time,
 * relayed links would be cut at the third. Node.js takes no timer above 2^31 ms, 24 days.
 */
const RESERVATION_TTL_MS = 20 * 24 * 3_600_000;

/** The largest partition of 128, all of it relayed. */
const CIRCUITS_PER_TAB = 256;

const STREAMS_PER_CONNECTION = 8;
const SWEEP_MS = 2_000;
const LINK_DEADLINE_MS = 10_000;
const GOODBYE_MS = 100;
const STOP_TIMEOUT_MS = 1_500;
const HOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/hop';

function elapsed(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

function definedOnly(settings: RelaySettings): RelaySettings {
	return Object.fromEntries(
		Object.entries(settings).filter(([, value]) => value !== undefined)
	) as unknown as RelaySettings;
}
