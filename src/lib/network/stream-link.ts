/** One long-lived stream to one peer: a path for its session. The stream's end is the link's end. */
import type { Connection, Stream } from '@libp2p/interface';
import type { NodeId } from './network.ts';
import { HELLO_BYTES } from './peer-session.ts';
import type { PeerSession } from './peer-session.ts';

export interface StreamLinkInit {
	peer: NodeId;
	session: number;
	stream: Stream;
	connection: Connection;
	/** Who opened the stream. */
	initiator: 'self' | 'peer';
	/** What goes over it. */
	bytes: PeerSession;
	/** The peer's hello is here: from now on its bytes are received. @throws SessionError */
	met(hello: Uint8Array): void;
	received(bytes: Uint8Array): void;
	/** Once, however the link ends, unless `close` or `detach` was called. */
	ended(reason: string): void;
}

export class StreamLink {
	readonly peer: NodeId;
	readonly session: number;
	readonly path: 'direct' | 'relayed';
	readonly initiator: 'self' | 'peer';
	readonly connection: Connection;
	readonly openedMs = performance.now();
	/** When it last said anything. */
	heardMs = -Infinity;
	#init: StreamLinkInit;
	#stream: Stream;
	/** Of the peer's hello, as far as it is here; null when it is done. */
	#hello: number[] | null = [];
	#draining = false;
	#ended = false;

	constructor(init: StreamLinkInit) {
		this.peer = init.peer;
		this.session = init.session;
		this.path = pathOf(init.connection);
		this.initiator = init.initiator;
		this.connection = init.connection;
		this.#init = init;
		this.#stream = init.stream;
		init.stream.addEventListener('close', (event) => this.#end(event.error?.message ?? 'the stream closed'));
		init.stream.addEventListener('remoteCloseWrite', () => this.#end('the peer closed the stream'));
		init.stream.addEventListener('message', ({ data }) =>
			this.#onBytes(data instanceof Uint8Array ? data : data.subarray())
		);
	}

	get ageMs(): number {
		return performance.now() - this.openedMs;
	}

	/** The peer's hello has come. */
	get isMet(): boolean {
		return this.#hello === null;
	}

	/** Says hello. Nothing is written before the peer has done so too: only then is it known where to begin. */
	open(): void {
		this.#write(this.#init.bytes.hello());
	}

	/** Writes what the session has, as far as the stream takes it. */
	drain(): void {
		while (this.isMet && !this.#draining && !this.#ended) {
			const bytes = this.#init.bytes.next();
			if (!bytes) return;
			this.#write(bytes);
		}
	}

	/** Nothing is read and written on it any more: another stream goes on, which will close this one. */
	freeze(): void {
		this.#ended = true;
	}

	/** Passes what waits: a whole frame, between two others. */
	say(frame: Uint8Array): void {
		if (this.isMet && !this.#ended) this.#write(frame);
	}

	/**
	 * Ends the link without a report. The connection goes too: it carries nothing else.
	 * @param graceful - let what is queued in the transport (a goodbye) leave first
	 */
	close(reason: string, graceful = false): void {
		this.#ended = true;
		const abort = (): void => this.connection.abort(new Error(reason));
		if (!graceful) return abort();
		this.connection.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }).catch(abort);
	}

	/** Ends the stream and leaves the connection, which another link or a signalling may use. */
	detach(reason: string): void {
		this.#ended = true;
		this.#stream.abort(new Error(reason));
	}

	#onBytes(bytes: Uint8Array): void {
		if (this.#ended) return;
		this.heardMs = performance.now();
		if (!this.#hello) return this.#init.received(bytes);
		const missing = HELLO_BYTES - this.#hello.length;
		this.#hello.push(...bytes.subarray(0, missing));
		if (this.#hello.length < HELLO_BYTES) return;
		const hello = Uint8Array.from(this.#hello);
		this.#hello = null;
		try {
			this.#init.met(hello);
		} catch (error) {
			return this.#end(error instanceof Error ? error.message : String(error));
		}
		// A listener may have closed the link.
		if (!this.#ended && bytes.length > missing) this.#init.received(bytes.subarray(missing));
		this.drain();
	}

	#write(bytes: Uint8Array): void {
		try {
			if (this.#stream.send(bytes) || this.#draining) return;
			this.#draining = true;
			this.#stream.onDrain().then(
				() => {
					this.#draining = false;
					this.drain();
				},
				(error: unknown) => this.#end(error instanceof Error ? error.message : String(error))
			);
		} catch (error) {
			this.#end(error instanceof Error ? error.message : String(error));
		}
	}

	#end(reason: string): void {
		if (this.#ended) return;
		this.close(reason);
		this.#init.ended(reason);
	}
}

/** Whether the relay carries this connection's bytes. A WebRTC address names the circuit it was signalled over, too. */
export function pathOf(connection: Connection): 'direct' | 'relayed' {
	const names = connection.remoteAddr.getComponents().map(({ name }) => name);
	return names.includes('p2p-circuit') && !names.includes('webrtc') ? 'relayed' : 'direct';
}

/** As long as a page that goes may still have. */
const CLOSE_TIMEOUT_MS = 500;
