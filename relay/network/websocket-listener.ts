/**
 * libp2p's listening side on a port that it does not own: it takes the WebSocket upgrades of the site's server, so that
 * site, API and links share one port and every connection keeps its own address.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TypedEventEmitter } from '@libp2p/interface';
import type {
	ComponentLogger,
	CreateListenerOptions,
	Listener,
	ListenerEvents,
	Logger,
	Transport
} from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { Multiaddr } from '@multiformats/multiaddr';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { WebSocketConnection } from '#lib/network/websocket-connection.ts';
import type { WebSocketLike } from '#lib/network/websocket-connection.ts';
import { webSocketUrl } from '#lib/network/relay-address.ts';
import { WebSocketTransport } from '#lib/network/websocket-transport.ts';
import { ByteRate } from './byte-rate.ts';
import { refuseUpgrade } from './sockets.ts';
import type { Sockets } from './sockets.ts';

export interface ServerWebSocketInit {
	/** Where the site's server hands over its WebSocket upgrades. */
	upgrades: Upgrades;
	/** Who may open one, and sets the rate at which it is read. */
	sockets: Sockets;
	/** Bytes a second that are read from who has not said yet who it is, averaged over two seconds. */
	maxBytesPerSecond: number;
}

/** Joins a server that exists before libp2p, or after it, with the listener. */
export class Upgrades {
	#take: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | null = null;

	/** Takes the socket over; while nobody listens, it is closed, and the tab comes back. */
	handle = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
		if (this.#take) this.#take(request, socket, head);
		else socket.destroy();
	};

	listen(take: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | null): void {
		this.#take = take;
	}
}

export function serverWebSocketTransport(
	init: ServerWebSocketInit
): (components: { logger: ComponentLogger }) => Transport {
	return (components) => new ServerWebSocketTransport(components, init);
}

class ServerWebSocketTransport extends WebSocketTransport {
	#init: ServerWebSocketInit;

	constructor(components: { logger: ComponentLogger }, init: ServerWebSocketInit) {
		super(components);
		this.#init = init;
	}

	override createListener(options: CreateListenerOptions): Listener {
		return new ServerWebSocketListener(this.#init, options, this.logger.forComponent('tabwave:websocket'));
	}

	override listenFilter(addresses: Multiaddr[]): Multiaddr[] {
		return addresses.filter((address) => webSocketUrl(address) !== null);
	}
}

class ServerWebSocketListener extends TypedEventEmitter<ListenerEvents> implements Listener {
	#init: ServerWebSocketInit;
	#upgrader: CreateListenerOptions['upgrader'];
	#log: Logger;
	#webSockets = new WebSocketServer({
		noServer: true,
		maxPayload: MAX_MESSAGE_BYTES,
		// The bytes are encrypted: they do not compress.
		perMessageDeflate: false
	});
	#shutdown = new AbortController();

	constructor(init: ServerWebSocketInit, { upgrader }: CreateListenerOptions, log: Logger) {
		super();
		this.#init = init;
		this.#upgrader = upgrader;
		this.#log = log;
	}

	async listen(_address: Multiaddr): Promise<void> {
		this.#init.upgrades.listen((request, socket, head) => {
			const host = plainHost(request.socket.remoteAddress);
			const refusal = this.#init.sockets.refusal(host, performance.now());
			if (refusal) return refuseUpgrade(socket, refusal);
			this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
				this.#onWebSocket(webSocket, request)
			);
		});
		this.safeDispatchEvent('listening');
	}

	/** None: tabs know where they found the relay, and build their circuits' addresses from that. */
	getAddrs(): Multiaddr[] {
		return [];
	}

	async close(): Promise<void> {
		this.#init.upgrades.listen(null);
		this.#shutdown.abort();
		for (const socket of this.#webSockets.clients) socket.terminate();
		this.#webSockets.close();
		this.safeDispatchEvent('close');
	}

	updateAnnounceAddrs(_addresses: Multiaddr[]): void {}

	#onWebSocket(webSocket: WebSocket, request: IncomingMessage): void {
		const { sockets, maxBytesPerSecond } = this.#init;
		const rate = new ByteRate(maxBytesPerSecond, performance.now());
		const connection = new WebSocketConnection({
			socket: webSocket as unknown as WebSocketLike,
			remoteAddr: addressOf(plainHost(request.socket.remoteAddress), request.socket.remotePort ?? 0),
			direction: 'inbound',
			log: this.#log,
			onReceived: (bytes) => {
				const pauseMs = rate.take(bytes, performance.now());
				if (pauseMs === 0 || webSocket.isPaused) return;
				webSocket.pause();
				setTimeout(() => webSocket.resume(), pauseMs);
			}
		});
		// A pause that it is in runs out by itself.
		sockets.add(connection.remoteAddr, (bytesPerSecond) =>
			rate.setRate(bytesPerSecond ?? Infinity, performance.now())
		);
		webSocket.once('close', () => sockets.remove(connection.remoteAddr));
		this.#upgrader.upgradeInbound(connection, { signal: this.#shutdown.signal }).catch((error: Error) => {
			this.#log('inbound connection from %a was not upgraded - %e', connection.remoteAddr, error);
			connection.abort(error);
		});
	}
}

/** yamux writes at most 64 KiB at once and noise splits that; several may be joined in one message. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** An IPv4 peer of a socket that listens on IPv6 shows as `::ffff:1.2.3.4`. */
function plainHost(host = '0.0.0.0'): string {
	return host.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}

function addressOf(host: string, port: number): Multiaddr {
	return multiaddr(`/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}/ws`);
}
