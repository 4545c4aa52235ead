/**
 * What two nodes say to each other, as one stream of bytes each way that outlives the path it takes: a relayed link becomes direct,
 * a direct one breaks and the relay takes over, and neither loses, repeats or reorders a byte. No I/O: a StreamLink writes what
 * `next` gives, and tells what came.
 *
 * Each side begins every stream with a hello: the name of its own session, the name of the other side's as it knows it, and how many
 * bytes of that one it has received. The other side writes on from there. Until a byte is known to have arrived it is kept; what is
 * kept and what waits have one bound together. Who does not know the other's session (a tab that reloaded) begins a new one.
 */
import { MAX_SEND_QUEUE_BYTES, URGENT_RESERVE_BYTES } from './network-limits.ts';

/** The peer's hello, or what it says to have received, cannot be. */
export class SessionError extends Error {
	override readonly name = 'SessionError';
}

export class PeerSession {
	readonly #id = crypto.getRandomValues(new Uint8Array(ID_BYTES));
	/** Of the peer's session; null until its first hello. */
	#peerId: Uint8Array | null = null;
	#receivedBytes = 0;
	#acknowledgedBytes = 0;
	#writtenBytes = 0;
	/** Written and not all acknowledged, in the order in which they were written. The first begins at `#keptFromBytes`. */
	#kept: Uint8Array[] = [];
	#keptFromBytes = 0;
	/** After a move: the index in `#kept` of what is to be written again, and how much of that the peer has. */
	#again = 0;
	#againSkipBytes = 0;
	#urgent: Uint8Array[] = [];
	/** Leaves when nothing urgent waits. */
	#bulk: Uint8Array[] = [];
	#urgentBytes = 0;
	#bulkBytes = 0;

	/** What waits and what is kept. */
	get heldBytes(): number {
		return this.#writtenBytes - this.#keptFromBytes + this.#urgentBytes + this.#bulkBytes;
	}

	/** Opens a stream: everything that the peer sends on it comes after what has been received up to now. */
	hello(): Uint8Array<ArrayBuffer> {
		const hello = new Uint8Array(HELLO_BYTES);
		hello[0] = VERSION;
		hello.set(this.#id, 1);
		if (this.#peerId) hello.set(this.#peerId, 1 + ID_BYTES);
		new DataView(hello.buffer).setBigUint64(1 + 2 * ID_BYTES, BigInt(this.#receivedBytes));
		return hello;
	}

	/**
	 * The peer's hello on a new stream: `next` goes on with what the peer lacks.
	 * @returns true where the peer's bytes go on where they stopped; false where they begin anew, and what this side held is forgotten
	 * @throws SessionError for a hello that cannot be; the session is of no use any more
	 */
	meet(hello: Uint8Array): boolean {
		if (hello.length !== HELLO_BYTES || hello[0] !== VERSION) throw new SessionError('a malformed hello');
		const peerId = hello.slice(1, 1 + ID_BYTES);
		const ownId = hello.subarray(1 + ID_BYTES, 1 + 2 * ID_BYTES);
		const { buffer, byteOffset } = hello;
		const received = new DataView(buffer, byteOffset).getBigUint64(1 + 2 * ID_BYTES);
		const isKnown = this.#peerId !== null && isSame(this.#peerId, peerId);
		if (!isKnown) {
			// Another one than before knows nothing of what was said to that one.
			if (this.#peerId !== null) this.#forget();
			this.#peerId = peerId;
			this.#receivedBytes = 0;
		}
		if (isSame(ownId, this.#id)) this.#rewind(Number(received));
		else if (isKnown && !ownId.every((byte) => byte === 0))
			throw new SessionError('the peer has forgotten this session and not its own');
		else this.#rewind(0);
		return isKnown;
	}

	/** @returns false where the frame does not fit any more: its sender drops it */
	push(frame: Uint8Array, isBulk = false): boolean {
		if (this.heldBytes + frame.length > MAX_SEND_QUEUE_BYTES) return false;
		if (isBulk) {
			if (this.heldBytes + frame.length > MAX_SEND_QUEUE_BYTES - URGENT_RESERVE_BYTES) return false;
			this.#bulk.push(frame);
			this.#bulkBytes += frame.length;
		} else {
			this.#urgent.push(frame);
			this.#urgentBytes += frame.length;
		}
		return true;
	}

	/** @returns what is to be written now, a whole frame or the rest of one; it counts as written */
	next(): Uint8Array | undefined {
		if (this.#again < this.#kept.length) {
			const rest = this.#kept[this.#again++]!.subarray(this.#againSkipBytes);
			this.#againSkipBytes = 0;
			return rest;
		}
		const frame = this.#takeUrgent() ?? this.#takeBulk();
		if (!frame) return undefined;
		this.#kept.push(frame);
		this.#again = this.#kept.length;
		this.#writtenBytes += frame.length;
		return frame;
	}

	/** So many more of the peer's bytes came. */
	received(bytes: number): void {
		this.#receivedBytes += bytes;
	}

	/**
	 * The peer has so many bytes in all, modulo 2^32: they need not be kept.
	 * @throws SessionError where they were never written
	 */
	acknowledged(bytes: number): void {
		const moreBytes = (bytes - this.#acknowledgedBytes) | 0;
		// What was said before a hello is known from the hello.
		if (moreBytes > 0) this.#acknowledge(this.#acknowledgedBytes + moreBytes);
	}

	#acknowledge(bytes: number): void {
		if (bytes < this.#acknowledgedBytes || bytes > this.#writtenBytes)
			throw new SessionError('the peer says to have received what was not sent');
		this.#acknowledgedBytes = bytes;
		let done = 0;
		while (done < this.#kept.length && this.#keptFromBytes + this.#kept[done]!.length <= bytes)
			this.#keptFromBytes += this.#kept[done++]!.length;
		if (done === 0) return;
		this.#kept.splice(0, done);
		if (this.#again < done) this.#againSkipBytes = 0;
		this.#again = Math.max(0, this.#again - done);
	}

	/** What lies behind this byte is written again. */
	#rewind(toBytes: number): void {
		this.#acknowledge(toBytes);
		this.#again = 0;
		this.#againSkipBytes = toBytes - this.#keptFromBytes;
	}

	#forget(): void {
		this.#kept = [];
		this.#urgent = [];
		this.#bulk = [];
		this.#urgentBytes = this.#bulkBytes = 0;
		this.#writtenBytes = this.#acknowledgedBytes = this.#keptFromBytes = 0;
		this.#again = this.#againSkipBytes = 0;
	}

	#takeUrgent(): Uint8Array | undefined {
		const frame = this.#urgent.shift();
		if (frame) this.#urgentBytes -= frame.length;
		return frame;
	}

	#takeBulk(): Uint8Array | undefined {
		const frame = this.#bulk.shift();
		if (frame) this.#bulkBytes -= frame.length;
		return frame;
	}
}

const VERSION = 1;

/** Nobody but the two ends sees it; it only tells one session from the next. */
const ID_BYTES = 8;

/** Version, own session, the peer's or zeros, bytes received of that one. */
export const HELLO_BYTES = 1 + 2 * ID_BYTES + 8;

function isSame(a: Uint8Array, b: Uint8Array): boolean {
	return a.every((byte, i) => byte === b[i]);
}
