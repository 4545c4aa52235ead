import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameDecoder, encodeFrame } from '#lib/wire/frame.ts';
import { MAX_SEND_QUEUE_BYTES, URGENT_RESERVE_BYTES } from './network-limits.ts';
import { HELLO_BYTES, PeerSession, SessionError } from './peer-session.ts';

fc.configureGlobal({ seed: 41 });

describe('PeerSession', () => {
	it('says everything once and in order, whatever path is cut at whatever byte', () => {
		const lengths = [3, 40, 7, 25];
		const total = 2 * encodedBytes(lengths);
		for (let first = 0; first <= total; first++)
			for (let second = 0; second <= total; second += 7) {
				const two = new Pair();
				two.say('a', lengths);
				two.say('b', lengths);
				two.connect(first);
				two.connect(second);
				two.connect(Infinity);
				expect(two.heard).toEqual({ a: lengths, b: lengths });
			}
	});

	it('does so while more is said, acknowledged and cut at random, also in the middle of hellos', () => {
		const step = fc.oneof(
			fc.record({
				say: fc.constantFrom('a' as const, 'b' as const),
				bytes: fc.integer({ min: 1, max: 300 })
			}),
			fc.record({ connect: fc.integer({ min: 0, max: 700 }) }),
			fc.record({ acknowledge: fc.constantFrom('a' as const, 'b' as const) })
		);
		fc.assert(
			fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
				const two = new Pair();
				const said = { a: [] as number[], b: [] as number[] };
				for (const one of [...steps, { connect: Infinity }])
					if ('say' in one) {
						said[one.say].push(one.bytes);
						two.say(one.say, [one.bytes]);
					} else if ('connect' in one) two.connect(one.connect);
					else two.acknowledge(one.acknowledge);
				// What a hears is what b said.
				expect(two.heard).toEqual({ a: said.b, b: said.a });
			}),
			{ numRuns: 300 }
		);
	});

	it('keeps what was said until it is acknowledged, and no longer', () => {
		const two = new Pair();
		two.say('a', [100, 200]);
		two.connect(Infinity);
		const heldBytes = encodedBytes([100, 200]);
		expect(two.a.heldBytes).toBe(heldBytes);
		two.a.acknowledged(encodedBytes([100]));
		expect(two.a.heldBytes).toBe(heldBytes - encodedBytes([100]));
		two.a.acknowledged(heldBytes);
		expect(two.a.heldBytes).toBe(0);
		// Late: it was on its way while the hello said more.
		two.a.acknowledged(1);
		expect(two.a.heldBytes).toBe(0);
		expect(() => two.a.acknowledged(heldBytes + 1)).toThrow(SessionError);
	});

	it('counts beyond 2^32 bytes as the other side does', () => {
		const [a, b] = met();
		const frame = new Uint8Array(MAX_SEND_QUEUE_BYTES);
		for (let bytes = 0; bytes <= 2 ** 32; bytes += frame.length) {
			expect(a.push(frame)).toBe(true);
			a.next();
			b.received(frame.length);
			a.acknowledged((bytes + frame.length) >>> 0);
		}
		expect(a.heldBytes).toBe(0);
		a.push(Uint8Array.of(1));
		a.next();
		const [fromA, fromB] = [a.hello(), b.hello()];
		expect([a.meet(fromB), b.meet(fromA)]).toEqual([true, true]);
		expect(a.next()).toEqual(Uint8Array.of(1));
	});

	it('begins anew with one that knows nothing of it: neither the old rest nor the old queue is for that one', () => {
		const two = new Pair();
		two.say('a', [10]);
		two.connect(2 * HELLO_BYTES + 10);
		two.say('a', [20]);
		two.restart('b');
		two.connect(Infinity);
		expect(two.heard).toEqual({ a: [], b: [] });
		two.say('a', [30]);
		two.say('b', [40]);
		two.connect(Infinity);
		expect(two.heard).toEqual({ a: [40], b: [30] });
	});

	it('goes on from the start where the other side’s hello was lost', () => {
		const [a, b] = [new PeerSession(), new PeerSession()];
		b.meet(a.hello());
		b.push(Uint8Array.of(1, 2, 3));
		b.next();
		const [fromA, fromB] = [a.hello(), b.hello()];
		expect(a.meet(fromB)).toBe(false);
		expect(b.meet(fromA)).toBe(true);
		expect(b.next()).toEqual(Uint8Array.of(1, 2, 3));
	});

	it('lets votes pass bodies, leaves them room, and repeats after a move what was written as it was written', () => {
		const [a, b] = met();
		const bulk = new Uint8Array((MAX_SEND_QUEUE_BYTES - URGENT_RESERVE_BYTES) / 2);
		expect([a.push(bulk, true), a.push(bulk, true)]).toEqual([true, true]);
		expect(a.push(Uint8Array.of(1), true)).toBe(false);
		expect(a.push(Uint8Array.of(2))).toBe(true);
		expect(a.push(new Uint8Array(URGENT_RESERVE_BYTES))).toBe(false);
		expect(a.next()).toEqual(Uint8Array.of(2));
		expect(a.next()).toBe(bulk);
		a.push(Uint8Array.of(3));
		b.received(1 + 5);
		const [fromA, fromB] = [a.hello(), b.hello()];
		a.meet(fromB);
		b.meet(fromA);
		// The rest of the body first: its beginning has arrived.
		expect(a.next()!.length).toBe(bulk.length - 5);
		expect(a.next()).toEqual(Uint8Array.of(3));
		expect(a.next()).toBe(bulk);
		expect(a.next()).toBeUndefined();
	});

	it('refuses a hello that cannot be', () => {
		const bad = [
			(hello: Uint8Array) => hello.subarray(1),
			(hello: Uint8Array) => hello.fill(2, 0, 1),
			// More than was ever sent.
			(hello: Uint8Array) => hello.fill(1, HELLO_BYTES - 8),
			// It knows another session of this side, and says to be the same itself.
			(hello: Uint8Array) => hello.fill(7, 9, 17)
		];
		for (const spoil of bad) {
			const [a, b] = met();
			a.push(Uint8Array.of(1));
			a.next();
			expect(() => a.meet(spoil(b.hello()))).toThrow(SessionError);
		}
		const [a, b] = met();
		a.push(Uint8Array.of(1));
		a.next();
		b.received(1);
		a.acknowledged(1);
		// Less than it has acknowledged.
		expect(() => a.meet(b.hello().fill(0, 9))).toThrow(SessionError);
	});
});

type Side = 'a' | 'b';

/** Two sides, whose frames are numbered by their length, and a path between them that is cut after some bytes. */
class Pair {
	a = new PeerSession();
	b = new PeerSession();
	readonly heard = { a: [] as number[], b: [] as number[] };
	#decoders = { a: new FrameDecoder(), b: new FrameDecoder() };
	#receivedBytes = { a: 0, b: 0 };

	say(side: Side, lengths: number[]): void {
		for (const length of lengths) this[side].push(encodeFrame([new Uint8Array(length)])[0]!);
	}

	restart(side: Side): void {
		this[side] = new PeerSession();
		this.#decoders[side] = new FrameDecoder();
		this.#receivedBytes[side] = 0;
	}

	/** This side has told the other what it received. */
	acknowledge(side: Side): void {
		this[side === 'a' ? 'b' : 'a'].acknowledged(this.#receivedBytes[side]);
	}

	/** A path that carries so many bytes in all, in turns, and is gone then. */
	connect(bytes: number): void {
		const pipes = { a: [this.a.hello()] as Uint8Array[], b: [this.b.hello()] as Uint8Array[] };
		const hellos = { a: [] as number[], b: [] as number[] };
		let left = bytes;
		for (let idle = 0; idle < 2 && left > 0;)
			for (const from of ['a', 'b'] as const) {
				const to = from === 'a' ? 'b' : 'a';
				const isMet = hellos[from].length === HELLO_BYTES;
				const piece = pipes[from].shift() ?? (isMet ? this[from].next() : undefined);
				idle = piece ? 0 : idle + 1;
				if (!piece) continue;
				const carried = piece.subarray(0, left);
				left -= carried.length;
				if (hellos[to].length < HELLO_BYTES) {
					hellos[to].push(...carried);
					if (hellos[to].length === HELLO_BYTES && !this[to].meet(Uint8Array.from(hellos[to]))) {
						this.#decoders[to] = new FrameDecoder();
						this.#receivedBytes[to] = 0;
					}
				} else {
					this[to].received(carried.length);
					this.#receivedBytes[to] += carried.length;
					for (const frame of this.#decoders[to].push(carried))
						this.heard[to].push(...frame.map(({ length }) => length));
				}
				if (left === 0) break;
			}
	}
}

function encodedBytes(lengths: number[]): number {
	return lengths.reduce((sum, length) => sum + encodeFrame([new Uint8Array(length)])[0]!.length, 0);
}

function met(): [PeerSession, PeerSession] {
	const [a, b] = [new PeerSession(), new PeerSession()];
	const [fromA, fromB] = [a.hello(), b.hello()];
	a.meet(fromB);
	b.meet(fromA);
	return [a, b];
}
