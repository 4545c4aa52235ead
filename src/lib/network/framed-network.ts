/**
 * A Network over any carrier: frames and unframes, gathers what one turn sends, acknowledges what came, measures round trips, and
 * gives up a link that is silent, says goodbye or breaks the framing. It runs where the node runs, so that the page only moves bytes.
 */
import { FrameDecoder, encodeFrame } from '#lib/wire/frame.ts';
import { encodeAcknowledged, encodePing, encodePong, readControlPacket } from './control-packets.ts';
import { FrameRate } from './frame-rate.ts';
import { NetworkError } from './link-carrier.ts';
import type { LinkCarrier, OutgoingFrame } from './link-carrier.ts';
import type { LinkPath, LinkStatus, Network, NetworkEvents, NodeId } from './network.ts';
import {
	ACKNOWLEDGE_BYTES,
	BROKEN_MS,
	MAX_PINGS_PER_S,
	PING_INTERVAL_MS,
	PROBE_MS,
	QUIET_MS,
	SILENCE_MS,
	SMALL_PACKET_BYTES,
	BULK_TURN_BYTES,
	TICK_MS,
	VIOLATION_HOLD_OFF_MS
} from './network-limits.ts';

/** Sums since the start, for the status and for tests. */
export interface NetworkCounters {
	framesSent: number;
	bytesSent: number;
	framesReceived: number;
	bytesReceived: number;
	/** Not sent: no link, or a full queue. */
	framesDropped: number;
	bytesDropped: number;
	violations: number;
}

export interface FramedNetworkBounds {
	/** Frames a second that are taken from a peer; a link that passes it for long is a violation. By default there is no bound. */
	maxFramesPerSecond?(peer: NodeId): number;
}

export class FramedNetwork implements Network {
	readonly counters: NetworkCounters = {
		framesSent: 0,
		bytesSent: 0,
		framesReceived: 0,
		bytesReceived: 0,
		framesDropped: 0,
		bytesDropped: 0,
		violations: 0
	};
	#carrier: LinkCarrier;
	#maxFramesPerSecond: (peer: NodeId) => number;
	#events: NetworkEvents | null = null;
	#wanted = new Set<NodeId>();
	#links = new Map<NodeId, Link>();
	/** What this turn sends, in order, until the microtask that frames it. */
	#turn = new Map<NodeId, Uint8Array[]>();
	#timer: ReturnType<typeof setInterval> | undefined;
	#lastTickMs = 0;
	#nextPingId = 1;

	constructor(carrier: LinkCarrier, bounds: FramedNetworkBounds = {}) {
		this.#carrier = carrier;
		this.#maxFramesPerSecond = bounds.maxFramesPerSecond?.bind(bounds) ?? (() => Infinity);
	}

	get self(): NodeId {
		return this.#carrier.self;
	}

	async start(events: NetworkEvents): Promise<void> {
		if (this.#events) throw new NetworkError('NetworkAlreadyStarted', 'a network starts once');
		this.#events = events;
		await this.#carrier.start({
			opened: (peer, session, path, resumed) => this.#opened(peer, session, path, resumed),
			received: (peer, session, bytes) => this.#received(peer, session, bytes),
			closed: (peer, session, _reason, isKept) => this.#closed(peer, session, isKept),
			dropped: (peer, frames, bytes) => this.#dropped(peer, frames, bytes)
		});
		this.#lastTickMs = performance.now();
		this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS);
	}

	setPeers(peers: NodeId[]): void {
		this.#wanted = new Set(peers.filter((peer) => peer !== this.self));
		this.#carrier.setPeers([...this.#wanted]);
	}

	send(to: NodeId, packets: Uint8Array[]): void {
		if (packets.length === 0 || !this.#events) return;
		if (this.#turn.size === 0) queueMicrotask(() => this.#flush());
		const gathered = this.#turn.get(to);
		if (gathered) gathered.push(...packets);
		else this.#turn.set(to, [...packets]);
	}

	links(): LinkStatus[] {
		const down = [...this.#wanted].filter((peer) => !this.#links.has(peer));
		return [
			...[...this.#links].map(([peer, link]) => statusOf(peer, link)),
			...down.map((peer) => statusOf(peer, null))
		];
	}

	async stop(): Promise<void> {
		clearInterval(this.#timer);
		this.#events = null;
		this.#turn.clear();
		this.#links.clear();
		await this.#carrier.stop();
	}

	#flush(): void {
		const turn = this.#turn;
		this.#turn = new Map();
		const outgoing: OutgoingFrame[] = [];
		/** The same packets for several peers, as a broadcast gives them, are framed and copied once. */
		const framed: { packets: Uint8Array[]; frames: OutgoingFrame[] }[] = [];
		for (const [to, packets] of turn) {
			if (!this.#links.has(to)) {
				this.counters.framesDropped++;
				this.counters.bytesDropped += packets.reduce((sum, packet) => sum + packet.length, 0);
				continue;
			}
			const same = framed.find((other) => sameItems(other.packets, packets));
			if (same) {
				for (const frame of same.frames) frame.to.push(to);
				continue;
			}
			const frames = this.#frame(to, packets);
			framed.push({ packets, frames });
			outgoing.push(...frames);
		}
		for (const { to, bytes } of outgoing) {
			this.counters.framesSent += to.length;
			this.counters.bytesSent += to.length * bytes.length;
		}
		if (outgoing.length > 0) this.#carrier.send(outgoing);
	}

	/** A packet that no frame can hold is the caller's mistake: it is reported, and the other peers' frames still leave. */
	#frame(to: NodeId, packets: Uint8Array[]): OutgoingFrame[] {
		try {
			const size = packets.reduce((sum, packet) => sum + packet.length, 0);
			if (size <= BULK_TURN_BYTES) return framesTo(to, packets);
			// A vote that overtakes a body is early, which the cores know of; one that waits for bodies holds up its round.
			const small = packets.filter((packet) => packet.length <= SMALL_PACKET_BYTES);
			const large = packets.filter((packet) => packet.length > SMALL_PACKET_BYTES);
			return [
				...framesTo(to, small),
				...framesTo(to, large).map((frame) => ({ ...frame, bulk: true as const }))
			];
		} catch (error) {
			this.counters.framesDropped++;
			reportUncaught(error);
			return [];
		}
	}

	#opened(peer: NodeId, session: number, path: LinkPath, resumed: boolean): void {
		const nowMs = performance.now();
		const known = this.#links.get(peer);
		if (resumed && !known) {
			// It was given up here meanwhile, and its bytes may go on in the middle of a frame.
			this.#carrier.close(peer, session, 'it was given up', 0);
			return;
		}
		const link: Link = {
			session,
			path,
			isBroken: false,
			isToldDown: false,
			decoder: new FrameDecoder(),
			rate: new FrameRate(nowMs),
			bytes: 0,
			acknowledgedBytes: 0,
			droppedFrames: 0,
			fullMs: -Infinity,
			moves: 0,
			...(resumed && continued(known!)),
			rttMs: known?.path === path ? known.rttMs : null,
			heardMs: nowMs,
			pingSentMs: -Infinity,
			pingId: 0,
			pingsAnswered: 0,
			pingWindowMs: 0
		};
		this.#links.set(peer, link);
		this.#ping(peer, link, nowMs);
		this.#events?.link(statusOf(peer, link), resumed ? 'moved' : 'up');
	}

	#received(peer: NodeId, session: number, bytes: Uint8Array): void {
		const link = this.#links.get(peer);
		if (link?.session !== session || !this.#events) return;
		link.heardMs = performance.now();
		link.bytes += bytes.length;
		this.counters.bytesReceived += bytes.length;
		try {
			for (const frame of link.decoder.push(bytes)) {
				this.counters.framesReceived++;
				link.rate.take(this.#maxFramesPerSecond(peer), link.heardMs);
				this.#deliver(peer, link, frame);
				if (this.#links.get(peer) !== link) return;
			}
		} catch (error) {
			this.#violated(peer, link, error instanceof Error ? error : new Error(String(error)));
			return;
		}
		if (link.bytes - link.acknowledgedBytes < ACKNOWLEDGE_BYTES) return;
		link.acknowledgedBytes = link.bytes;
		this.send(peer, [encodeAcknowledged(link.bytes)]);
	}

	/** Hands the node its packets, in order, and keeps the link's own. */
	#deliver(peer: NodeId, link: Link, frame: Uint8Array[]): void {
		const packets: Uint8Array[] = [];
		let goodbye = false;
		for (const packet of frame) {
			const control = readControlPacket(packet);
			if (control === null) packets.push(packet);
			else if (control.kind === 'ping') this.#answerPing(peer, link, control.id);
			else if (control.kind === 'pong') this.#pong(peer, link, control.id);
			else if (control.kind === 'acknowledged') this.#carrier.acknowledged(peer, link.session, control.bytes);
			else goodbye = true;
		}
		try {
			if (packets.length > 0) this.#events?.packets(peer, packets);
		} catch (error) {
			// The node's fault, not the peer's: it must not look like a violation.
			reportUncaught(error);
		}
		if (goodbye) this.#end(peer, link, 'the peer said goodbye', 0);
	}

	#closed(peer: NodeId, session: number, isKept: boolean): void {
		const link = this.#links.get(peer);
		if (link?.session !== session) return;
		if (isKept) {
			if (!link.isBroken) link.heardMs = performance.now();
			link.isBroken = true;
			// A relayed one ends with the other side's connection to the relay, or with the relay: its tab has gone, as a rule.
			if (link.path === 'relayed') this.#tellDown(peer, link);
		} else {
			this.#links.delete(peer);
			this.#tellDown(peer, link);
		}
	}

	#dropped(peer: NodeId, frames: number, bytes: number): void {
		this.counters.framesDropped += frames;
		this.counters.bytesDropped += bytes;
		const link = this.#links.get(peer);
		if (!link) return;
		link.droppedFrames += frames;
		const nowMs = performance.now();
		if (nowMs - link.fullMs >= FULL_AGAIN_MS) this.#events?.link(statusOf(peer, link), 'full');
		link.fullMs = nowMs;
	}

	#tellDown(peer: NodeId, link: Link): void {
		if (link.isToldDown) return;
		link.isToldDown = true;
		this.#events?.link(statusOf(peer, null), 'down');
	}

	#violated(peer: NodeId, link: Link, error: Error): void {
		this.counters.violations++;
		this.#end(peer, link, error.message, VIOLATION_HOLD_OFF_MS);
		this.#events?.violation(peer, error);
	}

	#end(peer: NodeId, link: Link, reason: string, holdOffMs: number): void {
		if (this.#links.get(peer) !== link) return;
		this.#links.delete(peer);
		this.#carrier.close(peer, link.session, reason, holdOffMs);
		this.#tellDown(peer, link);
	}

	#tick(nowMs: number): void {
		// A machine that slept heard nobody: its links get the time to show that they live.
		const slept = nowMs - this.#lastTickMs > SILENCE_MS / 2;
		this.#lastTickMs = nowMs;
		for (const [peer, link] of [...this.#links]) {
			if (slept) link.heardMs = nowMs;
			// The carrier says what becomes of it.
			if (link.isBroken) {
				if (nowMs - link.heardMs >= BROKEN_MS) this.#tellDown(peer, link);
				continue;
			}
			if (nowMs - link.heardMs >= SILENCE_MS) {
				this.#end(peer, link, `no byte for ${SILENCE_MS} ms`, 0);
				continue;
			}
			if (isQuiet(link)) this.#carrier.doubt(peer, link.session);
			if (nowMs - link.pingSentMs >= (nowMs - link.heardMs >= PROBE_MS ? PROBE_MS : PING_INTERVAL_MS))
				this.#ping(peer, link, nowMs);
		}
		this.#carrier.tick();
	}

	#ping(peer: NodeId, link: Link, nowMs: number): void {
		link.pingId = this.#nextPingId;
		link.pingSentMs = nowMs;
		this.#nextPingId = (this.#nextPingId + 1) >>> 0 || 1;
		this.send(peer, [encodePing(link.pingId)]);
	}

	#answerPing(peer: NodeId, link: Link, id: number): void {
		const nowMs = performance.now();
		if (nowMs - link.pingWindowMs >= 1_000) {
			link.pingWindowMs = nowMs;
			link.pingsAnswered = 0;
		}
		if (link.pingsAnswered++ < MAX_PINGS_PER_S) this.send(peer, [encodePong(id)]);
	}

	#pong(peer: NodeId, link: Link, id: number): void {
		if (id !== link.pingId) return;
		link.pingId = 0;
		const first = link.rttMs === null;
		link.rttMs = performance.now() - link.pingSentMs;
		if (first) this.#events?.link(statusOf(peer, link), 'measured');
	}
}

/** A queue that stays full is reported once, and again after it had room for so long. */
const FULL_AGAIN_MS = 10_000;

interface Link {
	session: number;
	path: LinkPath;
	/** It has no path since `heardMs`, and waits for one. */
	isBroken: boolean;
	/** The node knows that it is down. */
	isToldDown: boolean;
	decoder: FrameDecoder;
	rate: FrameRate;
	/** Received since they began; of these, acknowledged. */
	bytes: number;
	acknowledgedBytes: number;
	/** Not taken by its queue, and when the last one was not. */
	droppedFrames: number;
	fullMs: number;
	moves: number;
	rttMs: number | null;
	heardMs: number;
	/** 0 while none is awaited. */
	pingId: number;
	pingSentMs: number;
	pingsAnswered: number;
	pingWindowMs: number;
}

function framesTo(to: NodeId, packets: Uint8Array[]): OutgoingFrame[] {
	return encodeFrame(packets).map((bytes) => ({ to: [to], bytes: bytes as Uint8Array<ArrayBuffer> }));
}

function statusOf(peer: NodeId, link: Link | null): LinkStatus {
	const past = {
		...(link && link.droppedFrames > 0 && { droppedFrames: link.droppedFrames }),
		...(link && link.moves > 0 && { moves: link.moves })
	};
	return link && !isQuiet(link)
		? { peer, path: link.path, rttMs: link.rttMs, ...past }
		: { peer, path: 'down', rttMs: null, ...past };
}

/** What outlives a path. */
function continued({ decoder, rate, bytes, acknowledgedBytes, droppedFrames, fullMs, moves }: Link) {
	return { decoder, rate, bytes, acknowledgedBytes, droppedFrames, fullMs, moves: moves + 1 };
}

function isQuiet({ isBroken, heardMs, pingId }: Link): boolean {
	return isBroken || (pingId !== 0 && performance.now() - heardMs >= QUIET_MS);
}

function sameItems(a: Uint8Array[], b: Uint8Array[]): boolean {
	return a.length === b.length && a.every((item, i) => item === b[i]);
}

/** As any error in a callback would be: it reaches the window's, worker's or process's handler. */
function reportUncaught(error: unknown): void {
	queueMicrotask(() => {
		throw error;
	});
}
