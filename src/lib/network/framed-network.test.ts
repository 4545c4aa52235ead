import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FrameDecoder, encodeFrame } from '#lib/wire/frame.ts';
import { MAX_FRAME_BYTES } from '#lib/wire/limits.ts';
import {
	encodeAcknowledged,
	encodePing,
	encodePong,
	goodbyeFrame,
	readControlPacket
} from './control-packets.ts';
import { FramedNetwork } from './framed-network.ts';
import type { CarrierEvents, LinkCarrier, OutgoingFrame } from './link-carrier.ts';
import {
	ACKNOWLEDGE_BYTES,
	BROKEN_MS,
	FRAME_BURST_S,
	MAX_PINGS_PER_S,
	PING_INTERVAL_MS,
	PROBE_MS,
	QUIET_MS,
	SILENCE_MS,
	VIOLATION_HOLD_OFF_MS
} from './network-limits.ts';
import type { LinkChange, LinkStatus } from './network.ts';

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

describe('FramedNetwork', () => {
	it('gathers what one turn sends to a peer into one frame, and frames a broadcast once', async () => {
		const { network, carrier } = await started(['p1', 'p2']);
		const packets = [Uint8Array.of(1), Uint8Array.of(2, 2)];
		network.send('p1', [packets[0]!]);
		network.send('p2', packets);
		network.send('p1', [packets[1]!]);
		await turn();
		expect(carrier.batches).toHaveLength(1);
		expect(carrier.batches[0]).toEqual([{ to: ['p1', 'p2'], bytes: encodeFrame(packets)[0] }]);
	});

	it('splits what passes a frame, in order', async () => {
		const { network, carrier } = await started(['p1']);
		const packets = Array.from({ length: 5 }, (_, i) => new Uint8Array(1_000_000).fill(i + 1));
		network.send('p1', packets);
		await turn();
		const frames = carrier.batches[0]!;
		expect(frames.length).toBeGreaterThan(2);
		for (const { bytes } of frames) expect(bytes.length).toBeLessThanOrEqual(MAX_FRAME_BYTES + 4);
		const decoder = new FrameDecoder();
		const received = frames.flatMap(({ bytes }) => decoder.push(bytes)).flat();
		expect(received.map((packet) => packet[0])).toEqual([1, 2, 3, 4, 5]);
	});

	it('sends the votes of a turn with bodies in a frame of their own, before them', async () => {
		const { network, carrier } = await started(['p1']);
		const body = new Uint8Array(100_000).fill(1);
		network.send('p1', [body, Uint8Array.of(2), Uint8Array.of(3)]);
		await turn();
		expect(carrier.batches[0]).toEqual([
			{ to: ['p1'], bytes: encodeFrame([Uint8Array.of(2), Uint8Array.of(3)])[0] },
			{ to: ['p1'], bytes: encodeFrame([body])[0], bulk: true }
		]);
	});

	it('drops and counts where there is no link, and never throws', async () => {
		const { network, carrier } = await started(['p1']);
		network.send('nobody', [new Uint8Array(10)]);
		network.send('p1', []);
		await turn();
		expect(carrier.batches).toEqual([]);
		expect(network.counters).toMatchObject({ framesDropped: 1, bytesDropped: 10 });
	});

	it('delivers packets however the bytes are cut', async () => {
		const { carrier, seen } = await started(['p1']);
		const sent = [Uint8Array.of(1), new Uint8Array(70_000).fill(2), Uint8Array.of(3)];
		const bytes = concat(encodeFrame(sent), encodeFrame(sent));
		await fc.assert(
			fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1 }), async (cuts) => {
				seen.packets.length = 0;
				let offset = 0;
				for (let i = 0; offset < bytes.length; i++) {
					const size = cuts[i % cuts.length]!;
					carrier.events.received('p1', 1, bytes.slice(offset, offset + size));
					offset += size;
				}
				expect(seen.packets.flatMap(([, packets]) => packets)).toEqual([...sent, ...sent]);
			}),
			{ numRuns: 20, seed: 7 }
		);
	});

	it('ends the link of a peer that breaks the framing, and holds it off', async () => {
		const { network, carrier, seen } = await started(['p1']);
		carrier.events.received('p1', 1, Uint8Array.of(0xff, 0xff, 0xff, 0xff));
		expect(seen.violations).toEqual([['p1', 'FrameError']]);
		expect(carrier.closed).toEqual([['p1', 1, VIOLATION_HOLD_OFF_MS]]);
		expect(seen.links.at(-1)).toEqual({ peer: 'p1', path: 'down', rttMs: null });
		expect(network.links()).toEqual([]);
		carrier.events.received('p1', 1, encodeFrame([Uint8Array.of(1)])[0]!);
		expect(seen.packets).toEqual([]);
	});

	it('ends the link of a peer that floods it, whatever is in the frames', async () => {
		const { carrier, seen } = await started(['p1', 'p2'], false, 10);
		const frame = encodeFrame([Uint8Array.of(1)])[0]!;
		for (let i = 0; i < 10 * FRAME_BURST_S; i++) carrier.events.received('p1', 1, frame);
		expect(seen.violations).toEqual([]);
		carrier.events.received('p1', 1, frame);
		expect(seen.violations).toEqual([['p1', 'TooManyFrames']]);
		expect(carrier.closed).toEqual([['p1', 1, VIOLATION_HOLD_OFF_MS]]);
		expect(seen.packets).toHaveLength(10 * FRAME_BURST_S);
		carrier.events.received('p2', 2, frame);
		expect(seen.packets).toHaveLength(10 * FRAME_BURST_S + 1);
	});

	it('counts a malformed control packet as a violation', async () => {
		const { carrier, seen } = await started(['p1']);
		carrier.events.received('p1', 1, encodeFrame([Uint8Array.of(0x92, 0x01, 0x05, 0x08)])[0]!);
		expect(seen.violations).toEqual([['p1', 'DecodeError']]);
	});

	it('does not blame the peer for what the node throws', async () => {
		const { carrier, seen } = await started(['p1']);
		const thrown: unknown[] = [];
		seen.events.packets = () => {
			throw new Error('the node failed');
		};
		process.once('uncaughtException', (error) => thrown.push(error));
		const listeners = process.listeners('uncaughtException');
		for (const listener of listeners.slice(0, -1)) process.off('uncaughtException', listener);
		carrier.events.received('p1', 1, encodeFrame([Uint8Array.of(1)])[0]!);
		vi.useRealTimers();
		await vi.waitFor(() => expect(thrown).toHaveLength(1));
		for (const listener of listeners.slice(0, -1)) process.on('uncaughtException', listener);
		expect(seen.violations).toEqual([]);
	});

	it('ignores bytes and the end of a link that another one replaced, whose half frame is forgotten', async () => {
		const { network, carrier, seen } = await started(['p1']);
		const frame = encodeFrame([new Uint8Array(100).fill(1)])[0]!;
		carrier.events.received('p1', 1, frame.slice(0, 50));
		carrier.events.opened('p1', 2, 'relayed', false);
		carrier.events.received('p1', 1, frame.slice(50));
		carrier.events.closed('p1', 1, 'late', false);
		carrier.events.received('p1', 2, frame);
		expect(seen.packets).toHaveLength(1);
		expect(network.links()).toEqual([{ peer: 'p1', path: 'relayed', rttMs: null }]);
	});

	it('goes on in the middle of a frame where a link moves, and says that nothing was lost', async () => {
		const { network, carrier, seen } = await started(['p1']);
		const frame = encodeFrame([new Uint8Array(100).fill(1)])[0]!;
		carrier.events.received('p1', 1, frame.slice(0, 50));
		carrier.events.opened('p1', 2, 'relayed', true);
		carrier.events.received('p1', 2, frame.slice(50));
		expect(seen.packets).toHaveLength(1);
		expect(seen.changes).toEqual(['up', 'moved']);
		expect(network.links()[0]).toMatchObject({ path: 'relayed', moves: 1 });
	});

	it('shows a broken link as down and sends on, until it moved or is given up', async () => {
		const { network, carrier, seen } = await started(['p1']);
		for (const session of [1, 2]) {
			carrier.events.closed('p1', session, 'its path broke', true);
			carrier.events.closed('p1', session, 'and its next one', true);
			expect(network.links()[0]).toMatchObject({ peer: 'p1', path: 'down', rttMs: null });
			network.send('p1', [Uint8Array.of(session)]);
			await turn();
			expect(carrier.all().at(-1)!.bytes).toEqual(encodeFrame([Uint8Array.of(session)])[0]);
			vi.advanceTimersByTime(SILENCE_MS);
			if (session === 1) carrier.events.opened('p1', 2, 'direct', true);
			await turn();
		}
		// Nobody but the carrier ends it.
		expect(carrier.closed).toEqual([]);
		carrier.events.closed('p1', 2, 'it did not come back', false);
		expect(network.links()).toEqual([]);
		expect(seen.changes).toEqual(['up', 'down', 'moved', 'down']);
	});

	it('does not alarm the node about a direct link that moves in time; a relayed one that breaks is down at once', async () => {
		const { network, carrier, seen } = await started(['p1']);
		carrier.events.closed('p1', 1, 'its path broke', true);
		expect(network.links()[0]!.path).toBe('down');
		vi.advanceTimersByTime(BROKEN_MS - 1);
		carrier.events.opened('p1', 2, 'relayed', true);
		vi.advanceTimersByTime(BROKEN_MS);
		expect(seen.changes).toEqual(['up', 'moved']);
		carrier.events.closed('p1', 2, 'its path broke', true);
		expect(seen.changes).toEqual(['up', 'moved', 'down']);
	});

	it('does not go on with a link that it has given up', async () => {
		const { carrier, seen } = await started(['p1']);
		carrier.events.received('p1', 1, goodbyeFrame());
		carrier.events.opened('p1', 2, 'relayed', true);
		expect(carrier.closed).toEqual([
			['p1', 1, 0],
			['p1', 2, 0]
		]);
		expect(seen.changes).toEqual(['up', 'down']);
	});

	it('names a link whose queue is full, once, and counts what it did not take', async () => {
		const { network, carrier, seen } = await started(['p1']);
		for (let i = 0; i < 3; i++) carrier.events.dropped('p1', 1, 100);
		carrier.events.dropped('nobody', 1, 100);
		expect(seen.changes).toEqual(['up', 'full']);
		expect(network.links()[0]).toMatchObject({ path: 'direct', droppedFrames: 3 });
		expect(network.counters).toMatchObject({ framesDropped: 4, bytesDropped: 400 });
		// A move is no way to forget it; a new link is.
		carrier.events.opened('p1', 2, 'relayed', true);
		expect(network.links()[0]!.droppedFrames).toBe(3);
		carrier.events.opened('p1', 3, 'relayed', false);
		expect(network.links()[0]).not.toHaveProperty('droppedFrames');
	});

	it('acknowledges what came, now and then, and hands on what is acknowledged', async () => {
		const { carrier } = await started(['p1']);
		const frame = encodeFrame([new Uint8Array(ACKNOWLEDGE_BYTES / 2)])[0]!;
		for (let i = 1; i <= 4; i++) carrier.events.received('p1', 1, frame);
		await turn();
		const said = carrier.all().flatMap(({ bytes }) => new FrameDecoder().push(bytes).flat());
		expect(said.map((packet) => readControlPacket(packet))).toEqual([
			{ kind: 'acknowledged', bytes: 2 * frame.length },
			{ kind: 'acknowledged', bytes: 4 * frame.length }
		]);
		carrier.events.received('p1', 1, encodeFrame([encodeAcknowledged(2 ** 32 + 7)])[0]!);
		expect(carrier.acknowledgements).toEqual([['p1', 1, 7]]);
	});

	it('measures the round trip, and reports the first one', async () => {
		const { network, carrier, seen } = await started(['p1'], true);
		const ping = controlOf(carrier.all()[0]!);
		expect(ping).toMatchObject({ kind: 'ping' });
		vi.advanceTimersByTime(40);
		carrier.events.received('p1', 1, encodeFrame([encodePong((ping as { id: number }).id)])[0]!);
		expect(network.links()).toEqual([{ peer: 'p1', path: 'direct', rttMs: 40 }]);
		expect(seen.links.map(({ rttMs }) => rttMs)).toEqual([null, 40]);
		carrier.events.received('p1', 1, encodeFrame([encodePong(999)])[0]!);
		expect(network.links()[0]!.rttMs).toBe(40);
		expect(seen.packets).toEqual([]);
	});

	it('answers pings, up to a bound a second', async () => {
		const { carrier } = await started(['p1']);
		await turn();
		carrier.batches.length = 0;
		const pings = Array.from({ length: 100 }, (_, i) => encodePing(i + 1));
		carrier.events.received('p1', 1, encodeFrame(pings)[0]!);
		await turn();
		const decoder = new FrameDecoder();
		const answers = carrier
			.all()
			.flatMap(({ bytes }) => decoder.push(bytes))
			.flat();
		expect(answers).toHaveLength(MAX_PINGS_PER_S);
		expect(readControlPacket(answers[4]!)).toEqual({ kind: 'pong', id: 5 });
	});

	it('gives up a silent link, and not one that speaks', async () => {
		const { carrier, seen } = await started(['p1', 'p2']);
		for (let ms = 0; ms < SILENCE_MS; ms += PING_INTERVAL_MS) {
			carrier.events.received('p2', 2, encodeFrame([Uint8Array.of(1)])[0]!);
			vi.advanceTimersByTime(PING_INTERVAL_MS);
		}
		vi.advanceTimersByTime(300);
		expect(carrier.closed).toEqual([['p1', 1, 0]]);
		expect(seen.links.at(-1)).toEqual({ peer: 'p1', path: 'down', rttMs: null });
	});

	it('asks a link that says nothing, shows it as down where it does not answer, and takes it back when it speaks', async () => {
		const { network, carrier } = await started(['p1']);
		const path = () => network.links()[0]!.path;
		vi.advanceTimersByTime(PROBE_MS);
		await turn();
		expect(carrier.all().map((frame) => controlOf(frame)?.kind)).toContain('ping');
		expect(path()).toBe('direct');
		vi.advanceTimersByTime(QUIET_MS - PROBE_MS);
		expect(path()).toBe('down');
		// The carrier may know another way.
		expect(carrier.doubts).toContain('p1');
		expect(carrier.closed).toEqual([]);
		carrier.events.received('p1', 1, encodeFrame([Uint8Array.of(1)])[0]!);
		expect(path()).toBe('direct');
	});

	it('does not blame its peers for its own sleep', async () => {
		const { carrier } = await started(['p1']);
		vi.setSystemTime(Date.now() + 60_000);
		const now = performance.now();
		const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 60_000);
		vi.advanceTimersToNextTimer();
		expect(carrier.closed).toEqual([]);
		clock.mockRestore();
	});

	it('ends the link of a peer that says goodbye, after its last packets', async () => {
		const { carrier, seen } = await started(['p1']);
		const goodbye = new FrameDecoder().push(goodbyeFrame()).flat()[0]!;
		carrier.events.received('p1', 1, encodeFrame([Uint8Array.of(5), goodbye])[0]!);
		expect(seen.packets).toHaveLength(1);
		expect(carrier.closed).toEqual([['p1', 1, 0]]);
		expect(seen.links.at(-1)!.path).toBe('down');
	});

	it('lists wanted peers without a link as down, and never itself', async () => {
		const { network, carrier } = await started(['p1']);
		network.setPeers(['p1', 'p9', 'self']);
		expect(carrier.peers).toEqual(['p1', 'p9']);
		expect(network.links().map(({ peer, path }) => [peer, path])).toEqual([
			['p1', 'direct'],
			['p9', 'down']
		]);
	});
});

describe('control packets', () => {
	it('are told from every other packet', () => {
		fc.assert(
			fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
				const isControlTag =
					([0x8a, 0x92, 0x9a].includes(bytes[0]!) && bytes[1] === 1) || (bytes[0] === 0xd2 && bytes[1] === 5);
				if (!isControlTag || bytes.length > 16) expect(readControlPacket(bytes)).toBeNull();
			}),
			{ seed: 8 }
		);
		for (const id of [0, 1, 2 ** 32 - 1]) {
			expect(readControlPacket(encodePing(id))).toEqual({ kind: 'ping', id });
			expect(readControlPacket(encodePong(id))).toEqual({ kind: 'pong', id });
		}
	});
});

class FakeCarrier implements LinkCarrier {
	readonly self = 'self';
	events!: CarrierEvents;
	batches: OutgoingFrame[][] = [];
	closed: [string, number, number][] = [];
	acknowledgements: [string, number, number][] = [];
	doubts: string[] = [];
	peers: string[] = [];

	async start(events: CarrierEvents): Promise<void> {
		this.events = events;
	}
	setPeers(peers: string[]): void {
		this.peers = peers;
	}
	send(frames: OutgoingFrame[]): void {
		this.batches.push(frames);
	}
	close(peer: string, session: number, _reason: string, holdOffMs: number): void {
		this.closed.push([peer, session, holdOffMs]);
	}
	acknowledged(peer: string, session: number, bytes: number): void {
		this.acknowledgements.push([peer, session, bytes]);
	}
	doubt(peer: string): void {
		this.doubts.push(peer);
	}
	tick(): void {}
	async stop(): Promise<void> {}

	all(): OutgoingFrame[] {
		return this.batches.flat();
	}
}

/** With a link to each peer, sessions from 1 on, after the first pings have left and, unless kept, are forgotten. */
async function started(peers: string[], keepPings = false, maxFramesPerSecond = Infinity) {
	const carrier = new FakeCarrier();
	const network = new FramedNetwork(carrier, { maxFramesPerSecond: () => maxFramesPerSecond });
	const seen = {
		packets: [] as [string, Uint8Array[]][],
		links: [] as LinkStatus[],
		changes: [] as LinkChange[],
		violations: [] as [string, string][],
		events: {
			packets: (from: string, packets: Uint8Array[]) => void seen.packets.push([from, packets]),
			link: (status: LinkStatus, change: LinkChange) => {
				seen.links.push(status);
				seen.changes.push(change);
			},
			violation: (from: string, error: Error) => void seen.violations.push([from, error.name])
		}
	};
	await network.start(seen.events);
	peers.forEach((peer, i) => carrier.events.opened(peer, i + 1, 'direct', false));
	await turn();
	if (!keepPings) carrier.batches.length = 0;
	return { network, carrier, seen };
}

function controlOf({ bytes }: OutgoingFrame) {
	return readControlPacket(new FrameDecoder().push(bytes).flat()[0]!);
}

async function turn(): Promise<void> {
	for (let i = 0; i < 5; i++) await Promise.resolve();
}

function concat(...lists: Uint8Array[][]): Uint8Array {
	return new Uint8Array(lists.flat().flatMap((bytes) => [...bytes]));
}
