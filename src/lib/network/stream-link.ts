/** One long-lived stream to one peer, with its bounded queue. The stream's end is the link's end. */
import type { Connection, Stream } from '@libp2p/interface';
import { MAX_SEND_QUEUE_BYTES, URGENT_RESERVE_BYTES } from './network-limits.ts';
import type { NodeId } from './network.ts';

export interface StreamLinkInit {
	peer: NodeId;
	session: number;
	stream: Stream;
	connection: Connection;
	/** Who opened the stream. */
	initiator: 'self' | 'peer';
	received(bytes: Uint8Array): void;
	/** Once, however the link ends, unless `close` was called. */
	ended(reason: string): void;
}

export class StreamLink {
	readonly peer: NodeId;
	readonly session: number;
	readonly path: 'direct' | 'relayed';
	readonly initiator: 'self' | 'peer';
	readonly connection: Connection;
	readonly openedMs = performance.now();
	#stream: Stream;
	#urgent: Uint8Array[] = [];
	/** Leaves when nothing urgent waits. */
	#bulk: Uint8Array[] = [];
	#urgentBytes = 0;
	#bulkBytes = 0;
	#draining = false;
	#ended: ((reason: string) => void) | null;

	constructor(init: StreamLinkInit) {
		this.peer = init.peer;
		this.session = init.session;
		this.path = pathOf(init.connection);
		this.initiator = init.initiator;
		this.connection = init.connection;
		this.#stream = init.stream;
		this.#ended = (reason) => init.ended(reason);
		init.stream.addEventListener('close', (event) => this.#end(event.error?.message ?? 'the stream closed'));
		init.stream.addEventListener('remoteCloseWrite', () => this.#end('the peer closed the stream'));
		init.stream.addEventListener('message', ({ data }) => {
			if (this.#ended) init.received(data instanceof Uint8Array ? data : data.subarray());
		});
	}

	get ageMs(): number {
		return performance.now() - this.openedMs;
	}

	get queuedBytes(): number {
		return this.#urgentBytes + this.#bulkBytes;
	}

	/** @returns false where the frame was dropped: its queue is full, or the link has ended */
	send(frame: Uint8Array, isBulk = false): boolean {
		if (!this.#ended || this.queuedBytes + frame.length > MAX_SEND_QUEUE_BYTES) return false;
		if (isBulk) {
			if (this.#bulkBytes + frame.length > MAX_SEND_QUEUE_BYTES - URGENT_RESERVE_BYTES) return false;
			this.#bulk.push(frame);
			this.#bulkBytes += frame.length;
		} else {
			this.#urgent.push(frame);
			this.#urgentBytes += frame.length;
		}
		this.#drain();
		return true;
	}

	/**
	 * Ends the link without a report. The connection goes too: it carries nothing else.
	 * @param graceful - let what is queued in the transport (a goodbye) leave first
	 */
	close(reason: string, graceful = false): void {
		this.#ended = null;
		this.#clear();
		const abort = (): void => this.connection.abort(new Error(reason));
		if (!graceful) return abort();
		this.connection.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }).catch(abort);
	}

	/** Ends the stream and leaves the connection, which another link or a signalling may use. */
	detach(reason: string): void {
		this.#ended = null;
		this.#clear();
		this.#stream.abort(new Error(reason));
	}

	#next(): Uint8Array | undefined {
		const urgent = this.#urgent.shift();
		if (urgent) {
			this.#urgentBytes -= urgent.length;
			return urgent;
		}
		const bulk = this.#bulk.shift();
		if (bulk) this.#bulkBytes -= bulk.length;
		return bulk;
	}

	#clear(): void {
		this.#urgent = [];
		this.#bulk = [];
		this.#urgentBytes = this.#bulkBytes = 0;
	}

	#drain(): void {
		if (this.#draining) return;
		try {
			for (let frame = this.#next(); frame; frame = this.#next()) {
				if (this.#stream.send(frame)) continue;
				this.#draining = true;
				this.#stream.onDrain().then(
					() => {
						this.#draining = false;
						this.#drain();
					},
					(error: unknown) => this.#end(error instanceof Error ? error.message : String(error))
				);
				return;
			}
		} catch (error) {
			this.#end(error instanceof Error ? error.message : String(error));
		}
	}

	#end(reason: string): void {
		const ended = this.#ended;
		if (!ended) return;
		this.close(reason);
		ended(reason);
	}
}

/** Whether the relay carries this connection's bytes. A WebRTC address names the circuit it was signalled over, too. */
export function pathOf(connection: Connection): 'direct' | 'relayed' {
	const names = connection.remoteAddr.getComponents().map(({ name }) => name);
	return names.includes('p2p-circuit') && !names.includes('webrtc') ? 'relayed' : 'direct';
}

/** As long as a page that goes may still have. */
const CLOSE_TIMEOUT_MS = 500;
