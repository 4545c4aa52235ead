import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameDecoder, FrameError, encodeFrame, type FrameErrorReason } from './frame.ts';
import {
	FRAME_BUFFER_START_BYTES,
	MAX_FRAME_BYTES,
	MAX_PACKET_BYTES,
	MAX_PACKETS_PER_FRAME
} from './limits.ts';

fc.configureGlobal({ seed: 20260 });

const packetLists = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), {
	minLength: 1,
	maxLength: 30
});
const turns = fc.array(packetLists, { minLength: 1, maxLength: 5 });
const cutSizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 });

describe('frames', () => {
	it('come back whole, however the stream is cut', () => {
		fc.assert(
			fc.property(turns, cutSizes, (sent, sizes) => {
				const decoder = new FrameDecoder();
				const received = cut(concat(sent.flatMap(encodeFrame)), sizes).flatMap((chunk) =>
					decoder.push(chunk)
				);
				expect(received).toEqual(sent);
				expect(decoder.pendingBytes).toBe(0);
			}),
			{ numRuns: 1000 }
		);
	});

	it('carry packets of every size about the bounds of a length', () => {
		for (const size of [1, 127, 128, 129, 16_383, 16_384, 65_536, MAX_PACKET_BYTES - 1, MAX_PACKET_BYTES]) {
			const packet = new Uint8Array(size).fill(size);
			expect(decodeAll(encodeFrame([packet, Uint8Array.of(1)]))).toEqual([[packet, Uint8Array.of(1)]]);
		}
	});

	it('cost work in proportion to their bytes: a large one, a byte at a time', () => {
		const packet = new Uint8Array(MAX_PACKET_BYTES).fill(3);
		const [frame] = encodeFrame([packet]);
		const decoder = new FrameDecoder();
		for (let i = 0; i < frame!.length - 1; i++) {
			const frames = decoder.push(frame!.subarray(i, i + 1));
			if (frames.length > 0) throw new Error('complete before its last byte');
		}
		expect(decoder.pendingBytes).toBe(frame!.length - 1);
		expect(decoder.push(frame!.subarray(-1))[0]![0]).toHaveLength(packet.length);
	});

	it('do not lend the chunk they came in', () => {
		const [frame] = encodeFrame([Uint8Array.of(1, 2, 3)]);
		const packets = new FrameDecoder().push(frame!)[0]!;
		frame!.fill(0);
		expect(packets).toEqual([Uint8Array.of(1, 2, 3)]);
	});

	it('of no packets are none', () => expect(encodeFrame([])).toEqual([]));
});

describe('a turn too large for one frame', () => {
	it('becomes several, in order, by bytes', () => {
		const packets = [1, 2, 3, 4].map((fill) => new Uint8Array(MAX_FRAME_BYTES / 2 - 10).fill(fill));
		const frames = encodeFrame([...packets, Uint8Array.of(5)]);
		expect(frames).toHaveLength(2);
		for (const frame of frames) expect(frame.length - 4).toBeLessThanOrEqual(MAX_FRAME_BYTES);
		expect(
			decodeAll(frames)
				.flat()
				.map((packet) => packet[0])
		).toEqual([1, 2, 3, 4, 5]);
	});

	it('becomes several, in order, by count', () => {
		const packets = Array.from({ length: 2 * MAX_PACKETS_PER_FRAME + 1 }, (_, i) =>
			Uint8Array.of(i & 0xff, i >> 8)
		);
		const frames = decodeAll(encodeFrame(packets));
		expect(frames.map((frame) => frame.length)).toEqual([MAX_PACKETS_PER_FRAME, MAX_PACKETS_PER_FRAME, 1]);
		expect(frames.flat()).toEqual(packets);
	});

	it('fills a frame to its last byte', () => {
		const rest = MAX_FRAME_BYTES - (MAX_PACKET_BYTES + 3) - 3;
		const exact = [new Uint8Array(MAX_PACKET_BYTES), new Uint8Array(rest)];
		expect(encodeFrame(exact).map((frame) => frame.length)).toEqual([4 + MAX_FRAME_BYTES]);
		expect(encodeFrame([exact[0]!, new Uint8Array(rest + 1)])).toHaveLength(2);
	});
});

describe('the encoder refuses', () => {
	it.each<[string, Uint8Array, FrameErrorReason]>([
		['an empty packet', new Uint8Array(0), 'packet-empty'],
		['a packet past the bound', new Uint8Array(MAX_PACKET_BYTES + 1), 'packet-too-large']
	])('%s', (_name, packet, reason) => {
		expect(reasonOf(() => encodeFrame([Uint8Array.of(1), packet]))).toBe(reason);
	});
});

describe('the decoder refuses', () => {
	it.each<[string, Uint8Array, FrameErrorReason]>([
		['a frame past the bound, at its length', u32(MAX_FRAME_BYTES + 1), 'frame-too-large'],
		['the largest length there is', u32(0xffffffff), 'frame-too-large'],
		['a frame of nothing', u32(0), 'frame-empty'],
		['an empty packet', body(0), 'packet-empty'],
		['a packet longer than its frame', body(3, 1, 1), 'packet-truncated'],
		['a frame that ends inside a length', body(1, 1, 0x80), 'packet-truncated'],
		['a length that is padded', body(0x81, 0x00, 1), 'packet-length-malformed'],
		['a padded zero', body(0x80, 0x00, 1), 'packet-length-malformed'],
		['a length of four bytes', body(0x81, 0x80, 0x80, 0x01, 1), 'packet-length-malformed'],
		['a packet past the bound', body(0xff, 0xff, 0x7f, 1), 'packet-too-large'],
		[
			'too many packets',
			body(...Array.from({ length: 2 * MAX_PACKETS_PER_FRAME + 2 }, () => 1)),
			'too-many-packets'
		]
	])('%s', (_name, bytes, reason) => {
		expect(reasonOf(() => new FrameDecoder().push(bytes))).toBe(reason);
	});

	it('everything after a violation', () => {
		const decoder = new FrameDecoder();
		expect(reasonOf(() => decoder.push(u32(0)))).toBe('frame-empty');
		const [good] = encodeFrame([Uint8Array.of(1)]);
		expect(reasonOf(() => decoder.push(good!))).toBe('frame-empty');
	});

	it('a frame past the bound before its body comes', () => {
		const decoder = new FrameDecoder();
		const header = u32(MAX_FRAME_BYTES + 1);
		expect(decoder.push(header.subarray(0, 3))).toEqual([]);
		expect(reasonOf(() => decoder.push(header.subarray(3)))).toBe('frame-too-large');
	});
});

describe('a stream of anything', () => {
	it('gives packets within bounds or a FrameError', () => {
		const mutations = fc.array(
			fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('set', 'insert', 'remove')),
			{
				maxLength: 6
			}
		);
		let refused = 0;
		let accepted = 0;
		fc.assert(
			fc.property(turns, mutations, cutSizes, (sent, changes, sizes) => {
				const bytes = [...concat(sent.flatMap(encodeFrame))];
				for (const [place, value, kind] of changes)
					if (kind === 'set') bytes[place % bytes.length] = value;
					else
						bytes.splice(
							place % bytes.length,
							kind === 'remove' ? 1 : 0,
							...(kind === 'insert' ? [value] : [])
						);
				if (survives(cut(Uint8Array.from(bytes), sizes))) accepted++;
				else refused++;
			}),
			{ numRuns: 5000 }
		);
		// Both happen, so that neither branch is idle.
		expect(refused).toBeGreaterThan(1000);
		expect(accepted).toBeGreaterThan(500);
	});

	it('even of random bytes', () => {
		const short = fc
			.uint8Array({ maxLength: 40 })
			.map((bytes) => Uint8Array.of(0, 0, 0, bytes.length, ...bytes));
		fc.assert(
			fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), short), cutSizes, (bytes, sizes) => {
				survives(cut(bytes, sizes));
			}),
			{ numRuns: 5000 }
		);
	});

	it('holds no more than came: an announced frame is not allocated ahead', () => {
		const decoder = new FrameDecoder();
		decoder.push(u32(MAX_FRAME_BYTES));
		const before = process.memoryUsage().arrayBuffers;
		const decoders = Array.from({ length: 100 }, () => {
			const one = new FrameDecoder();
			one.push(u32(MAX_FRAME_BYTES));
			one.push(Uint8Array.of(1));
			return one;
		});
		expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 2 * FRAME_BUFFER_START_BYTES);
		expect(decoders).toHaveLength(100);
	});
});

/** Whether no error came; any error but a FrameError fails the test, as do packets out of bounds. */
function survives(chunks: Uint8Array[]): boolean {
	const decoder = new FrameDecoder();
	try {
		for (const chunk of chunks)
			for (const packets of decoder.push(chunk)) {
				if (packets.length === 0 || packets.length > MAX_PACKETS_PER_FRAME)
					throw new Error('count out of bounds');
				for (const packet of packets)
					if (packet.length === 0 || packet.length > MAX_PACKET_BYTES) throw new Error('size out of bounds');
			}
		return true;
	} catch (error) {
		expect(error).toBeInstanceOf(FrameError);
		return false;
	}
}

function decodeAll(frames: Uint8Array[]): Uint8Array[][] {
	const decoder = new FrameDecoder();
	return frames.flatMap((frame) => decoder.push(frame));
}

function reasonOf(run: () => unknown): FrameErrorReason | 'none' {
	try {
		run();
		return 'none';
	} catch (error) {
		expect(error).toBeInstanceOf(FrameError);
		return (error as FrameError).reason;
	}
}

/** Cuts into chunks of the given sizes, in turn, until nothing is left. */
function cut(bytes: Uint8Array, sizes: number[]): Uint8Array[] {
	const chunks: Uint8Array[] = [];
	for (let offset = 0, i = 0; offset < bytes.length; i++) {
		const size = sizes[i % sizes.length]!;
		chunks.push(bytes.subarray(offset, offset + size));
		offset += size;
	}
	return chunks;
}

function concat(parts: Uint8Array[]): Uint8Array {
	return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function u32(value: number): Uint8Array {
	const bytes = new Uint8Array(4);
	new DataView(bytes.buffer).setUint32(0, value);
	return bytes;
}

function body(...bytes: number[]): Uint8Array {
	return concat([u32(bytes.length), Uint8Array.from(bytes)]);
}
