/**
 * A WebSocket as libp2p sees a connection, for both ends. @libp2p/websockets is not used, for three reasons found in its
 * version 10: its listener cannot share the site's port; to reset a connection it closes the socket with code 1006, which
 * browsers refuse, so that the socket stays open; and it cannot slow a sender down.
 */
import type { AbortOptions, Logger, MessageStreamDirection } from '@libp2p/interface';
import { AbstractMultiaddrConnection } from '@libp2p/utils';
import type { SendResult } from '@libp2p/utils';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { Uint8ArrayList } from 'uint8arraylist';

/** What browsers, Node.js and the package `ws` have in common. */
export interface WebSocketLike {
	binaryType: string;
	readonly bufferedAmount: number;
	readonly readyState: number;
	send(data: Uint8Array<ArrayBuffer>): void;
	close(): void;
	/** `ws` only: ends at once, without the closing handshake. */
	terminate?(): void;
	addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
	addEventListener(type: 'close' | 'error' | 'open', listener: () => void): void;
}

export interface WebSocketConnectionInit {
	socket: WebSocketLike;
	remoteAddr: Multiaddr;
	direction: MessageStreamDirection;
	log: Logger;
	/** Told of every message; a listener uses it to bound a peer's rate. */
	onReceived?(bytes: number): void;
}

export class WebSocketConnection extends AbstractMultiaddrConnection {
	#socket: WebSocketLike;
	#poll: ReturnType<typeof setInterval> | undefined;

	constructor({ socket, onReceived, ...init }: WebSocketConnectionInit) {
		super(init);
		this.#socket = socket;
		socket.binaryType = 'arraybuffer';
		socket.addEventListener('message', ({ data }) => {
			if (data instanceof ArrayBuffer) {
				onReceived?.(data.byteLength);
				this.onData(new Uint8Array(data));
			} else this.abort(new Error('the peer sent text on a binary WebSocket'));
		});
		socket.addEventListener('close', () => {
			clearInterval(this.#poll);
			this.onTransportClosed();
		});
		// An error is always followed by a close; without a listener, `ws` would end the process.
		socket.addEventListener('error', () => undefined);
		this.addEventListener('close', () => clearInterval(this.#poll));
	}

	override sendData(data: Uint8ArrayList): SendResult {
		for (const part of data) this.#socket.send(part as Uint8Array<ArrayBuffer>);
		const canSendMore = this.#socket.bufferedAmount < MAX_BUFFERED_BYTES;
		if (!canSendMore) this.#poll ??= setInterval(() => this.#checkDrained(), DRAIN_POLL_MS);
		return { sentBytes: data.byteLength, canSendMore };
	}

	override async sendClose(options?: AbortOptions): Promise<void> {
		this.#socket.close();
		options?.signal?.throwIfAborted();
	}

	override sendReset(): void {
		if (this.#socket.terminate) this.#socket.terminate();
		else this.#socket.close();
	}

	/** A WebSocket has no read back-pressure of its own; yamux bounds what a peer may have under way. */
	override sendPause(): void {}

	override sendResume(): void {}

	/** WebSockets have no event for this. */
	#checkDrained(): void {
		if (this.#socket.bufferedAmount > 0) return;
		clearInterval(this.#poll);
		this.#poll = undefined;
		this.safeDispatchEvent('drain');
	}
}

/** Above this a socket counts as full: two frames. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

const DRAIN_POLL_MS = 10;
