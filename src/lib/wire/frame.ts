/**
 * Framing of a link's byte stream. A frame is what one turn sends to one peer:
 *
 *     u32 length of the rest, big-endian | { varint length, Packet } …
 *
 * Gathering matters: a small message alone on a data channel costs as much as 6 KB of bulk. Packets are opaque here
 * (codec.ts reads them), are never empty, and keep their order.
 */
import {
	FRAME_BUFFER_START_BYTES,
	MAX_FRAME_BYTES,
	MAX_PACKET_BYTES,
	MAX_PACKETS_PER_FRAME
} from './limits.ts';

export type FrameErrorReason =
	| 'frame-too-large'
	| 'frame-empty'
	| 'packet-too-large'
	| 'packet-empty'
	| 'packet-length-malformed'
	| 'packet-truncated'
	| 'too-many-packets';

/** The peer broke the framing (when decoding), or the caller asked for the impossible (when encoding). */
export class FrameError extends Error {
	override readonly name = 'FrameError';
	readonly reason: FrameErrorReason;

	constructor(reason: FrameErrorReason, message: string) {
		super(message);
		this.reason = reason;
	}
}

/**
 * Encodes one turn's packets, in order, as one frame, or as several where a bound of limits.ts would be passed.
 *
 * @returns whole frames with their length prefix; none for no packets
 * @throws FrameError (packet-empty, packet-too-large) for a packet that no frame can hold
 */
export function encodeFrame(packets: Uint8Array[]): Uint8Array[] {
	const frames: Uint8Array[] = [];
	let first = 0;
	let bodyBytes = 0;
	for (let i = 0; i < packets.length; i++) {
		const entryBytes = encodedEntryBytes(packets[i]!);
		if (i > first && (bodyBytes + entryBytes > MAX_FRAME_BYTES || i - first >= MAX_PACKETS_PER_FRAME)) {
			frames.push(buildFrame(packets, first, i, bodyBytes));
			first = i;
			bodyBytes = 0;
		}
		bodyBytes += entryBytes;
	}
	if (first < packets.length) frames.push(buildFrame(packets, first, packets.length, bodyBytes));
	return frames;
}

/**
 * Decodes one link's stream, whose chunks may be cut anywhere. Work is linear in the bytes pushed, and memory is at most
 * MAX_FRAME_BYTES. After an error the stream has no more meaning: every later push throws the same error.
 */
export class FrameDecoder {
	#header = new Uint8Array(PREFIX_BYTES);
	#headerBytes = 0;
	#bodyLength = 0;
	#body = NOTHING;
	#bodyBytes = 0;
	#error: FrameError | null = null;

	/** Bytes held of a frame that is not complete: not 0 at the stream's end means that it was cut short. */
	get pendingBytes(): number {
		return this.#headerBytes + this.#bodyBytes;
	}

	/**
	 * @returns the packets of each frame that this chunk completes. They are views into one buffer of that frame's own: who
	 * keeps a small part for long copies it, so that it does not hold the whole frame.
	 * @throws FrameError on the first violation; the caller closes the link
	 */
	push(chunk: Uint8Array): Uint8Array[][] {
		if (this.#error) throw this.#error;
		try {
			return this.#consume(chunk);
		} catch (error) {
			if (error instanceof FrameError) {
				this.#error = error;
				this.#body = NOTHING;
			}
			throw error;
		}
	}

	#consume(chunk: Uint8Array): Uint8Array[][] {
		const frames: Uint8Array[][] = [];
		let offset = 0;
		while (offset < chunk.length) {
			if (this.#headerBytes < PREFIX_BYTES) {
				this.#header[this.#headerBytes++] = chunk[offset++]!;
				if (this.#headerBytes === PREFIX_BYTES) this.#bodyLength = readBodyLength(this.#header);
				continue;
			}
			const taken = Math.min(chunk.length - offset, this.#bodyLength - this.#bodyBytes);
			this.#append(chunk.subarray(offset, offset + taken));
			offset += taken;
			if (this.#bodyBytes === this.#bodyLength) {
				const body = this.#body;
				this.#headerBytes = 0;
				this.#bodyBytes = 0;
				this.#body = NOTHING;
				frames.push(splitPackets(body));
			}
		}
		return frames;
	}

	/** Grows by doubling, and to exactly the frame's length in the end, so that the whole costs a constant per byte. */
	#append(part: Uint8Array): void {
		const needed = this.#bodyBytes + part.length;
		if (needed > this.#body.length) {
			const wanted = Math.max(needed, 2 * this.#body.length, FRAME_BUFFER_START_BYTES);
			const grown = new Uint8Array(Math.min(wanted, this.#bodyLength));
			grown.set(this.#body.subarray(0, this.#bodyBytes));
			this.#body = grown;
		}
		this.#body.set(part, this.#bodyBytes);
		this.#bodyBytes = needed;
	}
}

const PREFIX_BYTES = 4;
const NOTHING = new Uint8Array(0);

/** Enough for MAX_PACKET_BYTES (21 bits). */
const MAX_VARINT_BYTES = 3;

function encodedEntryBytes(packet: Uint8Array): number {
	if (packet.length === 0) throw new FrameError('packet-empty', 'a packet has at least one byte');
	if (packet.length > MAX_PACKET_BYTES)
		throw new FrameError(
			'packet-too-large',
			`a packet of ${packet.length} bytes passes the bound of ${MAX_PACKET_BYTES}`
		);
	return varintBytes(packet.length) + packet.length;
}

function buildFrame(packets: Uint8Array[], first: number, end: number, bodyBytes: number): Uint8Array {
	const frame = new Uint8Array(PREFIX_BYTES + bodyBytes);
	new DataView(frame.buffer).setUint32(0, bodyBytes);
	let offset = PREFIX_BYTES;
	for (let i = first; i < end; i++) {
		const packet = packets[i]!;
		let rest = packet.length;
		while (rest > 0x7f) {
			frame[offset++] = (rest & 0x7f) | 0x80;
			rest >>>= 7;
		}
		frame[offset++] = rest;
		frame.set(packet, offset);
		offset += packet.length;
	}
	return frame;
}

function readBodyLength(header: Uint8Array): number {
	const length = new DataView(header.buffer, header.byteOffset).getUint32(0);
	if (length === 0) throw new FrameError('frame-empty', 'a frame has at least one packet');
	if (length > MAX_FRAME_BYTES)
		throw new FrameError(
			'frame-too-large',
			`a frame of ${length} bytes passes the bound of ${MAX_FRAME_BYTES}`
		);
	return length;
}

function splitPackets(body: Uint8Array): Uint8Array[] {
	const packets: Uint8Array[] = [];
	let offset = 0;
	while (offset < body.length) {
		if (packets.length === MAX_PACKETS_PER_FRAME)
			throw new FrameError('too-many-packets', `a frame holds more than ${MAX_PACKETS_PER_FRAME} packets`);
		let length = 0;
		let count = 0;
		let byte: number;
		do {
			if (offset === body.length) throw new FrameError('packet-truncated', 'a frame ends inside a length');
			if (count === MAX_VARINT_BYTES)
				throw new FrameError(
					'packet-length-malformed',
					`a packet's length takes more than ${MAX_VARINT_BYTES} bytes`
				);
			byte = body[offset++]!;
			length |= (byte & 0x7f) << (7 * count);
			count++;
		} while (byte & 0x80);
		if (length === 0 && count === 1) throw new FrameError('packet-empty', 'a packet has at least one byte');
		// One encoding for each frame: padded lengths are how two readers come to disagree.
		if (byte === 0) throw new FrameError('packet-length-malformed', "a packet's length is padded");
		if (length > MAX_PACKET_BYTES)
			throw new FrameError(
				'packet-too-large',
				`a packet of ${length} bytes passes the bound of ${MAX_PACKET_BYTES}`
			);
		if (length > body.length - offset)
			throw new FrameError(
				'packet-truncated',
				`a packet of ${length} bytes has only ${body.length - offset} in its frame`
			);
		packets.push(body.subarray(offset, offset + length));
		offset += length;
	}
	return packets;
}

function varintBytes(value: number): number {
	return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}
