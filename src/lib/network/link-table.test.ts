import type { Connection, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CarrierEvents } from './link-carrier.ts';
import { LinkTable } from './link-table.ts';
import {
	GLARE_WINDOW_MS,
	HELLO_TIMEOUT_MS,
	MAX_SEND_QUEUE_BYTES,
	RESUME_MS,
	URGENT_RESERVE_BYTES,
	VIOLATION_HOLD_OFF_MS
} from './network-limits.ts';
import type { NodeId } from './network.ts';
import { nodeIdOfSeed, peerIdOf } from './peer-identity.ts';
import { PeerSession } from './peer-session.ts';

const [LOW, HIGH, ...OTHERS] = [1, 2, 3, 4, 5, 6]
	.map((n) => nodeIdOfSeed(new Uint8Array(32).fill(n)))
	.sort() as [NodeId, NodeId, ...NodeId[]];

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

describe('a glare', () => {
	/** One stream dialled by each side; each side sees the two in any order. */
	it.each([
		['direct', 'direct', 'high'],
		['relayed', 'relayed', 'high'],
		['relayed', 'direct', 'low'],
		['direct', 'relayed', 'high']
	] as const)(
		'of %s by the higher and %s by the lower ends with the same one on both sides',
		(highPath, lowPath, winner) => {
			for (const highFirstAtHigh of [true, false])
				for (const highFirstAtLow of [true, false]) {
					const [high, low] = [world(HIGH), world(LOW)];
					const byHigh = dialled(HIGH, LOW, highPath);
					const byLow = dialled(LOW, HIGH, lowPath);
					const atHigh = [
						() => high.table.adopt(byHigh.own.stream, byHigh.own.connection, 'self'),
						() => high.table.adopt(byLow.remote.stream, byLow.remote.connection, 'peer')
					];
					const atLow = [
						() => low.table.adopt(byHigh.remote.stream, byHigh.remote.connection, 'peer'),
						() => low.table.adopt(byLow.own.stream, byLow.own.connection, 'self')
					];
					for (const adopt of highFirstAtHigh ? atHigh : atHigh.toReversed()) adopt();
					for (const adopt of highFirstAtLow ? atLow : atLow.toReversed()) adopt();
					expect(high.table.get(LOW)!.initiator).toBe(winner === 'high' ? 'self' : 'peer');
					expect(low.table.get(HIGH)!.initiator).toBe(winner === 'low' ? 'self' : 'peer');
				}
		}
	);

	it('is over after its window: then a new stream means that the old one is dead', () => {
		const { table, opened } = world(HIGH);
		const first = end(LOW, 'direct');
		table.adopt(first.stream, first.connection, 'self');
		first.stream.meets();
		vi.advanceTimersByTime(GLARE_WINDOW_MS);
		const second = end(LOW, 'relayed');
		expect(table.adopt(second.stream, second.connection, 'peer')).toBe(true);
		second.stream.meets();
		expect(opened.map(({ session, path }) => [session, path])).toEqual([
			[1, 'direct'],
			[2, 'relayed']
		]);
		expect(first.connection.abort).toHaveBeenCalled();
	});
});

describe('LinkTable', () => {
	it('moves from a relayed link to a direct one without an end: what the peer lacks comes first', () => {
		const { table, opened, closed, received } = world(HIGH);
		const relayed = end(LOW, 'relayed');
		const direct = end(LOW, 'direct');
		table.adopt(relayed.stream, relayed.connection, 'self');
		relayed.stream.meets();
		const frame = (n: number) => ({ to: [LOW], bytes: new Uint8Array(10).fill(n) });
		table.send([frame(1), frame(2)]);
		const { other } = relayed.stream;
		const byPeer = (n: number): Uint8Array => {
			other.push(Uint8Array.of(n));
			return other.next()!;
		};
		// Of the second, half arrives; of the peer's own, all.
		other.received(15);
		relayed.stream.hears(byPeer(7));

		table.adopt(direct.stream, direct.connection, 'peer');
		table.send([frame(3)]);
		relayed.stream.hears(byPeer(8));
		expect(written(relayed.stream)).toHaveLength(2);
		// The peer writes on the old one until it has met this one.
		expect(relayed.connection.abort).not.toHaveBeenCalled();
		direct.stream.meets(other);
		expect(relayed.connection.abort).toHaveBeenCalled();
		expect(written(direct.stream)).toEqual([new Uint8Array(5).fill(2), new Uint8Array(10).fill(3)]);
		direct.stream.hears(other.next()!);
		expect(received).toEqual([
			[1, 7],
			[2, 8]
		]);
		expect(opened.at(-1)).toEqual({ peer: LOW, session: 2, path: 'direct', resumed: true });
		relayed.stream.dispatchEvent(new Event('close'));
		expect(closed).toEqual([]);
		expect(table.get(LOW)!.session).toBe(2);
	});

	it('goes on over the relay where a direct link breaks, with what was sent in between', () => {
		const { table, opened, closed } = world(HIGH);
		const direct = end(LOW, 'direct');
		table.adopt(direct.stream, direct.connection, 'self');
		direct.stream.meets();
		table.send([{ to: [LOW], bytes: Uint8Array.of(1) }]);
		direct.stream.dispatchEvent(new Event('close'));
		expect(closed).toEqual([[LOW, 1, true]]);
		table.send([{ to: [LOW], bytes: Uint8Array.of(2) }]);
		vi.advanceTimersByTime(RESUME_MS - 1);
		table.tick();
		const relayed = end(LOW, 'relayed');
		table.adopt(relayed.stream, relayed.connection, 'peer');
		relayed.stream.meets(direct.stream.other);
		expect(written(relayed.stream)).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
		expect(opened.at(-1)).toEqual({ peer: LOW, session: 2, path: 'relayed', resumed: true });
	});

	it('does not wait for a broken link for ever, and not at all for one that it did not want', () => {
		const expected = new Set<NodeId>([LOW]);
		const { table, closed, dropped } = world(HIGH, { expected });
		for (const peer of [LOW, OTHERS[0]!]) {
			const { stream, connection } = end(peer, 'direct');
			table.adopt(stream, connection, 'peer');
			stream.meets();
			stream.dispatchEvent(new Event('close'));
		}
		expect(closed).toEqual([
			[LOW, 1, true],
			[OTHERS[0], 2, false]
		]);
		vi.advanceTimersByTime(RESUME_MS);
		table.tick();
		expect(closed.at(-1)).toEqual([LOW, 1, false]);
		table.send([{ to: [LOW], bytes: Uint8Array.of(1) }]);
		expect(dropped).toEqual([[1, 1]]);
	});

	it('says that a peer that knows nothing of before begins anew', () => {
		const { table, opened } = world(HIGH);
		for (let i = 0; i < 2; i++) {
			const { stream, connection } = end(LOW, 'direct');
			table.adopt(stream, connection, 'self');
			stream.meets();
			table.send([{ to: [LOW], bytes: Uint8Array.of(i) }]);
			expect(written(stream)).toEqual([Uint8Array.of(i)]);
			stream.dispatchEvent(new Event('close'));
		}
		expect(opened.map(({ resumed }) => resumed)).toEqual([false, false]);
		// What the node acknowledges of the first one is out of date.
		table.acknowledged(LOW, 1, 1_000_000);
		expect(opened).toHaveLength(2);
	});

	it('gives up a peer that says no hello, one whose hello is wrong, and one that has what was not sent', () => {
		for (const spoil of [
			({ table }: ReturnType<typeof world>) => {
				vi.advanceTimersByTime(HELLO_TIMEOUT_MS);
				table.tick();
			},
			(_: unknown, stream: ReturnType<typeof fakeStream>) => stream.hears(new Uint8Array(100).fill(9)),
			({ table }: ReturnType<typeof world>, stream: ReturnType<typeof fakeStream>) => {
				stream.meets();
				table.acknowledged(LOW, 1, 5);
			}
		]) {
			const here = world(HIGH);
			const { stream, connection } = end(LOW, 'direct');
			here.table.adopt(stream, connection, 'peer');
			spoil(here, stream);
			expect(here.table.get(LOW)).toBeUndefined();
			expect(connection.abort).toHaveBeenCalled();
			expect(here.ended).toHaveLength(1);
			expect(here.closed.every(([, , isKept]) => !isKept)).toBe(true);
		}
	});

	it('takes a hello that comes in pieces, with bytes behind it', () => {
		const { table, received } = world(HIGH);
		const { stream, connection } = end(LOW, 'direct');
		table.adopt(stream, connection, 'peer');
		const hello = stream.other.hello();
		stream.hears(hello.subarray(0, 3));
		stream.hears(Uint8Array.from([...hello.subarray(3), 5]));
		expect(received).toEqual([[1, 5]]);
	});

	it('keeps the connection when two streams on it follow each other', () => {
		const { table } = world(HIGH);
		const first = end(LOW, 'direct');
		const second = fakeStream();
		table.adopt(first.stream, first.connection, 'peer');
		table.adopt(second, first.connection, 'peer');
		second.meets();
		expect(first.stream.abort).toHaveBeenCalled();
		expect(first.connection.abort).not.toHaveBeenCalled();
	});

	it('closes every link that another one took the place of, also those that never met', () => {
		const { table } = world(HIGH);
		const ends = Array.from({ length: 8 }, () => end(LOW, 'direct'));
		for (const { stream, connection } of ends) table.adopt(stream, connection, 'self');
		expect(ends.filter(({ connection }) => connection.abort.mock.calls.length === 0)).toHaveLength(5);
		ends.at(-1)!.stream.meets();
		expect(ends.map(({ connection }) => connection.abort.mock.calls.length)).toEqual([
			1, 1, 1, 1, 1, 1, 1, 0
		]);
	});

	it('reports an end once, however it comes', () => {
		for (const event of ['close', 'remoteCloseWrite']) {
			const { table, closed, ended } = world(HIGH);
			const { stream, connection } = end(LOW, 'direct');
			table.adopt(stream, connection, 'self');
			stream.meets();
			vi.advanceTimersByTime(70);
			stream.dispatchEvent(new Event(event));
			stream.dispatchEvent(new Event('close'));
			expect(closed).toHaveLength(1);
			expect(ended).toEqual([[LOW, 70]]);
			expect(table.get(LOW)).toBeUndefined();
		}
	});

	it('refuses a stream that has closed already', () => {
		const { table, opened } = world(HIGH);
		const { stream, connection } = end(LOW, 'direct');
		stream.status = 'closed';
		expect(table.adopt(stream, connection, 'peer')).toBe(false);
		expect(opened).toEqual([]);
	});

	it('takes in a few unexpected peers, and all that are expected', () => {
		const expected = new Set<NodeId>([OTHERS[2]!]);
		const { table } = world(HIGH, { expected, maxUnexpectedPeers: 2 });
		const results = [LOW, OTHERS[0]!, OTHERS[1]!, OTHERS[2]!].map((peer) => {
			const { stream, connection } = end(peer, 'direct');
			return [table.adopt(stream, connection, 'peer'), stream.abort.mock.calls.length];
		});
		expect(results).toEqual([
			[true, 0],
			[true, 0],
			[false, 1],
			[true, 0]
		]);
	});

	it('closes what it dialled and does not want any more, and keeps what others dialled', () => {
		const expected = new Set<NodeId>([LOW, OTHERS[0]!]);
		const { table, closed } = world(HIGH, { expected });
		for (const [peer, initiator] of [
			[LOW, 'self'],
			[OTHERS[0]!, 'peer']
		] as const) {
			const { stream, connection } = end(peer, 'direct');
			table.adopt(stream, connection, initiator);
			stream.meets();
		}
		expected.clear();
		table.closeUnwanted();
		expect(closed).toEqual([[LOW, 1, false]]);
		const late = end(LOW, 'direct');
		expect(table.adopt(late.stream, late.connection, 'self')).toBe(false);
	});

	it('holds off a peer that broke the rules, for a while', () => {
		const { table } = world(HIGH);
		const first = end(LOW, 'direct');
		table.adopt(first.stream, first.connection, 'peer');
		table.close(LOW, 1, 'nonsense', VIOLATION_HOLD_OFF_MS);
		const soon = end(LOW, 'direct');
		expect(table.adopt(soon.stream, soon.connection, 'peer')).toBe(false);
		vi.advanceTimersByTime(VIOLATION_HOLD_OFF_MS);
		const later = end(LOW, 'direct');
		expect(table.adopt(later.stream, later.connection, 'peer')).toBe(true);
	});

	it('does not close a later link in the name of an earlier one', () => {
		const { table } = world(HIGH);
		for (const path of ['relayed', 'direct'] as const) {
			const { stream, connection } = end(LOW, path);
			table.adopt(stream, connection, 'peer');
			stream.meets();
		}
		table.close(LOW, 1, 'silent', 0);
		expect(table.get(LOW)!.session).toBe(2);
	});

	it('queues for a slow peer up to a bound, in order, and drops and reports the rest', async () => {
		const { table, dropped } = world(HIGH);
		const { stream, connection } = end(LOW, 'direct');
		const drained = Promise.withResolvers<void>();
		table.adopt(stream, connection, 'self');
		stream.meets();
		stream.send.mockReturnValueOnce(false);
		stream.onDrain.mockReturnValueOnce(drained.promise);
		const half = MAX_SEND_QUEUE_BYTES / 2;
		const frames = [1, half, half - 1, 7].map((length) => ({ to: [LOW], bytes: new Uint8Array(length) }));
		table.send(frames);
		expect(written(stream)).toHaveLength(1);
		expect(dropped).toEqual([[1, 7]]);
		drained.resolve();
		await vi.advanceTimersByTimeAsync(0);
		expect(written(stream).map(({ length }) => length)).toEqual([1, half, half - 1]);
		// It is written, and may have to be written again.
		table.send(frames.slice(3));
		expect(written(stream)).toHaveLength(3);
		table.acknowledged(LOW, 1, 1 + half);
		table.send(frames.slice(3));
		expect(written(stream)).toHaveLength(4);
	});

	it('lets votes pass bodies that wait, and leaves them room where bodies fill the queue', async () => {
		const { table, dropped } = world(HIGH);
		const { stream, connection } = end(LOW, 'direct');
		const drained = Promise.withResolvers<void>();
		table.adopt(stream, connection, 'self');
		stream.meets();
		stream.send.mockReturnValueOnce(false);
		stream.onDrain.mockReturnValueOnce(drained.promise);
		const bulkBytes = (MAX_SEND_QUEUE_BYTES - URGENT_RESERVE_BYTES) / 2;
		const frame = (length: number, bulk?: true) => ({ to: [LOW], bytes: new Uint8Array(length), bulk });
		table.send([
			frame(1),
			frame(bulkBytes, true),
			frame(bulkBytes - 2, true),
			frame(2, true),
			frame(3),
			frame(4)
		]);
		expect(dropped).toEqual([[1, 2]]);
		drained.resolve();
		await vi.advanceTimersByTimeAsync(0);
		expect(written(stream).map(({ length }) => length)).toEqual([1, 3, 4, bulkBytes, bulkBytes - 2]);
	});

	it('ends a link whose stream throws, and goes on with the others', () => {
		const { table, closed, dropped } = world(HIGH);
		const [bad, good] = [end(LOW, 'direct'), end(OTHERS[0]!, 'direct')];
		table.adopt(bad.stream, bad.connection, 'self');
		table.adopt(good.stream, good.connection, 'self');
		bad.stream.meets();
		good.stream.meets();
		bad.stream.send.mockImplementation(() => {
			throw new Error('cannot write to a stream that is closed');
		});
		table.send([{ to: [LOW, OTHERS[0]!, OTHERS[1]!], bytes: new Uint8Array(3) }]);
		expect(closed).toEqual([[LOW, 1, true]]);
		expect(written(good.stream)).toHaveLength(1);
		expect(dropped).toEqual([[1, 3]]);
	});

	it('says a last word to everyone', () => {
		const { table, closed } = world(HIGH);
		const { stream, connection } = end(LOW, 'direct');
		table.adopt(stream, connection, 'self');
		stream.meets();
		// Also where others wait.
		stream.send.mockReturnValueOnce(false);
		stream.onDrain.mockReturnValueOnce(new Promise(() => undefined));
		table.send([
			{ to: [LOW], bytes: Uint8Array.of(5) },
			{ to: [LOW], bytes: Uint8Array.of(6) }
		]);
		table.endAll(Uint8Array.of(1), 'the page goes');
		expect(stream.send).toHaveBeenCalledWith(Uint8Array.of(1));
		expect(connection.close).toHaveBeenCalled();
		expect(closed).toEqual([]);
	});
});

function world(self: NodeId, options: { expected?: Set<NodeId>; maxUnexpectedPeers?: number } = {}) {
	const opened: { peer: NodeId; session: number; path: string; resumed: boolean }[] = [];
	const closed: [NodeId, number, boolean][] = [];
	const received: number[][] = [];
	const dropped: [number, number][] = [];
	const ended: [NodeId, number][] = [];
	const events: CarrierEvents = {
		opened: (peer, session, path, resumed) => opened.push({ peer, session, path, resumed }),
		received: (_peer, session, bytes) => received.push([session, ...bytes]),
		closed: (peer, session, _reason, isKept) => closed.push([peer, session, isKept]),
		dropped: (_peer, frames, bytes) => dropped.push([frames, bytes])
	};
	const table = new LinkTable({
		self,
		events,
		maxUnexpectedPeers: options.maxUnexpectedPeers ?? 16,
		expects: (peer) => options.expected?.has(peer) ?? true,
		hasOtherPaths: (peer) => options.expected?.has(peer) ?? true,
		ended: (peer, ageMs) => ended.push([peer, ageMs])
	});
	return { table, opened, closed, received, dropped, ended };
}

/** Both ends of one dial. */
function dialled(from: NodeId, to: NodeId, path: 'direct' | 'relayed') {
	return { own: end(to, path), remote: end(from, path) };
}

/** One end of a stream to `peer`. */
function end(peer: NodeId, path: 'direct' | 'relayed') {
	const relay = `/ip4/10.0.0.1/tcp/7070/ws/p2p/${peerIdOf(OTHERS[3]!).toString()}/p2p-circuit`;
	const target = `/p2p/${peerIdOf(peer).toString()}`;
	const connection = {
		remotePeer: peerIdOf(peer),
		remoteAddr: multiaddr(path === 'direct' ? `${relay}/webrtc${target}` : `${relay}${target}`),
		abort: vi.fn(),
		close: vi.fn(async () => undefined)
	};
	return { stream: fakeStream(), connection: connection as typeof connection & Connection };
}

/** What was written after the hello. */
function written({ send }: ReturnType<typeof fakeStream>): Uint8Array[] {
	return send.mock.calls.slice(1).map(([bytes]) => bytes);
}

function fakeStream() {
	const stream = Object.assign(new EventTarget(), {
		status: 'open',
		/** The other side's session; what it says comes as bytes. */
		other: new PeerSession(),
		hears(bytes: Uint8Array): void {
			stream.dispatchEvent(Object.assign(new Event('message'), { data: bytes }));
		},
		/** The other side answers with its hello, and hears ours. */
		meets(other = stream.other): void {
			const hello = other.hello();
			other.meet(stream.send.mock.calls[0]![0]);
			stream.hears(hello);
		},
		send: vi.fn((_bytes: Uint8Array) => true),
		onDrain: vi.fn(async (): Promise<void> => undefined),
		abort: vi.fn()
	});
	return stream as unknown as Stream & Omit<typeof stream, keyof EventTarget>;
}
