/** What the shell of the relay needs from the libp2p host: relay/network implements it, compose.ts joins the two. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

export interface HostService {
	/** libp2p's name of this relay, as in `/p2p/…`. */
	readonly peerId: string;
	start(): Promise<void>;
	/** Takes over a WebSocket: site, API and libp2p share one port. */
	handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
	stop(): Promise<void>;
}
