/**
 * The relay's libp2p: WebSocket on the site's server, circuit relay for the members among themselves, and the Booter's links,
 * one to every tab that is connected and one to every other replica, which it dials. Links are by permission: who is no member
 * of the ledger speaks to the Booter, slowly, and to nobody else.
 *
 *     const server = http.createServer(site);
 *     const network = new RelayNetwork({ server, seed });
 *     await network.start(events);                     // before or after server.listen
 *     await network.stop();                            // within 2 s; the server itself is the caller's
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { create } from '@bufbuild/protobuf';
import { circuitRelayServer } from '@libp2p/circuit-relay-v2';
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2';
import { identify } from '@libp2p/identify';
import type { Connection, ConnectionGater, Libp2p, PeerId, Stream } from '@libp2p/interface';
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
import { PeerSession } from '#lib/network/peer-session.ts';
import { parseRelayAddress } from '#lib/network/relay-address.ts';
import { encodePacket } from '#lib/wire/codec.ts';
import { encodeFrame } from '#lib/wire/frame.ts';
import { PacketSchema } from '#lib/wire/gen/tabwave/v1/wire_pb.js';
import { Sockets } from './sockets.ts';
import { Upgrades, serverWebSocketTransport } from './websocket-listener.ts';

export interface RelaySettings {
	/** The site's server, if its upgrades to `/` are to be taken; without it they come through `handleUpgrade`. */
	server?: Server;
	/** 32 bytes: the Booter's Ed25519 seed. */
	seed: Uint8Array;
	/** Tabs at a time. */
	maxTabs?: number;
	/** Of them, those that are no members: on their way to be, looking on, or strangers. */
	maxStrangers?: number;
	/** New connections a second from one address: a class comes from one. */
	maxConnectionsPerSecondPerHost?: number;
	/** What one tab may send to the relay, relayed or not. Replicas have no such bound. */
	maxBytesPerSecondPerTab?: number;
	/** The same for who is no member. */
	maxBytesPerSecondPerStranger?: number;
	/** Frames that the Booter takes from one member; from who is none, MAX_FRAMES_PER_SECOND_PER_STRANGER at most. */
	maxFramesPerSecond?: number;
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
		super(links, { maxFramesPerSecond: (peer) => links.maxFramesPerSecond(peer) });
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

	/**
	 * Who may be carried: circuits lead from members to members. Those of who is none any more are cut. Until the first call
	 * everybody counts as a member, for networks without a ledger.
	 */
	setMembers(members: ReadonlySet<NodeId>): void {
		this.#links.setMembers(members);
	}

	/** Identities that libp2p remembers: those that are connected. */
	knownPeers(): Promise<number> {
		return this.#links.knownPeers();
	}

	/** For the status page. */
	relayStatus(): RelayStatus {
		return this.#links.status();
	}
}

export interface RelayStatus {
	connections: number;
	/** Of them, from who is no member. */
	strangers: number;
	reservations: number;
	/** Circuits that the relay carries now. */
	circuits: number;
	/** Circuits, links and connections that were refused since the start. */
	refused: number;
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
	#sockets: Sockets;
	/** null: everybody. */
	#members: ReadonlySet<NodeId> | null = null;
	#refused = 0;
	#sweptMs = -Infinity;

	/** @throws NetworkError for a seed that is not 32 bytes, or the address of a replica that names another */
	constructor(settings: RelaySettings) {
		this.self = nodeIdOfSeed(settings.seed);
		this.#settings = { ...DEFAULTS, ...definedOnly(settings) };
		this.#replicas = new Map(this.#settings.replicas.map((replica) => [replica.id, replica]));
		const { maxTabs, replicas, maxConnectionsPerSecondPerHost } = this.#settings;
		this.#sockets = new Sockets({
			// A reload overlaps with what it replaces.
			maxSockets: 2 * (maxTabs + replicas.length),
			maxUnproven: maxTabs,
			perSecondPerHost: maxConnectionsPerSecondPerHost
		});
		for (const { id, address } of this.#replicas.values())
			if (parseRelayAddress(address).relay !== id)
				throw new NetworkError('BadRelayAddress', `"${address}" is not the address of ${id}`);
	}

	async start(events: CarrierEvents): Promise<void> {
		if (this.#node) throw new NetworkError('NetworkAlreadyStarted', 'a relay starts once');
		const node = await createRelayNode(this.#settings, this.#upgrades, this.#sockets, {
			denyDialMultiaddr: () => false,
			denyOutboundRelayedConnection: (from, to) => this.#deniesCircuit(from, to)
		});
		this.#node = node;
		this.#dialler = new PeerDialler(this.#dialHost(node));
		this.#table = new LinkTable({
			self: this.self,
			events: this.#logged(events),
			// Every tab is unexpected; how many there may be is the connections' bound.
			maxUnexpectedPeers: this.#settings.maxTabs,
			expects: (peer) => this.#replicas.has(peer),
			ended: (peer, ageMs) => this.#dialler?.lost(peer, ageMs, false)
		});
		node.addEventListener('connection:open', ({ detail }) => this.#onConnection(detail));
		node.addEventListener('connection:close', ({ detail }) => this.#shareRate(detail.remotePeer));
		node.addEventListener('peer:disconnect', ({ detail }) => {
			this.#freeReservation(detail);
			// Every new identity would stay in its memory for ever.
			node.peerStore
				.delete(detail)
				.catch((error: unknown) =>
					log.warning('a peer could not be forgotten: {error}', { error: String(error) })
				);
		});
		await node.handle(LINK_PROTOCOL, (stream, connection) => this.#onLink(stream, connection), {
			maxInboundStreams: STREAMS_PER_CONNECTION
		});
		await node.start();
		this.#settings.server?.on('upgrade', this.#onUpgrade);
		this.#dialler.setPeers([...this.#replicas.keys()]);
	}

	handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		this.#upgrades.handle(request, socket, head);
	}

	setMembers(members: ReadonlySet<NodeId>): void {
		this.#members = members;
		for (const connection of this.#node?.getConnections() ?? []) {
			this.#shareRate(connection.remotePeer);
			if (!this.#isCarried(nodeOf(connection.remotePeer)))
				// A copy: an abort takes its stream out of the list.
				for (const stream of [...connection.streams])
					if (stream.protocol === HOP_PROTOCOL || stream.protocol === STOP_PROTOCOL)
						stream.abort(new Error('who is no member is not carried'));
		}
	}

	maxFramesPerSecond(peer: NodeId): number {
		if (this.#replicas.has(peer)) return Infinity;
		const { maxFramesPerSecond } = this.#settings;
		return this.#isCarried(peer)
			? maxFramesPerSecond
			: Math.min(maxFramesPerSecond, MAX_FRAMES_PER_SECOND_PER_STRANGER);
	}

	/** The replicas are settled, and tabs come by themselves. */
	setPeers(_peers: NodeId[]): void {}

	send(frames: OutgoingFrame[]): void {
		this.#table?.send(frames);
	}

	acknowledged(peer: NodeId, session: number, bytes: number): void {
		this.#table?.acknowledged(peer, session, bytes);
	}

	/** There is no other path to a tab, nor to a replica. */
	doubt(_peer: NodeId, _session: number): void {}

	close(peer: NodeId, session: number, reason: string, holdOffMs: number): void {
		this.#table?.close(peer, session, reason, holdOffMs);
	}

	/** Dials replicas, and closes what connected and never opened its link: a tab does so at once. */
	tick(): void {
		const nowMs = performance.now();
		this.#dialler?.tick();
		this.#table?.tick();
		if (nowMs - this.#sweptMs < SWEEP_MS) return;
		this.#sweptMs = nowMs;
		const linked = new Set(this.#table?.connections());
		for (const connection of this.#node?.getConnections() ?? [])
			if (!linked.has(connection) && Date.now() - connection.timeline.open > LINK_DEADLINE_MS)
				connection.abort(new Error('no link on this connection'));
	}

	async knownPeers(): Promise<number> {
		return (await this.#node?.peerStore.all())?.length ?? 0;
	}

	status(): RelayStatus {
		const connections = this.#node?.getConnections() ?? [];
		const hops = connections.flatMap(({ streams }) =>
			streams.filter(({ protocol }) => protocol === HOP_PROTOCOL)
		);
		return {
			connections: connections.length,
			strangers: this.#strangers().length,
			reservations: this.#node?.services.relay.reservations.size ?? 0,
			circuits: hops.length,
			refused: this.#refused
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
			opened: (peer, session, path, resumed) => {
				if (this.#replicas.has(peer))
					log.info('replica {replica} is linked', { replica: this.#nameOf(peer) });
				events.opened(peer, session, path, resumed);
			},
			closed: (peer, session, reason, isKept) => {
				if (this.#replicas.has(peer))
					log.warning('replica {replica} is lost: {reason}', { replica: this.#nameOf(peer), reason });
				events.closed(peer, session, reason, isKept);
			}
		};
	}

	#nameOf(peer: NodeId): string {
		return this.#replicas.get(peer)!.name;
	}

	/** Who it is has been proven by now. */
	#onConnection(connection: Connection): void {
		this.#sockets.proven(connection.remoteAddr);
		const peer = nodeOf(connection.remotePeer);
		// It has a key of another kind, so it is no node.
		if (peer === null) return this.#refuse(connection);
		const own = this.#node?.getConnections(connection.remotePeer) ?? [];
		if (own.length > CONNECTIONS_PER_PEER) oldest(own).abort(new Error('newer connections took its place'));
		this.#shareRate(connection.remotePeer);
		// Those that open a link are told why they are refused; beyond that there is no time for manners.
		if (this.#strangers().length > this.#settings.maxStrangers + STRANGERS_TOLD) this.#refuse(connection);
	}

	#onLink(stream: Stream, connection: Connection): void {
		const peer = nodeOf(connection.remotePeer);
		if (peer === null) return this.#refuse(connection);
		const linked = this.#table?.connections() ?? [];
		const strangers = linked.filter(({ remotePeer }) => this.#isStranger(remotePeer));
		if (this.#isStranger(connection.remotePeer) && strangers.length >= this.#settings.maxStrangers) {
			for (const frame of tooManyStrangers()) stream.send(frame);
			this.#refused++;
			connection.close().catch((error: Error) => connection.abort(error));
			return;
		}
		this.#table?.adopt(stream, connection, 'peer');
	}

	#refuse(connection: Connection): void {
		this.#refused++;
		connection.abort(new Error('this relay has no room for strangers'));
	}

	#deniesCircuit(from: PeerId, to: PeerId): boolean {
		const isDenied = !this.#isCarried(nodeOf(from)) || !this.#isCarried(nodeOf(to));
		if (isDenied) this.#refused++;
		return isDenied;
	}

	#isCarried(peer: NodeId | null): boolean {
		return peer !== null && (this.#members === null || this.#members.has(peer));
	}

	#isStranger(peer: PeerId): boolean {
		const node = nodeOf(peer);
		return node === null || !(this.#replicas.has(node) || this.#isCarried(node));
	}

	#strangers(): Connection[] {
		return (this.#node?.getConnections() ?? []).filter(({ remotePeer }) => this.#isStranger(remotePeer));
	}

	/** A peer's connections share one budget: a second one, as a reload makes it, is no second budget. */
	#shareRate(peer: PeerId): void {
		const { maxBytesPerSecondPerTab, maxBytesPerSecondPerStranger } = this.#settings;
		const connections = this.#node?.getConnections(peer) ?? [];
		const budget = this.#replicas.has(nodeOf(peer) ?? '')
			? null
			: this.#isStranger(peer)
				? maxBytesPerSecondPerStranger
				: maxBytesPerSecondPerTab;
		for (const { remoteAddr } of connections)
			this.#sockets.setRate(remoteAddr, budget === null ? null : budget / connections.length);
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
	sockets: Sockets,
	connectionGater: ConnectionGater
): Promise<Libp2p<RelayServices>> {
	return privateKeyOf(settings.seed).then((privateKey) =>
		createLibp2p<RelayServices>({
			privateKey,
			// Only says that WebSockets are listened to; host and port are the server's.
			addresses: { listen: ['/ip4/0.0.0.0/tcp/0/ws'] },
			transports: [
				serverWebSocketTransport({
					upgrades,
					sockets,
					maxBytesPerSecond: settings.maxBytesPerSecondPerStranger
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
			connectionGater,
			connectionManager: {
				// Bounded before the handshake (sockets.ts), where who is refused is told so.
				maxConnections: UNBOUNDED,
				inboundConnectionThreshold: UNBOUNDED,
				maxIncomingPendingConnections: UNBOUNDED,
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
	/** A class that has opened the page and not pressed Join yet, twice; the other half of the places is the members'. */
	maxStrangers: 128,
	/** A leader's 125 KB proposals to 15 relayed members, ten a second, are 19 MB/s. */
	maxBytesPerSecondPerTab: 32 * 1024 * 1024,
	/** A join is a kilobyte, a heartbeat a tenth of it; asking for the whole chain, some bytes for every twenty blocks. */
	maxBytesPerSecondPerStranger: 64 * 1024,
	maxFramesPerSecond: Infinity,
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

/** A reload overlaps with what it replaces, and the line may break in the middle of that. More would multiply a tab's budget. */
const CONNECTIONS_PER_PEER = 3;

/** Heartbeats, pings, and a request for every twenty blocks: 5,000 blocks a second, which nobody checks yet. */
const MAX_FRAMES_PER_SECOND_PER_STRANGER = 250;

/** Beyond `maxStrangers`: connections that are kept until their link is refused by name. */
const STRANGERS_TOLD = 16;

/** libp2p has no word for no bound, and counts with it. */
const UNBOUNDED = 1_000_000;
const SWEEP_MS = 2_000;
const LINK_DEADLINE_MS = 10_000;
const GOODBYE_MS = 100;
const STOP_TIMEOUT_MS = 1_500;
const HOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/hop';
const STOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/stop';

/** What a tab shows in place of a link: a stream's first bytes are a hello, then come frames. */
function tooManyStrangers(): Uint8Array[] {
	const refusal = {
		$typeName: 'tabwave.v1.Refusal' as const,
		name: 'TooManyStrangers',
		message: 'this relay has no room for more tabs that are no members; try again in a moment'
	};
	const packet = encodePacket(create(PacketSchema, { body: { case: 'refusal', value: refusal } }));
	return [new PeerSession().hello(), ...encodeFrame([packet]), goodbyeFrame()];
}

/** null for a key of another kind: it can connect, and is no node. */
function nodeOf(peer: PeerId): NodeId | null {
	return peer.type === 'Ed25519' ? nodeIdOf(peer) : null;
}

function oldest(connections: Connection[]): Connection {
	return connections.reduce((a, b) => (a.timeline.open <= b.timeline.open ? a : b));
}

function elapsed(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

function definedOnly(settings: RelaySettings): RelaySettings {
	return Object.fromEntries(
		Object.entries(settings).filter(([, value]) => value !== undefined)
	) as unknown as RelaySettings;
}
