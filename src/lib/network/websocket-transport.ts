/** Dials a relay by WebSocket, from a page or from Node.js (which has had the browser's WebSocket since 22). */
import { serviceCapabilities, transportSymbol } from '@libp2p/interface';
import type {
	ComponentLogger,
	Connection,
	CreateListenerOptions,
	DialTransportOptions,
	Listener,
	Transport
} from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { NetworkError } from './link-carrier.ts';
import { webSocketUrl } from './relay-address.ts';
import { WebSocketConnection } from './websocket-connection.ts';

export function webSocketTransport(): (components: { logger: ComponentLogger }) => Transport {
	return (components) => new WebSocketTransport(components);
}

export class WebSocketTransport implements Transport {
	readonly [transportSymbol] = true as const;
	readonly [Symbol.toStringTag] = 'tabwave/websocket';
	readonly [serviceCapabilities] = ['@libp2p/transport'];
	protected readonly logger: ComponentLogger;

	constructor({ logger }: { logger: ComponentLogger }) {
		this.logger = logger;
	}

	async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
		const socket = new WebSocket(webSocketUrl(address)!);
		socket.binaryType = 'arraybuffer';
		await opened(socket, options.signal);
		const connection = new WebSocketConnection({
			socket,
			remoteAddr: address,
			direction: 'outbound',
			log: this.logger.forComponent('tabwave:websocket')
		});
		try {
			return await options.upgrader.upgradeOutbound(connection, options);
		} catch (error) {
			socket.close();
			throw error;
		}
	}

	createListener(_options: CreateListenerOptions): Listener {
		throw new NetworkError('NetworkStartFailed', 'a tab cannot listen on a WebSocket');
	}

	listenFilter(_addresses: Multiaddr[]): Multiaddr[] {
		return [];
	}

	dialFilter(addresses: Multiaddr[]): Multiaddr[] {
		return addresses.filter((address) => webSocketUrl(address) !== null);
	}
}

function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const fail = (): void => {
			signal.removeEventListener('abort', fail);
			socket.close();
			reject(new NetworkError('RelayUnreachable', `no WebSocket at ${socket.url}`));
		};
		if (signal.aborted) return fail();
		signal.addEventListener('abort', fail);
		socket.addEventListener('error', fail);
		socket.addEventListener('open', () => {
			signal.removeEventListener('abort', fail);
			socket.removeEventListener('error', fail);
			resolve();
		});
	});
}
